// Where the central directory of an archive lies.
#pragma once

#include <cstdint>
#include <string>

#include "base/io.h"

namespace pv::zip {

struct EndRecord {
  std::uint64_t archive_offset = 0;    // bytes in the file before the archive
  std::uint64_t directory_offset = 0;  // from the start of the file
  std::uint64_t directory_bytes = 0;
  std::uint64_t entries = 0;  // as declared; at most directory_bytes / 46
  std::string comment = {};
};

// The end record lies at the end of the file, behind up to 64 KiB of comment or of bytes that are
// not the archive's. One whose comment ends with the file goes before others; two such that both
// fit are an attempt to show different archives to different readers: kDamaged.
[[nodiscard]] Result<EndRecord> find_end_record(Source& source);

// Exactly these bytes of the file; kDamaged where it ends before.
[[nodiscard]] Result<void> read_exactly(Source& source, std::uint64_t offset, MutableBytes into);

}  // namespace pv::zip
