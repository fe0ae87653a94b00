#include "settings/vault_settings.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>

#include "fs/give.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaults = R"({"schedule":{"jitterSeconds":0,"catchUp":true}})";

// The shape shows what elements of lists are; by default there are none.
json::object defaults() {
  json::object root = vault_shape();
  root.at("alerts").get_object()["webhooks"] = json::array{};
  return root;
}

json::object shown_of(const json::object& root) {
  json::object shown = project(vault_shape(), root);
  mask_alerts(shown.at("alerts").get_object());
  return shown;
}

constexpr std::uint64_t kBytesMax = 1 << 20;
constexpr std::chrono::milliseconds kLockPatience{5'000};
constexpr std::uint32_t kOwnerOnly = 0600;

Result<json::object> read_file(const fs::Path& path) {
  json::object root = defaults();
  const auto found = fs::link_stat(path);
  if (!found.has_value() && found.error().code == Code::kNotFound) { return root; }
  if (!found.has_value()) { return fail(found.error()); }
  if (!found->is_file()) { return fail(Code::kDamaged, path.string() + " is not a file"); }
  PV_TRY(const std::string text, fs::read_file(path, kBytesMax));
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) { return fail(Code::kDamaged, path.string() + " is not JSON"); }
  // What can't be merged keeps its default.
  std::ignore = merge(vault_shape(), root, value.get_object(), Unknown::kKeep);
  return root;
}

void require_between(const json::object& section, const std::string& path, const char* name,
                     std::int64_t least, std::int64_t most, std::vector<Fault>& faults) {
  const std::int64_t number = section.at(name).get_int64();
  if (number < least) {
    faults.push_back({path + name,
                      "validation_min_greater_equal_than_required",
                      "Must be no less than " + std::to_string(least) + ".",
                      {{"threshold", least}}});
  } else if (number > most) {
    faults.push_back({path + name,
                      "validation_max_less_equal_than_required",
                      "Must be no greater than " + std::to_string(most) + ".",
                      {{"threshold", most}}});
  }
}

std::vector<Fault> check(const json::object& root) {
  constexpr std::int64_t kJitterMax = 6 * 3600;
  std::vector<Fault> faults;
  require_between(root.at("schedule").get_object(), "schedule.", "jitterSeconds", 0, kJitterMax,
                  faults);
  std::ranges::move(check_alerts(root.at("alerts").get_object()), std::back_inserter(faults));
  return faults;
}

VaultSettings settings_of(const json::object& root) {
  const json::object& schedule = root.at("schedule").get_object();
  return {.schedule = {.jitter_max = std::chrono::seconds{schedule.at("jitterSeconds").get_int64()},
                       .catch_up = schedule.at("catchUp").get_bool()},
          .alerts = alert_settings_of(root.at("alerts").get_object())};
}

// Whether it may be another file, or another content.
bool is_same(const std::optional<fs::Stat>& a, const std::optional<fs::Stat>& b) {
  if (!a || !b) { return a.has_value() == b.has_value(); }
  return a->inode == b->inode && a->size_bytes == b->size_bytes && a->modified == b->modified;
}

}  // namespace

const json::object& vault_shape() {
  static const json::object shape = [] {
    json::object root = json::parse(kDefaults).get_object();
    root["alerts"] = json::parse(kAlertShape);
    return root;
  }();
  return shape;
}

VaultSettingsFile::VaultSettingsFile(const fs::Path& vault_folder)
    : path_{vault_folder / "settings.json"}, lock_path_{vault_folder / "settings.lock"} {}

VaultSettings VaultSettingsFile::now() {
  const auto found = fs::link_stat(path_);
  const std::optional<fs::Stat> here = found.has_value() ? std::optional{*found} : std::nullopt;
  const std::lock_guard lock{mutex_};
  if (is_same(seen_, here)) { return now_; }
  const auto root = read_file(path_);
  if (root.has_value() && check(*root).empty()) { now_ = settings_of(*root); }
  seen_ = here;
  return now_;
}

Result<json::object> VaultSettingsFile::show() const {
  PV_TRY(const json::object root, read_file(path_));
  return shown_of(root);
}

Result<VaultSettingsChange> VaultSettingsFile::change(const std::vector<json::object>& changes) {
  PV_TRY(const fs::FileLock lock, fs::FileLock::take(lock_path_, kLockPatience));
  PV_TRY(json::object root, read_file(path_));
  for (json::object change : changes) {
    prepare_alerts(root.at("alerts").get_object(), change);
    std::vector<Fault> faults = merge(vault_shape(), root, change, Unknown::kRefuse);
    if (!faults.empty()) { return VaultSettingsChange{.faults = std::move(faults)}; }
  }
  if (std::vector<Fault> faults = check(root); !faults.empty()) {
    return VaultSettingsChange{.faults = std::move(faults)};
  }
  PV_CHECK(fs::write_file_atomically(path_, json::serialize(root) + "\n", kOwnerOnly));
  fs::give_like(path_.parent_path(), path_);
  return VaultSettingsChange{.shown = shown_of(root)};
}

}  // namespace pv::settings
