// The chunked transfer coding (RFC 9112 7.1), decoded as it comes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/io.h"

namespace pv::http {

// As strict as Go's: lines end in CRLF, a size has 1 to 16 digits, extensions are ignored but
// bounded in their sum, trailers are ignored and bounded.
class ChunkDecoder {
 public:
  struct Step {
    std::size_t used = 0;  // bytes taken from `from`
    std::size_t made = 0;  // bytes put into `into`
  };

  // Goes as far as `from` and `into` reach. kInvalid: broken; the rest is no use.
  [[nodiscard]] Result<Step> decode(Bytes from, MutableBytes into);

  // The last chunk and the trailers were read.
  [[nodiscard]] bool done() const { return at_ == At::kDone; }

 private:
  enum class At { kSize, kExtension, kSizeEnd, kData, kDataReturn, kDataEnd, kTrailer, kDone };

  [[nodiscard]] Result<void> take(char c);
  [[nodiscard]] Result<void> end_size_line();
  [[nodiscard]] Result<void> take_trailer(char c);

  At at_ = At::kSize;
  std::uint64_t left_ = 0;         // of the chunk
  std::size_t digits_ = 0;         // of its size so far
  bool digits_over_ = false;       // a blank came after them
  std::size_t line_bytes_ = 0;     // of the size line
  std::uint64_t excess_ = 0;       // bytes that carried no data, over what is usual
  std::size_t trailer_bytes_ = 0;  // of all trailers
  std::size_t trailer_line_ = 0;   // of the current one, without CR and LF
  bool trailer_return_ = false;
};

}  // namespace pv::http
