#include "sqlite/names.h"

namespace pv::sqlite {

std::string backquoted(std::string_view name) {
  std::string result = "`";
  for (const char letter : name) {
    if (letter == '`') { result += '`'; }
    result += letter;
  }
  return result + "`";
}

}  // namespace pv::sqlite
