#include "api/json_fields.h"

#include <algorithm>
#include <utility>

#include "api/utf8.h"
#include "base/text.h"

namespace pv::api {
namespace {

constexpr std::size_t kDepthMax = 10'000;  // as Go's decoder

bool is_space(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
}

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

int hex_value(char letter) {
  if (is_digit(letter)) { return letter - '0'; }
  if (letter >= 'a' && letter <= 'f') { return letter - 'a' + 10; }
  if (letter >= 'A' && letter <= 'F') { return letter - 'A' + 10; }
  return -1;
}

}  // namespace

bool add_to_list(std::string& list, std::string_view text) {
  if (list.size() + text.size() >= kFormValueBytesMax) { return false; }
  list += text;
  list += '\0';
  return true;
}

std::vector<std::string> list_of(std::string_view list) {
  std::vector<std::string> texts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find('\0'), list.size());
    texts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return texts;
}

JsonFields::JsonFields(std::span<const JsonField> fields) : fields_{fields} {}

JsonFields::Progress JsonFields::feed(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (state_ == State::kDone) {
      for (const char rest : bytes.substr(i)) {
        nothing_follows_ = nothing_follows_ && is_space(rest);
      }
      return Progress::kDone;
    }
    if (state_ == State::kMalformed || !step(bytes[i])) {
      state_ = State::kMalformed;
      return Progress::kMalformed;
    }
  }
  return state_ == State::kDone ? Progress::kDone : Progress::kMore;
}

JsonFields::Progress JsonFields::finish() {
  if (state_ != State::kDone) { state_ = State::kMalformed; }
  return state_ == State::kDone ? Progress::kDone : Progress::kMalformed;
}

bool JsonFields::step(char letter) {
  switch (state_) {
    case State::kValue: return is_space(letter) || begin_value(letter);
    case State::kFirstElement:
      if (letter == ']') {
        close();
        return end_value();
      }
      return is_space(letter) || begin_value(letter);
    case State::kFirstKey:
      if (letter == '}') {
        open_.pop_back();
        return end_value();
      }
      return is_space(letter) || begin_key(letter);
    case State::kKey: return is_space(letter) || begin_key(letter);
    case State::kColon:
      if (letter == ':') { state_ = State::kValue; }
      return letter == ':' || is_space(letter);
    case State::kAfterValue: return is_space(letter) || after_value(letter);
    case State::kString: return in_string(letter);
    case State::kEscape: return in_escape(letter);
    case State::kHex: return in_hex(letter);
    case State::kLiteral:
      if (letter != literal_.front()) { return false; }
      literal_.remove_prefix(1);
      return !literal_.empty() || end_value();
    case State::kMinus:
    case State::kZero:
    case State::kDigits:
    case State::kPoint:
    case State::kFraction:
    case State::kExponent:
    case State::kExponentSign:
    case State::kExponentDigits: return in_number(letter);
    case State::kDone:
    case State::kMalformed: return false;
  }
  return false;
}

bool JsonFields::begin_value(char letter) {
  if (letter == 'n' && !in_list_) {
    if (at_member() && member_.kind == FieldKind::kList) {
      values_[std::string{member_.name}].clear();
    }
    literal_ = "ull";
    state_ = State::kLiteral;
    return true;
  }
  if (in_list_ || (at_member() && !member_.name.empty())) { return begin_wanted(letter); }
  if (letter == '{') { return open('{'); }
  if (open_.empty()) { return false; }  // anything else where an object must be
  if (letter == '"') {
    capture_ = Capture::kNothing;
    state_ = State::kString;
    return true;
  }
  if (letter == '[') { return open('['); }
  if (letter == 't' || letter == 'f') {
    literal_ = letter == 't' ? "rue" : "alse";
    state_ = State::kLiteral;
    return true;
  }
  if (letter == '-') {
    state_ = State::kMinus;
  } else if (is_digit(letter)) {
    state_ = letter == '0' ? State::kZero : State::kDigits;
  } else {
    return false;
  }
  return true;
}

bool JsonFields::begin_wanted(char letter) {
  const FieldKind kind = member_.kind;
  if (letter == '"' && kind != FieldKind::kFlag) {
    capture_ = Capture::kValue;
    text_.clear();
    state_ = State::kString;
    if (kind == FieldKind::kList && !in_list_) { values_[std::string{member_.name}].clear(); }
    return true;
  }
  if (kind == FieldKind::kFlag && (letter == 't' || letter == 'f')) {
    literal_ = letter == 't' ? "rue" : "alse";
    values_[std::string{member_.name}] = letter == 't' ? "true" : "false";
    state_ = State::kLiteral;
    return true;
  }
  if (kind != FieldKind::kList || letter != '[' || in_list_) { return false; }
  values_[std::string{member_.name}].clear();
  in_list_ = true;
  return open('[');
}

