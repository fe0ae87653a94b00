#include "api/api.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "api/activity.h"
#include "api/cors.h"
#include "api/exchange.h"
#include "api/forms.h"
#include "api/real_ip.h"
#include "base/ip.h"
#include "base/text.h"

namespace pv::api {
namespace {

using boost::asio::awaitable;

// Who asks, and the settings that decide about it.
struct Identity {
  std::optional<auth::Principal> who;
  std::optional<settings::Settings> settings;  // nullopt: they can't be read
};

Result<Identity> identify(sqlite::Connection& data, const std::string& token,
                          const std::string& encryption_key, const Clock& clock) {
  Identity identity;
  auto settings = settings::read(data, encryption_key);
  if (settings.has_value()) {
    identity.settings = *std::move(settings);
  } else if (settings.error().code != Code::kUnauthenticated) {
    return fail(std::move(settings).error());
  }
  if (token.empty()) { return identity; }
  auto who = auth::verify_token(data, token, auth::TokenKind::kAuth, clock);
  if (who.has_value()) {
    identity.who = *std::move(who);
  } else if (who.error().code != Code::kUnauthenticated) {
    return fail(std::move(who).error());
  }
  return identity;
}

// These look at the client's address or at the list of superusers' addresses without a header.
bool needs_settings(Route route) {
  return route == Route::kAuthWithPassword || route == Route::kDownloadBackup;
}

// Fills what the exchange knows about who asks.
awaitable<std::optional<Problem>> sign_on(Exchange& exchange) {
  const Services& services = exchange.services;
  const std::string header = exchange.header("Authorization");
  const std::string token{auth::token_of_header(header)};
  exchange.ip = real_ip(exchange.request, exchange.settings);
  if (token.empty() && !needs_settings(exchange.match.route)) { co_return std::nullopt; }
  std::function<Result<Identity>(sqlite::Connection&)> work = [&services,
                                                               token](sqlite::Connection& data) {
    return identify(data, token, services.options.encryption_key, services.parts.clock);
  };
  Result<Identity> identity = co_await reading<Identity>(services, std::move(work));
  if (!identity.has_value()) { co_return problem_of(identity.error()); }
  exchange.who = std::move(identity->who);
  if (identity->settings) {
    exchange.settings = *std::move(identity->settings);
    exchange.ip = real_ip(exchange.request, exchange.settings);
  } else if (exchange.superuser() || needs_settings(exchange.match.route)) {
    // Which addresses superusers may come from is not known, so none may.
    Problem refused = problem(400, phrase::kNoSettings);
    refused.cause = Error{Code::kUnauthenticated, "the settings are encrypted, and no key fits"};
    co_return refused;
  }
  co_return std::nullopt;
}

std::optional<Problem> check_length(const Exchange& exchange) {
  const bool unlimited = exchange.match.route == Route::kUploadBackup;
  if (unlimited || exchange.request.content_length.value_or(0) <= kBodyBytesMax) {
    return std::nullopt;
  }
  return problem(413, phrase::kTooLarge);
}

std::optional<Problem> check_access(const Exchange& exchange) {
  if (exchange.match.access != Access::kSuperuser) { return std::nullopt; }
  if (!exchange.who) { return problem(401, phrase::kAuthRequired); }
  if (!exchange.superuser()) { return problem(403, phrase::kNotAllowed); }
  return std::nullopt;
}

AnswerTask unknown_route(Exchange& exchange) {
  const bool reads = exchange.request.method == "GET" || exchange.is_head();
  // In PocketBase a route for static files catches every GET.
  Problem missing = reads ? problem(404, phrase::kFileNotFound) : not_found();
  co_return tl::unexpected{std::move(missing)};
}

AnswerTask dispatch(Exchange& exchange) {
  switch (exchange.match.route) {
    case Route::kUnknown: return unknown_route(exchange);
    case Route::kHealth: return health(exchange);
    case Route::kListBackups: return list_backups(exchange);
    case Route::kCreateBackup: return create_backup(exchange);
    case Route::kUploadBackup: return upload_backup(exchange);
    case Route::kDownloadBackup: return download_backup(exchange);
    case Route::kDeleteBackup: return delete_backup(exchange);
    case Route::kRestoreBackup: return restore_backup(exchange);
    case Route::kFileToken: return file_token(exchange);
    case Route::kAuthMethods: return auth_methods(exchange);
    case Route::kAuthRefresh: return refresh(exchange);
    case Route::kAuthWithPassword: return sign_in(exchange);
    case Route::kShowSettings: return show_settings(exchange);
    case Route::kChangeSettings: return change_settings(exchange);
    case Route::kTestBucket: return test_bucket(exchange);
    case Route::kTestEmail: return test_email(exchange);
    case Route::kListLogs: return list_logs(exchange);
    case Route::kLogStats: return log_stats(exchange);
    case Route::kShowLog: return show_log(exchange);
    case Route::kListCrons: return list_crons(exchange);
    case Route::kRunCron: return run_cron(exchange);
    case Route::kDownloadToken: return download_token(exchange);
    case Route::kListJobs: return list_jobs(exchange);
    case Route::kShowJob: return show_job(exchange);
    case Route::kCancelJob: return cancel_job(exchange);
    case Route::kEvents: return job_events(exchange);
    case Route::kShowBackup: return show_backup(exchange);
    case Route::kVerifyBackup: return verify_backup(exchange);
    case Route::kListEntries: return list_entries(exchange);
    case Route::kSendEntry: return send_entry(exchange);
    case Route::kPreflightBackup: return preflight_backup(exchange);
    case Route::kUndo: return undo_restore(exchange);
    case Route::kStatus: return show_status(exchange);
    case Route::kShowVaultSettings: return show_vault_settings(exchange);
    case Route::kChangeVaultSettings: return change_vault_settings(exchange);
    case Route::kListHistory: return list_history(exchange);
    case Route::kListReplaced: return list_replaced(exchange);
    case Route::kDeleteReplaced: return delete_replaced(exchange);
    case Route::kPreviewRetention: return preview_retention(exchange);
    case Route::kPrune: return prune_backups(exchange);
    case Route::kPinBackup: return pin_backup(exchange);
    case Route::kUnpinBackup: return unpin_backup(exchange);
    case Route::kShowAlerts: return show_alerts(exchange);
    case Route::kTestAlert: return test_alert(exchange);
    case Route::kMetrics: return show_metrics(exchange);
    case Route::kHealthz:
    case Route::kReadyz: break;  // answered before anybody signs on
  }
  return unknown_route(exchange);
}

// The checks in PocketBase's order, then the route. An answer without security headers comes from
// before the check that sets them.
struct Outcome {
  Answer answer;
  bool security_headers = true;
};

awaitable<Outcome> answer(Exchange& exchange) {
  std::optional<Problem> refused = co_await sign_on(exchange);
  if (!refused && exchange.superuser() && !exchange.is_command &&
      !allowed_ip(exchange.ip, exchange.settings.superuser_ips)) {
    co_return Outcome{tl::unexpected{problem(403, phrase::kForbidden)}, false};
  }
  if (!refused) { refused = co_await check_rate(exchange); }
  if (!refused) { refused = check_length(exchange); }
  if (!refused) { refused = check_access(exchange); }
  if (refused) { co_return Outcome{tl::unexpected{*std::move(refused)}, true}; }
  AnswerTask running = dispatch(exchange);
  Answer result = co_await std::move(running);
  co_return Outcome{std::move(result), true};
}

// Go's server crashes one request, not the process; so do we.
awaitable<Outcome> guarded(Exchange& exchange) {
  std::string what;
  try {
    co_return co_await answer(exchange);
  } catch (const std::exception& exception) { what = exception.what(); }
  Problem crash = something_wrong();
  crash.status = 500;
  crash.cause = Error{Code::kInternal, what};
  co_return Outcome{tl::unexpected{std::move(crash)}, true};
}

void add_security_headers(http::Headers& headers) {
  headers.add("X-Content-Type-Options", "nosniff");
  headers.add("X-Frame-Options", "SAMEORIGIN");
  headers.add("X-Xss-Protection", "1; mode=block");
}

http::Response to_response(const Exchange& exchange, Answer answer) {
  if (answer.has_value()) { return *std::move(answer); }
  const Problem& problem = answer.error();
  if (problem.cause) {
    // The path alone: a query may hold a token.
    spdlog::warn("{} {}: {} ({})", exchange.request.method, exchange.request.path,
                 problem.cause->what, code_name(problem.cause->code));
  }
  http::Response response = to_response(problem, exchange.language, exchange.is_head());
  if (exchange.speaks()) { note_language(exchange, response); }
  return response;
}

void log_request(const Exchange& exchange, const Answer& answer, std::chrono::nanoseconds took) {
  const Problem* problem = answer.has_value() ? nullptr : &answer.error();
  const unsigned status = answer.has_value() ? answer->status : problem->status;
  auto row = log_row_of(exchange, status, problem, took);
  if (row) { exchange.services.parts.log.add(*std::move(row)); }
}

Language language_of(const Exchange& exchange) {
  if (!exchange.speaks()) { return Language::kEnglish; }
  return preferred_language(exchange.request.headers.all("Accept-Language"));
}

}  // namespace

Api::Api(Parts parts, Options options)
    : parts_{parts},
      options_{std::move(options)},
      default_manner_{options_},
      limiters_{std::make_unique<Limiters>()} {
  default_manner_.strict = false;
}

Api::~Api() = default;

bool Api::is_command(const http::Request& request) const {
  const std::string_view key = request.headers.find(options_.command_header).value_or("");
  return !options_.command_key.empty() && equals_constant_time(key, options_.command_key);
}

awaitable<http::Response> Api::handle(http::Request request, http::BodyReader& body) {
  if (auto elsewhere = redirect(request, options_.listen_host)) { co_return *std::move(elsewhere); }
  if (request.method == "OPTIONS") { co_return preflight(request, options_.origins); }
  const bool is_command = this->is_command(request);
  const Options& manner = is_command ? default_manner_ : options_;
  const Services services{parts_, manner, sign_ins_, event_streams_, content_readers_, *limiters_};
  Exchange exchange{.services = services,
                    .request = std::move(request),
                    .body = body,
                    .match = {},
                    .language = {},
                    .settings = *parts_.settings.now(),
                    .who = {},
                    .ip = {},
                    .is_command = is_command};
  exchange.match = match_route(exchange.request.method, exchange.request.path, manner.strict);
  // For whoever asks every second: neither a database nor the log of requests has to do with them.
  if (exchange.match.route == Route::kHealthz) { co_return alive_answer(); }
  if (exchange.match.route == Route::kReadyz) {
    co_return co_await ready_answer(options_.watch, parts_.pools.ready);
  }
  exchange.language = language_of(exchange);
  const auto begun = parts_.clock.steady_now();
  Outcome outcome = co_await guarded(exchange);
  const auto took = parts_.clock.steady_now() - begun;
  log_request(exchange, outcome.answer, took);
  http::Response response = to_response(exchange, std::move(outcome.answer));
  if (options_.watch.on_request) {
    options_.watch.on_request(route_name(exchange.match.route), response.status, took);
  }
  add_cors_headers(exchange.request, options_.origins, response.headers);
  if (outcome.security_headers) { add_security_headers(response.headers); }
  co_return response;
}

}  // namespace pv::api
