// Files as the two ends of a pipe.
#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "fs/file.h"
#include "fs/page_cache.h"
#include "fs/system_call.h"

namespace pv::fs {
namespace {

// A small file is in the page cache as a whole or not at all: one look tells, which costs less than
// CachedParts. Where the file system can't say, it is.
constexpr std::uint64_t kSmallBytes = std::uint64_t{64} << 10U;

bool is_cached(const Fd& fd) {
  char byte = 0;
  const ::iovec into{.iov_base = &byte, .iov_len = 1};
  return ::preadv2(fd.get(), &into, 1, 0, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

class FileSource final : public Source {
 public:
  FileSource(Fd fd, std::uint64_t size_bytes, Path name)
      : fd_{std::move(fd)},
        size_bytes_{size_bytes},
        name_{std::move(name)},
        is_small_{size_bytes <= kSmallBytes},
        was_cached_{is_small_ && is_cached(fd_)},
        cached_parts_{is_small_ ? CachedParts{} : CachedParts{fd_.get(), size_bytes}} {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= size_bytes_) { return std::size_t{0}; }
    const auto count = std::min<std::uint64_t>(into.size(), size_bytes_ - offset);
    auto outcome = read_some(fd_, offset, into.first(static_cast<std::size_t>(count)));
    if (!outcome.has_value()) { return fail(outcome.error().within(printable(name_.native()))); }
    // What was not there leaves again: it would push out what others need.
    if (!is_small_) {
      cached_parts_.drop_others(fd_.get(), offset, *outcome);
    } else if (!was_cached_) {
      (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
    return outcome;
  }

  [[nodiscard]] int descriptor() const override { return fd_.get(); }

 private:
  Fd fd_;
  std::uint64_t size_bytes_;
  Path name_;
  bool is_small_;
  bool was_cached_;  // where it is small
  CachedParts cached_parts_;
};

Result<void> named(Result<void> outcome, const Path& name) {
  if (outcome.has_value()) { return outcome; }
  return fail(outcome.error().within(printable(name.native())));
}

}  // namespace

Result<std::unique_ptr<Source>> open_source(const Path& path) {
  PV_TRY(Fd fd, open_for_reading(path));
  return source_of(std::move(fd), path);
}

Result<std::unique_ptr<Source>> source_of(Fd fd, const Path& name_for_errors) {
  PV_TRY(const Stat found, stat(fd, name_for_errors));
  if (!found.is_file()) {
    return fail(Code::kInvalid, printable(name_for_errors.native()) + " is not a regular file");
  }
  return std::unique_ptr<Source>{
      std::make_unique<FileSource>(std::move(fd), found.size_bytes, name_for_errors)};
}

FileSink::FileSink(Fd fd, Path name_for_errors)
    : fd_{std::move(fd)}, name_{std::move(name_for_errors)} {}

Result<void> FileSink::write(Bytes bytes) { return named(write_all(fd_, bytes), name_); }

Result<void> FileSink::patch(std::uint64_t offset, Bytes bytes) {
  return named(write_all_at(fd_, offset, bytes), name_);
}

Result<void> FileSink::sync() { return named(fs::sync(fd_), name_); }

Result<void> FileSink::close() { return named(fd_.close(), name_); }

void start_sync(const Fd& fd, std::uint64_t offset, std::uint64_t count) {
  (void)::sync_file_range(fd.get(), static_cast<off64_t>(offset), static_cast<off64_t>(count),
                          SYNC_FILE_RANGE_WRITE);
}

void WriteBehind::wrote(const Fd& fd, std::uint64_t count) {
  written_ += count;
  while (written_ - started_ >= kWindowBytes) {
    const auto window = static_cast<off64_t>(kWindowBytes);
    const auto start = static_cast<off64_t>(started_);
    // Only hints: where a file system does not know the call, the fsync does it all.
    (void)::sync_file_range(fd.get(), start, window, SYNC_FILE_RANGE_WRITE);
    if (started_ >= kWindowBytes) {
      (void)::sync_file_range(
          fd.get(), start - window, window,
          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
      (void)::posix_fadvise(fd.get(), start - window, window, POSIX_FADV_DONTNEED);
    }
    started_ += kWindowBytes;
  }
}

}  // namespace pv::fs
