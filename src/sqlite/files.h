// What SQLite's files are called and how they begin (SQLite's fileformat2.html and tempfiles.html).
#pragma once

#include <array>
#include <string_view>

namespace pv::sqlite {

// The first bytes of a database.
inline constexpr std::string_view kFileMagic{"SQLite format 3\0", 16};

// What SQLite keeps beside a database: by these endings of its name.
inline constexpr std::array<std::string_view, 3> kCompanions{"-wal", "-shm", "-journal"};

}  // namespace pv::sqlite
