#include "places/copying.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "fs/mounts.h"
#include "zip/crc.h"

namespace pv::places {
namespace {

using store::Backup;
using store::BackupName;
using store::BackupStore;

constexpr std::size_t kBlockBytes = 1 << 20;

// Reads all of it in order, and gives the checksum of what it read.
Result<std::uint32_t> read_through(Source& source, const std::stop_token& stop,
                                   const std::function<Result<void>(Bytes, std::uint64_t)>& take) {
  std::vector<std::byte> block(kBlockBytes);
  std::uint64_t done = 0;
  std::uint32_t sum = 0;
  while (done < source.size_bytes()) {
    if (stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    PV_TRY(const std::size_t count, source.read_at(done, block));
    if (count == 0) { return fail(Code::kDamaged, "it became shorter while it was read"); }
    const Bytes bytes = Bytes{block}.first(count);
    sum = zip::crc32(bytes, sum);
    done += count;
    PV_CHECK(take(bytes, done));
  }
  return sum;
}

Result<void> check_copy(BackupStore& to, const Backup& made, std::uint64_t size_bytes,
                        std::uint32_t sum, const std::stop_token& stop) {
  bool is_right = made.size_bytes == size_bytes;
  if (is_right && !to.is_remote()) {
    PV_TRY(const std::unique_ptr<Source> copy, to.open(made.name));
    PV_TRY(const std::uint32_t copied,
           read_through(*copy, stop, [](Bytes, std::uint64_t) { return Result<void>{}; }));
    is_right = copied == sum && copy->size_bytes() == size_bytes;
  }
  if (is_right) { return {}; }
  std::ignore = to.remove(made.name);
  return fail(Code::kDamaged, "the copy in " + to.describe() +
                                  " is not what was read, and was removed: look after the disk");
}

using Extent = BackupStore::Extent;

// By their paths, or on their disk, which bind mounts show at several paths.
bool folder_lies_in(const fs::Path& inner, const fs::Path& outer) {
  if (fs::lies_in(inner, outer)) { return true; }
  const auto inner_place = fs::disk_place(inner);
  const auto outer_place = fs::disk_place(outer);
  return inner_place && outer_place && fs::lies_in(*inner_place, *outer_place);
}

bool lies_in(const Extent& inner, const Extent& outer) {
  if (inner.bucket != outer.bucket) { return false; }
  return inner.bucket.empty() ? folder_lies_in(inner.start, outer.start)
                              : inner.start.starts_with(outer.start);
}

}  // namespace

Result<void> check_apart(BackupStore& from, BackupStore& to) {
  const auto source = from.extent();
  const auto target = to.extent();
  if (!source || !target) { return {}; }
  const std::string why =
      ": copies would count as backups and be copied again; choose another place";
  if (lies_in(*target, *source)) {
    return fail(Code::kInvalid, to.describe() + ", is or lies in the place of the backups, " +
                                    from.describe() + why);
  }
  if (lies_in(*source, *target)) {
    return fail(Code::kInvalid, "the place of the backups, " + from.describe() + ", lies in " +
                                    to.describe() + why);
  }
  return {};
}

Result<Copied> copy_archive(Source& archive, BackupStore& to, const BackupName& name,
                            const CopyProgress& progress, const std::stop_token& stop) {
  const Result<Backup> there = to.stat(name);
  if (there.has_value()) {
    PV_TRY(const bool same, is_it(to, *there, archive));
    if (same) { return Copied::kWasThere; }
    return fail(Code::kExists,
                "another backup " + printable(name.text()) + " is in " + to.describe());
  }
  if (there.error().code != Code::kNotFound) { return fail(there.error()); }
  PV_TRY(const auto upload, to.create(name, {.original_name = name.text()}));
  PV_TRY(const std::uint32_t sum,
         read_through(archive, stop, [&](Bytes bytes, std::uint64_t done) -> Result<void> {
           PV_CHECK(upload->write(bytes));
           if (progress) { progress(done, archive.size_bytes()); }
           return {};
         }));
  PV_TRY(const Backup made, upload->commit());
  PV_CHECK(check_copy(to, made, archive.size_bytes(), sum, stop));
  return Copied::kMade;
}

Result<Delivery> deliver(Source& archive, BackupStore& to, const BackupName& name,
                         const CopyProgress& progress, const std::stop_token& stop) {
  for (int number = 1; number <= kNumberMax; ++number) {
    PV_TRY(const BackupName target, numbered(name, number));
    const auto copied = copy_archive(archive, to, target, progress, stop);
    if (copied.has_value()) { return Delivery{target, *copied}; }
    if (copied.error().code != Code::kExists) { return fail(copied.error()); }
  }
  return fail(Code::kExists, "99 backups have that name already");
}

Result<BackupName> numbered(const BackupName& name, int number) {
  if (number == 1) { return name; }
  const std::string& text = name.text();
  const std::size_t dot = std::min(text.rfind('.'), text.size());
  const std::string digits = (number < 10 ? "_0" : "_") + std::to_string(number);
  return BackupName::parse(text.substr(0, dot) + digits + text.substr(dot));
}

Result<bool> is_it(BackupStore& store, const Backup& there, Source& archive) {
  const std::uint64_t size = archive.size_bytes();
  if (there.size_bytes != size) { return false; }
  PV_TRY(const std::unique_ptr<Source> other, store.open(there.name));
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBlockBytes));
  std::vector<std::byte> ours(count);
  std::vector<std::byte> theirs(count);
  PV_TRY(const std::size_t a, archive.read_at(size - count, ours));
  PV_TRY(const std::size_t b, other->read_at(size - count, theirs));
  return a == count && b == count && ours == theirs;
}

}  // namespace pv::places
