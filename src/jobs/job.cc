#include "jobs/job.h"

#include <algorithm>
#include <utility>

namespace pv::jobs {
namespace {

std::uint64_t average_of(const Status& status) {
  const std::chrono::duration<double> span = *status.finished - status.started;
  if (span.count() <= 0) { return 0; }
  constexpr double kMax = 1e18;  // so that the cast is defined
  return static_cast<std::uint64_t>(
      std::min(static_cast<double>(status.bytes_done) / span.count(), kMax));
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kBackup: return "backup";
    case Kind::kRestore: return "restore";
    case Kind::kUndo: return "undo";
    case Kind::kVerify: return "verify";
    case Kind::kPreflight: return "preflight";
    case Kind::kExtract: return "extract";
  }
  return "job";
}

std::string_view state_name(State state) {
  switch (state) {
    case State::kRunning: return "running";
    case State::kSucceeded: return "succeeded";
    case State::kFailed: return "failed";
    case State::kCancelled: return "cancelled";
  }
  return "unknown";
}

State state_after(const Result<void>& outcome) {
  if (outcome.has_value()) { return State::kSucceeded; }
  return outcome.error().code == Code::kCancelled ? State::kCancelled : State::kFailed;
}

Job::Job(std::string id, Kind kind, std::string name, WallTime now, const Clock& clock)
    : id_{std::move(id)}, name_{std::move(name)}, clock_{clock} {
  rate_.add(clock.steady_now(), 0);
  status_.id = id_;
  status_.kind = kind;
  status_.name = name_;
  status_.started = now;
}

Status Job::status() const {
  const std::lock_guard lock{mutex_};
  Status copy = status_;
  copy.bytes_total = count_total();
  copy.bytes_done = count_done();
  if (copy.finished) {
    copy.bytes_per_second = average_of(copy);
  } else {
    rate_.add(clock_.steady_now(), copy.bytes_done);
    copy.bytes_per_second = rate_.per_second();
  }
  if (warnings_dropped_ > 0) {
    copy.warnings.push_back({"", "and " + std::to_string(warnings_dropped_) + " more warnings"});
  }
  return copy;
}

std::uint64_t Job::bytes_done() const {
  const std::lock_guard lock{mutex_};
  return count_done();
}

std::uint64_t Job::count_total() const {
  return status_.bytes_total + (gauge_more_ ? gauge_more_() : 0);
}

std::uint64_t Job::count_done() const {
  // The work may turn out larger than was planned (a file grew): 100 % is the end of it.
  const std::uint64_t done = gauge_ ? gauge_() : done_.load(std::memory_order_relaxed);
  const std::uint64_t total = count_total();
  return total == 0 ? done : std::min(done, total);
}

bool Job::finished() const {
  const std::lock_guard lock{mutex_};
  return status_.state != State::kRunning;
}

void Job::wait() const {
  std::unique_lock lock{mutex_};
  ended_.wait(lock, [this] { return status_.state != State::kRunning; });
}

bool Job::wait_for(std::chrono::milliseconds span) const {
  std::unique_lock lock{mutex_};
  return ended_.wait_for(lock, span, [this] { return status_.state != State::kRunning; });
}

void Job::on_finished(std::function<void()> callback) {
  {
    const std::lock_guard lock{mutex_};
    if (status_.state == State::kRunning) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void Job::set_phase(std::string phase) {
  const std::lock_guard lock{mutex_};
  status_.phase = std::move(phase);
}

void Job::set_total(std::uint64_t bytes) {
  const std::lock_guard lock{mutex_};
  status_.bytes_total = bytes;
}

void Job::warn(Warning warning) {
  const std::lock_guard lock{mutex_};
  if (status_.warnings.size() < kWarningsMax) {
    status_.warnings.push_back(std::move(warning));
  } else {
    ++warnings_dropped_;
  }
}

void Job::report(const std::function<void(Report&)>& change) {
  const std::lock_guard lock{mutex_};
  change(status_.report);
}

void Job::finish(Result<void> outcome, WallTime now) {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock{mutex_};
    PV_ASSERT(status_.state == State::kRunning && !gauge_);
    status_.finished = now;
    status_.state = state_after(outcome);
    if (outcome.has_value()) {
      if (status_.bytes_total > 0) { done_ = status_.bytes_total; }
    } else {
      status_.error = std::move(outcome).error();
    }
    callbacks.swap(callbacks_);
  }
  ended_.notify_all();
  for (const auto& callback : callbacks) { callback(); }
}

Job::Gauge::Gauge(Job& job, std::function<std::uint64_t()> bytes_done,
                  std::function<std::uint64_t()> bytes_more)
    : job_{job} {
  const std::lock_guard lock{job_.mutex_};
  job_.gauge_ = std::move(bytes_done);
  job_.gauge_more_ = std::move(bytes_more);
}

Job::Gauge::~Gauge() {
  const std::lock_guard lock{job_.mutex_};
  // What it said last stays, or else the progress would fall back.
  job_.done_ = job_.gauge_();
  job_.status_.bytes_total = job_.count_total();
  job_.gauge_ = nullptr;
  job_.gauge_more_ = nullptr;
}

}  // namespace pv::jobs
