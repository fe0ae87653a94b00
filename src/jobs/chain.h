// What one backup takes over from the one before.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "jobs/workers.h"
#include "zip/previous.h"

namespace pv::jobs {

// The vault block's facts about a backup (docs/formats/vault-block.md).
struct Facts {
  WallTime made;
  std::string way;
  std::string previous;  // the backup that packed bytes were taken from; empty: none
  std::chrono::nanoseconds pause{0};
  std::optional<WallTime> sound;  // when all databases were last found sound inside
};
[[nodiscard]] std::string to_json(const Facts& facts);
// What can be made out of what may be absurd: of another version, or none at all.
[[nodiscard]] Facts facts_from(std::string_view json);

struct Chain {
  zip::HashKey key{};
  std::string name;                         // of the previous backup
  std::unique_ptr<zip::Previous> previous;  // nullptr: all is packed anew
  // So it is as well where that is far away, but what comes out as it was is copied over there.
  bool is_far = false;
  std::string full_because;       // then, for people
  std::optional<WallTime> sound;  // of its facts
};

// The key of this data directory's hashes, made when there is none, and the newest backup of the
// store, when its vault block was made with that key; one that is far away also only when it is big
// enough to be worth the look at its directory and block. The key never
// leaves the directory: whoever doesn't have it can't make an archive that we would take packed
// bytes from. Fails only when the key can be neither read nor written.
[[nodiscard]] Result<Chain> find_chain(const Parts& parts, store::BackupStore& store, bool full);

}  // namespace pv::jobs
