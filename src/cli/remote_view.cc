#include "cli/remote_view.h"

#include <boost/json.hpp>

#include "cli/job_json.h"

namespace pv::cli {
namespace {

class RemoteView final : public ArchiveView {
 public:
  RemoteView(Get get, std::string base) : get_{std::move(get)}, base_{std::move(base)} {}

  [[nodiscard]] Result<jobs::ContentItem> find(const std::string& path) override {
    PV_TRY(const json::object page, page_of(path, Depth::kOne, 1, 1));
    const json::value* item = page.if_contains("item");
    if (item == nullptr) { return not_a_listing(); }
    return item_from_json(*item);
  }

  [[nodiscard]] Result<void> list(const std::string& path, Depth depth, const Take& take) override {
    constexpr std::uint64_t kPageItems = 2000;
    for (std::uint64_t page = 1;; ++page) {
      PV_TRY(const json::object answer, page_of(path, depth, page, kPageItems));
      const json::value* items = answer.if_contains("items");
      if (items == nullptr || !items->is_array()) { return not_a_listing(); }
      for (const json::value& value : items->get_array()) {
        PV_TRY(const jobs::ContentItem item, item_from_json(value));
        PV_CHECK(take(item));
      }
      if (items->get_array().size() < kPageItems) { return {}; }
    }
  }

  [[nodiscard]] Result<void> extract(const std::string& path, Sink& sink,
                                     const std::stop_token& stop) override {
    auto reply = get_(base_ + "/files/" + curl::escape(path), &sink, stop);
    if (reply.has_value()) { return {}; }
    if (reply.error().code != Code::kUnavailable) { return fail(std::move(reply).error()); }
    // So it looks when the server finds, on the way, that the entry is damaged.
    return fail(Code::kUnavailable, reply.error().what +
                                        "; if that happens again, the file may be damaged in the "
                                        "backup: `pocketvault verify` tells");
  }

 private:
  static tl::unexpected<Error> not_a_listing() {
    return fail(Code::kInvalid, "the server's answer is not a listing");
  }

  Result<json::object> page_of(const std::string& path, Depth depth, std::uint64_t page,
                               std::uint64_t items) {
    PV_TRY(const curl::Reply reply,
           get_(base_ + "/entries?path=" + curl::escape(path) +
                    (depth == Depth::kAll ? "&recursive=true" : "") +
                    "&page=" + std::to_string(page) + "&perPage=" + std::to_string(items),
                nullptr, {}));
    json::error_code error;
    json::value value = json::parse(reply.body, error);
    if (error || !value.is_object()) { return not_a_listing(); }
    return std::move(value.get_object());
  }

  const Get get_;
  const std::string base_;
};

}  // namespace

std::unique_ptr<ArchiveView> make_remote_view(Get get, const store::BackupName& name) {
  return std::make_unique<RemoteView>(std::move(get),
                                      "/api/vault/backups/" + curl::escape(name.text()));
}

}  // namespace pv::cli
