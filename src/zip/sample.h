// Whether deflate is worth its time, from a glance at the bytes themselves.
#pragma once

#include "base/io.h"

namespace pv::zip {

// Less than this tells nothing and is always worth a try.
inline constexpr std::size_t kSampleBytesMin = 4096;

// A guess from at most 16 KiB spread over `bytes`: false for JPEG, video, archives, encrypted and
// random data.
[[nodiscard]] bool looks_compressible(Bytes bytes);

}  // namespace pv::zip
