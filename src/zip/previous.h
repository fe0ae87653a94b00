// The backup before this one: compressed bytes that need not be made again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zip/vault_block.h"

namespace pv::zip {

// Whether an entry of `raw_bytes` with this record was made of just that.
[[nodiscard]] bool is_same_state(const BlockRecord& record, std::uint64_t raw_bytes,
                                 const SourceIdentity& identity);

// An entry of the previous archive, and what its vault block says of it.
struct PreviousEntry {
  BlockRecord record;
  Method method = Method::kStored;
  std::uint32_t crc32 = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t data_offset = 0;   // of its packed bytes, in the file
  std::uint64_t header_bytes = 0;  // of its local header, which lies before them

  [[nodiscard]] bool is_of(const SourceIdentity& identity) const {
    return is_same_state(record, raw_bytes, identity);
  }
};

// Threads    All methods from any thread.
// Memory     The directory about one and a half times, the block once.
class Previous {
 public:
  // kUnsupported: it has no vault block that was made with `key`, and why. Others: what reading it
  // gives.
  [[nodiscard]] static Result<std::unique_ptr<Previous>> open(std::shared_ptr<Source> source,
                                                              const HashKey& key);

  [[nodiscard]] std::string_view facts() const { return block_.facts(); }

  // nullopt: it has none of that name, or its local header is not where the directory says.
  [[nodiscard]] std::optional<PreviousEntry> find(std::string_view name) const;

  // The same as directory and block tell it, without its local header being read: for an archive
  // that is far away. Where something lies between its entries that we don't write, the places
  // may be wrong.
  [[nodiscard]] std::optional<PreviousEntry> find_unread(std::string_view name) const;

  // From now on nothing is read from it: find_unread(), has_state() and facts() are left.
  void let_go() { source_.reset(); }

  // Whether the entry of that name was made of just this; reads nothing.
  [[nodiscard]] bool has_state(std::string_view name, const SourceIdentity& identity) const;

  // Puts `chunk.packed_bytes` bytes from `offset` on into `into`; false unless they are what they
  // were when they were written, its padding too.
  [[nodiscard]] bool copy(const Chunk& chunk, std::uint64_t offset, MutableBytes into) const;

  // The same without the copy: reads through `window`, of any size but 0.
  [[nodiscard]] bool has(const Chunk& chunk, std::uint64_t offset, MutableBytes window) const;

  // Whether these bytes lie at `offset`.
  [[nodiscard]] bool holds(std::uint64_t offset, Bytes bytes) const;

  [[nodiscard]] Source& source() const { return *source_; }

 private:
  Previous(std::shared_ptr<Source> source, Directory directory, VaultBlock block);

  // Numbers of directory_.entries.
  [[nodiscard]] std::optional<std::uint32_t> lookup(std::string_view name) const;
  [[nodiscard]] std::string_view name_of(std::uint32_t number) const {
    return directory_.entries[number].name;
  }

  std::shared_ptr<Source> source_;
  Directory directory_;
  VaultBlock block_;
  std::vector<std::uint32_t> by_name_;  // numbers of directory_.entries, in order of their names
};

}  // namespace pv::zip
