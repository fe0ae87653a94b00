#include "api/watch.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "api/exchange.h"
#include "api/json.h"

namespace pv::api {
namespace {

using boost::asio::awaitable;
namespace json = boost::json;

http::Response text_answer(unsigned status, std::string type, std::string text) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", std::move(type));
  response.headers.add("Cache-Control", "no-store");
  response.body.emplace_back(std::move(text));
  return response;
}

http::Response document(unsigned status, const json::value& value) {
  return text_answer(status, "application/json", to_json(value) + "\n");
}

http::Response plain(unsigned status, std::string text) {
  return text_answer(status, "text/plain; charset=utf-8", std::move(text));
}

}  // namespace

http::Response alive_answer() { return document(200, json::object{{"alive", true}}); }

awaitable<http::Response> ready_answer(const Watch& watch, WorkPool& pool) {
  using Reasons = std::vector<std::string>;
  std::function<Result<Reasons>()> work = [&watch]() -> Result<Reasons> {
    return watch.unready ? watch.unready() : Reasons{};
  };
  const Result<Reasons> reasons = co_await http::offload<Reasons>(pool, std::move(work));
  json::array list;
  for (const std::string& reason : *reasons) { list.emplace_back(reason); }
  const bool is_ready = list.empty();
  const json::object object{{"ready", is_ready}, {"reasons", std::move(list)}};
  co_return document(is_ready ? 200 : 503, object);
}

awaitable<http::Response> metrics_answer(const Watch& watch, WorkPool& pool) {
  std::function<Result<std::string>()> work = [&watch]() -> Result<std::string> {
    return watch.metrics();
  };
  Result<std::string> text = co_await http::offload<std::string>(pool, std::move(work));
  co_return text_answer(200, watch.metrics_type, *std::move(text));
}

awaitable<http::Response> watch_answer(const Watch& watch, Pools& pools, http::Request request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const std::string& path = request.path;
  const bool is_known = path == "/healthz" || path == "/readyz" || path == "/metrics";
  if (!is_known) { co_return plain(404, "There are /metrics, /healthz and /readyz.\n"); }
  if (!reads) {
    http::Response refused = plain(405, "GET alone.\n");
    refused.headers.add("Allow", "GET, HEAD");
    co_return refused;
  }
  if (path == "/healthz") { co_return alive_answer(); }
  if (path == "/readyz") { co_return co_await ready_answer(watch, pools.ready); }
  co_return co_await metrics_answer(watch, pools.databases);
}

AnswerTask show_metrics(Exchange& exchange) {
  const Watch& watch = exchange.services.options.watch;
  if (!watch.metrics) { co_return tl::unexpected{not_found()}; }
  http::Response response = co_await metrics_answer(watch, exchange.services.parts.pools.databases);
  co_return response;
}

std::string_view route_name(Route route) {
  switch (route) {
    case Route::kUnknown: return "unknown";
    case Route::kHealth:
    case Route::kHealthz:
    case Route::kReadyz: return "health";
    case Route::kMetrics: return "metrics";
    case Route::kFileToken:
    case Route::kAuthMethods:
    case Route::kAuthRefresh:
    case Route::kAuthWithPassword:
    case Route::kDownloadToken: return "auth";
    case Route::kListBackups:
    case Route::kShowBackup: return "backup_list";
    case Route::kCreateBackup: return "backup_create";
    case Route::kUploadBackup: return "backup_upload";
    case Route::kDownloadBackup: return "backup_download";
    case Route::kDeleteBackup: return "backup_delete";
    case Route::kRestoreBackup:
    case Route::kUndo: return "restore";
    case Route::kVerifyBackup:
    case Route::kPreflightBackup: return "verify";
    case Route::kListEntries:
    case Route::kSendEntry: return "contents";
    case Route::kShowSettings:
    case Route::kChangeSettings:
    case Route::kTestBucket:
    case Route::kTestEmail:
    case Route::kShowVaultSettings:
    case Route::kChangeVaultSettings: return "settings";
    case Route::kListLogs:
    case Route::kLogStats:
    case Route::kShowLog: return "logs";
    case Route::kListCrons:
    case Route::kRunCron: return "crons";
    case Route::kListJobs:
    case Route::kShowJob:
    case Route::kCancelJob:
    case Route::kEvents: return "jobs";
    case Route::kStatus:
    case Route::kListHistory:
    case Route::kListReplaced:
    case Route::kDeleteReplaced: return "status";
    case Route::kPreviewRetention:
    case Route::kPrune:
    case Route::kPinBackup:
    case Route::kUnpinBackup: return "retention";
    case Route::kShowAlerts:
    case Route::kTestAlert: return "alerts";
  }
  return "unknown";
}

}  // namespace pv::api
