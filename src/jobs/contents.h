// What an archive holds, as a tree of files and folders; and single files out of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/archive.h"

namespace pv::jobs {

enum class ItemKind { kFile, kFolder, kOther };                // kOther: a link, a device
[[nodiscard]] std::string_view item_kind_name(ItemKind kind);  // "file", "folder", "other"

struct ContentItem {
  // Relative to the data directory, cleaned: "storage/a/b.png". As it stands in the archive where
  // that leads outside (`refused` says so). Bytes of a stranger: not always UTF-8.
  std::string name;
  ItemKind kind = ItemKind::kFile;
  std::uint64_t raw_bytes = 0;     // of a folder: of all files below it
  std::uint64_t packed_bytes = 0;  // likewise
  std::uint64_t files = 0;         // of a folder: all below it
  std::uint32_t mode = 0;          // permissions; 0: the archive does not say
  std::optional<WallTime> modified;
  std::string refused;  // why it can't be taken out; empty: it can
  friend bool operator==(const ContentItem&, const ContentItem&) = default;
};

// Threads    All methods from any thread at once.
// Errors     kNotFound: the archive has no such item. kInvalid: it is not of the kind that is
//            needed. kDamaged, kUnsupported: the archive, or the entry.
// Memory     The directory of the archive in about three times its size.
class Contents {
 public:
  // Reads the directory of the archive, nothing else of it.
  [[nodiscard]] static Result<std::shared_ptr<const Contents>> open(const ArchiveOrigin& origin);
  ~Contents();

  // `path` may be written with "/" at either end; "" is the root.
  [[nodiscard]] Result<ContentItem> find(std::string_view path) const;

  enum class Depth { kOne, kAll };
  struct Query {
    std::string path = {};
    Depth depth = Depth::kOne;
    std::uint64_t skip = 0;
    std::uint64_t count_max = 0;
  };
  struct Page {
    std::vector<ContentItem> items;
    std::uint64_t total = 0;  // without `skip` and `count_max`
  };
  // What lies in the folder `path`, by name, each folder before what is in it; what has a name that
  // leads outside stands at the end of the root. Of a file: the file.
  [[nodiscard]] Result<Page> list(const Query& query) const;

  // A file as a whole, its checksum proved: on an error the sink may have some of it.
  [[nodiscard]] Result<void> extract(std::string_view path, Sink& sink,
                                     const std::stop_token& stop) const;
  // A file to be read from its start to its end; elsewhere is kInternal. The last bytes come only
  // when the whole has proved right. A small file that is damaged is so here already.
  [[nodiscard]] static Result<std::unique_ptr<Source>> stream(
      const std::shared_ptr<const Contents>& contents, std::string_view path);

 private:
  struct Tree;
  explicit Contents(std::unique_ptr<const Tree> tree);
  std::unique_ptr<const Tree> tree_;
};

}  // namespace pv::jobs
