#include "metrics/gauges.h"

#include <algorithm>
#include <utility>

namespace pv::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double seconds_of(const std::optional<WallTime>& time) {
  return time ? std::chrono::duration<double>(time->time_since_epoch()).count() : 0;
}

double seconds_of(const std::optional<state::PastJob>& job) {
  return job ? seconds_of(std::optional{job->ended}) : 0;
}

double number(std::uint64_t value) { return static_cast<double>(value); }

ClientMetric labelled(std::string label, std::string value, double amount) {
  ClientMetric metric;
  metric.label.push_back({std::move(label), std::move(value)});
  metric.gauge.value = amount;
  return metric;
}

MetricFamily counter(std::string name, std::string help, double value) {
  MetricFamily family{std::move(name), std::move(help), MetricType::Counter, {}};
  family.metric.emplace_back().counter.value = value;
  return family;
}

void add_history(const Facts& facts, std::vector<MetricFamily>& to) {
  if (facts.is_history_known || facts.last) {
    to.push_back(gauge("pocketvault_backup_last_attempt_timestamp_seconds",
                       "When the last backup of the directory ended, however it did; 0: never.",
                       seconds_of(facts.last)));
  }
  if (facts.is_history_known || facts.last_succeeded) {
    to.push_back(gauge("pocketvault_backup_last_success_timestamp_seconds",
                       "When the last backup of the directory that succeeded ended; 0: never.",
                       seconds_of(facts.last_succeeded)));
  }
  if (facts.last_succeeded) {
    const state::PastJob& last = *facts.last_succeeded;
    to.push_back(gauge("pocketvault_backup_size_bytes",
                       "Size of the last backup of the directory that succeeded.",
                       number(last.archive_bytes)));
    to.push_back(gauge("pocketvault_backup_raw_size_bytes",
                       "Size of what the last backup that succeeded holds, unpacked.",
                       number(last.raw_bytes)));
    to.push_back(gauge("pocketvault_backup_last_success_duration_seconds",
                       "How long the last backup that succeeded took.",
                       std::chrono::duration<double>(last.ended - last.started).count()));
  }
  if (facts.is_history_known) {
    to.push_back(gauge("pocketvault_backup_missed",
                       "1 while a backup by the clock was due more than an hour ago and not made.",
                       facts.is_missed ? 1 : 0));
  }
}

void add_backups(const Facts& facts, std::vector<MetricFamily>& to) {
  to.push_back(gauge("pocketvault_backup_newest_timestamp_seconds",
                     "Time of the newest backup in the store that one can rely on, whoever made "
                     "it; 0: there is none.",
                     seconds_of(facts.newest)));
  to.push_back(gauge("pocketvault_backup_newest_verified_timestamp_seconds",
                     "When that newest backup was found sound; 0: not verified.",
                     seconds_of(facts.newest_verified)));
  to.push_back(gauge("pocketvault_backup_last_verified_timestamp_seconds",
                     "When a backup that is in the store was last found sound; 0: never.",
                     seconds_of(facts.verified)));
  const std::uint64_t verified = facts.sound + facts.damaged;
  MetricFamily backups{"pocketvault_backups",
                       "Backups in the store, by what their last verification found.",
                       MetricType::Gauge,
                       {}};
  backups.metric = {
      labelled("verdict", "sound", number(facts.sound)),
      labelled("verdict", "damaged", number(facts.damaged)),
      labelled("verdict", "none", number(facts.backups - std::min(facts.backups, verified)))};
  to.push_back(std::move(backups));
  to.push_back(gauge("pocketvault_backups_size_bytes", "Size of all backups in the store.",
                     number(facts.backups_bytes)));
}

void add_store(const Facts& facts, std::vector<MetricFamily>& to) {
  to.push_back(gauge("pocketvault_store_up",
                     "1 when the store of the backups could be listed at the last look.",
                     *facts.is_store_up ? 1 : 0));
  to.push_back(gauge("pocketvault_store_looked_timestamp_seconds",
                     "When the store was last listed, which what is told of its backups is as old "
                     "as; 0: not since the start.",
                     seconds_of(facts.looked)));
  if (facts.looked) { add_backups(facts, to); }
  to.push_back(gauge("pocketvault_backups_waiting",
                     "Backups in the spool, which wait for the store.", number(facts.waiting)));
  to.push_back(gauge("pocketvault_replaced_size_bytes",
                     "Space of what restores replaced and that can be had back.",
                     number(facts.replaced_bytes)));
  MetricFamily free{"pocketvault_free_bytes",
                    "Free space where the data and the backups lie; not of buckets.",
                    MetricType::Gauge,
                    {}};
  if (facts.data_free_bytes) {
    free.metric.push_back(labelled("place", "data", number(*facts.data_free_bytes)));
  }
  if (facts.backups_free_bytes) {
    free.metric.push_back(labelled("place", "backups", number(*facts.backups_free_bytes)));
  }
  if (!free.metric.empty()) { to.push_back(std::move(free)); }
  if (facts.mirror) {
    to.push_back(gauge("pocketvault_mirror_up",
                       "1 when the last try to fill the mirror did not fail.",
                       facts.mirror->is_up ? 1 : 0));
    to.push_back(gauge("pocketvault_mirror_missing_backups", "Backups that the mirror lacks.",
                       number(facts.mirror->missing)));
  }
}

}  // namespace

MetricFamily gauge(std::string name, std::string help, double value) {
  MetricFamily family{std::move(name), std::move(help), MetricType::Gauge, {}};
  family.metric.emplace_back().gauge.value = value;
  return family;
}

std::vector<MetricFamily> gauges_of(const Moment& moment) {
  std::vector<MetricFamily> families;
  MetricFamily running{
      "pocketvault_jobs_running", "Jobs of this process at work now.", MetricType::Gauge, {}};
  for (const jobs::Kind kind : jobs::kKinds) {
    const std::string name{jobs::kind_name(kind)};
    const auto count = moment.running.find(name);
    running.metric.push_back(
        labelled("kind", name, count == moment.running.end() ? 0 : number(count->second)));
  }
  families.push_back(std::move(running));
  if (moment.next_backup) {
    families.push_back(gauge("pocketvault_backup_next_run_timestamp_seconds",
                             "When the next backup by the clock begins.",
                             seconds_of(moment.next_backup)));
  }
  if (moment.facts.is_store_up) {
    add_history(moment.facts, families);
    add_store(moment.facts, families);
  }
  return families;
}

std::vector<MetricFamily> gauges_of(const ProcessFacts& process) {
  std::vector<MetricFamily> families;
  families.push_back(counter("process_cpu_seconds_total", "Processor time of user and system.",
                             process.cpu_seconds));
  families.push_back(
      gauge("process_resident_memory_bytes", "Memory in use.", number(process.resident_bytes)));
  families.push_back(gauge("process_virtual_memory_bytes", "Size of the address space.",
                           number(process.virtual_bytes)));
  families.push_back(gauge("process_threads", "Threads.", number(process.threads)));
  families.push_back(
      gauge("process_open_fds", "Open file descriptors.", number(process.open_files)));
  families.push_back(gauge("process_max_fds", "How many file descriptors may be open.",
                           number(process.open_files_max)));
  return families;
}

}  // namespace pv::metrics
