// Writes an ordinary zip archive (PKWARE APPNOTE 6.3.9) on many cores.
//
//     add(entry) ... add(entry)   finish()
//         |                          |
//         v  open, read, try, deflate v
//     [small files][chunk][chunk] on the pool, up to chunks_in_flight_max
//         |
//         v  in order
//     Sink: local header, data, ..., [vault block], central directory, end record
//
// Big entries are cut into chunks, each deflated on its own and ended on a byte boundary (full
// flush), so that the whole is one deflate stream and yet any chunk can be inflated alone. What
// does not compress is stored. zip64 records appear where a size, an offset or the count needs
// them. Local headers carry CRC and sizes when the entry fits into one chunk or the sink can
// patch; else bit 3 and a data descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io.h"
#include "base/work_pool.h"
#include "zip/keyed_hash.h"

namespace pv::zip {

// Which state of which file, or object of a bucket, an entry was made of. A file that still has all
// of it was not written since: whoever gives one vouches that the clock had moved on since the
// file's last change.
struct SourceIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  // nullopt: the entry is not the file's content but made of what is known about it, so that its
  // size does not tell.
  std::optional<std::uint64_t> size_bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;   // of the inode: "ctime"
  friend bool operator==(const SourceIdentity&, const SourceIdentity&) = default;
};

struct EntryMeta {
  // Bytes as on disk, "/"-separated, 1 to 65,535 of them; the UTF-8 flag is set when it is UTF-8
  // beyond ASCII. Ends in "/" for a folder.
  std::string name;
  std::uint32_t mode = 0100644;  // Unix st_mode, kept in the external attributes
  WallTime modified{};           // DOS time in UTC and the extended timestamp (0x5455)
  // true: failing to read it to its end fails the archive; false: it is left out, or ends where
  // reading failed, and is reported.
  bool required = false;
  // About how big it is, when that is known: small files are packed by the dozen. What counts is
  // the source's size when it is opened.
  std::optional<std::uint64_t> expected_bytes = std::nullopt;
  // Kept in the vault block, for the next backup to compare.
  std::optional<SourceIdentity> identity = std::nullopt;
  // Made of an object of a bucket, which the vault block notes. Whole or left out, for a part of it
  // could take the place of a whole one. Far away, so it is not read here and there to find out
  // whether it compresses.
  bool is_object = false;
};

// The fastest that is never larger than Go's BestSpeed, which PocketBase uses. Measured in chunks
// of 1 MiB: bytes per byte, and MB/s of CPU time on one core. A whole backup takes a twentieth more
// CPU time with 2 than with 1.
//
//               Go       0             1             2             3
//   SQLite    0.277    0.303  524    0.273  509    0.269  481    0.264  391
//   C source  0.216    0.223  596    0.209  561    0.207  559    0.198  328
//   programs  0.364    0.414  474    0.361  453    0.355  428    0.352  320
//   JSON      0.360    0.439  478    0.351  487    0.348  451    0.343  307
//   words     0.399    0.453  451    0.400  428    0.389  381    0.383  239
inline constexpr int kDefaultLevel = 2;

enum class Method : std::uint16_t { kStored = 0, kDeflated = 8 };

// What became of one entry.
struct EntryReport {
  std::string name;
  std::uint64_t raw_bytes = 0;
  std::uint64_t packed_bytes = 0;
  Method method = Method::kStored;
  std::uint32_t crc32 = 0;
  std::optional<Error> skipped = std::nullopt;  // not in the archive, and why
  // In the archive up to where reading failed or the file ended early.
  std::optional<Error> shortened = std::nullopt;
};

class Previous;

struct WriterOptions {
  std::size_t chunk_bytes = 1 << 20;
  std::size_t chunks_in_flight_max = 0;  // at least 2; 0: two for each thread and two more
  int level = kDefaultLevel;             // of ISA-L, 0 to 3
  bool report_all = true;                // false: only entries that were skipped or shortened
  // With a key the archive gets a vault block (vault_block.h), and each content a hash.
  std::optional<HashKey> hash_key = std::nullopt;
  // An archive whose packed bytes are used again for what did not change since; outlives the
  // writer. Needs the key that it was made with. Where the sink can repeat (Sink::repeat), nothing
  // but directory and block of it are read: all is packed anew, and the sink told what comes out
  // as it was.
  const Previous* previous = nullptr;
  // Compares contents, not the identities of files.
  bool paranoid = false;
};

struct ArchiveReport {
  std::vector<EntryReport> entries;  // in order of add()
  std::uint64_t entry_count = 0;     // in the archive
  std::uint64_t raw_bytes = 0;
  std::uint64_t archive_bytes = 0;
  std::uint64_t copied_bytes =
      0;  // of raw_bytes, packed before and taken from the previous archive
  std::uint64_t shared_bytes = 0;   // of archive_bytes: blocks that it shares with that archive
  std::uint64_t copies_failed = 0;  // pieces of it that were not what they had been
};

// Threads    All methods but raw_bytes_done() from one thread, which is also the one that writes
//            to the sink (in add() and finish()). Sources are opened and read on the pool's.
// Errors     What the sink or a required entry reports; kCancelled. After one the archive is lost,
//            and every call returns it again.
// Lifetime   Sink and pool outlive the writer. Destroyed early, it waits for chunks in flight.
// Memory     At most 40 MiB of buffers (threads beyond what that allows are not used), 60 bytes an
//            entry plus its name for the directory, with a hash_key 61 more and 28 for each chunk
//            of a big one, and the reports, which report_all = false keeps few.
class ZipWriter {
 public:
  ZipWriter(Sink& sink, WorkPool& pool, WriterOptions options, std::stop_token stop);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // Takes an entry in; blocks while too much is in flight. Errors of earlier entries come here too.
  // Without an opener the entry is empty, as a folder is.
  [[nodiscard]] Result<void> add(EntryMeta meta, SourceOpener open);

  // Waits until all that was added has been written; more may be added afterwards.
  [[nodiscard]] Result<void> settle();

  // Waits for all, writes the directory. Once; no add() after it. Nothing is durable before the
  // sink says so. `facts` is called when every entry is in the archive; what it says (at most
  // 64 KiB) goes into the vault block, its error fails the archive.
  using FactsMaker = std::function<Result<std::string>()>;
  [[nodiscard]] Result<ArchiveReport> finish(const FactsMaker& facts = {});

  // Raw bytes packed so far, for a progress bar; any thread.
  [[nodiscard]] std::uint64_t raw_bytes_done() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pv::zip
