#include "api/activity.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <span>

#include "api/json.h"
#include "api/utf8.h"
#include "base/ip.h"
#include "base/text.h"
#include "http/url.h"

namespace pv::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t kInfo = 0;
constexpr std::int64_t kError = 8;

constexpr std::string_view kSeparators = "/?&;#";  // of what a URL consists of

constexpr std::size_t kMethodBytesMax = 100;
constexpr std::size_t kUrlBytesMax = 3000;
constexpr std::size_t kTextBytesMax = 2000;

// At most so many bytes of JSON, where one letter can take six, and the dots.
std::string cut(const std::string& text, std::size_t bytes_max) {
  std::string kept = to_valid_utf8(text.substr(0, bytes_max));
  bool is_cut = text.size() > bytes_max;
  while (to_json_string(kept).size() > bytes_max + 2) {
    kept = to_valid_utf8(kept.substr(0, kept.size() / 2));
    is_cut = true;
  }
  return is_cut ? kept + "..." : kept;
}

// With escapes that are none left as they are.
std::string decoded(const std::string& url) {
  std::string text;
  for (std::size_t i = 0; i < url.size(); ++i) {
    const auto byte = url[i] == '%' && i + 2 < url.size()
                          ? http::decode_path_segment(std::string_view{url}.substr(i, 3))
                          : std::nullopt;
    text += byte ? *byte : std::string{url[i]};
    if (byte) { i += 2; }
  }
  return text;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Takes the first of `rest` up to a character that `ends`, and that character.
template <class Ends>
std::string_view take_until(std::string_view& rest, const Ends& ends) {
  const auto end = std::ranges::find_if(rest, ends);
  const auto taken = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(std::min(taken.size() + 1, rest.size()));
  return taken;
}

bool has_word(std::string_view lower, std::span<const std::string_view> words) {
  while (!lower.empty()) {
    const auto word = take_until(lower, [](char c) { return !is_letter_or_digit(c); });
    if (std::ranges::find(words, word) != words.end()) { return true; }
  }
  return false;
}

// As a name says: token, access_token, token[], form[newPassword], X-Amz-Signature; and what is
// short only as a word of its own: code, auth_code, but not country or withCode.
bool is_name_of_secret(std::string_view name) {
  constexpr std::array<std::string_view, 18> kParts{
      "token",       "password",    "passwd",        "passphrase", "secret",     "apikey",
      "api_key",     "api-key",     "accesskey",     "access_key", "access-key", "privatekey",
      "private_key", "private-key", "authorization", "signature",  "jwt",        "credential"};
  constexpr std::array<std::string_view, 6> kWords{"otp", "code", "pwd", "pass", "sig", "auth"};
  const std::string lower = to_lower_ascii(name);
  return has_word(lower, kWords) || std::ranges::any_of(kParts, [&](std::string_view part) {
           return lower.find(part) != std::string::npos;
         });
}

// A `key` may be a secret, or what a record, a backup or a cache is called: it is one where it
// looks like what a generator makes, of 16 letters and digits or more, both among them, and no dot.
bool is_secret_key(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 1> kWords{"key"};
  constexpr std::size_t kLeast = 16;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return value.size() >= kLeast && has_word(to_lower_ascii(name), kWords) &&
         std::ranges::any_of(value, is_digit) && !std::ranges::all_of(value, is_digit) &&
         std::ranges::all_of(value, [](char c) {
           return is_letter_or_digit(c) ||
                  std::string_view{"-_+="}.find(c) != std::string_view::npos;
         });
}

// "Bearer x", "Basic eDp5", as they stand in the header Authorization, wherever they stand here.
bool has_scheme(std::string_view text) {
  const std::string lower = to_lower_ascii(text);
  const auto is_blank = [](char c) { return c == ' ' || c == '+'; };
  for (const auto& [scheme, least] : {std::pair{"bearer", 1U}, std::pair{"basic", 4U}}) {
    for (std::size_t at = 0; (at = lower.find(scheme, at)) != std::string::npos;) {
      const bool is_word = at == 0 || !is_letter_or_digit(lower[at - 1]);
      at += std::string_view{scheme}.size();
      const std::size_t begin = std::min(lower.find_first_not_of(" +", at), lower.size());
      const auto end =
          std::find_if(lower.begin() + static_cast<std::ptrdiff_t>(begin), lower.end(), is_blank);
      const auto length = static_cast<std::size_t>(end - lower.begin()) - begin;
      if (is_word && begin > at && length >= least) { return true; }
    }
  }
  return false;
}

// Three parts of base64url with dots between them, of which the first has the beginning of a JSON
// object: wherever it stands, and whatever its name.
bool has_token(std::string_view text) {
  const auto is_outside = [](char c) {
    return !is_letter_or_digit(c) && c != '-' && c != '_' && c != '.';
  };
  while (!text.empty()) {
    std::string_view run = take_until(text, is_outside);
    int parts = 0;  // of a token, so far
    while (!run.empty()) {
      const std::string_view part = take_until(run, [](char c) { return c == '.'; });
      const bool may_go_on = parts > 0 && !part.empty();
      parts = may_go_on ? parts + 1 : (part.find("eyJ") != std::string_view::npos ? 1 : 0);
      if (parts == 3) { return true; }
    }
  }
  return false;
}

// user:password@host
bool has_password(std::string_view text) {
  const std::size_t at = text.rfind('@');
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && at != std::string_view::npos && colon < at &&
         text.substr(colon, at - colon).find_first_of(" '\"") == std::string_view::npos;
}

// Whether a parameter, or a part of a path, is a secret, or has a URL with one in it; however often
// it is encoded. What can't be decoded to its end may be.
bool is_secret(std::string_view parameter) {
  constexpr int kTimesMax = 5;
  std::string text{parameter};
  for (int times = 0;; ++times) {
    std::string plain = decoded(text);
    if (plain == text) { break; }
    if (times == kTimesMax) { return true; }
    text = std::move(plain);
  }
  if (has_token(text) || has_scheme(text)) { return true; }
  for (std::string_view rest = text; !rest.empty();) {
    const auto one =
        take_until(rest, [](char c) { return kSeparators.find(c) != std::string_view::npos; });
    const std::size_t equals = one.find('=');
    if (equals != std::string_view::npos) {
      const std::string_view name = one.substr(0, equals);
      if (is_name_of_secret(name) || is_secret_key(name, one.substr(equals + 1))) { return true; }
    }
    if (has_password(one)) { return true; }
  }
  return false;
}

// A URL as sent, without what opens doors.
std::string masked(std::string_view url) {
  std::string text;
  for (;;) {
    std::string_view part = url.substr(0, url.find_first_of(kSeparators));
    // What follows a scheme may have slashes in it.
    if (has_scheme(part)) { part = url.substr(0, url.find_first_of("?&;#")); }
    text += is_secret(part) ? "token=***" : part;
    url.remove_prefix(part.size());
    if (url.empty()) { return text; }
    text += url.front();
    url.remove_prefix(1);
  }
}

std::string shown_url(const http::Request& request) {
  return masked(request.query.empty() ? request.path : request.path + "?" + request.query);
}

json::value details_of(const Problem& problem) {
  if (!problem.fields.empty()) {
    json::object fields;
    for (const FieldProblem& field : problem.fields) {
      fields[field.field + field.unknown] = field.message.english;
    }
    return fields;
  }
  if (!problem.cause) { return nullptr; }
  return json::value(cut(printable(problem.cause->what), kTextBytesMax));
}

}  // namespace

