#include "settings/settings.h"

namespace pv::settings {
namespace {

// Of the result; PocketBase cuts there.
constexpr std::size_t kBytesMax = 50;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word(char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
char to_lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

// Words are runs of ASCII letters and digits; one more begins at an upper-case letter that follows
// anything else: "fooBAR" is foo_bar, "JSONApi2Go" is jsonapi2_go.
std::string snake_case(std::string_view name) {
  std::string result;
  char before = '\0';  // in the same run
  for (const char letter : name) {
    if (!is_word(letter)) {
      before = '\0';
      continue;
    }
    const bool starts_run = before == '\0';
    const bool starts_word = !starts_run && is_upper(letter) && !is_upper(before);
    if (starts_word || (starts_run && !result.empty())) { result += '_'; }
    result += to_lower(letter);
    before = letter;
    if (result.size() > kBytesMax) { break; }
  }
  return result.substr(0, kBytesMax);
}

}  // namespace pv::settings
