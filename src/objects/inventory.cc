#include "objects/inventory.h"

#include <algorithm>

#include "s3/sidecar.h"

namespace pv::objects {
namespace {

// With room for the side file's ending.
constexpr std::size_t kPartBytesMax = 255 - s3::kSidecarSuffix.size();
constexpr std::size_t kPartsMax = 100;
constexpr int kPagesMax = 10'000;  // of 1,000 objects: as many as an archive may have entries

bool is_folder_mark(const s3::Object& object) {
  return object.size_bytes == 0 && object.key.ends_with('/');
}

class Taking {
 public:
  explicit Taking(const std::function<bool(const s3::Object&)>& wants) : wants_{wants} {}

  void add(s3::Object object) {
    if (is_folder_mark(object) || !wants_(object)) { return; }
    std::string why = fault_of_key(object.key);
    if (!why.empty()) { return refuse(object.key, std::move(why)); }
    inventory_.objects.push_back(std::move(object));
  }

  Inventory finish() {
    std::vector<s3::Object>& objects = inventory_.objects;
    std::sort(objects.begin(), objects.end(),
              [](const s3::Object& a, const s3::Object& b) { return a.key < b.key; });
    const auto twice = std::unique(objects.begin(), objects.end(),
                                   [](const auto& a, const auto& b) { return a.key == b.key; });
    objects.erase(twice, objects.end());
    drop_clashes();
    for (const s3::Object& object : objects) { inventory_.bytes += object.size_bytes; }
    return std::move(inventory_);
  }

 private:
  void refuse(const std::string& key, std::string why) {
    ++inventory_.refused_count;
    if (inventory_.refused.size() < Inventory::kRefusedMax) {
      inventory_.refused.push_back({key, std::move(why)});
    }
  }

  // The first of that key or behind it.
  [[nodiscard]] auto from(const std::string& key) const {
    return std::lower_bound(
        inventory_.objects.begin(), inventory_.objects.end(), key,
        [](const s3::Object& object, const std::string& wanted) { return object.key < wanted; });
  }
  [[nodiscard]] bool has(const std::string& key) const {
    const auto at = from(key);
    return at != inventory_.objects.end() && at->key == key;
  }
  [[nodiscard]] bool has_below(const std::string& folder) const {
    const auto at = from(folder);
    return at != inventory_.objects.end() && at->key.starts_with(folder);
  }

  // A bucket can hold both "a" and "a/b", a folder can't.
  void drop_clashes() {
    std::vector<std::size_t> clashing;
    for (std::size_t i = 0; i < inventory_.objects.size(); ++i) {
      const std::string& key = inventory_.objects[i].key;
      if (has_below(key + "/")) {
        refuse(key, "other objects have it as their folder");
        clashing.push_back(i);
      } else if (key.ends_with(s3::kSidecarSuffix) &&
                 has(key.substr(0, key.size() - s3::kSidecarSuffix.size()))) {
        refuse(key, "it would be taken for what PocketBase keeps beside the file of that name");
        clashing.push_back(i);
      }
    }
    for (const std::size_t i : clashing) { inventory_.objects[i].key.clear(); }
    std::erase_if(inventory_.objects, [](const s3::Object& object) { return object.key.empty(); });
  }

  const std::function<bool(const s3::Object&)>& wants_;
  Inventory inventory_;
};

}  // namespace

std::string fault_of_key(std::string_view key) {
  if (key.find('\0') != std::string_view::npos) { return "a NUL byte in its key"; }
  if (key.find('\\') != std::string_view::npos) { return "a backslash in its key"; }
  std::size_t parts = 0;
  for (std::size_t at = 0; at <= key.size(); ++parts) {
    const std::size_t slash = std::min(key.find('/', at), key.size());
    const std::string_view part = key.substr(at, slash - at);
    if (part.empty()) { return "a part of its key is empty"; }
    if (part == "." || part == "..") { return "its key leads elsewhere"; }
    if (part == ".pocketvault-restore") { return "its key is one of pocketvault's own folders"; }
    if (part.size() > kPartBytesMax) { return "a part of its key is too long for a file"; }
    at = slash + 1;
  }
  return parts > kPartsMax ? "its key is in too many folders" : "";
}

Result<Inventory> take_inventory(s3::Client& client,
                                 const std::function<bool(const s3::Object&)>& wants,
                                 const std::stop_token& stop) {
  Taking taking{wants};
  std::string from;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    PV_TRY(s3::ListPage page, client.list({}, from, stop));
    for (s3::Object& object : page.objects) { taking.add(std::move(object)); }
    if (page.next.empty()) { return taking.finish(); }
    from = std::move(page.next);
  }
  return fail(Code::kInvalid, client.describe() + ": its list does not end after 10,000 pages");
}

}  // namespace pv::objects
