// Deflate (RFC 1951) by ISA-L, one buffer to another.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/io.h"

namespace pv::zip {

// How a piece of a deflate stream ends.
enum class StreamEnd {
  kFlush,  // on a byte boundary, nothing later refers back before it: another piece follows
  kFinal,  // the stream is over
};

// Reusable; about 0.4 MiB. One thread at a time.
class Deflater {
 public:
  explicit Deflater(int level);  // 0 to 3, of ISA-L
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Bytes written to `into`; nullopt when it does not fit.
  [[nodiscard]] std::optional<std::size_t> run(Bytes raw, MutableBytes into, StreamEnd end);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `raw` as stored blocks of a deflate stream, each of up to 65,535 bytes with 5 in front. Nothing
// becomes one empty block.
[[nodiscard]] std::size_t store_bytes_max(std::size_t raw_bytes);
std::size_t store_blocks(Bytes raw, MutableBytes into, StreamEnd end);

// Reads one deflate stream in pieces. About 90 KiB. One thread at a time.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void reset();  // a new stream begins

  struct Step {
    std::size_t taken = 0;  // of the packed bytes; what is left must be given again
    std::size_t made = 0;
    bool is_over = false;      // the final block was read to its end
    std::size_t too_many = 0;  // when it is over: bytes taken, perhaps in earlier steps, that lie
                               // behind the end of the stream
  };
  // Goes on until the input is used up, the output is full, or the stream is over. kDamaged.
  [[nodiscard]] Result<Step> run(Bytes packed, MutableBytes into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pv::zip
