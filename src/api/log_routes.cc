// The log of requests, shown.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <charconv>
#include <limits>

#include "api/exchange.h"
#include "http/url.h"
#include "sqlite/patience.h"

namespace pv::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t kPerPage = 30;
constexpr std::int64_t kPerPageMax = 1000;
constexpr std::int64_t kPageMax = std::numeric_limits<std::int64_t>::max();  // it is answered

// From when it was asked for: whoever waits behind others does not hold up yet others.
constexpr std::chrono::seconds kReadMax{5};

template <class T>
http::Task<T> reading_logs(const Services& services,
                           std::function<Result<T>(sqlite::Connection&)> work) {
  datadir::DataDir& directory = services.parts.directory;
  std::function<Result<T>(sqlite::Connection&)> bounded =
      [deadline = Deadline::after(kReadMax),
       work = std::move(work)](sqlite::Connection& auxiliary) -> Result<T> {
    const sqlite::Patience patience{auxiliary, {}, deadline};
    Result<T> result = work(auxiliary);
    if (result.has_value() || result.error().code != Code::kCancelled) { return result; }
    return fail(Code::kInvalid, "it takes longer than 5 s: ask for less of the log");
  };
  std::function<Result<T>()> run = [&directory, bounded = std::move(bounded)] {
    return directory.with_auxiliary<T>(bounded);
  };
  co_return co_await http::offload<T>(services.parts.pools.databases, std::move(run));
}

std::string parameter(const Exchange& exchange, std::string_view name) {
  return http::query_value(exchange.request.query, name).value_or("");
}

// Not a number: nullopt. Nothing, or less than 1: `otherwise`.
std::optional<std::int64_t> number(const Exchange& exchange, std::string_view name,
                                   std::int64_t otherwise, std::int64_t most) {
  const std::string text = parameter(exchange, name);
  if (text.empty()) { return otherwise; }
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) { return std::nullopt; }
  return value < 1 ? otherwise : std::min(value, most);
}

json::object row_json(const logs::LogRow& row) {
  boost::system::error_code error;
  json::value data = json::parse(row.data, error);
  if (error || !data.is_object()) { data = json::object{}; }
  json::object object;
  object.emplace("id", row.id);
  object.emplace("created", row.created);
  object.emplace("data", std::move(data));
  object.emplace("message", row.message);
  object.emplace("level", row.level);
  return object;
}

std::optional<logs::LogQuery> query_of(const Exchange& exchange) {
  const auto page = number(exchange, "page", 1, kPageMax);
  const auto per_page = number(exchange, "perPage", kPerPage, kPerPageMax);
  if (!page || !per_page) { return std::nullopt; }
  const std::string skip = parameter(exchange, "skipTotal");
  return logs::LogQuery{.filter = parameter(exchange, "filter"),
                        .sort = parameter(exchange, "sort"),
                        .page = *page,
                        .per_page = *per_page,
                        .skip_total = skip == "1" || skip == "true"};
}

json::object page_json(const logs::LogPage& page, const logs::LogQuery& query) {
  json::array items;
  for (const logs::LogRow& row : page.rows) { items.push_back(row_json(row)); }
  const std::int64_t pages =
      page.total < 0 ? -1 : (page.total + query.per_page - 1) / query.per_page;
  json::object object;
  object.emplace("items", std::move(items));
  object.emplace("page", query.page);
  object.emplace("perPage", query.per_page);
  object.emplace("totalItems", page.total);
  object.emplace("totalPages", pages);
  return object;
}

// In PocketBase's words; what is wrong with a filter is for the log, but in the default manner.
Problem refused(const Exchange& exchange, const Error& error, const Phrase& phrase) {
  if (error.code != Code::kInvalid) { return problem_of(error); }
  return exchange.strict() ? problem(400, phrase) : explained(error);
}

}  // namespace

AnswerTask list_logs(Exchange& exchange) {
  const auto query = query_of(exchange);
  if (!query) { co_return tl::unexpected{something_wrong()}; }
  std::function<Result<logs::LogPage>(sqlite::Connection&)> work =
      [query = *query](sqlite::Connection& auxiliary) { return logs::read_page(auxiliary, query); };
  const auto page = co_await reading_logs<logs::LogPage>(exchange.services, std::move(work));
  if (!page.has_value()) {
    co_return tl::unexpected{refused(exchange, page.error(), phrase::kSomethingWrong)};
  }
  co_return page_answer(exchange, page_json(*page, *query));
}

AnswerTask show_log(Exchange& exchange) {
  std::function<Result<logs::LogRow>(sqlite::Connection&)> work =
      [id = exchange.value()](sqlite::Connection& auxiliary) {
        return logs::read_row(auxiliary, id);
      };
  const auto row = co_await reading_logs<logs::LogRow>(exchange.services, std::move(work));
  if (!row.has_value()) { co_return tl::unexpected{problem_of(row.error())}; }
  co_return json_answer(exchange, 200, row_json(*row));
}

AnswerTask log_stats(Exchange& exchange) {
  std::function<Result<std::vector<logs::LogsOfHour>>(sqlite::Connection&)> work =
      [filter = parameter(exchange, "filter")](sqlite::Connection& auxiliary) {
        return logs::read_stats(auxiliary, filter);
      };
  const auto stats =
      co_await reading_logs<std::vector<logs::LogsOfHour>>(exchange.services, std::move(work));
  if (!stats.has_value()) {
    co_return tl::unexpected{refused(exchange, stats.error(), phrase::kInvalidFilter)};
  }
  json::array array;
  for (const logs::LogsOfHour& hour : *stats) {
    json::object object;
    object.emplace("date", hour.date);
    object.emplace("total", hour.total);
    array.push_back(std::move(object));
  }
  co_return json_answer(exchange, 200, array);
}

}  // namespace pv::api
