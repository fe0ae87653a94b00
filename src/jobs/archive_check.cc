#include "jobs/archive_check.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <utility>

#include "base/text.h"

namespace pv::jobs {
namespace {

// Entries from here on are read by several threads, where the archive tells how.
constexpr std::uint64_t kBytesInPiecesMin = std::uint64_t{4} << 20U;

// Reads to the end and forgets: the CRC is what matters. Tells the job, but not of the first bytes,
// which it knows of.
class CountingSink final : public Sink {
 public:
  CountingSink(Job& job, std::uint64_t told_bytes) : job_{job}, told_{told_bytes} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    const std::uint64_t known = std::min<std::uint64_t>(told_, bytes.size());
    told_ -= known;
    job_.add_done(bytes.size() - known);
    return {};
  }

 private:
  Job& job_;
  std::uint64_t told_;
};

// An entry that several tasks read at once.
struct InPieces {
  std::unique_ptr<restore::ArchivePieces> pieces;
  std::atomic<std::size_t> left = 0;
  std::atomic<std::uint64_t> told_bytes = 0;
  std::atomic<bool> is_doubtful = false;  // a piece was not what the archive tells of it
};

class Reading {
 public:
  Reading(const Parts& parts, Job& job, const ZipArchive& archive, std::stop_token stop)
      : parts_{parts}, job_{job}, archive_{archive}, stop_{std::move(stop)} {}

  Result<void> run(const std::vector<std::size_t>& indexes) {
    for (const std::size_t index : indexes) { add(index); }
    return for_each_index(parts_.pool, tasks_.size(), parts_.pool.thread_count(),
                          [&](std::size_t i) { return read(tasks_[i]); });
  }

 private:
  struct Task {
    std::size_t index = 0;
    InPieces* in_pieces = nullptr;  // null: the whole entry
    std::size_t piece = 0;
  };

  void add(std::size_t index) {
    std::unique_ptr<restore::ArchivePieces> pieces;
    if (archive_.entries()[index].raw_bytes >= kBytesInPiecesMin) {
      pieces = archive_.pieces_of(index);
    }
    if (!pieces || pieces->count() < 2) {
      tasks_.push_back({.index = index});
      return;
    }
    InPieces& shared = in_pieces_.emplace_back();
    shared.left = pieces->count();
    shared.pieces = std::move(pieces);
    for (std::size_t piece = 0; piece < shared.pieces->count(); ++piece) {
      tasks_.push_back({.index = index, .in_pieces = &shared, .piece = piece});
    }
  }

  Result<void> read(const Task& task) {
    if (stop_.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    Result<void> done =
        task.in_pieces == nullptr ? read_whole(task.index, 0) : read_piece(task, *task.in_pieces);
    if (done.has_value() || done.error().code == Code::kCancelled) { return done; }
    return fail(done.error().within(printable(archive_.entries()[task.index].name)));
  }

  Result<void> read_whole(std::size_t index, std::uint64_t told_bytes) {
    CountingSink sink{job_, told_bytes};
    return archive_.extract(index, sink, stop_);
  }

  Result<void> read_piece(const Task& task, InPieces& shared) {
    if (!shared.is_doubtful) {
      const std::size_t bytes = shared.pieces->at(task.piece).bytes;
      thread_local std::vector<std::byte> buffer;
      buffer.resize(std::max(buffer.size(), bytes));
      const Result<void> done = shared.pieces->extract(task.piece, MutableBytes{buffer});
      if (done.has_value()) {
        shared.told_bytes += bytes;
        job_.add_done(bytes);
      } else if (done.error().code == Code::kDamaged) {
        shared.is_doubtful = true;
      } else {
        return done;
      }
    }
    if (--shared.left != 0 || !shared.is_doubtful) { return {}; }
    // What told of the pieces was wrong, or the entry is damaged: this decides.
    return read_whole(task.index, shared.told_bytes);
  }

  const Parts& parts_;
  Job& job_;
  const ZipArchive& archive_;
  const std::stop_token stop_;
  std::vector<Task> tasks_;
  std::deque<InPieces> in_pieces_;
};

}  // namespace

restore::Plan root_files_of(const restore::Plan& plan) {
  restore::Plan roots;
  for (const restore::PlannedFile& file : plan.files) {
    if (file.name.find('/') != std::string::npos) { continue; }
    roots.files.push_back(file);
    roots.raw_bytes += file.raw_bytes;
  }
  return roots;
}

std::vector<std::size_t> all_but(const ZipArchive& archive,
                                 const std::vector<restore::PlannedFile>& files) {
  std::vector<bool> taken(archive.entries().size());
  for (const restore::PlannedFile& file : files) { taken[file.index] = true; }
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (!taken[i]) { rest.push_back(i); }
  }
  return rest;
}

Checksums::Checksums(const Parts& parts, Job& job, const ZipArchive& archive,
                     std::vector<std::size_t> indexes)
    : thread_{[this, &parts, &job, &archive,
               indexes = std::move(indexes)](const std::stop_token& stop) {
        std::stop_source both;
        const auto ask = [&both] { both.request_stop(); };
        const std::stop_callback when_dropped{stop, ask};
        const std::stop_callback when_cancelled{job.stop_token(), ask};
        try {
          outcome_ = Reading{parts, job, archive, both.get_token()}.run(indexes);
        } catch (const std::exception& exception) {  // memory
          outcome_ = fail(Code::kInternal, std::string{"unexpected: "} + exception.what());
        }
      }} {}

Result<void> Checksums::wait() {
  thread_.join();
  return std::move(outcome_);
}

Result<Rehearsal> Rehearsal::make(const Parts& parts, Job& job, const ZipArchive& archive,
                                  const restore::Plan& plan, restore::DatabaseCheck databases) {
  PV_TRY(WorkFolder work, WorkFolder::create(parts.directory.vault_folder(), parts.random));
  PV_CHECK(fs::make_folder(work.path() / ".pocketvault", 0700));
  const restore::Progress progress{
      .on_extracted = [&job](std::uint64_t bytes) { job.add_done(bytes); }};
  const restore::StageOptions options{
      .delta = restore::Delta::kOff, .databases = databases, .lasting = false};
  PV_TRY(restore::Staged staged,
         restore::stage(archive, plan, work.path(), parts.pool, parts.random, progress,
                        check_data_db, job.stop_token(), options));
  return Rehearsal{std::move(work), std::move(staged)};
}

}  // namespace pv::jobs
