// What SQLite's files are called and how they begin (SQLite's fileformat2.html and tempfiles.html).
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "fs/file.h"

namespace pv::sqlite {

// The first bytes of a database.
inline constexpr std::string_view kFileMagic{"SQLite format 3\0", 16};

// Whether a file begins with them; false when it can't be read. By a plain descriptor: not of a
// file that this process has open with SQLite, whose locks would go when it is closed.
[[nodiscard]] bool begins_as_database(const fs::Fd& fd);

// What SQLite keeps beside a database: by these endings of its name.
inline constexpr std::array<std::string_view, 3> kCompanions{"-wal", "-shm", "-journal"};

// What `name`, or a path, would be such a companion of; else `name` itself.
[[nodiscard]] std::string_view main_of(std::string_view name);

// A database and its companions, whether they are there or not.
[[nodiscard]] std::vector<fs::Path> files_of(const fs::Path& database);

}  // namespace pv::sqlite
