// Reads text members out of a JSON object as it arrives, by the rules of Go's encoding/json.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pv::api {

// What a field holds. A flag is "true" or "false", where it was sent as JSON; of a list each text
// is followed by a NUL: list_of() takes it apart.
enum class FieldKind { kText, kFlag, kList };

struct JsonField {
  std::string_view name;
  FieldKind kind = FieldKind::kText;
};

// Text that was sent for a name; names that were not sent are absent.
using FormValues = std::map<std::string, std::string, std::less<>>;

// A value is cut after so many bytes: whatever takes names or passwords refuses shorter ones too.
inline constexpr std::size_t kFormValueBytesMax = 64 << 10;

// Adds to a list; false: it has as many bytes as it may have.
[[nodiscard]] bool add_to_list(std::string& list, std::string_view text);
[[nodiscard]] std::vector<std::string> list_of(std::string_view list);

// The first value of a stream must be an object or null; what follows it is not looked at. A key
// matches a name whatever its case; the last of several counts; null changes nothing, but empties
// a list; any other type than the field's is an error (a text stands for a list of one). Members
// with other keys may hold anything that is JSON, nested at most 10,000 deep. Memory: the wanted
// values, and a bit for each open bracket.
class JsonFields {
 public:
  explicit JsonFields(std::span<const JsonField> fields);

  enum class Progress { kMore, kDone, kMalformed };
  // Further bytes; after kDone or kMalformed they are ignored.
  Progress feed(std::string_view bytes);
  // No more bytes will come: kDone or kMalformed.
  Progress finish();
  // Whether what stands after the value is blank, as far as it was fed in the same call.
  [[nodiscard]] bool nothing_follows() const { return nothing_follows_; }

  // After kDone. Invalid UTF-8 and lone surrogates became U+FFFD.
  [[nodiscard]] FormValues take_values() { return std::move(values_); }

 private:
  enum class State {
    kValue,         // a value must come
    kFirstElement,  // a value or ']'
    kFirstKey,      // a key or '}'
    kKey,
    kColon,
    kAfterValue,  // ',' or the closing bracket
    kString,
    kEscape,
    kHex,
    kMinus,
    kZero,
    kDigits,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kLiteral,
    kDone,
    kMalformed,
  };
  // Where the text being read goes.
  enum class Capture { kNothing, kKey, kValue };

  bool step(char letter);  // false: malformed
  bool begin_value(char letter);
  bool end_value();
  bool after_value(char letter);
  bool begin_key(char letter);
  bool in_string(char letter);
  bool in_escape(char letter);
  bool in_hex(char letter);
  bool in_number(char letter);
  bool end_string();
  bool begin_wanted(char letter);
  void close();
  void put_unit(unsigned unit);
  void end_surrogate();
  void put(std::string_view bytes);
  bool open(char bracket);
  [[nodiscard]] bool at_member() const { return open_.size() == 1 && open_[0]; }

  std::span<const JsonField> fields_;
  FormValues values_;
  State state_ = State::kValue;
  std::vector<bool> open_;  // true: an object
  Capture capture_ = Capture::kNothing;
  std::string text_;
  JsonField member_;      // the wanted one whose value is read; no name: none
  bool in_list_ = false;  // its value is a list, and that is open
  bool reading_key_ = false;
  std::string_view literal_;  // what is left of true, false or null
  unsigned hex_ = 0;
  int hex_digits_ = 0;
  unsigned high_surrogate_ = 0;  // waits for its second half
  bool nothing_follows_ = true;
};

}  // namespace pv::api
