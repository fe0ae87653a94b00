#include "api/job_answer.h"

#include <cmath>

#include "api/sentences.h"
#include "base/text.h"
#include "http/event.h"
#include "jobs/preflight_json.h"

namespace pv::api {
namespace {

namespace json = boost::json;

json::array warnings_json(const std::vector<jobs::Warning>& warnings) {
  json::array array;
  for (const jobs::Warning& warning : warnings) {
    json::object object;
    object.emplace("name", warning.name);
    object.emplace("message", warning.what);
    array.push_back(std::move(object));
  }
  return array;
}

json::value error_json(const std::optional<Error>& error) {
  if (!error) { return nullptr; }
  json::object object;
  object.emplace("code", code_name(error->code));
  object.emplace("message", error->what);
  return object;
}

json::object left_out_json(const jobs::LeftOut& left_out) {
  json::array names;
  for (const std::string& name : left_out.names) { names.emplace_back(name); }
  json::object object;
  object.emplace("files", left_out.files);
  object.emplace("bytes", left_out.bytes);
  object.emplace("names", std::move(names));
  return object;
}

json::object report_json(const jobs::Report& report) {
  // Whole microseconds, so that the number stays short: 0.153.
  const auto pause = std::chrono::duration_cast<std::chrono::microseconds>(report.pause);
  json::object object;
  object.emplace("entries", report.entries);
  object.emplace("rawBytes", report.raw_bytes);
  object.emplace("archiveBytes", report.archive_bytes);
  object.emplace("pauseMs", static_cast<double>(pause.count()) / 1000.0);
  object.emplace("way", report.way);
  object.emplace("copiedBytes", report.copied_bytes);
  object.emplace("sharedBytes", report.shared_bytes);
  object.emplace("previous", report.previous);
  object.emplace("fullBecause", report.full_because);
  object.emplace("structure", report.structure);
  object.emplace("replacedId", report.replaced_id);
  object.emplace("leftOut", left_out_json(report.left_out));
  object.emplace("bucket", report.bucket);
  object.emplace("bucketFiles", report.bucket_files);
  object.emplace("bucketBytes", report.bucket_bytes);
  object.emplace("unchangedFiles", report.unchanged_files);
  object.emplace("unchangedBytes", report.unchanged_bytes);
  object.emplace("safetyBackup", report.safety_backup);
  object.emplace("scope", report.scope);
  object.emplace("note", report.note);
  object.emplace("target", report.target);
  object.emplace("records", report.records);
  object.emplace("collections", jobs::to_json(report.collections));
  return object;
}

}  // namespace

json::object job_json(const jobs::Status& status) {
  json::object object;
  object.emplace("id", status.id);
  object.emplace("kind", jobs::kind_name(status.kind));
  object.emplace("name", status.name);
  object.emplace("state", jobs::state_name(status.state));
  object.emplace("phase", status.phase);
  object.emplace("bytesTotal", status.bytes_total);
  object.emplace("bytesDone", status.bytes_done);
  object.emplace("bytesPerSecond", status.bytes_per_second);
  object.emplace("started", format_pocketbase_date(status.started));
  json::value finished;
  if (status.finished) { finished = format_pocketbase_date(*status.finished); }
  object.emplace("finished", std::move(finished));
  object.emplace("error", error_json(status.error));
  object.emplace("warnings", warnings_json(status.warnings));
  object.emplace("report", report_json(status.report));
  if (status.report.preflight) {
    object.emplace("preflight", jobs::to_json(*status.report.preflight));
  }
  return object;
}

json::object told_job(const jobs::Status& status, Language language) {
  json::object object = job_json(status);
  tell(language, kOfJobs, object);
  return object;
}

boost::asio::awaitable<jobs::Status> wait_for_end(std::shared_ptr<jobs::Job> job) {
  const http::Event ended{co_await boost::asio::this_coro::executor};
  std::function<void()> callback = [ended] { ended.set(); };
  job->on_finished(std::move(callback));
  co_await ended.wait();
  co_return job->status();
}

http::Response accepted(const Exchange& exchange, const jobs::Job& job) {
  http::Response response = told_answer(exchange, 202, told_job(job.status(), exchange.language));
  response.headers.add("Location", "/api/vault/jobs/" + job.id());
  return response;
}

}  // namespace pv::api
