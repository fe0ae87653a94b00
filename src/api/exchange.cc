#include "api/exchange.h"

#include "api/fields.h"
#include "api/json.h"
#include "http/url.h"

namespace pv::api {
namespace {

// nullopt: the fields expression is wrong, which PocketBase answers with nothing at all.
std::optional<std::string> body_of(const Exchange& exchange, unsigned status,
                                   const boost::json::value& value) {
  std::string wanted;
  if (status >= 200 && status < 300) {
    wanted = http::query_value(exchange.request.query, "fields").value_or("");
  }
  if (wanted.empty()) { return to_json(value) + "\n"; }
  const Result<Fields> fields = Fields::parse(wanted);
  if (!fields.has_value()) { return std::nullopt; }
  return to_json(fields->apply(value)) + "\n";
}

}  // namespace

http::Response json_answer(const Exchange& exchange, unsigned status,
                           const boost::json::value& value) {
  constexpr std::size_t kLengthGivenMax = 2048;  // longer ones are sent chunked, as by Go's server
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  if (auto body = body_of(exchange, status, value)) {
    response.omit_length = body->size() > kLengthGivenMax;
    response.body.emplace_back(*std::move(body));
  }
  return response;
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
