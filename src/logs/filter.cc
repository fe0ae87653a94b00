#include "logs/filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace pv::logs {
namespace {

using sqlite::Value;

constexpr std::size_t kTermsMax = 100;
constexpr std::size_t kDepthMax = 20;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The column, or the member of the column `data`; nullopt: there is no such field.
std::optional<std::string> column_of(std::string_view field) {
  constexpr std::array<std::string_view, 5> kColumns{"id", "created", "level", "message", "data"};
  if (std::ranges::find(kColumns, field) != kColumns.end()) { return std::string{field}; }
  constexpr std::string_view kData = "data.";
  if (!field.starts_with(kData) || field.size() == kData.size() || field.ends_with('.') ||
      field.find("..") != std::string_view::npos) {
    return std::nullopt;
  }
  return "json_extract(CASE WHEN json_valid(data) THEN data END, '$." +
         std::string{field.substr(kData.size())} + "')";
}

// For LIKE: a text without a % of its own is looked for anywhere.
std::string pattern_of(const std::string& text) {
  if (text.find('%') != std::string::npos) { return text; }
  std::string pattern = "%";
  for (const char letter : text) {
    if (letter == '_' || letter == '\\') { pattern += '\\'; }
    pattern += letter;
  }
  return pattern + "%";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_{text} {}

  Result<Condition> parse() {
    PV_TRY(std::string sql, filter(0));
    if (!rest_.empty()) { return refuse(); }
    return Condition{std::move(sql), std::move(parameters_)};
  }

 private:
  tl::unexpected<Error> refuse() const {
    return fail(Code::kInvalid,
                "the filter can't be read at \"" + printable(rest_.substr(0, 20)) + "\"");
  }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) { rest_.remove_prefix(1); }
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (!rest_.starts_with(token)) { return false; }
    rest_.remove_prefix(token.size());
    return true;
  }

  Result<std::string> filter(std::size_t depth) {
    PV_TRY(std::string sql, term(depth));
    bool was_or = false;
    for (;;) {
      const bool is_and = take("&&");
      if (!is_and && !take("||")) { break; }
      PV_TRY(const std::string next, term(depth));
      // AND binds tighter in SQL. More parentheses than needed would be too deep for SQLite.
      if (is_and && was_or) { sql = "(" + sql + ")"; }
      sql += (is_and ? " AND " : " OR ") + next;
      was_or = !is_and;
    }
    skip_blanks();
    return sql;
  }

  Result<std::string> term(std::size_t depth) {
    if (take("(")) {
      if (depth == kDepthMax) { return refuse(); }
      PV_TRY(const std::string sql, filter(depth + 1));
      if (!take(")")) { return refuse(); }
      return "(" + sql + ")";
    }
    if (++terms_ > kTermsMax) { return fail(Code::kInvalid, "the filter has too many terms"); }
    const auto column = column_of(word());
    if (!column) { return refuse(); }
    return comparison(*column);
  }

  // Letters of names and dots.
  std::string_view word() {
    skip_blanks();
    const auto end = std::ranges::find_if(rest_, [](char c) { return !is_name(c) && c != '.'; });
    const std::string_view found = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(found.size());
    return found;
  }

  Result<std::string> comparison(const std::string& column) {
    // What begins like another stands behind it.
    constexpr std::array<std::string_view, 8> kOperators{"!=", ">=", "<=", "!~",
                                                         "=",  ">",  "<",  "~"};
    const auto* const found =
        std::ranges::find_if(kOperators, [&](std::string_view one) { return take(one); });
    if (found == kOperators.end()) { return refuse(); }
    PV_TRY(Value value, literal());
    const bool is_like = found->ends_with('~');
    if (is_like) { value = pattern_of(sqlite::to_text(value)); }
    // What is absent is as good as an empty text, and null is.
    const bool is_text = std::holds_alternative<std::string>(value);
    const bool is_null = std::holds_alternative<std::monostate>(value);
    if (is_null) { value = std::string{}; }
    parameters_.push_back(std::move(value));
    const std::string parameter = "?" + std::to_string(parameters_.size());
    const std::string operand = is_text || is_null ? "coalesce(" + column + ", '')" : column;
    if (is_like) {
      return operand + (found->starts_with('!') ? " NOT" : "") + " LIKE " + parameter +
             " ESCAPE '\\'";
    }
    if (*found == "=") { return operand + " IS " + parameter; }
    if (*found == "!=") { return operand + " IS NOT " + parameter; }
    return operand + " " + std::string{*found} + " " + parameter;
  }

  Result<Value> literal() {
    skip_blanks();
    if (rest_.starts_with('\'') || rest_.starts_with('"')) { return quoted(); }
    const bool negative = take("-");
    const std::string_view text = word();
    if (!negative && text == "true") { return Value{std::int64_t{1}}; }
    if (!negative && text == "false") { return Value{std::int64_t{0}}; }
    if (!negative && text == "null") { return Value{}; }
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
      return refuse();
    }
    return Value{negative ? -number : number};
  }

  Result<Value> quoted() {
    const char quote = rest_.front();
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return Value{std::move(text)};
      }
      const bool is_escaped = rest_[i] == '\\' && i + 1 < rest_.size() && rest_[i + 1] == quote;
      if (is_escaped) { ++i; }
      text += rest_[i];
    }
    return refuse();
  }

  std::string_view rest_;
  std::vector<Value> parameters_;
  std::size_t terms_ = 0;
};

}  // namespace

Result<Condition> parse_filter(std::string_view text) {
  if (std::ranges::all_of(text, is_blank)) { return Condition{"1", {}}; }
  return Parser{text}.parse();
}

Result<std::string> parse_sort(std::string_view text) {
  constexpr std::size_t kFieldsMax = 8;
  std::string sql;
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view field = trim_blanks(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const bool down = field.starts_with('-');
    if (down || field.starts_with('+')) { field.remove_prefix(1); }
    const auto column = field == "@rowid" ? std::optional<std::string>{"rowid"} : column_of(field);
    const bool is_named =
        std::ranges::all_of(field, [](char c) { return is_name(c) || c == '.' || c == '@'; });
    if (!column || !is_named || ++count > kFieldsMax) {
      return fail(Code::kInvalid, "can't be sorted by \"" + printable(field) + "\"");
    }
    sql += (sql.empty() ? "" : ", ") + *column + (down ? " DESC" : " ASC");
  }
  return sql.empty() ? std::string{"rowid"} : sql;
}

}  // namespace pv::logs
