#include "http/chunked.h"

#include <algorithm>

namespace pv::http {

namespace {

constexpr std::size_t kLineBytesMax = 4096;
constexpr std::size_t kTrailerBytesMax = 8192;
constexpr std::uint64_t kExcessMax = 16 * 1024;

auto broken(const char* why) {
  return fail(Code::kInvalid, std::string{"broken chunked body: "} + why);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') { return c - '0'; }
  if (c >= 'a' && c <= 'f') { return c - 'a' + 10; }
  if (c >= 'A' && c <= 'F') { return c - 'A' + 10; }
  return -1;
}

}  // namespace

Result<ChunkDecoder::Step> ChunkDecoder::decode(Bytes from, MutableBytes into) {
  Step step;
  while (step.used < from.size() && at_ != At::kDone) {
    if (at_ != At::kData) {
      Result<void> taken = take(static_cast<char>(from[step.used]));
      // What came before the fault is good; the same byte reports it the next time.
      if (!taken.has_value() && step.made > 0) { break; }
      if (!taken.has_value()) { return fail(std::move(taken).error()); }
      ++step.used;
      continue;
    }
    const std::size_t room = std::min(from.size() - step.used, into.size() - step.made);
    if (room == 0) { break; }
    const std::size_t count = std::min<std::uint64_t>(room, left_);
    std::copy_n(from.data() + step.used, count, into.data() + step.made);
    step.used += count;
    step.made += count;
    left_ -= count;
    if (left_ == 0) { at_ = At::kDataReturn; }
  }
  return step;
}

Result<void> ChunkDecoder::take(char c) {
  switch (at_) {
    case At::kSize:
    case At::kExtension:
      if (c == '\n') { return broken("a line ends in a lone LF"); }
      if (++line_bytes_ > kLineBytesMax) { return broken("a line is too long"); }
      if (c == '\r') {
        at_ = At::kSizeEnd;
      } else if (at_ == At::kSize && c == ';') {
        at_ = At::kExtension;
      } else if (at_ == At::kSize && (c == ' ' || c == '\t')) {
        digits_over_ = true;
      } else if (at_ == At::kSize) {
        const int digit = hex_digit(c);
        if (digit < 0 || digits_over_ || ++digits_ > 16) { return broken("not a chunk size"); }
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      }
      return {};
    case At::kSizeEnd:
      if (c != '\n') { return broken("a CR inside a line"); }
      return end_size_line();
    case At::kDataReturn:
      if (c != '\r') { return broken("a chunk is longer than its size"); }
      at_ = At::kDataEnd;
      return {};
    case At::kDataEnd:
      if (c != '\n') { return broken("a chunk is longer than its size"); }
      at_ = At::kSize;
      return {};
    case At::kTrailer: return take_trailer(c);
    case At::kData:
    case At::kDone: break;
  }
  return fail(Code::kInternal, "chunk decoder: a byte out of turn");
}

Result<void> ChunkDecoder::end_size_line() {
  if (digits_ == 0) { return broken("a chunk has no size"); }
  // A byte a chunk is legitimate and costs 5 bytes for each. Long extensions that carry nothing are
  // not: 16 bytes a chunk and twice its data are free, beyond that the sum is bounded.
  const std::uint64_t free = 16 + 2 * std::min<std::uint64_t>(left_, std::uint64_t{1} << 32U);
  excess_ += line_bytes_ + 3;
  excess_ -= std::min(excess_, free);
  if (excess_ > kExcessMax) { return broken("too much beside the data"); }
  at_ = left_ == 0 ? At::kTrailer : At::kData;
  line_bytes_ = 0;
  digits_ = 0;
  digits_over_ = false;
  return {};
}

Result<void> ChunkDecoder::take_trailer(char c) {
  if (++trailer_bytes_ > kTrailerBytesMax) { return broken("the trailers are too long"); }
  if (c == '\n') {
    if (trailer_line_ == 0) { at_ = At::kDone; }
    trailer_line_ = 0;
    trailer_return_ = false;
  } else if (trailer_return_) {
    return broken("a CR inside a trailer");
  } else if (c == '\r') {
    trailer_return_ = true;
  } else {
    ++trailer_line_;
  }
  return {};
}

}  // namespace pv::http
