// Finds and reads the central directory of an archive from a stranger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "zip/zip_reader.h"

namespace pv::zip {

struct Directory {
  std::vector<Entry> entries;
  std::string comment;
  std::uint64_t offset = 0;           // of its first byte, from the start of the file
  std::uint32_t crc32 = 0;            // of its bytes, without the end records
  std::vector<std::uint64_t> starts;  // of the local headers, ascending

  // Where the bytes of an entry must have ended: at the next one's header, or here.
  [[nodiscard]] std::uint64_t end_of_entry_at(std::uint64_t header_offset) const;
};

[[nodiscard]] Result<Directory> read_directory(Source& source, const ReaderLimits& limits);

}  // namespace pv::zip
