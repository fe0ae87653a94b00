#include "api/exchange.h"

#include "api/fields.h"
#include "api/json.h"
#include "http/url.h"

namespace pv::api {
namespace {

using MaybeFields = std::optional<Fields>;

// What the fields parameter wants. An error: its expression is wrong, which PocketBase answers with
// nothing at all.
Result<MaybeFields> wanted_fields(const Exchange& exchange) {
  const std::string wanted = http::query_value(exchange.request.query, "fields").value_or("");
  if (wanted.empty()) { return MaybeFields{}; }
  PV_TRY(Fields fields, Fields::parse(wanted));
  return MaybeFields{std::move(fields)};
}

http::Response answer_of(unsigned status, std::optional<std::string> body) {
  constexpr std::size_t kLengthGivenMax = 2048;  // longer ones are sent chunked, as by Go's server
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  if (!body) { return response; }
  *body += '\n';
  response.omit_length = body->size() > kLengthGivenMax;
  response.body.emplace_back(*std::move(body));
  return response;
}

}  // namespace

http::Response json_answer(const Exchange& exchange, unsigned status,
                           const boost::json::value& value) {
  const bool is_success = status >= 200 && status < 300;
  const auto fields = is_success ? wanted_fields(exchange) : MaybeFields{};
  if (!fields.has_value()) { return answer_of(status, std::nullopt); }
  return answer_of(status, *fields ? to_json((*fields)->apply(value)) : to_json(value));
}

http::Response page_answer(const Exchange& exchange, boost::json::object page) {
  const auto fields = wanted_fields(exchange);
  if (!fields.has_value()) { return answer_of(200, std::nullopt); }
  boost::json::value& items = page.at("items");
  if (*fields) { items = (*fields)->apply(items); }
  return answer_of(200, to_json(page));
}

http::Response empty_answer(unsigned status) {
  http::Response response;
  response.status = status;
  return response;
}

void note_language(const Exchange& exchange, http::Response& response) {
  response.headers.add("Content-Language",
                       exchange.language == Language::kChinese ? "zh-Hans" : "en");
  response.headers.add("Vary", "Accept-Language");
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
