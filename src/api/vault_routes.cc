// Routes of our own, for superusers: jobs, what an archive holds, verifying.
#include "api/exchange.h"
#include "api/job_answer.h"
#include "api/sentences.h"
#include "base/text.h"
#include "http/url.h"
#include "jobs/pins.h"

namespace pv::api {
namespace {

namespace json = boost::json;

using JobPointer = std::shared_ptr<jobs::Job>;

Result<JobPointer> find_job(jobs::Vault& vault, const std::string& id) {
  JobPointer job = vault.find_job(id);
  if (job == nullptr) { return fail(Code::kNotFound, "no such job"); }
  return job;
}

json::object summary_json(const jobs::ArchiveSummary& summary) {
  json::array databases;
  for (const std::string& name : summary.databases) { databases.emplace_back(name); }
  json::object object;
  object.emplace("key", summary.backup.name.text());
  object.emplace("size", summary.backup.size_bytes);
  object.emplace("modified", format_pocketbase_date(summary.backup.modified));
  object.emplace("entries", summary.entries);
  object.emplace("rawBytes", summary.raw_bytes);
  object.emplace("databases", std::move(databases));
  object.emplace("storageFiles", summary.storage_files);
  object.emplace("hasDataDb", summary.has_data_db);
  object.emplace("verdict", jobs::to_json(summary.verdict));
  object.emplace("pin", jobs::to_json(summary.pin));
  return object;
}

}  // namespace

AnswerTask list_jobs(Exchange& exchange) {
  std::function<Result<json::value>()> work = [&vault = exchange.services.parts.vault,
                                               language =
                                                   exchange.language]() -> Result<json::value> {
    json::array array;
    for (const JobPointer& job : vault.jobs()) { array.push_back(job_json(job->status())); }
    json::value list = std::move(array);
    tell(language, kOfJobs, list);
    return list;
  };
  const auto list = co_await blocking<json::value>(exchange.services, std::move(work));
  if (!list.has_value()) { co_return tl::unexpected{explained(list.error())}; }
  co_return told_answer(exchange, 200, *list);
}

AnswerTask show_job(Exchange& exchange) {
  std::function<Result<json::object>()> work =
      [&vault = exchange.services.parts.vault, id = exchange.value(),
       language = exchange.language]() -> Result<json::object> {
    PV_TRY(const JobPointer job, find_job(vault, id));
    return told_job(job->status(), language);
  };
  const auto job = co_await blocking<json::object>(exchange.services, std::move(work));
  if (!job.has_value()) { co_return tl::unexpected{explained(job.error())}; }
  co_return told_answer(exchange, 200, *job);
}

AnswerTask cancel_job(Exchange& exchange) {
  std::function<Result<JobPointer>()> work = [&vault = exchange.services.parts.vault,
                                              id = exchange.value()] {
    return find_job(vault, id);
  };
  const auto job = co_await blocking<JobPointer>(exchange.services, std::move(work));
  if (!job.has_value()) { co_return tl::unexpected{explained(job.error())}; }
  (*job)->cancel();
  co_return empty_answer(204);
}

AnswerTask show_backup(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  std::function<Result<jobs::ArchiveSummary>()> work =
      [&vault = exchange.services.parts.vault, name = *name] { return vault.summarize(name); };
  const auto summary = co_await blocking<jobs::ArchiveSummary>(exchange.services, std::move(work));
  if (!summary.has_value()) { co_return tl::unexpected{explained(summary.error())}; }
  json::object object = summary_json(*summary);
  tell(exchange.language, kOfVerdicts, object);
  co_return told_answer(exchange, 200, object);
}

AnswerTask verify_backup(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  const auto deep = http::query_value(exchange.request.query, "deep");
  const jobs::VerifyDepth depth =
      deep == "true" ? jobs::VerifyDepth::kDeep : jobs::VerifyDepth::kPlain;
  std::function<Result<JobPointer>()> work = [&vault = exchange.services.parts.vault, name = *name,
                                              depth] { return vault.start_verify(name, depth); };
  const auto job = co_await blocking<JobPointer>(exchange.services, std::move(work));
  if (!job.has_value()) { co_return tl::unexpected{explained(job.error())}; }
  co_return accepted(exchange, **job);
}

AnswerTask preflight_backup(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  const auto part = co_await read_part(exchange);
  if (!part.has_value()) { co_return tl::unexpected{part.error()}; }
  const std::string where =
      http::query_value(exchange.request.query, "filesTo").value_or(std::string{});
  const auto files_to = restore::parse_files_to(where);
  if (!files_to.has_value()) { co_return tl::unexpected{explained(files_to.error())}; }
  std::function<Result<JobPointer>()> work = [&vault = exchange.services.parts.vault, name = *name,
                                              only = *part, to = *files_to] {
    return vault.start_preflight(name, {.only = only, .files_to = to});
  };
  const auto job = co_await blocking<JobPointer>(exchange.services, std::move(work));
  if (!job.has_value()) { co_return tl::unexpected{explained(job.error())}; }
  co_return accepted(exchange, **job);
}

}  // namespace pv::api
