// Reads a zip archive from a stranger: every offset, size and name is checked before use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/io.h"
#include "zip/zip_writer.h"

namespace pv::zip {

struct Entry {
  std::string_view name;        // as it stands in the archive; lives as long as its reader
  std::uint64_t raw_bytes = 0;  // as declared; extraction stops at it
  std::uint64_t packed_bytes = 0;
  std::uint64_t header_offset = 0;  // of the local header, from the start of the file
  std::uint32_t crc32 = 0;
  std::uint16_t method = 0;  // 0 and 8 can be extracted
  std::uint16_t flags = 0;
  std::uint32_t mode = 0;  // Unix mode when the archive has one, else 0
  std::optional<WallTime> modified =
      std::nullopt;  // from the extended timestamp, else the DOS time taken as UTC

  [[nodiscard]] bool is_folder() const { return name.ends_with('/'); }
  [[nodiscard]] bool is_encrypted() const { return (flags & 1U) != 0; }
};

struct ReaderLimits {
  std::uint64_t entries_max = 10'000'000;
  std::uint64_t directory_bytes_max = std::uint64_t{1} << 30U;
};

// The vault block is needed for pieces_of() and facts() alone; its size is about that of the
// directory. Who only looks at names and takes single entries leaves it unread.
enum class BlockUse { kRead, kLeave };

// Threads    All methods from any thread at once.
// Errors     kDamaged: structure, CRC or sizes do not agree. kUnsupported: encrypted, a method
// other
//            than 0 and 8, several disks, beyond the limits.
// Memory     The directory in about twice its size; 0.5 MiB for each extract() at work, kept for
// the
//            next one.
class ZipReader {
 public:
  // Finds the end record (zip64 too) and reads the central directory. Entry data is not looked at,
  // but no two entries may share bytes, nor lie about what deflate can make of them. Bytes before
  // the archive are tolerated unless they are an archive themselves, and up to 64 KiB after it.
  [[nodiscard]] static Result<ZipReader> open(std::shared_ptr<Source> source,
                                              ReaderLimits limits = {},
                                              BlockUse block_use = BlockUse::kRead);

  [[nodiscard]] const std::vector<Entry>& entries() const;
  [[nodiscard]] const std::string& comment() const;
  // CRC-32 of the central directory, which has the name, the size and the CRC of every entry.
  [[nodiscard]] std::uint32_t directory_crc32() const;

  // A piece of an entry that can be extracted alone. At most 16 MiB, packed a little more.
  struct Piece {
    std::uint64_t raw_offset = 0;
    std::size_t raw_bytes = 0;
    std::uint64_t packed_offset = 0;  // in the file
    std::size_t packed_bytes = 0;
    std::uint32_t crc32 = 0;  // of the raw bytes
    bool is_last = false;
  };
  // The pieces of an entry, one of entries(), where the archive's vault block tells; empty where it
  // has none. They cover the entry, in order, and their checksums add up to the entry's: extracting
  // all of them proves as much as extract() does. Local header and descriptor are checked here.
  [[nodiscard]] Result<std::vector<Piece>> pieces_of(const Entry& entry) const;
  // Into the first `piece.raw_bytes` of `into`. kDamaged where that is not what comes out: the
  // block may lie, so extract() decides whether the entry is damaged.
  [[nodiscard]] Result<void> extract_piece(const Entry& entry, const Piece& piece,
                                           MutableBytes into) const;

  // Whether the vault block says that the entry, one of entries(), was made of an object of a
  // bucket.
  [[nodiscard]] bool is_object(const Entry& entry) const;

  // What the maker of the archive noted about it in the vault block; empty without one.
  [[nodiscard]] std::string_view facts() const;
  // Why there is no vault block to go by; empty when there is.
  [[nodiscard]] const std::string& why_no_block() const;

  // The whole entry, one of entries(), into `sink`. Local header, directory and descriptor must
  // agree; the declared size and the CRC must be what was really produced, or the answer is
  // kDamaged (the sink has bytes by then, but never more than declared).
  [[nodiscard]] Result<void> extract(const Entry& entry, Sink& sink,
                                     std::stop_token stop = {}) const;

 private:
  friend class EntryStream;
  struct State;
  explicit ZipReader(std::shared_ptr<const State> state) : state_{std::move(state)} {}
  std::shared_ptr<const State> state_;
};

// One entry's bytes, made as they are asked for: the same checks as ZipReader::extract(), which is
// run().
//
// Threads    One at a time.
// Errors     As ZipReader::extract(); an error stays.
// Memory     1 MiB at most.
// Lifetime   It keeps alive what it needs of the reader.
class EntryStream {
 public:
  EntryStream(const ZipReader& reader, const Entry& entry);  // one of reader.entries()
  ~EntryStream();
  EntryStream(const EntryStream&) = delete;
  EntryStream& operator=(const EntryStream&) = delete;

  // Fills `into` but at the end of the entry, where it says fewer, then 0. The last 256 KiB at most
  // are given out when the whole entry has proved right, no earlier: whoever passes on what it
  // gets never passes on all of a damaged entry.
  [[nodiscard]] Result<std::size_t> read(MutableBytes into);

  // Makes the first bytes. An entry of up to 256 KiB is known to be right, or wrong, afterwards.
  // May be left out.
  [[nodiscard]] Result<void> prepare();

  // All of it into `sink`. Instead of read().
  [[nodiscard]] Result<void> run(Sink& sink, const std::stop_token& stop);

 private:
  struct Work;
  [[nodiscard]] Result<void> advance();
  std::unique_ptr<Work> work_;
  std::vector<std::byte> ready_;  // may be given out, from at_ on
  std::vector<std::byte> held_;   // not before what follows it is known to be right
  std::size_t at_ = 0;
  bool is_over_ = false;
  std::optional<Error> failed_;
};

}  // namespace pv::zip
