#include "api/settings_form.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/stream_parser.hpp>
#include <charconv>
#include <utility>

#include "api/forms.h"
#include "api/utf8.h"
#include "base/text.h"

namespace pv::api {
namespace {

namespace json = boost::json;
using boost::asio::awaitable;
using Changes = tl::expected<std::vector<json::object>, Problem>;

constexpr std::size_t kBytesMax = 1 << 20;

// The code unit of the escape at `at`, "\\ud83d"; nullopt: there is none.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
  constexpr std::size_t kBytes = 6;
  const std::string_view escape = text.substr(std::min(at, text.size()), kBytes);
  if (escape.size() < kBytes || !escape.starts_with("\\u")) { return std::nullopt; }
  unsigned unit = 0;
  const auto read = std::from_chars(escape.data() + 2, escape.data() + kBytes, unit, 16);
  return read.ptr == escape.data() + kBytes ? std::optional{unit} : std::nullopt;
}

// Half of a pair of surrogates is U+FFFD to Go, and an error to Boost.JSON.
std::string with_whole_surrogates(std::string text) {
  constexpr std::size_t kBytes = 6;
  for (std::size_t at = text.find('\\'); at < text.size(); at = text.find('\\', at)) {
    const auto unit = escaped_unit(text, at);
    if (!unit) {
      at += 2;
      continue;
    }
    const auto next = escaped_unit(text, at + kBytes);
    const bool is_high = *unit >= 0xD800 && *unit < 0xDC00;
    const bool is_pair = is_high && next && *next >= 0xDC00 && *next < 0xE000;
    if (!is_pair && *unit >= 0xD800 && *unit < 0xE000) { text.replace(at, kBytes, "\\ufffd"); }
    at += is_pair ? 2 * kBytes : kBytes;
  }
  return text;
}

// The first value of a text, which must be an object or null; what follows it is not looked at.
std::optional<json::value> first_value(std::string_view text) {
  json::stream_parser parser;  // up to 32 levels, which is more than any settings have
  boost::system::error_code error;
  parser.write_some(with_whole_surrogates(to_valid_utf8(text)), error);
  if (!error && !parser.done()) { parser.finish(error); }
  if (error) { return std::nullopt; }
  json::value value = parser.release();
  return value.is_object() || value.is_null() ? std::optional{std::move(value)} : std::nullopt;
}

awaitable<Changes> read_json(Exchange& exchange) {
  if (exchange.request.content_length.value_or(0) > kBytesMax) {
    co_return tl::unexpected{problem(413, phrase::kTooLarge)};
  }
  const Result<std::string> text = co_await http::read_all(exchange.body, kBytesMax);
  if (!text.has_value()) { co_return tl::unexpected{unreadable(FormFault::kMalformed)}; }
  auto value = first_value(*text);
  if (!value) { co_return tl::unexpected{unreadable(FormFault::kMalformed)}; }
  std::vector<json::object> changes;
  if (value->is_object()) {
    changes.push_back(std::move(value->get_object()));
  } else if (exchange.strict()) {  // PocketBase stumbles over it
    Problem crash = something_wrong();
    crash.status = 500;
    co_return tl::unexpected{std::move(crash)};
  }
  co_return changes;
}

// One member that a form can hold.
struct Member {
  std::string name;               // in the form
  std::vector<std::string> path;  // in the document
  json::value shape;
};

void collect(const json::object& shape, const std::vector<std::string>& path, FormNames names,
             std::vector<Member>& members) {
  for (const auto& [key, value] : shape) {
    std::vector<std::string> here = path;
    here.emplace_back(key);
    if (const json::object* object = value.if_object()) {
      collect(*object, here, names, members);
      continue;
    }
    const json::array* array = value.if_array();
    if (array != nullptr && !array->empty() && array->front().is_object()) { continue; }
    const std::size_t skipped = names == FormNames::kWhole || here.size() < 2 ? 0 : here.size() - 2;
    std::string name;
    for (std::size_t i = skipped; i < here.size(); ++i) {
      name += (name.empty() ? "" : ".") + here[i];
    }
    members.push_back({std::move(name), std::move(here), value});
  }
}

// Go's strconv.ParseBool and ParseInt; of nothing false and 0.
std::optional<json::value> flag_from(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 7> kFalse{"", "0", "f", "F", "FALSE", "false", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) { return true; }
  if (std::ranges::find(kFalse, text) != kFalse.end()) { return false; }
  return std::nullopt;
}

std::optional<json::value> number_from(std::string_view text) {
  if (text.empty()) { return 0; }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) { text.remove_prefix(1); }
  int base = 10;
  constexpr std::array<std::pair<std::string_view, int>, 3> kBases{
      {{"0x", 16}, {"0o", 8}, {"0b", 2}}};
  for (const auto& [prefix, of] : kBases) {
    if (equals_ignoring_case(text.substr(0, 2), prefix)) { base = of; }
  }
  if (base != 10) { text.remove_prefix(2); }
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  if (read.ec != std::errc{} || read.ptr != end || number < 0) { return std::nullopt; }
  return negative ? -number : number;
}

std::optional<json::value> value_from(const json::value& shape, const std::string& text) {
  if (shape.is_bool()) { return flag_from(text); }
  if (shape.is_int64()) { return number_from(text); }
  if (!shape.is_array()) { return json::value(text); }
  json::array list;
  for (const std::string& one : list_of(text)) { list.emplace_back(one); }
  return list;
}

void put(json::object& root, const std::vector<std::string>& path, json::value value) {
  json::object* object = &root;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    json::value& inner = (*object)[path[i]];
    if (!inner.is_object()) { inner.emplace_object(); }
    object = &inner.get_object();
  }
  (*object)[path.back()] = std::move(value);
}

// nullopt: a number that is none, or the like.
std::optional<std::vector<json::object>> changes_of(const Form& form,
                                                    const std::vector<Member>& members) {
  std::vector<json::object> changes(1);
  for (const Member& member : members) {
    const auto found = form.values.find(member.name);
    if (found == form.values.end()) { continue; }
    auto value = value_from(member.shape, found->second);
    if (!value) { return std::nullopt; }
    put(changes.front(), member.path, *std::move(value));
  }
  for (const std::string& payload : form.payloads) {
    auto value = first_value(payload);
    if (!value) { return std::nullopt; }
    if (value->is_object()) { changes.push_back(std::move(value->get_object())); }
  }
  return changes;
}

}  // namespace

awaitable<Changes> read_changes(Exchange& exchange, const json::object& shape, FormNames names) {
  const http::Request& request = exchange.request;
  const bool is_json = exchange.header("Content-Type").starts_with("application/json");
  if (request.has_body() && is_json) { co_return co_await read_json(exchange); }
  std::vector<Member> members;
  collect(shape, {}, names, members);
  std::vector<FormField> fields;
  for (const Member& member : members) {
    fields.push_back({.name = member.name,
                      .xml = {},
                      .kind = member.shape.is_array() ? FieldKind::kList : FieldKind::kText});
  }
  const Form form = co_await read_form(request, exchange.body, fields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  auto changes = changes_of(form, members);
  if (!changes) { co_return tl::unexpected{unreadable(FormFault::kMalformed)}; }
  co_return *std::move(changes);
}

Problem refused_change(const Phrase& phrase, const std::vector<settings::Fault>& faults) {
  Problem refused = problem(400, phrase);
  for (const settings::Fault& fault : faults) {
    refused.fields.push_back({.field = fault.field,
                              .code = fault.code,
                              .message = say_text(fault.message),
                              .params = fault.params,
                              .unknown = fault.unknown});
  }
  return refused;
}

}  // namespace pv::api
