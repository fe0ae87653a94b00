#include "api/router.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/url.h"

namespace pv::api {
namespace {

struct Entry {
  std::string_view method;
  std::string_view pattern;
  Route route;
  Access access;
  bool own = false;
};

// Of two that fit the earlier one counts.
constexpr std::array kRoutes{
    Entry{"GET", "/api/health", Route::kHealth, Access::kAnyone},
    Entry{"GET", "/api/backups", Route::kListBackups, Access::kSuperuser},
    Entry{"POST", "/api/backups", Route::kCreateBackup, Access::kSuperuser},
    Entry{"POST", "/api/backups/upload", Route::kUploadBackup, Access::kSuperuser},
    Entry{"GET", "/api/backups/{key}", Route::kDownloadBackup, Access::kAnyone},
    Entry{"DELETE", "/api/backups/{key}", Route::kDeleteBackup, Access::kSuperuser},
    Entry{"POST", "/api/backups/{key}/restore", Route::kRestoreBackup, Access::kSuperuser},
    Entry{"POST", "/api/files/token", Route::kFileToken, Access::kAnyone},
    Entry{"GET", "/api/collections/{collection}/auth-methods", Route::kAuthMethods,
          Access::kAnyone},
    Entry{"POST", "/api/collections/{collection}/auth-refresh", Route::kAuthRefresh,
          Access::kAnyone},
    Entry{"POST", "/api/collections/{collection}/auth-with-password", Route::kAuthWithPassword,
          Access::kAnyone},
    Entry{"GET", "/api/settings", Route::kShowSettings, Access::kSuperuser},
    Entry{"PATCH", "/api/settings", Route::kChangeSettings, Access::kSuperuser},
    Entry{"POST", "/api/settings/test/s3", Route::kTestBucket, Access::kSuperuser},
    Entry{"POST", "/api/settings/test/email", Route::kTestEmail, Access::kSuperuser},
    Entry{"GET", "/api/logs", Route::kListLogs, Access::kSuperuser},
    Entry{"GET", "/api/logs/stats", Route::kLogStats, Access::kSuperuser},
    Entry{"GET", "/api/logs/{id}", Route::kShowLog, Access::kSuperuser},
    Entry{"GET", "/api/crons", Route::kListCrons, Access::kSuperuser},
    Entry{"POST", "/api/crons/{id}", Route::kRunCron, Access::kSuperuser},
    Entry{"POST", "/api/backups/{key}/download-token", Route::kDownloadToken, Access::kSuperuser,
          true},
    Entry{"GET", "/api/vault/jobs", Route::kListJobs, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/jobs/{id}", Route::kShowJob, Access::kSuperuser, true},
    Entry{"DELETE", "/api/vault/jobs/{id}", Route::kCancelJob, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/events", Route::kEvents, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/backups/{key}", Route::kShowBackup, Access::kSuperuser, true},
    Entry{"POST", "/api/vault/backups/{key}/verify", Route::kVerifyBackup, Access::kSuperuser,
          true},
    Entry{"GET", "/api/vault/backups/{key}/entries", Route::kListEntries, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/backups/{key}/files/{path...}", Route::kSendEntry, Access::kSuperuser,
          true},
    Entry{"POST", "/api/vault/backups/{key}/preflight", Route::kPreflightBackup, Access::kSuperuser,
          true},
    Entry{"POST", "/api/vault/backups/{key}/pin", Route::kPinBackup, Access::kSuperuser, true},
    Entry{"DELETE", "/api/vault/backups/{key}/pin", Route::kUnpinBackup, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/retention/preview", Route::kPreviewRetention, Access::kSuperuser,
          true},
    Entry{"POST", "/api/vault/retention/prune", Route::kPrune, Access::kSuperuser, true},
    Entry{"POST", "/api/vault/undo", Route::kUndo, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/status", Route::kStatus, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/history", Route::kListHistory, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/settings", Route::kShowVaultSettings, Access::kSuperuser, true},
    Entry{"PATCH", "/api/vault/settings", Route::kChangeVaultSettings, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/replaced", Route::kListReplaced, Access::kSuperuser, true},
    Entry{"DELETE", "/api/vault/replaced/{id}", Route::kDeleteReplaced, Access::kSuperuser, true},
    Entry{"GET", "/api/vault/alerts", Route::kShowAlerts, Access::kSuperuser, true},
    Entry{"POST", "/api/vault/alerts/test", Route::kTestAlert, Access::kSuperuser, true},
    Entry{"GET", "/metrics", Route::kMetrics, Access::kSuperuser, true},
    Entry{"GET", "/healthz", Route::kHealthz, Access::kAnyone, true},
    Entry{"GET", "/readyz", Route::kReadyz, Access::kAnyone, true},
};

// The longest pattern has 5 segments before a path of at most 128; more than that are never looked
// at.
constexpr std::size_t kSegmentsMax = 5 + 129;

// The segments after the first '/', decoded.
std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(std::min<std::size_t>(1, path.size()));
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(http::decode_path_segment(path.substr(0, slash)).value_or(""));
    if (slash == std::string_view::npos || segments.size() >= kSegmentsMax) { return segments; }
    path.remove_prefix(slash + 1);
  }
}

// The values of the {...} segments when `segments` fit.
std::optional<std::vector<std::string>> values_of(const std::vector<std::string>& segments,
                                                  std::string_view pattern) {
  std::vector<std::string> values;
  bool takes_rest = false;
  for (const std::string& segment : segments) {
    if (takes_rest && !segment.empty()) {
      values.back() += "/" + segment;
      continue;
    }
    if (pattern.empty()) { return std::nullopt; }
    pattern.remove_prefix(1);
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view wanted = pattern.substr(0, end);
    if (wanted.starts_with('{') ? segment.empty() : segment != wanted) { return std::nullopt; }
    if (wanted.starts_with('{')) { values.push_back(segment); }
    takes_rest = wanted.ends_with("...}");
    pattern.remove_prefix(end);
  }
  if (!pattern.empty()) { return std::nullopt; }
  return values;
}

http::Response redirect_to(const http::Request& request, std::string path) {
  if (!request.query.empty()) { path += "?" + request.query; }
  http::Response response;
  response.status = 307;
  response.headers.add("Location", path);
  const bool is_get = request.method == "GET";
  if (is_get || request.method == "HEAD") {
    response.headers.add("Content-Type", "text/html; charset=utf-8");
  }
  if (is_get) {
    response.body.emplace_back("<a href=\"" + escape_html(path) + "\">Temporary Redirect</a>.\n\n");
  }
  return response;
}

}  // namespace

Match match_route(std::string_view method, std::string_view path, bool strict) {
  if (method == "HEAD") { method = "GET"; }
  const std::vector<std::string> segments = split(path);
  for (const Entry& entry : kRoutes) {
    if (entry.method != method || (entry.own && strict)) { continue; }
    if (auto values = values_of(segments, entry.pattern)) {
      return {.route = entry.route, .access = entry.access, .values = *std::move(values)};
    }
  }
  return {};
}

std::optional<http::Response> redirect(const http::Request& request, std::string_view listen_host) {
  constexpr std::string_view kWww = "www.";
  if (request.method != "CONNECT") {
    if (auto clean = http::cleaned_path(request.path)) {
      return redirect_to(request, *std::move(clean));
    }
  }
  if (request.path == "/_" && (request.method == "GET" || request.method == "HEAD")) {
    return redirect_to(request, "/_/");
  }
  const std::string_view host = request.headers.find("Host").value_or("");
  if (!host.starts_with(kWww) || host.substr(kWww.size()) != listen_host) { return std::nullopt; }
  http::Response response;
  response.status = 307;
  response.headers.add("Location", "http://" + std::string{listen_host} + request.target);
  return response;
}

}  // namespace pv::api
