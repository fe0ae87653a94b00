#include "jobs/space_guard.h"

#include <algorithm>

#include "base/text.h"

namespace pv::jobs {
namespace {

constexpr std::uint64_t kReserveBytesMax = 16 << 20;
constexpr std::uint64_t kLookEveryBytes = 8 << 20;

// nullopt: unknown. A store that fails to say is not full for that.
std::optional<std::uint64_t> free_bytes(store::BackupStore& store) {
  const Result<std::optional<std::uint64_t>> free = store.free_bytes();
  return free.has_value() ? *free : std::nullopt;
}

}  // namespace

Result<void> check_backup_space(store::BackupStore& store, std::uint64_t raw_bytes) {
  const std::optional<std::uint64_t> free = free_bytes(store);
  if (!free || *free >= raw_bytes / kLeastPackedPart) { return {}; }
  return fail(Code::kNoSpace, "no space for a backup of " + format_size(raw_bytes) + " in " +
                                  store.describe() + ": " + format_size(*free) +
                                  " are free, and it would take at least " +
                                  format_size(raw_bytes / kLeastPackedPart) + ", likely more");
}

SpaceGuard::SpaceGuard(store::Upload& upload, store::BackupStore& store, const Job& job)
    : upload_{upload}, store_{store}, job_{job} {
  const std::optional<std::uint64_t> free = free_bytes(store);
  if (free) { reserve_bytes_ = std::min(kReserveBytesMax, *free / 16); }
}

Result<void> SpaceGuard::write(Bytes bytes) {
  PV_CHECK(look_before(bytes.size()));
  PV_CHECK(upload_.write(bytes));
  written_bytes_ += bytes.size();
  return {};
}

Result<void> SpaceGuard::repeat(Bytes bytes, std::uint64_t at) {
  PV_CHECK(look_before(bytes.size()));
  PV_CHECK(upload_.repeat(bytes, at));
  written_bytes_ += bytes.size();
  return {};
}

Result<void> SpaceGuard::look_before(std::uint64_t bytes) {
  unlooked_bytes_ += bytes;
  if (unlooked_bytes_ < kLookEveryBytes) { return {}; }
  PV_CHECK(look());
  unlooked_bytes_ = 0;
  return {};
}

Result<void> SpaceGuard::look() {
  const std::optional<std::uint64_t> free = free_bytes(store_);
  if (!free || *free >= reserve_bytes_ + unlooked_bytes_) { return {}; }
  return fail(Code::kNoSpace, "stopped with " + format_size(*free) + " left in " +
                                  store_.describe() + ", so that the app can go on writing");
}

Error SpaceGuard::explain(Error error) const {
  if (error.code != Code::kNoSpace) { return error; }
  const Status status = job_.status();
  error.what = "no space for the backup: " + error.what + "; " + format_size(written_bytes_) +
               " were written for " + format_size(status.bytes_done) + " of " +
               format_size(status.bytes_total) + " of data";
  if (status.bytes_done > 0 && status.bytes_done < status.bytes_total) {
    const double ratio =
        static_cast<double>(written_bytes_) / static_cast<double>(status.bytes_done);
    const auto left = static_cast<double>(status.bytes_total - status.bytes_done);
    error.what +=
        ": about " + format_size(static_cast<std::uint64_t>(ratio * left)) + " more are needed";
  } else if (status.bytes_total > written_bytes_) {
    error.what +=
        ": up to " + format_size(status.bytes_total - written_bytes_) + " more are needed";
  }
  return error;
}

}  // namespace pv::jobs
