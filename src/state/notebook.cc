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

// Of the mark that tells one file from another.
constexpr std::string_view kFile = "file";

std::string file_id_of(const std::vector<Mark>& marks) {
  const auto found = std::ranges::find(marks, kFile, &Mark::name);
  return found == marks.end() ? std::string{} : found->text;
}

bool has_number(const std::vector<Delivery>& list, std::int64_t number) {
  return std::ranges::find(list, number, &Delivery::number) != list.end();
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
  keep_waiting(std::exchange(change_, {}).deliveries);
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

// What the file says, and what could not be written to it yet.
Result<void> Notebook::look() {
  Result<AlertMemory> found = read_alert_memory(db_);
  if (!found.has_value()) { return fail(found.error()); }
  const std::string id = file_id_of(found->state.marks);
  const bool is_lost = !file_id_.empty() && id != file_id_;
  if (is_lost && file_id_of(change_.marks).empty()) { recall(*found); }
  if (!id.empty()) { file_id_ = id; }
  for (const Delivery& one : found->waiting) { last_number_ = std::max(last_number_, one.number); }
  apply(change_, found->state);
  alerts_ = std::move(found->state);
  stored_waiting_ = std::move(found->waiting);
  update(stored_waiting_, change_.attempts);
  return {};
}

// Another file is there now: what the one before had comes first, then what no file has yet.
void Notebook::recall(const AlertMemory& found) {
  AlertChange known{.open = alerts_->open, .told = alerts_->told, .marks = alerts_->marks};
  // One that has an id keeps it.
  const std::string id = file_id_of(found.state.marks);
  if (!id.empty()) {
    std::erase_if(known.marks, [](const Mark& mark) { return mark.name == kFile; });
  }
  for (const Delivery& one : stored_waiting_) {
    if (!one.ended && !has_number(found.waiting, one.number) &&
        !has_number(change_.deliveries, one.number)) {
      known.deliveries.push_back(one);
    }
  }
  append(std::exchange(change_, {}), known);
  change_ = std::move(known);
}

Result<AlertState> Notebook::alerts() {
  const std::lock_guard lock{mutex_};
  const Result<void> looked = look();
  if (!looked.has_value() && !alerts_) { return fail(looked.error()); }
  return *alerts_;
}

void Notebook::begin_alerts() {
  const std::lock_guard lock{mutex_};
  if (!alerts_) { alerts_.emplace(); }
}

Result<void> Notebook::change_alerts(AlertChange change, WallTime now, const VaultDb::Say& say) {
  const std::lock_guard lock{mutex_};
  give_numbers(change, now);
  if (file_id_.empty() && file_id_of(change_.marks).empty()) {
    std::ignore = look();  // another process may have marked it
    if (file_id_.empty()) {
      change.marks.push_back({std::string{kFile}, std::to_string(next_number(now)), now});
    }
  }
  if (alerts_) { apply(change, *alerts_); }
  update(stored_waiting_, change.attempts);
  if (!has_unwritten()) {
    const Result<void> written = state::change_alerts(db_, change, now, say);
    trouble_ = written.has_value() ? std::string{} : written.error().what;
    if (written.has_value()) {
      keep_waiting(change.deliveries);
    } else {
      remember(std::move(change), now);
    }
    return written;
  }
  remember(std::move(change), now);
  return flush(now, say);
}

void Notebook::give_numbers(AlertChange& change, WallTime now) {
  for (Delivery& delivery : change.deliveries) {
    if (delivery.number == 0) { delivery.number = next_number(now); }
  }
}

std::int64_t Notebook::new_number(WallTime now) {
  const std::lock_guard lock{mutex_};
  return next_number(now);
}

// Until the file is read again.
void Notebook::keep_waiting(const std::vector<Delivery>& written) {
  for (const Delivery& one : written) {
    if (!one.ended && !has_number(stored_waiting_, one.number)) { stored_waiting_.push_back(one); }
  }
}

void Notebook::remember(AlertChange change, WallTime now) {
  append(std::move(change), change_);
  bound_deliveries(now);
}

// A receiver tells by it what it has had, so none may come twice, not even when the file is lost:
// milliseconds since 1970. Those of an earlier process were less.
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
  std::ignore = look();
  std::vector<Delivery> all{change_.deliveries.rbegin(), change_.deliveries.rend()};
  Result<std::vector<Delivery>> stored = read_deliveries(db_, count);
  if (!stored.has_value()) {
    if (!alerts_) { return stored; }
    stored = std::vector<Delivery>{stored_waiting_.rbegin(), stored_waiting_.rend()};
  }
  update(*stored, change_.attempts);
  all.insert(all.end(), stored->begin(), stored->end());
  std::ranges::stable_sort(all, std::greater{}, &Delivery::number);
  if (all.size() > count) { all.resize(count); }
  return all;
}

Result<std::vector<Delivery>> Notebook::waiting() {
  const std::lock_guard lock{mutex_};
  const Result<void> looked = look();
  if (!looked.has_value() && !alerts_) { return fail(looked.error()); }
  std::vector<Delivery> all = stored_waiting_;
  all.insert(all.end(), change_.deliveries.begin(), change_.deliveries.end());
  std::ranges::stable_sort(all, {}, &Delivery::number);
  std::vector<Delivery> first;
  std::set<std::string> seen;
  for (const Delivery& one : all) {
    if (!one.ended && seen.insert(one.channel).second) { first.push_back(one); }
  }
  return first;
}

}  // namespace pv::state
