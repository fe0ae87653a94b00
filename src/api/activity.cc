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

std::string cut(const std::string& text, std::size_t bytes_max) {
  return to_valid_utf8(text.size() > bytes_max ? text.substr(0, bytes_max) + "..." : text);
}

// The path and the query as sent, without what opens doors.
std::string shown_url(const http::Request& request) {
  std::string url = request.path;
  std::string_view rest = request.query;
  char separator = '?';
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto name =
        http::decode_query_component(pair.substr(0, pair.find('='))).value_or("token");
    const bool is_secret = equals_ignoring_case(name, "token");
    (url += separator) += is_secret ? "token=***" : std::string{pair};
    separator = '&';
  }
  return url;
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
  return problem.cause ? json::value(printable(problem.cause->what)) : json::value(nullptr);
}

}  // namespace

std::optional<logs::LogRow> log_row_of(const Exchange& exchange, unsigned status,
                                       const Problem* problem, std::chrono::nanoseconds took) {
  constexpr std::size_t kUrlBytesMax = 3000;
  constexpr std::size_t kHeaderBytesMax = 2000;
  const Services& services = exchange.services;
  const http::Request& request = exchange.request;
  const std::int64_t level = problem == nullptr ? kInfo : kError;
  const bool is_of_log = request.path == "/api/logs" || request.path.starts_with("/api/logs/");
  if ((problem == nullptr && is_of_log) || !services.parts.log.wants(level)) {
    return std::nullopt;
  }
  const settings::Logs& logs = exchange.settings.logs;
  const std::string url = cut(shown_url(request), kUrlBytesMax);
  // In the order of the alphabet.
  json::object data{{"auth", exchange.who ? exchange.who->collection_name : ""}};
  if (logs.with_auth_id) { data["authId"] = exchange.who ? exchange.who->record_id : ""; }
  if (problem != nullptr) {
    data["details"] = details_of(*problem);
    data["error"] = problem->message.english;
  }
  data["execTime"] = std::chrono::duration<double, std::milli>(took).count();
  data["method"] = cut(request.method, kHeaderBytesMax);
  data["referer"] = cut(exchange.header("Referer"), kHeaderBytesMax);
  if (logs.with_ip) {
    const auto peer = parse_client_ip(request.remote_ip);
    data["remoteIP"] = peer ? expanded(*peer) : request.remote_ip;
  }
  data["status"] = status;
  data["type"] = "request";
  data["url"] = url;
  data["userAgent"] = cut(exchange.header("User-Agent"), kHeaderBytesMax);
  if (logs.with_ip) { data["userIP"] = exchange.ip; }
  constexpr std::size_t kIdLength = 15;
  return logs::LogRow{
      .id = random_text(services.parts.random, kLowerAlphanumeric, kIdLength),
      .created = format_pocketbase_date(services.parts.clock.now()),
      .level = level,
      .message = cut(request.method + " " + decoded(url), kUrlBytesMax + kHeaderBytesMax),
      .data = to_json(data)};
}

}  // namespace pv::api