std::optional<logs::LogRow> log_row_of(const Exchange& exchange, unsigned status,
                                       const Problem* problem, std::chrono::nanoseconds took) {
  const Services& services = exchange.services;
  const http::Request& request = exchange.request;
  const std::int64_t level = problem == nullptr ? kInfo : kError;
  const Route route = exchange.match.route;
  const bool is_of_log = route == Route::kListLogs || route == Route::kLogStats ||
                         route == Route::kShowLog || route == Route::kMetrics;
  if ((problem == nullptr && is_of_log) || !services.parts.log.wants(level)) {
    return std::nullopt;
  }
  const settings::Logs& logs = exchange.settings.logs;
  const std::string method = cut(request.method, kMethodBytesMax);
  const std::string url = cut(shown_url(request), kUrlBytesMax);
  // In the order of the alphabet.
  json::object data{{"auth", exchange.who ? exchange.who->collection_name : ""}};
  if (logs.with_auth_id) { data["authId"] = exchange.who ? exchange.who->record_id : ""; }
  if (problem != nullptr) {
    data["details"] = details_of(*problem);
    data["error"] = problem->message.english;
  }
  data["execTime"] = std::chrono::duration<double, std::milli>(took).count();
  data["method"] = method;
  data["referer"] = cut(masked(exchange.header("Referer")), kTextBytesMax);
  if (logs.with_ip) {
    const auto peer = parse_client_ip(request.remote_ip);
    data["remoteIP"] = peer ? expanded(*peer) : request.remote_ip;
  }
  data["status"] = status;
  data["type"] = "request";
  data["url"] = url;
  data["userAgent"] = cut(masked(exchange.header("User-Agent")), kTextBytesMax);
  if (logs.with_ip) { data["userIP"] = exchange.ip; }
  constexpr std::size_t kIdLength = 15;
  return logs::LogRow{.id = random_text(services.parts.random, kLowerAlphanumeric, kIdLength),
                      .created = format_pocketbase_date(services.parts.clock.now()),
                      .level = level,
                      .message = cut(method + " " + decoded(url), kMethodBytesMax + kUrlBytesMax),
                      .data = to_json(data)};
}

}  // namespace pv::api
