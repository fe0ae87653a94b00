#include "state/notebook.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "state/columns.h"

namespace pv::state {
namespace {

// As an attempt went that could not be written.
void update(std::vector<Delivery>& stored, const std::vector<Delivery>& attempts) {
  for (Delivery& one : stored) {
    const auto found = std::ranges::find(attempts, one.number, &Delivery::number);
    if (found != attempts.end()) { one = *found; }
  }
}

// A lock passes, and what is damaged is set aside with the first write.
bool says_unwritable(const Error& error) {
  return error.code != Code::kBusy && error.code != Code::kDamaged;
}

}  // namespace

// ---------------------------------------------------------------------------------------- writing

Result<void> Notebook::flush(WallTime now, const VaultDb::Say& say) {
  const std::vector<PastJob> jobs{jobs_.begin(), jobs_.end()};
  const auto written = db_.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        PV_CHECK(state::put(connection, jobs));
        return state::put(connection, change_, now);
      },
      say);
  if (!written.has_value()) {
    trouble_ = written.error().what;
    return written;
  }
  trouble_.clear();
  jobs_.clear();
  change_ = {};
  if (lost_jobs_ + lost_notices_ > 0) {
    say("what could not be written to vault.db is written now, but for the oldest: " +
        std::to_string(std::exchange(lost_jobs_, 0)) + " outcomes of jobs and " +
        std::to_string(std::exchange(lost_notices_, 0)) + " notices are lost");
  }
  return {};
}

Result<void> Notebook::write_down(WallTime now, const VaultDb::Say& say) {
  const std::lock_guard lock{mutex_};
  if (has_unwritten()) { return flush(now, say); }
  const auto can = db_.change([](sqlite::Connection&) { return Result<void>{}; });
  trouble_ = !can.has_value() && says_unwritable(can.error()) ? can.error().what : std::string{};
  return trouble_.empty() ? Result<void>{} : can;
}

std::string Notebook::trouble() const {
  const std::lock_guard lock{mutex_};
  return trouble_;
}

// ------------------------------------------------------------------------------------------- jobs

Result<void> Notebook::note_job(PastJob job, WallTime now, const VaultDb::Say& say) {
  const std::lock_guard lock{mutex_};
  job.error = first_line(job.error, kErrorBytesMax);
  jobs_.push_back(std::move(job));
  if (jobs_.size() > kUnwrittenMax) {
    jobs_.pop_front();
    ++lost_jobs_;
  }
  return flush(now, say);
}

Result<std::vector<PastJob>> Notebook::jobs(std::size_t count) const {
  std::vector<PastJob> jobs = unwritten_jobs();
  Result<std::vector<PastJob>> written = read_jobs(db_, count);
  if (!written.has_value() && jobs.empty()) { return written; }
  if (written.has_value()) { jobs.insert(jobs.end(), written->begin(), written->end()); }
  if (jobs.size() > count) { jobs.resize(count); }
  return jobs;
}

std::vector<PastJob> Notebook::unwritten_jobs() const {
  const std::lock_guard lock{mutex_};
  return {jobs_.rbegin(), jobs_.rend()};
}

// ----------------------------------------------------------------------------------------- alerts

Result<AlertState> Notebook::alerts() {
  const std::lock_guard lock{mutex_};
  Result<AlertState> read = read_alerts(db_);
  if (!read.has_value()) { return alerts_ ? Result<AlertState>{*alerts_} : read; }
  apply(change_, *read);
  alerts_ = *read;
  return read;
}

void Notebook::begin_alerts() {
  const std::lock_guard lock{mutex_};
  if (!alerts_) { alerts_.emplace(); }
}

Result<void> Notebook::change_alerts(AlertChange change, WallTime now, const VaultDb::Say& say) {
  const std::lock_guard lock{mutex_};
  if (alerts_) { apply(change, *alerts_); }
  update(stored_waiting_, change.attempts);
  if (!has_unwritten()) {
    const Result<void> written = state::change_alerts(db_, change, now, say);
    trouble_ = written.has_value() ? std::string{} : written.error().what;
    if (!written.has_value()) { remember(std::move(change), now); }
    return written;
  }
  remember(std::move(change), now);
  return flush(now, say);
}

void Notebook::remember(AlertChange change, WallTime now) {
  for (Delivery& delivery : change.deliveries) { delivery.number = next_number(now); }
  append(std::move(change), change_);
  bound_deliveries(now);
}

// They have to be known by a number before the file can give one, and keep it there: milliseconds
// since 1970 are more than there are in any file, and those of an earlier process were less.
std::int64_t Notebook::next_number(WallTime now) {
  last_number_ = std::max(last_number_ + 1, ms_of(now));
  return last_number_;
}

// As the file is kept: the last that wait of a channel, and the last of all.
void Notebook::bound_deliveries(WallTime now) {
  std::vector<Delivery>& all = change_.deliveries;
  std::map<std::string, std::int64_t> waiting;
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (one->ended || ++waiting[one->channel] <= kWaitingMax) { continue; }
    one->ended = now;
    one->outcome = "dropped";
  }
  while (all.size() > kUnwrittenMax) {
    const auto ended =
        std::ranges::find_if(all, [](const Delivery& one) { return one.ended.has_value(); });
    all.erase(ended == all.end() ? all.begin() : ended);
    ++lost_notices_;
  }
}

Result<std::vector<Delivery>> Notebook::deliveries(std::size_t count) {
  const std::lock_guard lock{mutex_};
  std::vector<Delivery> all{change_.deliveries.rbegin(), change_.deliveries.rend()};
  Result<std::vector<Delivery>> stored = read_deliveries(db_, count);
  if (!stored.has_value()) {
    if (!alerts_) { return stored; }
    stored = std::vector<Delivery>{stored_waiting_.rbegin(), stored_waiting_.rend()};
  }
  update(*stored, change_.attempts);
  all.insert(all.end(), stored->begin(), stored->end());
  if (all.size() > count) { all.resize(count); }
  return all;
}

Result<std::vector<Delivery>> Notebook::waiting() {
  const std::lock_guard lock{mutex_};
  // Of a channel whose first one was sent, which could not be written, the next is looked for.
  auto stored = change_.attempts.empty() ? read_waiting(db_) : read_all_waiting(db_);
  if (stored.has_value()) {
    stored_waiting_ = *std::move(stored);
  } else if (!alerts_) {
    return stored;
  }
  update(stored_waiting_, change_.attempts);
  std::vector<Delivery> first;
  std::set<std::string> seen;
  const auto take = [&](const Delivery& one) {
    if (!one.ended && seen.insert(one.channel).second) { first.push_back(one); }
  };
  std::ranges::for_each(stored_waiting_, take);
  std::ranges::for_each(change_.deliveries, take);
  return first;
}

}  // namespace pv::state
