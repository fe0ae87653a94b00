// The journal of one exchange: every rename to come, written before the first of them.
// docs/formats/restore-journal.md draws it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "restore/layout.h"

namespace pv::restore {

// The entries of one folder that are exchanged, each by one rename.
struct PlaceMoves {
  // All of the folder's entries are meant: what lies in it besides is a stray. Else the others stay
  // as they are.
  enum class Extent { kWhole, kNamed };

  std::string folder;  // Layout::places(); "" is the data directory
  Extent extent = Extent::kWhole;
  std::vector<std::string> out;  // current entries, in the order in which they leave
  std::vector<std::string> in;   // new entries, in the order in which they come
  // Folders among them that their owner may not write to, with their permissions: only when these
  // are widened can such a folder be moved.
  std::map<std::string, std::uint32_t> read_only_out;
  std::map<std::string, std::uint32_t> read_only_in;
  // Folders on both sides, and files, that change places at once, where the file system can: an app
  // that goes on never finds the name free. Their inodes tell afterwards which lies where.
  struct Inodes {
    std::uint64_t old = 0;
    std::uint64_t fresh = 0;
    friend bool operator==(const Inodes&, const Inodes&) = default;
  };
  std::map<std::string, Inodes> at_once;
  // New entries in whose place an app may go on: seal_of() them before they come. One whose seal is
  // broken when it goes back has something in it that a program made.
  std::map<std::string, std::uint64_t> sealed;

  friend bool operator==(const PlaceMoves&, const PlaceMoves&) = default;
};

struct Journal {
  bool back = false;  // the exchange is being taken back
  Layout layout;
  std::string incoming;  // "restore-ID", or "replaced-ID/pb_data": in the vault of each volume
  std::string aside;     // as well
  // Current entries leave in this order of places, new ones come in the reverse order.
  std::vector<PlaceMoves> places;

  friend bool operator==(const Journal&, const Journal&) = default;
};

// Also makes ready what turn_journal() needs, so that this takes no room on the disk.
[[nodiscard]] Result<void> write_journal(const fs::Path& directory, const Journal& journal,
                                         Disk& disk);
// From now on, on disk, the exchange is being taken back. Until then nothing may go back: recovery
// would go forward, and take what an app has made where new entries were for these.
[[nodiscard]] Result<void> turn_journal(const fs::Path& directory, Journal& journal, Disk& disk);
// nullopt: there is none. kDamaged: it can't be trusted; it and the folders stay for people to see.
// kUnsupported: of another version.
[[nodiscard]] Result<std::optional<Journal>> read_journal(const fs::Path& directory);
// Fine where there is none any more.
[[nodiscard]] Result<void> end_journal(const fs::Path& directory, Disk& disk);

}  // namespace pv::restore