void JsonFields::close() {
  open_.pop_back();
  in_list_ = false;  // what is in a wanted list is text alone, so this was the list
}

bool JsonFields::open(char bracket) {
  if (open_.size() >= kDepthMax) { return false; }
  open_.push_back(bracket == '{');
  state_ = bracket == '{' ? State::kFirstKey : State::kFirstElement;
  return true;
}

bool JsonFields::end_value() {
  state_ = open_.empty() ? State::kDone : State::kAfterValue;
  return true;
}

bool JsonFields::after_value(char letter) {
  const bool object = open_.back();
  if (letter == ',') {
    state_ = object ? State::kKey : State::kValue;
    return true;
  }
  if (letter != (object ? '}' : ']')) { return false; }
  close();
  return end_value();
}

bool JsonFields::begin_key(char letter) {
  if (letter != '"') { return false; }
  reading_key_ = true;
  capture_ = at_member() ? Capture::kKey : Capture::kNothing;
  text_.clear();
  state_ = State::kString;
  return true;
}

bool JsonFields::in_string(char letter) {
  if (letter == '\\') {
    state_ = State::kEscape;
    return true;
  }
  if (static_cast<unsigned char>(letter) < 0x20) { return false; }
  end_surrogate();
  if (letter == '"') { return end_string(); }
  put({&letter, 1});
  return true;
}

bool JsonFields::in_escape(char letter) {
  state_ = State::kString;
  if (letter == 'u') {
    state_ = State::kHex;
    hex_ = 0;
    hex_digits_ = 0;
    return true;
  }
  end_surrogate();
  switch (letter) {
    case '"':
    case '\\':
    case '/': put({&letter, 1}); return true;
    case 'b': put("\b"); return true;
    case 'f': put("\f"); return true;
    case 'n': put("\n"); return true;
    case 'r': put("\r"); return true;
    case 't': put("\t"); return true;
    default: return false;
  }
}

bool JsonFields::in_hex(char letter) {
  const int digit = hex_value(letter);
  if (digit < 0) { return false; }
  hex_ = hex_ * 16 + static_cast<unsigned>(digit);
  if (++hex_digits_ == 4) {
    state_ = State::kString;
    put_unit(hex_);
  }
  return true;
}

void JsonFields::put_unit(unsigned unit) {
  std::string text;
  const bool is_low = unit >= 0xDC00 && unit <= 0xDFFF;
  if (high_surrogate_ != 0 && is_low) {
    append_rune(text, 0x10000U + ((high_surrogate_ - 0xD800U) << 10U) + (unit - 0xDC00U));
    high_surrogate_ = 0;
  } else {
    end_surrogate();
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      high_surrogate_ = unit;
    } else {
      append_rune(text, unit);
    }
  }
  put(text);
}

// A first half whose second half did not come stands for U+FFFD.
void JsonFields::end_surrogate() {
  if (std::exchange(high_surrogate_, 0U) == 0) { return; }
  std::string text;
  append_rune(text, kReplacement);
  put(text);
}

void JsonFields::put(std::string_view bytes) {
  if (capture_ == Capture::kNothing || text_.size() >= kFormValueBytesMax) { return; }
  text_ += bytes;
}

bool JsonFields::end_string() {
  if (reading_key_) {
    reading_key_ = false;
    state_ = State::kColon;
    if (capture_ != Capture::kKey) { return true; }
    member_ = {};
    for (const JsonField& field : fields_) {
      if (equals_ignoring_case(text_, field.name)) { member_ = field; }
    }
    return true;
  }
  if (capture_ == Capture::kValue) {
    std::string& value = values_[std::string{member_.name}];
    std::string text = to_valid_utf8(text_);
    if (member_.kind != FieldKind::kList) {
      value = std::move(text);
    } else if (!add_to_list(value, text)) {
      return false;
    }
  }
  return end_value();
}

// Each state names what was read last.
bool JsonFields::in_number(char letter) {
  const bool digit = is_digit(letter);
  const auto go = [&](State next) {
    state_ = next;
    return true;
  };
  switch (state_) {
    case State::kMinus: return digit && go(letter == '0' ? State::kZero : State::kDigits);
    case State::kPoint: return digit && go(State::kFraction);
    case State::kExponentSign: return digit && go(State::kExponentDigits);
    case State::kExponent:
      if (letter == '+' || letter == '-') { return go(State::kExponentSign); }
      return digit && go(State::kExponentDigits);
    case State::kDigits:
    case State::kFraction:
    case State::kExponentDigits:
      if (digit) { return true; }
      break;
    default: break;
  }
  const bool whole = state_ == State::kZero || state_ == State::kDigits;
  if (letter == '.' && whole) { return go(State::kPoint); }
  if ((letter == 'e' || letter == 'E') && state_ != State::kExponentDigits) {
    return go(State::kExponent);
  }
  end_value();
  return is_space(letter) || after_value(letter);
}

}  // namespace pv::api
