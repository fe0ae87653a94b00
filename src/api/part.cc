// Which part of a backup a request is about.
#include <algorithm>
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "http/url.h"
#include "restore/scope.h"

namespace pv::api {
namespace {

constexpr std::string_view kOnly = "only";

using Part = std::vector<std::string>;

Problem no_part(std::string_view why) {
  return invalid(FieldProblem{.field = std::string{kOnly},
                              .code = "validation_invalid_value",
                              .message = say(phrase::kInvalidBecause, {why}),
                              .params = {}});
}

// Pairs of the query that are meant for it, whether or not they can be read.
std::size_t count_in(std::string_view query) {
  std::size_t count = 0;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::string_view name = pair.substr(0, pair.find('='));
    count += http::decode_query_component(name) == kOnly ? 1 : 0;
  }
  return count;
}

tl::expected<Part, Problem> part_in_query(const std::string& query) {
  Part part;
  for (auto& [name, value] : http::parse_query(query)) {
    if (name == kOnly) { part.push_back(std::move(value)); }
  }
  // One that is left out for a broken escape must not become "everything".
  if (part.size() != count_in(query)) { return tl::unexpected{no_part("a broken escape")}; }
  return part;
}

}  // namespace

boost::asio::awaitable<tl::expected<Part, Problem>> read_part(Exchange& exchange) {
  static constexpr std::array<FormField, 1> kFields{{{kOnly, "Only", FieldKind::kList}}};
  auto part = part_in_query(exchange.request.query);
  if (!part.has_value()) { co_return part; }
  const Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault == FormFault::kTooLarge) {
    co_return tl::unexpected{problem(413, phrase::kTooLarge)};
  }
  if (form.fault) { co_return tl::unexpected{problem(400, phrase::kLoading)}; }
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
