// Keeps a backup from filling the disk that it shares with the app.
#pragma once

#include <string>

#include "base/io.h"
#include "jobs/job.h"
#include "store/backup_store.h"

namespace pv::jobs {

// The least part of its raw size that a data directory is expected to shrink to. Text and JSON come
// down to 1/2 to 1/10; a database that is mostly free pages may come down further, so this stays
// far below what is likely: it refuses at once only what can hardly succeed.
inline constexpr std::uint64_t kLeastPackedPart = 20;  // 1/20

// kNoSpace, with both sizes, when `raw_bytes` can hardly fit into what is free.
[[nodiscard]] Result<void> check_backup_space(store::BackupStore& store, std::uint64_t raw_bytes);

// Hands on to an upload, and stops with kNoSpace before the last of the space is taken: 16 MiB, or
// 1/16 of what was free at the start where that is less, stay for the app, whose own writes would
// fail otherwise. Asked every 8 MiB. Where the store can't say what is free, it hands on only.
//
// A kNoSpace, its own or the upload's, says how much was written and about how much more is needed.
class SpaceGuard final : public Sink {
 public:
  // `job` tells how much of the raw bytes is packed. All three outlive the guard.
  SpaceGuard(store::Upload& upload, store::BackupStore& store, const Job& job);

  [[nodiscard]] Result<void> write(Bytes bytes) override;
  [[nodiscard]] bool can_patch() const override { return upload_.can_patch(); }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    return upload_.patch(offset, bytes);
  }
  [[nodiscard]] std::uint64_t clone_block_bytes() const override {
    return upload_.clone_block_bytes();
  }
  [[nodiscard]] Result<bool> clone(Source& source, ByteRange range) override {
    return upload_.clone(source, range);  // takes no space
  }
  [[nodiscard]] bool can_repeat() const override { return upload_.can_repeat(); }
  [[nodiscard]] Result<void> repeat(Bytes bytes, std::uint64_t at) override;

  // The same error with sizes when it is a kNoSpace, else as it is.
  [[nodiscard]] Error explain(Error error) const;

 private:
  [[nodiscard]] Result<void> look_before(std::uint64_t bytes);
  [[nodiscard]] Result<void> look();

  store::Upload& upload_;
  store::BackupStore& store_;
  const Job& job_;
  std::uint64_t reserve_bytes_ = 0;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t unlooked_bytes_ = 0;
};

}  // namespace pv::jobs
