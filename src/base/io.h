// The two ends of every pipe: snapshot, zip, restore and store meet only here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"

namespace pv {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}
[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Bytes of known size that can be read anywhere, by several threads at once.
class Source {
 public:
  virtual ~Source() = default;

  // The size when it was opened. What it reads from may have changed since: see read_at.
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

  // Fills `into` with the bytes from `offset` on and returns how many there were: fewer than asked
  // only where the source ends. A file that was cut short since it was opened ends early; bytes
  // added since are not seen.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) = 0;

  // A descriptor from which sendfile(2) may read the same bytes at the same offsets, owned by the
  // source; -1 when there is none.
  [[nodiscard]] virtual int descriptor() const { return -1; }
};

// Opens a source late, on the thread that needs it. kNotFound: it vanished meanwhile.
using SourceOpener = std::function<Result<std::unique_ptr<Source>>()>;

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

// Takes bytes in order. One thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;

  // All of `bytes`, or an error, after which the sink is good for nothing but destruction.
  [[nodiscard]] virtual Result<void> write(Bytes bytes) = 0;

  // Whether patch() works: true for files, false for what is sent away as it is written.
  [[nodiscard]] virtual bool can_patch() const { return false; }

  // Overwrites bytes that were written before, at `offset` from the first write.
  [[nodiscard]] virtual Result<void> patch(std::uint64_t offset, Bytes bytes);

  // The blocks that clone() works in, where what is written may share space with a file beside it;
  // 0: it can't.
  [[nodiscard]] virtual std::uint64_t clone_block_bytes() const { return 0; }

  // Appends `range` of `source` by sharing its blocks, at no cost but that of saying so. Offset and
  // size of the range and what was written so far are multiples of clone_block_bytes(). false:
  // nothing was appended (another file system, no descriptor, ...), so write the bytes.
  [[nodiscard]] virtual Result<bool> clone(Source& source, ByteRange range);

  // Whether repeat() can save anything.
  [[nodiscard]] virtual bool can_repeat() const { return false; }

  // As write(), of bytes that are probably also at `at` of what the sink knows to be much the same.
  // Where they are, they need not be sent.
  [[nodiscard]] virtual Result<void> repeat(Bytes bytes, std::uint64_t at);
};

// Copies `source` from its start to its end; returns the bytes copied.
[[nodiscard]] Result<std::uint64_t> copy(Source& source, Sink& sink);

}  // namespace pv
