#include "snapshot/pinned_database.h"

#include <sqlite3.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "snapshot/scratch_file.h"

namespace pv::snapshot {
namespace {

// An interrupt is lost on a statement that has not begun yet.
constexpr std::chrono::milliseconds kInterruptAgain{1};
constexpr std::uint64_t kLockByteAt = std::uint64_t{1} << 30U;  // its page is never used

std::uint64_t size_or_zero(const fs::Path& path) {
  const auto about = fs::stat(path);
  return about.has_value() ? about->size_bytes : 0;
}

fs::Path wal_path_of(const Held& held) {
  // SQLite's own opinion: it follows links.
  const char* main = sqlite3_db_filename(held.reader.handle(), "main");
  return fs::Path{sqlite3_filename_wal(main)};
}

}  // namespace

PinnedDatabase::PinnedDatabase(Held held, const fs::Stat& about)
    : held_{std::move(held)},
      size_bytes_{held_.pages * held_.page_bytes},
      wal_path_{wal_path_of(held_)},
      wal_bytes_{size_or_zero(wal_path_)},
      readers_{held_.path, about},
      read_((size_bytes_ + kChunkBytes - 1) / kChunkBytes),
      spilled_(read_.size()) {}

Result<std::shared_ptr<PinnedDatabase>> PinnedDatabase::create(Held held,
                                                               std::optional<Held>& rejected,
                                                               std::stop_token stop) {
  PV_ASSERT(held.index.has_value());
  PV_TRY(const fs::Stat about, fs::stat(held.path));
  std::shared_ptr<PinnedDatabase> database{new PinnedDatabase{std::move(held), about}};
  auto checked = database->check(std::move(stop));
  if (!checked.has_value()) {
    database->readers_.close();
    rejected = std::move(database->held_);
    return fail(checked.error());
  }
  return database;
}

Result<void> PinnedDatabase::check(std::stop_token stop) {
  const sqlite::WalIndex& index = *held_.index;
  PV_TRY(const auto reader, readers_.take());
  if (index.needs_wal()) {
    if (index.page_bytes != held_.page_bytes || index.pages < held_.pages) {
      return fail(Code::kDamaged, "the wal-index and the database disagree on its size");
    }
    const ReadWal read = [&](std::uint64_t offset, MutableBytes into) {
      return reader->read_wal(offset, into);
    };
    PV_TRY(overlay_, read_overlay(index, read, std::move(stop)));
  }
  // The last page that must come from the file decides how long that has to be.
  std::uint64_t page = held_.pages;
  const std::uint64_t lock_byte_page = kLockByteAt / held_.page_bytes + 1;
  while (page > 0 && (page == lock_byte_page || overlay_.has(page))) { --page; }
  file_bytes_needed_ = page * held_.page_bytes;
  std::byte last{};
  if (page == 0) { return {}; }
  PV_TRY(const auto there, reader->read_database(file_bytes_needed_ - 1, {&last, 1}));
  if (there == 0) {
    return fail(Code::kDamaged, "the file ends before page " + std::to_string(page) + " of " +
                                    std::to_string(held_.pages));
  }
  return {};
}

Result<std::size_t> PinnedDatabase::read_at(std::uint64_t offset, MutableBytes into) {
  if (offset >= size_bytes_) { return std::size_t{0}; }
  into = into.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_bytes_ - offset)));
  if (state_ == State::kPinned) {
    const std::shared_lock lock{pin_mutex_};
    if (state_ == State::kPinned) {
      PV_CHECK(read_pinned(offset, into));
      readers_.passed(offset, into.size());
      note_read(offset, into.size());
      return into.size();
    }
  }
  if (state_ == State::kSpilled) { return read_spilled(offset, into); }
  if (state_ == State::kLost) { return fail(lost_); }
  return fail(Code::kCancelled, held_.path.string() + ": its snapshot is over");
}

Result<void> PinnedDatabase::read_pinned(std::uint64_t offset, MutableBytes into) {
  PV_TRY(const auto reader, readers_.take());
  const std::uint64_t page_bytes = held_.page_bytes;
  const std::uint64_t first = offset / page_bytes + 1;
  const std::uint64_t last = (offset + into.size() - 1) / page_bytes + 1;
  if (overlay_.of_pages(first, last).size() < last - first + 1) {
    PV_TRY(const auto there, reader->read_database(offset, into));
    if (offset + there < std::min(offset + into.size(), file_bytes_needed_)) {
      return fail(Code::kDamaged, held_.path.string() + " was cut short while the backup read it");
    }
  }
  return patch(*reader.operator->(), offset, into);
}

