// What verifications of backups found, kept for those who ask later.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "state/vault_db.h"

namespace pv::state {

// How much was looked at: the checksums of all entries; the databases opened and checked besides;
// all of them in full, with their records counted.
enum class Depth { kChecksums, kQuick, kDeep };
[[nodiscard]] std::string_view depth_name(Depth depth);  // "checksums", "quick", "deep"
[[nodiscard]] std::optional<Depth> depth_of(std::string_view name);

struct Verdict {
  bool is_sound = false;
  Depth depth = Depth::kQuick;
  WallTime at;                           // when it was found, to the millisecond
  std::string reason = {};               // the first thing that is wrong; empty when sound
  std::optional<std::uint64_t> records;  // counted by a deep one
  std::chrono::milliseconds took{0};
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Tells an archive from another that took its name.
struct ArchiveId {
  std::uint64_t size_bytes = 0;
  WallTime modified;                             // as the store has it
  std::optional<std::uint32_t> directory_crc32;  // of its directory; nullopt: can't be read
  friend bool operator==(const ArchiveId&, const ArchiveId&) = default;
};

struct NotedVerdict {
  std::string key;  // the backup's
  ArchiveId archive;
  Verdict verdict;
  friend bool operator==(const NotedVerdict&, const NotedVerdict&) = default;
};

inline constexpr std::size_t kReasonBytesMax = 500;  // of what is kept of a reason

// Errors of all: as VaultDb.

// By key; at most 10,000.
[[nodiscard]] Result<std::vector<NotedVerdict>> read_verdicts(const VaultDb& db);

// In the place of what is known of that key. But damage that a deeper look found in the same
// archive is not forgotten for a shallower one that did not look there. `keys`: of the backups that
// there are; what is known of others is dropped. nullopt: that is not known.
[[nodiscard]] Result<void> note_verdict(const VaultDb& db, const NotedVerdict& noted,
                                        const std::optional<std::set<std::string>>& keys,
                                        const VaultDb::Say& say);

// And what is known to lack in it (gaps.h).
[[nodiscard]] Result<void> forget_verdict(const VaultDb& db, const std::string& key);

}  // namespace pv::state
