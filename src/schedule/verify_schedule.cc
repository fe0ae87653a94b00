#include "schedule/verify_schedule.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "jobs/health.h"
#include "jobs/names.h"

namespace pv::schedule {
using jobs::ListedBackup;
using jobs::Vault;
using jobs::VerifyDepth;

namespace {

constexpr std::chrono::seconds kBusyRetry{5};
constexpr std::chrono::minutes kAwayRetry{30};
// One that could not be carried out, for want of space perhaps.
constexpr std::chrono::hours kFailedRetry{1};
constexpr int kTriesMax = 4;

bool is_damaged(const ListedBackup& one) { return one.verdict && !one.verdict->is_sound; }

}  // namespace

std::vector<store::BackupName> choose_to_verify(std::vector<ListedBackup> backups,
                                                std::size_t samples, WallTime now) {
  std::erase_if(backups, is_damaged);
  std::ranges::stable_sort(backups, std::greater{},
                           [](const ListedBackup& one) { return one.backup.modified; });
  std::vector<store::BackupName> chosen;
  const auto newest = std::ranges::find_if(backups, [&](const ListedBackup& one) {
    return jobs::doubt_by_looks(one.backup, now).empty();
  });
  if (newest != backups.end()) {
    chosen.push_back(newest->backup.name);
    backups.erase(newest);
  }
  // Stable: of those never verified the newest stay first.
  std::ranges::stable_sort(backups, {}, [](const ListedBackup& one) {
    return one.verdict ? one.verdict->at : WallTime::min();
  });
  for (std::size_t i = 0; i < std::min(samples, backups.size()); ++i) {
    chosen.push_back(backups[i].backup.name);
  }
  return chosen;
}

VerifySchedule::VerifySchedule(Vault& vault, settings::VaultSettingsFile& own_settings, Say say)
    : vault_{vault},
      own_settings_{own_settings},
      say_{std::move(say)},
      timetable_{vault.directory().vault_folder(), std::string{state::kVerifyCron},
                 "which verifications are done",
                 [this](const std::string& what) { say_(true, what); }} {}

void VerifySchedule::tick(WallTime now) {
  take_settings(now);
  if (running_ != nullptr) {
    if (!running_->finished()) { return; }
    finish();
  }
  // What the end of the server cuts off is done at its next start.
  if (vault_.is_shutting_down() || (retry_at_ && now < *retry_at_)) { return; }
  retry_at_.reset();
  if (!is_run_) {
    const auto due = next();
    if (!due || now < *due) { return; }
    begin_run(now);
  }
  if (is_run_ && queue_.empty() && running_ == nullptr && !again_.empty()) {
    queue_.swap(again_);
    if (tries_ < kTriesMax) {
      ++tries_;
      retry_at_ = now + kFailedRetry;
      return;
    }
    say_(true, "backups that were to be verified could not be, and are left for the next time: " +
                   std::to_string(queue_.size()));
    queue_.clear();
  }
  if (is_run_ && !queue_.empty()) { begin_next(now); }
  if (is_run_ && queue_.empty() && again_.empty() && running_ == nullptr) {
    is_run_ = false;
    served(std::min(begun_, now));
  }
}

void VerifySchedule::was_set_back(WallTime now) {
  retry_at_.reset();
  timetable_.was_set_back(now);
  timetable_.plan(std::min(timetable_.until().value_or(now), now));
}

std::optional<WallTime> VerifySchedule::next() const { return timetable_.next(); }

std::string VerifySchedule::why_off() const {
  if (!next() || own_settings_.now().verification.of_buckets || !vault_.store().is_remote()) {
    return {};
  }
  return jobs::kBucketsAreNotVerified;
}

void VerifySchedule::take_settings(WallTime now) {
  settings::Verification settings = own_settings_.now().verification;
  const bool is_same_cron = has_settings_ && settings.cron == settings_.cron;
  has_settings_ = true;
  settings_ = std::move(settings);
  if (!is_same_cron) {
    adopt(now);
  } else if (timetable_.is_to_be_taken_up(now)) {
    take_up(now);
  }
}

void VerifySchedule::adopt(WallTime now) {
  std::optional<Cron> cron;
  if (!settings_.cron.empty()) {
    auto parsed = Cron::parse(settings_.cron);
    if (parsed.has_value()) { cron = *std::move(parsed); }  // the settings refuse any other
  }
  timetable_.adopt(cron);
  if (cron) { take_up(now); }
}

void VerifySchedule::take_up(WallTime now) {
  const auto progress = timetable_.take_up(now);
  if (!progress) {
    if (!timetable_.next()) { timetable_.plan(now); }
  } else if (progress->until) {
    timetable_.plan(*progress->until);  // may lie before now: it was missed, and is due
  } else {
    served(progress->since);
  }
}

void VerifySchedule::served(WallTime until) {
  timetable_.note_served(until);
  timetable_.plan(until);
}

void VerifySchedule::begin_run(WallTime now) {
  if (const std::string why = why_off(); !why.empty()) {
    if (std::exchange(said_, why) != why) {
      say_(false, "no backup is verified by itself: " + why);
    }
    return served(now);
  }
  const auto listing = vault_.list();
  if (!listing.has_value()) {
    const std::string& why = listing.error().what;
    if (std::exchange(said_, why) != why) {
      say_(true, "the verification that is due waits: " + why);
    }
    retry_at_ = now + kAwayRetry;
    return;
  }
  said_.clear();
  const auto chosen =
      choose_to_verify(listing->backups, static_cast<std::size_t>(settings_.samples), now);
  queue_.assign(chosen.begin(), chosen.end());
  again_.clear();
  tries_ = 1;
  is_run_ = true;
  begun_ = now;
}

// A backup that is not sound was verified; one that could not be looked at was not.
void VerifySchedule::finish() {
  const jobs::Status status = std::exchange(running_, nullptr)->status();
  if (status.state != jobs::State::kFailed || !status.error) { return; }
  switch (status.error->code) {
    case Code::kDamaged:
    case Code::kInvalid:           // the verdict
    case Code::kUnsupported:       // nor will it be the next time
    case Code::kNotFound: return;  // it was removed
    default: break;
  }
  const auto name = store::BackupName::parse(status.name);
  if (name.has_value()) { again_.push_back(*name); }
}

// The observer of the vault is told of each job, as of all others.
void VerifySchedule::begin_next(WallTime now) {
  if (vault_.busy()) {
    retry_at_ = now + kBusyRetry;
    return;
  }
  const store::BackupName name = queue_.front();
  const VerifyDepth depth = settings_.is_deep ? VerifyDepth::kDeep : VerifyDepth::kPlain;
  auto job = vault_.start_verify(name, depth, jobs::Cause::kSchedule);
  if (!job.has_value() && job.error().code == Code::kBusy) {
    retry_at_ = now + kBusyRetry;
    return;
  }
  queue_.pop_front();
  if (job.has_value()) {
    running_ = *std::move(job);
  } else if (job.error().code != Code::kNotFound) {
    say_(true, printable(name.text()) + " can't be verified: " + job.error().what);
    again_.push_back(name);
  }
}

}  // namespace pv::schedule