// Puts the pages that the WAL has over what was read at `offset`.
Result<void> PinnedDatabase::patch(PageReader& reader, std::uint64_t offset, MutableBytes into) {
  const std::uint64_t page_bytes = held_.page_bytes;
  const std::uint64_t end = offset + into.size();
  for (const Place& place :
       overlay_.of_pages(offset / page_bytes + 1, (end - 1) / page_bytes + 1)) {
    const std::uint64_t page_at = (place.page - 1) * page_bytes;
    const std::uint64_t from = std::max(offset, page_at);
    const std::uint64_t to = std::min(end, page_at + page_bytes);
    const std::uint64_t wal_at = frame_content_at(place.frame, held_.page_bytes) + (from - page_at);
    PV_CHECK(reader.read_wal(wal_at, into.subspan(from - offset, to - from)));
  }
  return {};
}

void PinnedDatabase::note_read(std::uint64_t offset, std::uint64_t count) {
  const std::uint64_t end = offset + count;
  for (std::uint64_t chunk = (offset + kChunkBytes - 1) / kChunkBytes; chunk < read_.size();
       ++chunk) {
    if (std::min((chunk + 1) * kChunkBytes, size_bytes_) > end) { return; }
    read_[chunk] = true;
  }
}

Result<std::size_t> PinnedDatabase::read_spilled(std::uint64_t offset, MutableBytes into) {
  const std::uint64_t last = (offset + into.size() - 1) / kChunkBytes;
  for (std::uint64_t chunk = offset / kChunkBytes; chunk <= last; ++chunk) {
    if (!spilled_[chunk]) {
      return fail(Code::kUnavailable, held_.path.string() +
                                          ": a part that had been read was asked for again "
                                          "after the pin was dropped");
    }
  }
  return fs::read_some(spill_file_, offset, into);
}

std::uint64_t PinnedDatabase::wal_growth_bytes() const {
  if (state_ != State::kPinned) { return 0; }
  const std::uint64_t now = size_or_zero(wal_path_);
  return now > wal_bytes_ ? now - wal_bytes_ : 0;
}

Result<void> PinnedDatabase::copy_unread(const fs::Fd& file) {
  std::vector<std::byte> block(std::min(kChunkBytes, size_bytes_));
  for (std::size_t chunk = 0; chunk < read_.size(); ++chunk) {
    if (read_[chunk]) { continue; }
    const std::uint64_t offset = chunk * kChunkBytes;
    const MutableBytes bytes{block.data(), std::min(kChunkBytes, size_bytes_ - offset)};
    {
      const std::shared_lock lock{pin_mutex_};
      if (state_ != State::kPinned) { return {}; }  // released meanwhile: nobody will read
      PV_CHECK(read_pinned(offset, bytes));
    }
    PV_CHECK(fs::write_all_at(file, offset, bytes));
    spilled_[chunk] = true;
  }
  return {};
}

void PinnedDatabase::spill(const fs::Path& folder, std::uint64_t growth_max) {
  const auto copied = [&]() -> Result<void> {
    PV_TRY(ScratchFile scratch, ScratchFile::create(folder));
    scratch.unlink();
    spill_file_ = std::move(scratch.fd);
    return copy_unread(spill_file_);
  }();
  if (!copied.has_value()) {
    lost_ = copied.error().within(held_.name + ": its WAL grew by more than " +
                                  format_size(growth_max) +
                                  " while the backup read it, and to copy the rest failed");
  }
  drop_pin(copied.has_value() ? State::kSpilled : State::kLost);
}

Structure PinnedDatabase::check_structure() {
  Structure found{Soundness::kUnchecked, "its pin was gone"};
  {
    const std::shared_lock lock{pin_mutex_};
    if (state_ == State::kPinned) { found = snapshot::check_structure(held_.reader); }
    if (state_ == State::kSpilled || state_ == State::kLost) {
      found = {Soundness::kUnchecked, "its WAL grew too much meanwhile"};
    }
  }
  release();
  return found;
}

void PinnedDatabase::release() {
  if (users_.fetch_sub(1) == 1) { drop_pin(State::kReleased); }
}

void PinnedDatabase::drop_pin(State state) {
  auto expected = State::kPinned;
  if (!state_.compare_exchange_strong(expected, state)) {
    if (state == State::kReleased) { state_ = state; }
    return;
  }
  // New reads see the state and stay away; those under way are waited for, a check is broken off.
  std::unique_lock lock{pin_mutex_, std::defer_lock};
  while (!lock.try_lock()) {
    sqlite3_interrupt(held_.reader.handle());
    std::this_thread::sleep_for(kInterruptAgain);
  }
  readers_.close();
  const sqlite::Connection going = std::move(held_.reader);
}

}  // namespace pv::snapshot
