#include "base/text.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

#include "base/wall_time.h"

namespace pv {
namespace {

struct Civil {
  int year, month, day, hour, minute, second, weekday, millisecond;
};

Civil to_civil(WallTime time) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{floor<std::chrono::milliseconds>(time - day)};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = static_cast<int>(clock.hours().count()),
          .minute = static_cast<int>(clock.minutes().count()),
          .second = static_cast<int>(clock.seconds().count()),
          .weekday = static_cast<int>(std::chrono::weekday{day}.c_encoding()),
          .millisecond = static_cast<int>(clock.subseconds().count())};
}

// Appends `value`, of at most `digits`, with zeros in front: a tenth of what printf takes, of which
// a list of ten thousand dates takes many.
void put(std::string& text, int value, int digits) {
  int unit = 1;
  while (--digits > 0) { unit *= 10; }
  for (; unit > 0; unit /= 10) { text += static_cast<char>('0' + value / unit % 10); }
}

constexpr std::array<const char*, 7> kWeekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_base64(Bytes bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::byte byte : bytes) {
    bits = (bits << 8U) | std::to_integer<std::uint32_t>(byte);
    for (count += 8; count >= 6; count -= 6) {
      text += alphabet[(bits >> static_cast<unsigned>(count - 6)) & 63U];
    }
  }
  if (count > 0) { text += alphabet[(bits << static_cast<unsigned>(6 - count)) & 63U]; }
  return text;
}

// Without padding. Bits left over after the last byte must be zero, so that each sequence of bytes
// has one spelling only.
std::optional<std::string> decode_base64(std::string_view text, std::string_view alphabet) {
  if (text.size() % 4 == 1) { return std::nullopt; }
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char letter : text) {
    const std::size_t value = alphabet.find(letter);
    if (value == std::string_view::npos) { return std::nullopt; }
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xFFU);
    }
  }
  if ((bits & ((1U << count) - 1U)) != 0) { return std::nullopt; }
  return bytes;
}

// A byte of UTF-8 that begins no character.
bool is_tail(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// Length of the valid UTF-8 sequence at the start of `text`; 0 when there is none. RFC 3629: no
// overlong forms, no surrogates, at most U+10FFFF.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return i < text.size() && is_tail(text[i]); };
  const unsigned first = at(0);
  if (text.empty()) { return 0; }
  if (first < 0x80) { return 1; }
  if (first >= 0xC2 && first <= 0xDF) { return tail(1) ? 2 : 0; }
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(1) || !tail(2)) { return 0; }
    if (first == 0xE0 && at(1) < 0xA0) { return 0; }
    if (first == 0xED && at(1) > 0x9F) { return 0; }
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) { return 0; }
    if (first == 0xF0 && at(1) < 0x90) { return 0; }
    if (first == 0xF4 && at(1) > 0x8F) { return 0; }
    return 4;
  }
  return 0;
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// What nearly all names are made of.
bool is_plain(char letter) { return letter >= 0x20 && letter < 0x7F; }

}  // namespace

std::string format_pocketbase_date(WallTime time) {
  const Civil c = to_civil(time);
  std::string text;
  text.reserve(std::string_view{"2026-11-21 00:54:47.907Z"}.size());
  const struct {
    int value;
    int digits;
    char after;
  } fields[] = {{c.year, 4, '-'},   {c.month, 2, '-'},  {c.day, 2, ' '},        {c.hour, 2, ':'},
                {c.minute, 2, ':'}, {c.second, 2, '.'}, {c.millisecond, 3, 'Z'}};
  for (const auto& field : fields) {
    put(text, field.value, field.digits);
    text += field.after;
  }
  return text;
}

std::string format_minute(WallTime time) {
  constexpr std::size_t kUpToMinutes = 16;
  return format_pocketbase_date(time).substr(0, kUpToMinutes) + " UTC";
}

std::string format_stamp(WallTime time) {
  const Civil c = to_civil(time);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d%02d%02d%02d%02d%02d", c.year, c.month, c.day,
                c.hour, c.minute, c.second);
  return text.data();
}

std::string format_http_date(WallTime time) {
  const Civil c = to_civil(time);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kWeekdays[static_cast<std::size_t>(c.weekday)], c.day,
                kMonths[static_cast<std::size_t>(c.month - 1)], c.year, c.hour, c.minute, c.second);
  return text.data();
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  // RFC 9110 5.6.7: IMF-fixdate, and the two obsolete forms that a recipient must accept.
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const std::string copy{text};
    const char* end = ::strptime(copy.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') {
      return wall_time(std::chrono::seconds{::timegm(&parts)});
    }
  }
  return std::nullopt;
}

std::string format_size(std::uint64_t size_bytes) {
  if (size_bytes < 1000) { return std::to_string(size_bytes) + " B"; }
  constexpr std::array<const char*, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(size_bytes) / 1000.0;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::fixed, 1)
                       .ptr;
  return std::string{digits.data(), end} + ' ' + kUnits[unit];
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view kUnits = "kmgt";
  constexpr std::uint64_t kStep = 1000;
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{}) { return std::nullopt; }
  const std::string unit = to_lower_ascii({stop, static_cast<std::size_t>(end - stop)});
  if (unit.empty()) { return number; }
  const std::size_t power = kUnits.find(unit[0]);
  if (unit.size() != 1 || power == std::string_view::npos) { return std::nullopt; }
  for (std::size_t i = 0; i <= power; ++i) {
    if (number > std::numeric_limits<std::uint64_t>::max() / kStep) { return std::nullopt; }
    number *= kStep;
  }
  return number;
}

std::string to_hex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte) >> 4U];
    text += kDigits[std::to_integer<std::size_t>(byte) & 15U];
  }
  return text;
}

std::string to_base64(Bytes bytes) {
  std::string text = encode_base64(bytes, kStandard);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) { return std::nullopt; }
  for (int i = 0; i < 2 && text.ends_with('='); ++i) { text.remove_suffix(1); }
  return decode_base64(text, kStandard);
}

std::string to_base64url(Bytes bytes) { return encode_base64(bytes, kUrlSafe); }

std::optional<std::string> from_base64url(std::string_view text) {
  return decode_base64(text, kUrlSafe);
}

bool is_utf8(std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) { return true; }
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) { return false; }
    text.remove_prefix(length);
  }
  return true;
}

std::string as_utf8(std::string_view bytes) {
  return is_utf8(bytes) ? std::string{bytes} : printable(bytes);
}

std::size_t whole_characters(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) { return text.size(); }
  std::size_t end = bytes_max;
  while (end > 0 && is_tail(text[end])) { --end; }
  return end;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const std::size_t length = sequence_length(text);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return count;
}

std::string printable(std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) { return std::string{text}; }
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      clean += "\xEF\xBF\xBD";
    } else if (length == 1 && (first < 0x20 || first == 0x7F)) {
      clean += ' ';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&#34;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += letter;
    }
  }
  return escaped;
}

std::string to_lower_ascii(std::string_view text) {
  std::string result{text};
  for (char& letter : result) { letter = lower(letter); }
  return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) { return false; }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) { return false; }
  }
  return true;
}

std::string_view trim_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) { return {}; }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equals_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace pv
