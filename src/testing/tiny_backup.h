// The smallest archive that counts as a backup by its looks.
#pragma once

#include <string>

namespace pv::testing {

// A zip of an empty data.db, stored: its local header, its entry in the directory, the end.
inline std::string tiny_backup() {
  using namespace std::string_literals;
  const std::string name = "data.db";
  const auto zeros = [](std::size_t count) { return std::string(count, '\0'); };
  // Version, flags, method, time, date (1980-01-01), CRC, sizes, lengths of name and extra field.
  const std::string common = "\x14\0"s + zeros(6) + "\x21\0"s + zeros(12) + "\7\0"s + zeros(2);
  const std::string local = "PK\3\4" + common + name;
  const std::string entry = "PK\1\2\x14\0"s + common + zeros(14) + name;
  const auto number = [](std::size_t value) {
    return std::string{static_cast<char>(value)} + std::string(3, '\0');
  };
  return local + entry + "PK\5\6" + zeros(4) + "\1\0\1\0"s + number(entry.size()) +
         number(local.size()) + zeros(2);
}

}  // namespace pv::testing
