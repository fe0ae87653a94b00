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
  object.emplace("incomplete", jobs::to_json(summary.gaps));
  return object;
}

}  // namespace

AnswerTask list_jobs(Exchange& exchange) {
  auto make = [&vault = exchange.services.parts.vault]() -> Result<json::value> {
    json::array array;
    for (const JobPointer& job : vault.jobs()) { array.push_back(job_json(job->status())); }
    return array;
  };
  return answer_told(exchange, exchange.services.parts.pools.databases, kOfJobs, std::move(make));
}

AnswerTask show_job(Exchange& exchange) {
  auto make = [&vault = exchange.services.parts.vault,
               id = exchange.value()]() -> Result<json::value> {
    PV_TRY(const JobPointer job, find_job(vault, id));
    return job_json(job->status());
  };
  return answer_told(exchange, exchange.services.parts.pools.databases, kOfJobs, std::move(make));
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
  std::function<Result<json::value>()> make = [&vault = exchange.services.parts.vault,
                                               name = *name]() -> Result<json::value> {
    PV_TRY(const jobs::ArchiveSummary summary, vault.summarize(name));
    return summary_json(summary);
  };
  co_return co_await answer_told(exchange, exchange.services.parts.pools.peers, kOfVerdicts,
                                 std::move(make));
}

AnswerTask verify_backup(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  const auto deep = http::query_value(exchange.request.query, "deep");
  const jobs::VerifyDepth depth =
      deep == "true" ? jobs::VerifyDepth::kDeep : jobs::VerifyDepth::kPlain;
  std::function<Result<JobPointer>()> work = [&vault = exchange.services.parts.vault, name = *name,
                                              depth] { return vault.start_verify(name, depth); };
  const auto job = co_await asking_peer<JobPointer>(exchange.services, std::move(work));
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
  const auto job = co_await asking_peer<JobPointer>(exchange.services, std::move(work));
  if (!job.has_value()) { co_return tl::unexpected{explained(job.error())}; }
  co_return accepted(exchange, **job);
}

}  // namespace pv::api
