#include "api/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "api/utf8.h"

namespace pv::api {
namespace {

namespace json = boost::json;

void append_escaped_byte(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
      out += "\\u00";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
  }
}

bool stands_for_itself(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' &&
         byte != '&';
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte < 0x80) {
      if (stands_for_itself(byte)) {
        out += text[0];
      } else {
        append_escaped_byte(out, byte);
      }
      text.remove_prefix(1);
      continue;
    }
    const Rune rune = first_rune(text);
    if (rune.invalid()) {
      out += "\\ufffd";
    } else if (rune.value == 0x2028) {
      out += "\\u2028";
    } else if (rune.value == 0x2029) {
      out += "\\u2029";
    } else {
      out += text.substr(0, rune.bytes);
    }
    text.remove_prefix(rune.bytes);
  }
  out += '"';
}

// Plain digits from 1e-6 up to 1e21, else an exponent without leading zeros: 1e-7, 1e+21.
void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {  // JSON has no word for it
    out += "null";
    return;
  }
  std::array<char, 400> text{};  // the longest plain form within the bounds has 27 characters
  const double size = std::abs(number);
  const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string_view digits{text.data(), static_cast<std::size_t>(end.ptr - text.data())};
  const std::size_t exponent = digits.find('e');
  if (exponent == std::string_view::npos) {
    out += digits;
    return;
  }
  out += digits.substr(0, exponent + 2);
  digits.remove_prefix(exponent + 2);
  // to_chars gives two digits at least; Go cuts "e-07" to "e-7" and leaves "e+21".
  if (digits.size() == 2 && digits[0] == '0') { digits.remove_prefix(1); }
  out += digits;
}

void append_value(std::string& out, const json::value& value);

void append_object(std::string& out, const json::object& object) {
  out += '{';
  bool first = true;
  for (const auto& [key, member] : object) {
    if (!first) { out += ','; }
    first = false;
    append_string(out, key);
    out += ':';
    append_value(out, member);
  }
  out += '}';
}

void append_array(std::string& out, const json::array& array) {
  out += '[';
  bool first = true;
  for (const json::value& element : array) {
    if (!first) { out += ','; }
    first = false;
    append_value(out, element);
  }
  out += ']';
}

void append_value(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out += "null"; return;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
    case json::kind::int64: out += std::to_string(value.get_int64()); return;
    case json::kind::uint64: out += std::to_string(value.get_uint64()); return;
    case json::kind::double_: append_double(out, value.get_double()); return;
    case json::kind::string: append_string(out, value.get_string()); return;
    case json::kind::array: append_array(out, value.get_array()); return;
    case json::kind::object: append_object(out, value.get_object()); return;
  }
}

}  // namespace

std::string to_json(const json::value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

std::string to_json_string(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

json::value sorted(const json::value& value) {
  if (const json::array* array = value.if_array()) {
    json::array result;
    result.reserve(array->size());
    for (const json::value& element : *array) { result.push_back(sorted(element)); }
    return result;
  }
  const json::object* object = value.if_object();
  if (object == nullptr) { return value; }
  std::vector<const json::key_value_pair*> members;
  members.reserve(object->size());
  for (const auto& member : *object) { members.push_back(&member); }
  std::sort(members.begin(), members.end(),
            [](const auto* a, const auto* b) { return a->key() < b->key(); });
  json::object result;
  result.reserve(members.size());
  for (const auto* member : members) { result.emplace(member->key(), sorted(member->value())); }
  return result;
}

}  // namespace pv::api
