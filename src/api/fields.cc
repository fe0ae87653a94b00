#include "api/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "api/html_text.h"
#include "api/json.h"
#include "api/utf8.h"
#include "base/text.h"

namespace pv::api {
namespace {

namespace json = boost::json;

bool is_quote(char letter) { return letter == '\'' || letter == '"' || letter == '`'; }

// Follows quotes and parentheses through a text; a backslash makes the next character plain.
class Nesting {
 public:
  explicit Nesting(bool heed_parentheses) : heed_parentheses_{heed_parentheses} {}

  void step(char letter) {
    if (!escaped_) {
      if (is_quote(letter)) {
        if (quote_ == letter) {
          quote_ = '\0';
        } else if (quote_ == '\0') {
          quote_ = letter;
        }
      } else if (heed_parentheses_ && quote_ == '\0') {
        if (letter == '(') { ++open_; }
        if (letter == ')' && open_ > 0) { --open_; }
      }
    }
    escaped_ = letter == '\\';
  }
  [[nodiscard]] bool outside() const { return quote_ == '\0' && open_ == 0; }

 private:
  bool heed_parentheses_;
  bool escaped_ = false;
  char quote_ = '\0';
  std::size_t open_ = 0;
};

// The pieces between `separators`, trimmed, without empty ones; nullopt when quotes or parentheses
// are left open.
std::optional<std::vector<std::string_view>> split(std::string_view text,
                                                   std::string_view separators,
                                                   bool heed_parentheses) {
  std::vector<std::string_view> pieces;
  Nesting nesting{heed_parentheses};
  std::size_t start = 0;
  const auto take = [&](std::size_t end) {
    const std::string_view piece = trim_space(text.substr(start, end - start));
    if (!piece.empty()) { pieces.push_back(piece); }
    start = end + 1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    nesting.step(text[i]);
    if (nesting.outside() && separators.find(text[i]) != std::string_view::npos) {
      take(i);
      nesting = Nesting{heed_parentheses};
    }
  }
  if (!nesting.outside()) { return std::nullopt; }
  take(text.size());
  return pieces;
}

// Digits of `base` with single underscores between them.
std::optional<std::size_t> parse_digits(std::string_view digits, int base) {
  if (digits.empty() || digits.front() == '_' || digits.back() == '_' ||
      digits.find("__") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string plain{digits};
  std::erase(plain, '_');
  std::int64_t value = 0;
  const auto end = std::from_chars(plain.data(), plain.data() + plain.size(), value, base);
  if (end.ec != std::errc{} || end.ptr != plain.data() + plain.size() || plain[0] == '-') {
    return std::nullopt;
  }
  return static_cast<std::size_t>(value);
}

// Decimal with what follows the point cut off, or 0x, 0o, 0b, 0 as in Go's source code.
std::optional<std::size_t> parse_max(std::string_view text) {
  if (text.starts_with('+')) { text.remove_prefix(1); }
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    const bool decimal = text.find_first_not_of("0123456789.") == std::string_view::npos &&
                         text.find('.', point + 1) == std::string_view::npos;
    if (!decimal) { return std::nullopt; }
    text = text.substr(0, point);
  }
  if (text.size() < 2 || text[0] != '0') {
    return text.find('_') == std::string_view::npos ? parse_digits(text, 10) : std::nullopt;
  }
  const std::string prefix = to_lower_ascii(text.substr(0, 2));
  std::string_view digits = text.substr(2);
  if (digits.starts_with('_')) { digits.remove_prefix(1); }
  if (prefix == "0x") { return parse_digits(digits, 16); }
  if (prefix == "0b") { return parse_digits(digits, 2); }
  if (prefix == "0o") { return parse_digits(digits, 8); }
  return parse_digits(text.substr(1), 8);
}

bool is_true(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "true", "TRUE", "True"};
  return std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end();
}

Result<Excerpt> parse_modifier(std::string_view text) {
  const auto parts = split(text, "(), ", false);
  if (!parts) { return fail(Code::kInvalid, "unbalanced quotes in a modifier"); }
  if (parts->empty() || parts->front() != "excerpt") {
    return fail(Code::kInvalid, "missing or unknown modifier");
  }
  if (parts->size() < 2 || parts->size() > 3) {
    return fail(Code::kInvalid, "excerpt takes (max, withEllipsis?)");
  }
  const auto max = parse_max((*parts)[1]);
  if (!max || *max == 0) { return fail(Code::kInvalid, "excerpt: max must be above 0"); }
  return Excerpt{.max = *max, .ellipsis = parts->size() == 3 && is_true((*parts)[2])};
}

json::value modified(const json::value& value, const std::optional<Excerpt>& excerpt) {
  const json::string* text = value.if_string();
  if (!excerpt || text == nullptr) { return sorted(value); }
  return json::string{make_excerpt(*text, *excerpt)};
}

}  // namespace

