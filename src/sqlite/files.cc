#include "sqlite/files.h"

#include <span>

namespace pv::sqlite {

bool begins_as_database(const fs::Fd& fd) {
  std::array<char, kFileMagic.size()> head{};
  const auto count = fs::read_some(fd, 0, std::as_writable_bytes(std::span{head}));
  return count.has_value() && std::string_view{head.data(), *count} == kFileMagic;
}

std::string_view main_of(std::string_view name) {
  for (const std::string_view companion : kCompanions) {
    const bool is_one = name.ends_with(companion) && name.size() > companion.size() &&
                        name[name.size() - companion.size() - 1] != '/';
    if (is_one) { return name.substr(0, name.size() - companion.size()); }
  }
  return name;
}

std::vector<fs::Path> files_of(const fs::Path& database) {
  std::vector<fs::Path> files{database};
  for (const std::string_view companion : kCompanions) {
    files.emplace_back(database.native() + std::string{companion});
  }
  return files;
}

}  // namespace pv::sqlite
