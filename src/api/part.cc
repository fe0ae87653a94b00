// Which part of a backup a request is about.
#include <algorithm>
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "base/translate.h"
#include "http/url.h"
#include "restore/scope.h"

namespace pv::api {
namespace {

constexpr std::string_view kOnly = "only";

using Part = std::vector<std::string>;

Message because(std::string_view why) {
  return {.english = say(phrase::kInvalidBecause, {why}).english,
          .chinese = say(phrase::kInvalidBecause, {told(Language::kChinese, why)}).chinese};
}

Problem no_part(std::string_view why) {
  return invalid(FieldProblem{.field = std::string{kOnly},
                              .code = "validation_invalid_value",
                              .message = because(why),
                              .params = {}});
}

Problem misspelled() {
  return no_part("it is called only, in lower case and without brackets; once for each name");
}

// Pairs of the query, whether or not they can be read.
std::size_t count_pairs(std::string_view query) {
  std::size_t count = 0;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    count += end > 0 ? 1 : 0;
    query.remove_prefix(std::min(query.size(), end + 1));
  }
  return count;
}

// What is meant but missed must not become "everything".
tl::expected<Part, Problem> part_in_query(const std::string& query) {
  auto pairs = http::parse_query(query);
  if (pairs.size() != count_pairs(query)) {
    return tl::unexpected{no_part("a query with a broken escape or a semicolon, or too long")};
  }
  Part part;
  for (auto& [name, value] : pairs) {
    if (is_another_spelling(name, kOnly)) { return tl::unexpected{misspelled()}; }
    if (name == kOnly) { part.push_back(std::move(value)); }
  }
  return part;
}

}  // namespace

boost::asio::awaitable<tl::expected<Part, Problem>> read_part(Exchange& exchange) {
  static constexpr std::array<FormField, 1> kFields{{{kOnly, {}, FieldKind::kList}}};
  auto part = part_in_query(exchange.request.query);
  if (!part.has_value()) { co_return part; }
  const Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault == FormFault::kMisspelled) { co_return tl::unexpected{misspelled()}; }
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  if (const auto listed = form.values.find(kOnly); listed != form.values.end()) {
    const Part more = list_of(listed->second);
    if (more.empty()) { co_return tl::unexpected{no_part("an empty list")}; }
    for (const std::string& one : more) {  // a form's holds those of the query as well
      if (std::find(part->begin(), part->end(), one) == part->end()) { part->push_back(one); }
    }
  }
  const Result<restore::Scope> scope = restore::Scope::parse(*part);
  if (!scope.has_value()) { co_return tl::unexpected{no_part(scope.error().what)}; }
  co_return part;
}

}  // namespace pv::api
