#include "api/xml_fields.h"

#include <charconv>
#include <string>
#include <vector>

#include "api/utf8.h"

namespace pv::api {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::size_t kDepthMax = 1000;

bool is_name_byte(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '_' || letter == ':' || letter == '-' ||
         letter == '.' || static_cast<unsigned char>(letter) >= 0x80;
}

bool starts_name(char letter) {
  return is_name_byte(letter) && !(letter >= '0' && letter <= '9') && letter != '-' &&
         letter != '.';
}

// "ns:Name" is known by "Name".
std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::optional<char32_t> numeric_reference(std::string_view digits) {
  int base = 10;
  if (digits.starts_with('x')) {
    digits.remove_prefix(1);
    base = 16;
  }
  std::uint32_t value = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  const bool whole = end.ec == std::errc{} && end.ptr == digits.data() + digits.size();
  if (!whole || digits.empty() || value == 0 || value > 0x10FFFF) { return std::nullopt; }
  return value;
}

class Reader {
 public:
  Reader(std::string_view xml, std::span<const XmlName> names) : rest_{xml}, names_{names} {}

  std::optional<FormValues> run() {
    while (!rest_.empty()) {
      if (rest_[0] != '<') {
        if (!text()) { return std::nullopt; }
        continue;
      }
      if (!markup()) { return std::nullopt; }
      if (closed_) { return std::move(values_); }
    }
    return std::nullopt;
  }

 private:
  bool markup() {
    if (take("<!--")) { return skip_to("-->"); }
    if (take("<?")) { return skip_to("?>"); }
    if (take("<![CDATA[")) { return cdata(); }
    if (take("<!")) { return skip_declaration(); }
    if (take("</")) { return end_tag(); }
    rest_.remove_prefix(1);
    return start_tag();
  }

  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) { return false; }
    rest_.remove_prefix(prefix.size());
    return true;
  }

  bool skip_to(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) { return false; }
    rest_.remove_prefix(at + end.size());
    return true;
  }

  // <!DOCTYPE x [ <!ENTITY ...> ]>: up to the '>' that closes it.
  bool skip_declaration() {
    std::size_t depth = 1;
    char quote = '\0';
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char letter = rest_[i];
      if (quote != '\0') {
        if (letter == quote) { quote = '\0'; }
      } else if (letter == '"' || letter == '\'') {
        quote = letter;
      } else if (letter == '<') {
        ++depth;
      } else if (letter == '>' && --depth == 0) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  bool cdata() {
    const std::size_t end = rest_.find("]]>");
    if (end == std::string_view::npos) { return false; }
    collect(rest_.substr(0, end));
    rest_.remove_prefix(end + 3);
    return true;
  }

  bool text() {
    const std::size_t end = std::min(rest_.find('<'), rest_.size());
    std::string_view part = rest_.substr(0, end);
    rest_.remove_prefix(end);
    while (!part.empty()) {
      const std::size_t plain = std::min(part.find('&'), part.size());
      collect(part.substr(0, plain));
      part.remove_prefix(plain);
      if (!part.empty() && !reference(part)) { return false; }
    }
    return true;
  }

  bool reference(std::string_view& part) {
    const std::size_t end = part.find(';');
    if (end == std::string_view::npos) { return false; }
    const std::string_view name = part.substr(1, end - 1);
    part.remove_prefix(end + 1);
    if (name.starts_with('#')) {
      const auto value = numeric_reference(name.substr(1));
      if (!value) { return false; }
      std::string rune;
      append_rune(rune, *value);
      collect(rune);
      return true;
    }
    constexpr XmlName kNamed[] = {
        {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
    for (const auto& [known, meaning] : kNamed) {
      if (name == known) {
        collect(meaning);
        return true;
      }
    }
    return false;
  }

  std::string_view name() {
    std::size_t end = 0;
    if (!rest_.empty() && starts_name(rest_[0])) {
      while (end < rest_.size() && is_name_byte(rest_[end])) { ++end; }
    }
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }

  void skip_spaces() {
    const std::size_t end = std::min(rest_.find_first_not_of(kSpaces), rest_.size());
    rest_.remove_prefix(end);
  }

  bool start_tag() {
    const std::string_view tag = name();
    if (tag.empty() || open_.size() >= kDepthMax) { return false; }
    for (;;) {
      skip_spaces();
      if (take("/>")) {
        begin(tag);
        return end(tag);
      }
      if (take(">")) {
        begin(tag);
        return true;
      }
      if (!attribute()) { return false; }
    }
  }

  bool attribute() {
    if (name().empty()) { return false; }
    skip_spaces();
    if (!take("=")) { return false; }
    skip_spaces();
    const char quote = rest_.empty() ? '\0' : rest_[0];
    if (quote != '"' && quote != '\'') { return false; }
    rest_.remove_prefix(1);
    return skip_to({&quote, 1});
  }

  bool end_tag() {
    const std::string_view tag = name();
    skip_spaces();
    return !tag.empty() && take(">") && end(tag);
  }

  void begin(std::string_view tag) {
    open_.push_back(tag);
    if (open_.size() == 2) { text_.clear(); }
  }

  bool end(std::string_view tag) {
    if (open_.empty() || open_.back() != tag) { return false; }
    if (open_.size() == 2) {
      for (const auto& [field, element] : names_) {
        if (local_name(tag) == element) {
          values_.insert_or_assign(std::string{field}, to_valid_utf8(text_));
        }
      }
    }
    open_.pop_back();
    closed_ = open_.empty();
    return true;
  }

  void collect(std::string_view text) {
    if (open_.size() == 2 && text_.size() < kFormValueBytesMax) { text_ += text; }
  }

  std::string_view rest_;
  std::span<const XmlName> names_;
  std::vector<std::string_view> open_;
  std::string text_;
  FormValues values_;
  bool closed_ = false;
};

}  // namespace

std::optional<FormValues> read_xml_fields(std::string_view xml, std::span<const XmlName> names) {
  return Reader{xml, names}.run();
}

}  // namespace pv::api
