#include <algorithm>

#include "base/text.h"
#include "store/backup_store.h"

namespace pv::store {
namespace {

bool is_control(char letter) {
  const auto value = static_cast<unsigned char>(letter);
  return value < 0x20 || value == 0x7f;
}

// nullptr: nothing.
const char* fault_in(std::string_view key) {
  constexpr std::size_t kKeyBytesMax = 1024;
  if (key.empty()) { return "is empty"; }
  if (key.size() > kKeyBytesMax) { return "is longer than 1024 bytes"; }
  if (!is_utf8(key)) { return "is not UTF-8"; }
  if (std::any_of(key.begin(), key.end(), is_control)) { return "has a control character"; }
  if (key.ends_with(".attrs")) { return "ends in .attrs, which is kept for side files"; }
  for (std::size_t start = 0; start <= key.size();) {
    const std::size_t end = std::min(key.find('/', start), key.size());
    const std::string_view part = key.substr(start, end - start);
    if (part.empty()) { return "has an empty part"; }
    if (part == "." || part == "..") { return "has a part that is . or .."; }
    start = end + 1;
  }
  return nullptr;
}

}  // namespace

Result<BackupName> BackupName::parse(std::string_view key) {
  if (const char* fault = fault_in(key)) {
    constexpr std::size_t kShownBytesMax = 100;
    return fail(Code::kInvalid, "\"" + printable(key.substr(0, kShownBytesMax)) +
                                    "\" is no backup name: it " + fault);
  }
  return BackupName{std::string{key}};
}

bool BackupName::is_one(std::string_view key) { return fault_in(key) == nullptr; }

std::string_view BackupName::last_part() const {
  return std::string_view{text_}.substr(text_.rfind('/') + 1);
}

}  // namespace pv::store
