#include "base/io.h"

#include <vector>

namespace pv {

Result<void> Sink::patch(std::uint64_t /*offset*/, Bytes /*bytes*/) {
  return fail(Code::kUnsupported, "this sink can't change what it has sent");
}

Result<bool> Sink::clone(Source& /*source*/, ByteRange /*range*/) { return false; }

Result<void> Sink::repeat(Bytes bytes, std::uint64_t /*at*/) { return write(bytes); }

Result<std::uint64_t> copy(Source& source, Sink& sink) {
  constexpr std::size_t kBlockBytes = 1 << 20;
  std::vector<std::byte> block(kBlockBytes);
  std::uint64_t offset = 0;
  for (;;) {
    PV_TRY(const std::size_t count, source.read_at(offset, block));
    if (count == 0) { return offset; }
    PV_CHECK(sink.write(Bytes{block}.first(count)));
    offset += count;
  }
}

}  // namespace pv
