#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "metrics/gauges.h"
#include "metrics/process.h"

namespace pv::metrics {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Registry;
using Buckets = Histogram::BucketBoundaries;

const Buckets& job_buckets() {
  static const Buckets buckets{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400};
  return buckets;
}
const Buckets& pause_buckets() {
  static const Buckets buckets{0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10};
  return buckets;
}
const Buckets& request_buckets() {
  static const Buckets buckets{0.005, 0.025, 0.1, 0.5, 2.5, 10, 60};
  return buckets;
}

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

std::string_view outcome_of(int status) {
  if (status == 0) { return "no_answer"; }
  if (status < 400) { return "success"; }
  return status < 500 ? "refused" : "failed";
}

// S3 knows no others.
std::string method_of(const std::string& method) {
  for (const char* known : {"GET", "HEAD", "PUT", "POST", "DELETE"}) {
    if (method == known) { return known; }
  }
  return "other";
}

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

struct Metrics::Impl {
  explicit Impl(std::string of_version, WallTime since)
      : version{std::move(of_version)}, started{since} {
    // From 0 on, so that the first failure is seen as an increase.
    for (const jobs::Kind kind : jobs::kKinds) {
      for (const jobs::State state :
           {jobs::State::kSucceeded, jobs::State::kFailed, jobs::State::kCancelled}) {
        jobs_total.Add(labels_of(kind, state));
      }
      warnings.Add({{"kind", std::string{jobs::kind_name(kind)}}});
    }
  }

  static prometheus::Labels labels_of(jobs::Kind kind, jobs::State state) {
    return {{"kind", std::string{jobs::kind_name(kind)}},
            {"outcome", std::string{jobs::state_name(state)}}};
  }

  void note_backup(const jobs::Report& report) {
    read_bytes.Increment(static_cast<double>(report.raw_bytes));
    unchanged_bytes.Increment(static_cast<double>(report.copied_bytes));
    written_bytes.Increment(static_cast<double>(report.archive_bytes));
    pause.Observe(seconds(report.pause));
  }

  const std::string version;
  const WallTime started;
  Registry registry;
  Family<Counter>& jobs_total =
      counters(registry, "pocketvault_jobs_total", "Jobs of this process that have ended.");
  Family<Histogram>& durations = BuildHistogram()
                                     .Name("pocketvault_job_duration_seconds")
                                     .Help("How long jobs of this process took.")
                                     .Register(registry);
  Family<Counter>& warnings =
      counters(registry, "pocketvault_job_warnings_total", "Warnings of jobs of this process.");
  Counter& read_bytes =
      counters(registry, "pocketvault_backup_read_bytes_total",
               "Data that went into backups of this process that succeeded, unpacked.")
          .Add({});
  Counter& unchanged_bytes =
      counters(registry, "pocketvault_backup_unchanged_bytes_total",
               "Of that, what was taken from the backup before in packed form.")
          .Add({});
  Counter& written_bytes = counters(registry, "pocketvault_backup_written_bytes_total",
                                    "Archives of backups of this process that succeeded.")
                               .Add({});
  Histogram& pause = BuildHistogram()
                         .Name("pocketvault_backup_writer_pause_seconds")
                         .Help("How long commits to the databases could not happen in a backup.")
                         .Register(registry)
                         .Add({}, pause_buckets());
  Family<Counter>& s3_requests =
      counters(registry, "pocketvault_s3_requests_total", "Requests to S3 servers.");
  Family<Counter>& s3_retries = counters(registry, "pocketvault_s3_retries_total",
                                         "Of these, those that were not the first try.");
  Family<Histogram>& requests =
      BuildHistogram()
          .Name("pocketvault_http_request_duration_seconds")
          .Help("How long requests took until their answers were ready to be sent.")
          .Register(registry);
};

Metrics::Metrics(std::string version, WallTime started)
    : impl_{std::make_unique<Impl>(std::move(version), started)} {}

Metrics::~Metrics() = default;

void Metrics::note(const jobs::Status& status) {
  if (!status.finished) { return; }
  const prometheus::Labels labels = Impl::labels_of(status.kind, status.state);
  impl_->jobs_total.Add(labels).Increment();
  impl_->durations.Add(labels, job_buckets()).Observe(seconds(*status.finished - status.started));
  impl_->warnings.Add({{"kind", std::string{jobs::kind_name(status.kind)}}})
      .Increment(static_cast<double>(status.warnings.size()));
  if (status.kind == jobs::Kind::kBackup && status.state == jobs::State::kSucceeded) {
    impl_->note_backup(status.report);
  }
}

void Metrics::note(const s3::Tried& tried) {
  const std::string method = method_of(tried.method);
  impl_->s3_requests.Add({{"method", method}, {"outcome", std::string{outcome_of(tried.status)}}})
      .Increment();
  Counter& retries = impl_->s3_retries.Add({{"method", method}});
  if (tried.is_again) { retries.Increment(); }
}

void Metrics::note_request(std::string_view route, unsigned status, std::chrono::nanoseconds took) {
  impl_->requests
      .Add({{"route", std::string{route}}, {"code", std::to_string(status)}}, request_buckets())
      .Observe(seconds(took));
}

std::string Metrics::text(const Moment& moment) const {
  std::vector<prometheus::MetricFamily> families;
  const auto add = [&](std::vector<prometheus::MetricFamily> more) {
    std::ranges::move(more, std::back_inserter(families));
  };
  prometheus::MetricFamily build =
      gauge("pocketvault_build_info", "1; its label is the version of the program.", 1);
  build.metric.front().label.push_back({"version", impl_->version});
  families.push_back(std::move(build));
  add(gauges_of(moment));
  add(impl_->registry.Collect());
  families.push_back(
      gauge("process_start_time_seconds", "When the process started.",
            std::chrono::duration<double>(impl_->started.time_since_epoch()).count()));
  if (const auto process = look_at_process()) { add(gauges_of(*process)); }
  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, families);
  return out.str();
}

}  // namespace pv::metrics
