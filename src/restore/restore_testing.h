// An archive and disks made up for the tests of this room.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "restore/restore.h"
#include "testing/fixtures.h"

namespace pv::restore {

// Entries with their content.
class FakeArchive final : public Archive {
 public:
  struct File {
    ArchiveEntry entry;
    std::string content;
  };
  FakeArchive& add(const std::string& name, const std::string& content = "x",
                   std::uint32_t mode = 0100644) {
    names_.push_back(std::make_shared<const std::string>(name));
    entries_.push_back({.name = *names_.back(),
                        .raw_bytes = content.size(),
                        .mode = mode,
                        .is_folder = name.ends_with('/'),
                        .checksum = sum(as_bytes(content), 0),
                        .modified = kModified});
    contents_.push_back(content);
    return *this;
  }
  // All files below a folder, as an archive of it would hold them.
  FakeArchive& add_tree(const std::filesystem::path& folder) {
    for (const auto& item : std::filesystem::recursive_directory_iterator{folder}) {
      if (!item.is_regular_file()) { continue; }
      add(std::filesystem::relative(item.path(), folder).string(), testing::read_file(item.path()));
    }
    return *this;
  }
  std::vector<ArchiveEntry>& edit() { return entries_; }
  [[nodiscard]] const std::string& content(std::size_t index) const { return contents_[index]; }

  [[nodiscard]] const std::vector<ArchiveEntry>& entries() const override { return entries_; }
  [[nodiscard]] Result<void> extract(std::size_t index, Sink& sink,
                                     std::stop_token /*stop*/) const override {
    if (index == broken_) { return fail(Code::kDamaged, "checksum is wrong"); }
    return sink.write(as_bytes(contents_[index]));
  }
  [[nodiscard]] std::unique_ptr<ArchivePieces> pieces_of(std::size_t index) const override {
    return index == in_pieces_ ? std::make_unique<Pieces>(*this, index) : nullptr;
  }
  [[nodiscard]] std::uint32_t checksum(Bytes bytes, std::uint32_t before) const override {
    return sum(bytes, before);
  }

  std::size_t broken_ = SIZE_MAX;
  std::size_t in_pieces_ = SIZE_MAX;     // this entry comes in pieces of kPieceBytes
  std::size_t broken_piece_ = SIZE_MAX;  // of it
  static constexpr std::size_t kPieceBytes = 1 << 20;
  static constexpr WallTime kModified{std::chrono::seconds{1'700'000'000}};

 private:
  class Pieces final : public ArchivePieces {
   public:
    Pieces(const FakeArchive& archive, std::size_t index)
        : archive_{archive}, content_{archive.contents_[index]} {}
    [[nodiscard]] std::size_t count() const override {
      return (content_.size() + kPieceBytes - 1) / kPieceBytes;
    }
    [[nodiscard]] Piece at(std::size_t number) const override {
      const std::size_t offset = number * kPieceBytes;
      return {offset, std::min(kPieceBytes, content_.size() - offset)};
    }
    [[nodiscard]] Result<void> extract(std::size_t number, MutableBytes into) const override {
      if (number == archive_.broken_piece_) { return fail(Code::kDamaged, "a lie"); }
      const Piece piece = at(number);
      std::copy_n(as_bytes(content_).begin() + static_cast<std::ptrdiff_t>(piece.offset),
                  piece.bytes, into.begin());
      return {};
    }

   private:
    const FakeArchive& archive_;
    const std::string& content_;
  };

  // FNV-1a: any checksum will do.
  static std::uint32_t sum(Bytes bytes, std::uint32_t before) {
    for (const std::byte byte : bytes) {
      before = (before ^ static_cast<std::uint32_t>(byte)) * 16777619U;
    }
    return before;
  }

  std::vector<std::shared_ptr<const std::string>> names_;
  std::vector<ArchiveEntry> entries_;
  std::vector<std::string> contents_;
};

// Relative name -> content of every file, "DIR" for folders, links followed; our own folders left
// out.
inline std::map<std::string, std::string> tree_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> tree;
  constexpr auto kFollow = std::filesystem::directory_options::follow_directory_symlink;
  for (const auto& item : std::filesystem::recursive_directory_iterator{folder, kFollow}) {
    const std::string name = item.path().lexically_relative(folder).string();
    if (name.find(".pocketvault") != std::string::npos) { continue; }
    tree[name] = item.is_directory() ? "DIR" : testing::read_file(item.path());
  }
  return tree;
}

// Everything that exchanges put aside goes, and what they left over.
inline void clear_replaced(const fs::Path& directory) {
  const std::vector<Replaced> all = list_replaced(directory).value();
  for (const Replaced& one : all) { PV_ASSERT(remove_replaced(directory, one.id).has_value()); }
  PV_ASSERT(prune_replaced(directory, {}, std::chrono::seconds{0}).has_value());
}

}  // namespace pv::restore
