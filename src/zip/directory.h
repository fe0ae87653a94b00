// Finds and reads the central directory of an archive from a stranger.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zip/zip_reader.h"

namespace pv::zip {

// The names of all entries, packed: a string each would take twice their size.
class Names {
 public:
  // What it returns stays where it is.
  [[nodiscard]] std::string_view keep(std::string_view name);

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t left_bytes_ = 0;  // of the last one, at its end
  char* free_ = nullptr;
};

struct Directory {
  std::vector<Entry> entries;
  Names names;  // of the entries
  std::string comment;
  std::uint64_t offset = 0;           // of its first byte, from the start of the file
  std::uint32_t crc32 = 0;            // of its bytes, without the end records
  std::vector<std::uint64_t> starts;  // of the local headers, ascending

  // Where the bytes of an entry must have ended: at the next one's header, or here.
  [[nodiscard]] std::uint64_t end_of_entry_at(std::uint64_t header_offset) const;
};

[[nodiscard]] Result<Directory> read_directory(Source& source, const ReaderLimits& limits);

}  // namespace pv::zip
