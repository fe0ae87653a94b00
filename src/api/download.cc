// Sending a backup, and the tokens that open one.
#include "api/exchange.h"
#include "base/ip.h"
#include "base/text.h"
#include "http/ranges.h"
#include "http/url.h"

namespace pv::api {
namespace {

namespace json = boost::json;

// Who a token lets in: a superuser's file token, or (not in PocketBase) a token for this key alone.
Result<auth::Principal> admit(sqlite::Connection& data, const std::string& token,
                              const std::string& own_key, const Clock& clock) {
  auto who = auth::verify_token(data, token, auth::TokenKind::kFile, clock);
  if (who.has_value() && !who->is_superuser()) {
    return fail(Code::kUnauthenticated, "not a superuser's token");
  }
  if (who.has_value() || own_key.empty()) { return who; }
  return auth::verify_download_token(data, token, own_key, clock);
}

// nullopt: come in.
boost::asio::awaitable<std::optional<Problem>> check_token(const Exchange& exchange,
                                                           const std::string& own_key) {
  const std::string token = http::query_value(exchange.request.query, "token").value_or("");
  if (token.empty() && !exchange.strict()) {
    // The check for superusers has looked at their address already.
    if (exchange.superuser()) { co_return std::nullopt; }
    if (exchange.who) { co_return problem(403, phrase::kNotAllowed); }
    co_return problem(401, phrase::kAuthRequired);
  }
  if (!token.empty()) {
    std::function<Result<auth::Principal>(sqlite::Connection&)> work =
        [&clock = exchange.services.parts.clock, token, own_key](sqlite::Connection& data) {
          return admit(data, token, own_key, clock);
        };
    const auto who = co_await reading<auth::Principal>(exchange.services, std::move(work));
    if (!who.has_value() && who.error().code != Code::kUnauthenticated) {
      co_return problem_of(who.error());
    }
    if (who.has_value() && allowed_ip(exchange.ip, exchange.settings.superuser_ips)) {
      co_return std::nullopt;
    }
  }
  co_return problem(403, phrase::kInsufficient);
}

struct Opened {
  store::Backup backup;
  std::shared_ptr<Source> source;
};

struct Opening {
  Result<Opened> opened;
  bool failed_in_bucket = false;  // there is no such key, or the bucket does not answer
};

Result<Opened> open_backup(store::BackupStore& store, const store::BackupName& name) {
  PV_TRY(store::Backup backup, store.stat(name));
  PV_TRY(std::unique_ptr<Source> source, store.open(name));
  return Opened{std::move(backup), std::move(source)};
}

http::Task<Opening> try_to_open(const Services& services, store::BackupName name) {
  std::function<Result<Opening>()> work = [&vault = services.parts.vault,
                                           name = std::move(name)]() -> Result<Opening> {
    Opening opening{.opened = open_backup(vault.store(), name)};
    if (!opening.opened.has_value()) {
      const Code code = opening.opened.error().code;
      opening.failed_in_bucket = (code == Code::kNotFound || code == Code::kUnavailable) &&
                                 vault.store().is_remote();  // may wait for the settings
    }
    return opening;
  };
  co_return co_await asking_peer<Opening>(services, std::move(work));
}

// PocketBase tells a key that its bucket does not have from no other failure there.
Problem not_opened(const Exchange& exchange, const Opening& opening) {
  const Error& error = opening.opened.error();
  if (exchange.strict() && opening.failed_in_bucket) {
    Problem failed = something_wrong();
    if (error.code != Code::kNotFound) { failed.cause = error; }
    return failed;
  }
  if (error.code == Code::kNotFound || error.code == Code::kInvalid) { return not_found(); }
  Problem failed = problem(500, phrase::kNoFilesystem);
  failed.cause = error;
  return failed;
}

std::string content_type_of(const store::Backup& backup) {
  const std::string_view name = backup.name.text();
  if (name.ends_with(".svg")) { return "image/svg+xml"; }
  if (name.ends_with(".css")) { return "text/css"; }
  if (name.ends_with(".js") || name.ends_with(".mjs")) { return "text/javascript"; }
  return backup.content_type.empty() ? "application/octet-stream" : backup.content_type;
}

std::string make_boundary(Random& random) {
  std::array<std::byte, 30> bytes{};
  random.fill(bytes);
  return to_hex(bytes);
}

}  // namespace

AnswerTask download_backup(Exchange& exchange) {
  const std::string& key = exchange.value();
  const auto name = name_of_key(key);
  const std::string own_key = name && !exchange.strict() ? name->text() : std::string{};
  auto refused = co_await check_token(exchange, own_key);
  if (refused) { co_return tl::unexpected{*std::move(refused)}; }
  if (!is_utf8(key) || key.ends_with(".attrs")) { co_return tl::unexpected{something_wrong()}; }
  if (!name) { co_return tl::unexpected{not_found()}; }
  auto opening = co_await try_to_open(exchange.services, *name);
  if (!opening.has_value()) { co_return tl::unexpected{problem_of(opening.error())}; }
  Result<Opened>& opened = opening->opened;
  if (!opened.has_value()) { co_return tl::unexpected{not_opened(exchange, *opening)}; }

  http::FileAnswer file{.source = std::move(opened->source),
                        .content_type = content_type_of(opened->backup),
                        .modified = opened->backup.modified,
                        .headers = {}};
  file.headers.add("Cache-Control", "max-age=2592000, stale-while-revalidate=86400");
  file.headers.add("Content-Disposition", "attachment; filename=" + std::string{name->last_part()});
  file.headers.add("Content-Security-Policy",
                   "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox");
  const std::string boundary = make_boundary(exchange.services.parts.random);
  co_return http::serve_file(exchange.request, std::move(file), boundary);
}

AnswerTask download_token(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  const Parts& parts = exchange.services.parts;
  std::function<Result<std::string>()> work = [&parts, name = *name,
                                               who = *exchange.who]() -> Result<std::string> {
    PV_TRY(const store::Backup backup, parts.vault.store().stat(name));
    return parts.directory.read<std::string>([&](sqlite::Connection& data) {
      return auth::issue_download_token(data, who, backup.name.text(), parts.clock);
    });
  };
  auto token = co_await asking_peer<std::string>(exchange.services, std::move(work));
  if (!token.has_value()) { co_return tl::unexpected{problem_of(token.error())}; }
  json::object answer;
  answer.emplace("token", *std::move(token));
  co_return json_answer(exchange, 200, answer);
}

}  // namespace pv::api