std::string make_excerpt(std::string_view text, const Excerpt& excerpt) {
  std::string plain = html_to_text(to_valid_utf8(text), excerpt.max + 2);
  const std::string_view cut = prefix_of_runes(plain, excerpt.max);
  if (cut.size() == plain.size()) { return plain; }
  std::string result{trim_space(cut)};
  if (excerpt.ellipsis) { result += "..."; }
  return result;
}

// The items that reach one level of a value: those of a range, whose paths continue at `offset`.
struct Fields::Level {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t offset = 0;
  [[nodiscard]] bool empty() const { return begin == end; }
};

Result<Fields> Fields::parse(std::string_view text) {
  const auto pieces = split(text, ",", true);
  if (!pieces) { return fail(Code::kInvalid, "unbalanced quotes or parentheses"); }
  std::map<std::string, std::optional<Excerpt>, std::less<>> paths;
  for (const std::string_view piece : *pieces) {
    const std::size_t colon = piece.find(':');
    std::optional<Excerpt> excerpt;
    if (colon != std::string_view::npos) {
      PV_TRY(excerpt, parse_modifier(piece.substr(colon + 1)));
    }
    std::string path{piece.substr(0, colon)};
    if (!path.ends_with('.')) { path += '.'; }
    paths.insert_or_assign(std::move(path), excerpt);
  }
  Fields fields;
  for (auto& [path, excerpt] : paths) { fields.items_.push_back({path, excerpt}); }
  return fields;
}

// The items whose path goes on with `key`: they stand side by side, because the list is sorted.
Fields::Level Fields::below(const Level& level, std::string_view key) const {
  const std::string step = std::string{key} + ".";
  const auto rest = [&](const Item& item) {
    return std::string_view{item.path}.substr(level.offset);
  };
  const auto from = items_.begin() + static_cast<std::ptrdiff_t>(level.begin);
  const auto to = items_.begin() + static_cast<std::ptrdiff_t>(level.end);
  const auto first = std::lower_bound(
      from, to, step,
      [&](const Item& item, const std::string& wanted) { return rest(item) < wanted; });
  const auto last = std::partition_point(
      first, to, [&](const Item& item) { return rest(item).starts_with(step); });
  return {.begin = static_cast<std::size_t>(first - items_.begin()),
          .end = static_cast<std::size_t>(last - items_.begin()),
          .offset = level.offset + step.size()};
}

json::object Fields::pick_object(const json::object& object, const Level& level) const {
  const Level star = below(level, "*");
  // The first of a range is the shortest: the path that ends here, if there is one.
  const auto final_item = [&](const Level& found) -> const Item* {
    return !found.empty() && items_[found.begin].path.size() <= found.offset ? &items_[found.begin]
                                                                             : nullptr;
  };
  const Item* others = final_item(star);
  json::object result;
  for (const auto& [key, member] : object) {
    const Level found = below(level, key);
    if (const Item* item = final_item(found)) {
      result.emplace(key, modified(member, item->excerpt));
    } else if (!found.empty()) {
      result.emplace(key, pick(member, found));
    } else if (others != nullptr) {
      result.emplace(key, modified(member, others->excerpt));
    }
  }
  return result;
}

json::value Fields::pick(const json::value& value, const Level& level) const {
  if (const json::object* object = value.if_object()) {
    return sorted(pick_object(*object, level));
  }
  const json::array* array = value.if_array();
  if (array == nullptr || array->empty() || !array->front().is_object()) { return sorted(value); }
  json::array result;
  result.reserve(array->size());
  for (const json::value& element : *array) {
    const json::object* object = element.if_object();
    result.push_back(object != nullptr ? sorted(pick_object(*object, level)) : sorted(element));
  }
  return result;
}

json::value Fields::apply(const json::value& value) const {
  if (items_.empty()) { return sorted(value); }
  return pick(value, {.begin = 0, .end = items_.size(), .offset = 0});
}

}  // namespace pv::api
