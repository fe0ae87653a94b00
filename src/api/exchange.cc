#include "api/exchange.h"

#include "api/fields.h"
#include "api/json.h"
#include "http/url.h"

namespace pv::api {
namespace {

// What the fields parameter leaves of `value`. nullopt: its expression is wrong, which PocketBase
// answers with nothing at all.
std::optional<boost::json::value> wanted_of(const Exchange& exchange, boost::json::value value) {
  const std::string wanted = http::query_value(exchange.request.query, "fields").value_or("");
  if (wanted.empty()) { return value; }
  const Result<Fields> fields = Fields::parse(wanted);
  if (!fields.has_value()) { return std::nullopt; }
  return fields->apply(value);
}

http::Response answer_of(unsigned status, const std::optional<boost::json::value>& value) {
  constexpr std::size_t kLengthGivenMax = 2048;  // longer ones are sent chunked, as by Go's server
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  if (!value) { return response; }
  std::string body = to_json(*value) + "\n";
  response.omit_length = body.size() > kLengthGivenMax;
  response.body.emplace_back(std::move(body));
  return response;
}

}  // namespace

http::Response json_answer(const Exchange& exchange, unsigned status,
                           const boost::json::value& value) {
  const bool is_success = status >= 200 && status < 300;
  return answer_of(status, is_success ? wanted_of(exchange, value) : value);
}

http::Response page_answer(const Exchange& exchange, boost::json::object page) {
  auto items = wanted_of(exchange, std::move(page.at("items")));
  if (!items) { return answer_of(200, std::nullopt); }
  page.at("items") = *std::move(items);
  return answer_of(200, std::move(page));
}

http::Response empty_answer(unsigned status) {
  http::Response response;
  response.status = status;
  return response;
}

std::optional<store::BackupName> name_of_key(std::string_view key) {
  if (key.starts_with('/')) { key.remove_prefix(1); }
  std::string name;
  while (!key.empty()) {
    const std::size_t slash = key.find('/');
    const std::string_view part = key.substr(0, slash);
    // "a//b" and "a/" are names of their own to PocketBase, which no file has.
    if (part.empty() || slash == key.size() - 1) { return std::nullopt; }
    if (part != ".") {
      if (!name.empty()) { name += '/'; }
      name += part;
    }
    if (slash == std::string_view::npos) { break; }
    key.remove_prefix(slash + 1);
  }
  auto parsed = store::BackupName::parse(name);
  if (!parsed.has_value()) { return std::nullopt; }
  return *std::move(parsed);
}

}  // namespace pv::api
