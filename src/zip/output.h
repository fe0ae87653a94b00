// The archive as it grows: new bytes, and bytes that the previous archive has as well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/io.h"

namespace pv::zip {

// Where the sink can clone (Sink::clone), what the previous archive has is not written again: it is
// kept as a run for as long as it goes on there, and then shared, one call a run. That needs both
// archives to have it at the same place of a block; so where it can clone, the writer begins the
// data of entries and pieces of big ones at a block now and then, by padding.
//
// How often is a matter of size: half a block of padding, on average, for 64 blocks of archive that
// lie before or behind it (0.8 %). Where the previous archive was aligned, this one is as soon as
// it has 32: so that after a change, from which on all has moved, the two meet again.
//
// Of a run whole blocks are shared; what lies before the first and behind the last is read from the
// previous archive and written, and so is all of a run that is too short or lies otherwise in its
// blocks. Bytes are gathered up to 64 KiB, so that small ones don't cost a call each.
//
// Errors     Those of the sink, and kUnavailable: the previous archive is no more what it was.
class Output {
 public:
  // Both outlive it. `previous` may be nullptr.
  Output(Sink& sink, Source* previous);

  // What can be shared with such a sink: 0, or a block whose size padding can make up for.
  [[nodiscard]] static std::uint64_t block_bytes_of(const Sink& sink);

  // So far, with what is still held back.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  // 0: nothing has to be aligned, nothing can be shared.
  [[nodiscard]] std::uint64_t block_bytes() const { return block_bytes_; }

  [[nodiscard]] Result<void> write(Bytes bytes);
  // So many bytes at `at` of the previous archive, which the caller has found right there;
  // `crc32` is theirs.
  [[nodiscard]] Result<void> write_same(std::uint64_t size_bytes, std::uint64_t at,
                                        std::uint32_t crc32);
  // The same of what the previous archive probably has too, at `at`, for a sink that can repeat.
  [[nodiscard]] Result<void> repeat(Bytes bytes, std::uint64_t at);
  // The same of a few bytes around such: taken for repeated where the previous archive has as many
  // there. Repeating is a guess in any case, which the sink sees to.
  [[nodiscard]] Result<void> write_around(Bytes bytes);
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes);
  [[nodiscard]] Result<void> flush();

  // How many bytes of padding come now, most often none: in a local header of `header_bytes` that
  // is followed by `packed_bytes`; in a deflate stream. `was_aligned`: what comes behind it began
  // at a block in the previous archive. They are taken for written.
  [[nodiscard]] std::uint64_t pad_header(std::uint64_t header_bytes, std::uint64_t packed_bytes,
                                         bool was_aligned);
  [[nodiscard]] std::uint64_t pad_stream(bool was_aligned);

  // Bytes that are shared with the previous archive.
  [[nodiscard]] std::uint64_t shared_bytes() const { return shared_bytes_; }

 private:
  // Bytes that follow each other in the previous archive and in this one.
  struct Run {
    std::uint64_t at = 0;  // in the previous archive
    std::uint64_t size_bytes = 0;
    std::uint32_t crc32 = 0;
  };

  [[nodiscard]] bool is_due(std::uint64_t bytes, bool was_aligned) const;
  [[nodiscard]] Result<void> put(Bytes bytes);
  [[nodiscard]] Result<void> send(Bytes bytes);
  [[nodiscard]] Result<void> end_run();
  [[nodiscard]] Result<bool> share(ByteRange blocks);
  [[nodiscard]] Result<void> send_around();
  // Puts what the previous archive has there; `crc` goes on with it.
  [[nodiscard]] Result<void> copy(ByteRange range, std::uint32_t& crc);

  Sink& sink_;
  Source* const previous_;
  const std::uint64_t block_bytes_;
  bool shares_;
  std::uint64_t offset_ = 0;
  std::uint64_t sent_bytes_ = 0;  // to the sink
  std::uint64_t aligned_at_ = 0;  // where something began at a block, last
  std::uint64_t shared_bytes_ = 0;
  std::string plain_;  // behind sent_bytes_; the run comes behind these
  Run run_;
  std::vector<std::byte> step_;  // of copy()
  std::string around_;           // held back by write_around(); nothing else is then
  std::optional<std::uint64_t> repeated_up_to_;  // in the previous archive, before around_
};

}  // namespace pv::zip
