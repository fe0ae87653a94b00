// One piece of long work: what it is, how far it is, how it ended.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "jobs/rate_meter.h"

namespace pv::jobs {

enum class Kind { kBackup, kRestore, kUndo, kVerify, kPreflight, kExtract };
inline constexpr std::array kKinds{Kind::kBackup, Kind::kRestore,   Kind::kUndo,
                                   Kind::kVerify, Kind::kPreflight, Kind::kExtract};
[[nodiscard]] std::string_view kind_name(Kind kind);  // "backup"

enum class State { kRunning, kSucceeded, kFailed, kCancelled };
[[nodiscard]] std::string_view state_name(State state);
// Of a job that ended so.
[[nodiscard]] State state_after(const Result<void>& outcome);

struct Warning {
  std::string name;  // the file, or empty
  std::string what;
  friend bool operator==(const Warning&, const Warning&) = default;
};

// Files that were wanted out of a backup, or that a restore left in the archive.
struct LeftOut {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> names;  // of the first few
  friend bool operator==(const LeftOut&, const LeftOut&) = default;
};

// kDeep: integrity_check and foreign_key_check in the place of quick_check, records counted, and
// the files that they name looked for in the archive.
enum class VerifyDepth { kPlain, kDeep };

struct CollectionRecords {
  std::string name;
  std::uint64_t records = 0;
  friend bool operator==(const CollectionRecords&, const CollectionRecords&) = default;
};

struct Preflight;  // preflight.h

// Facts about how it went; which are set depends on the kind.
struct Report {
  std::uint64_t entries = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t archive_bytes = 0;
  // Backup: how long commits could not happen; restore, undo: how long the databases were closed.
  std::chrono::nanoseconds pause{0};
  std::string way = {};            // "pinned", "copied: data.db is not in WAL mode"
  std::uint64_t copied_bytes = 0;  // backup: of raw_bytes, packed before, taken from `previous`
  // backup: of archive_bytes, what `previous` has too: blocks on the same disk, or (where nothing
  // is copied_bytes) what the store copied from it instead of having it sent
  std::uint64_t shared_bytes = 0;
  std::string previous = {};  // the backup that was; empty: all was packed anew, because:
  std::string full_because = {};
  std::string structure = {};    // backup: "sound", or which databases are not, and why
  std::string replaced_id = {};  // restore, undo: what can be had back
  LeftOut left_out = {};
  // The bucket of the app's files: what a backup took out of it; what a restore put into it, or
  // found there.
  std::string bucket = {};
  std::uint64_t bucket_files = 0;
  std::uint64_t bucket_bytes = 0;
  std::uint64_t unchanged_files = 0;  // restore: of entries, in place already and kept
  std::uint64_t unchanged_bytes = 0;  // of raw_bytes
  std::string safety_backup = {};     // restore: made of the data before it was replaced
  // restore, preflight, extract: "databases, storage/abc"; empty: everything
  std::string scope = {};
  std::string note = {};    // restore, preflight of a part: what that means; backup: vain patterns
  std::string target = {};  // extract: the folder
  std::uint64_t records = 0;  // verify, deep: in all collections
  std::vector<CollectionRecords> collections = {};
  std::shared_ptr<const Preflight> preflight = nullptr;  // of a preflight that has succeeded
};

// A copy of a job at one moment.
struct Status {
  std::string id;  // 15 characters of [a-z0-9]
  Kind kind = Kind::kBackup;
  std::string name;  // of the backup
  State state = State::kRunning;
  std::string phase;              // "pin", "pack", "check", "commit", "extract", "upload", "swap"
  std::uint64_t bytes_total = 0;  // 0 while unknown
  std::uint64_t bytes_done = 0;   // never goes back, never passes bytes_total once that is known
  // Over the last few seconds; on average when it has finished.
  std::uint64_t bytes_per_second = 0;
  WallTime started;
  std::optional<WallTime> finished;
  std::optional<Error> error;
  std::vector<Warning> warnings;  // at most kWarningsMax, then one that says how many more
  Report report;
};

inline constexpr std::size_t kWarningsMax = 1000;

// Threads    All methods, any thread.
class Job {
 public:
  // `clock` outlives the job.
  Job(std::string id, Kind kind, std::string name, WallTime now,
      const Clock& clock = system_clock());

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Status status() const;
  [[nodiscard]] std::uint64_t bytes_done() const;  // as in the status
  [[nodiscard]] bool finished() const;
  void wait() const;                                                  // until it has finished
  [[nodiscard]] bool wait_for(std::chrono::milliseconds span) const;  // true: finished
  void cancel() { stop_.request_stop(); }
  // Called once, from the job's thread, or at once when it has finished already. Must not block.
  void on_finished(std::function<void()> callback);

  // For the worker.
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
  void set_phase(std::string phase);
  void set_total(std::uint64_t bytes);
  void add_done(std::uint64_t bytes) { done_.fetch_add(bytes, std::memory_order_relaxed); }
  void warn(Warning warning);
  void report(const std::function<void(Report&)>& change);
  // A cancelled outcome makes it kCancelled, any other error kFailed. Once.
  void finish(Result<void> outcome, WallTime now);

  // While it lives, status() asks `bytes_done` how far the job is, instead of counting add_done();
  // and, for a part of the job that was not planned in, how much `bytes_more` there are in total.
  class Gauge {
   public:
    Gauge(Job& job, std::function<std::uint64_t()> bytes_done,
          std::function<std::uint64_t()> bytes_more = nullptr);
    ~Gauge();
    Gauge(const Gauge&) = delete;
    Gauge& operator=(const Gauge&) = delete;

   private:
    Job& job_;
  };

 private:
  [[nodiscard]] std::uint64_t count_total() const;  // mutex_ is held, as for the next
  [[nodiscard]] std::uint64_t count_done() const;

  const std::string id_;
  const std::string name_;
  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  Status status_;
  std::size_t warnings_dropped_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
  std::function<std::uint64_t()> gauge_;
  std::function<std::uint64_t()> gauge_more_;
  const Clock& clock_;
  mutable RateMeter rate_;  // told by whoever asks for the status
  std::stop_source stop_;
  std::vector<std::function<void()>> callbacks_;
};

}  // namespace pv::jobs
