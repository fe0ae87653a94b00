#include "api/activity.h"

#include <boost/json/object.hpp>

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

constexpr std::string_view kSeparators = "?&;#";  // of a URL's parameters

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

// Whether a parameter is a token, or has a URL with one in it. What can't be decoded may be.
bool is_secret(std::string_view parameter) {
  constexpr std::string_view kName = "token=";
  const auto text = http::decode_query_component(parameter);
  if (!text) { return true; }
  for (std::string_view rest = *text;;) {
    if (equals_ignoring_case(rest.substr(0, kName.size()), kName)) { return true; }
    const std::size_t separator = rest.find_first_of(kSeparators);
    if (separator == std::string_view::npos) { return false; }
    rest.remove_prefix(separator + 1);
  }
}

// A URL as sent, without what opens doors.
std::string masked(std::string_view url) {
  const std::size_t path_end = std::min(url.find_first_of(kSeparators), url.size());
  std::string text{url.substr(0, path_end)};
  url.remove_prefix(path_end);
  while (!url.empty()) {
    text += url.front();
    url.remove_prefix(1);
    const std::string_view parameter = url.substr(0, url.find_first_of(kSeparators));
    text += is_secret(parameter) ? "token=***" : parameter;
    url.remove_prefix(parameter.size());
  }
  return text;
}

std::string shown_url(const http::Request& request) {
  return masked(request.query.empty() ? request.path : request.path + "?" + request.query);
}

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
  data["userAgent"] = cut(exchange.header("User-Agent"), kTextBytesMax);
  if (logs.with_ip) { data["userIP"] = exchange.ip; }
  constexpr std::size_t kIdLength = 15;
  return logs::LogRow{.id = random_text(services.parts.random, kLowerAlphanumeric, kIdLength),
                      .created = format_pocketbase_date(services.parts.clock.now()),
                      .level = level,
                      .message = cut(method + " " + decoded(url), kMethodBytesMax + kUrlBytesMax),
                      .data = to_json(data)};
}

}  // namespace pv::api
