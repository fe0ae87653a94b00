// What pocketvault remembers of a data directory from run to run: the file .pocketvault/vault.db.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "fs/file.h"
#include "sqlite/connection.h"

namespace pv::state {

// Rows of the table `told`, for a file from before there was one.
inline constexpr std::string_view kToldByDeliveries =
    "SELECT alerts.kind, channel, max(created_ms) FROM alerts JOIN deliveries "
    "ON deliveries.kind = alerts.kind AND created_ms >= since_ms AND outcome <> 'dropped' "
    "GROUP BY alerts.kind, channel";

// The file: opened, made, known again, set aside (docs/formats/vault-db.md). It is small, and each
// call opens it for itself and closes it, so that several processes share it and nobody keeps it
// from anybody. What lies in it is for the other files of this room to say, a table each.
//
// Threads    Any, and any number of processes: who writes waits for who writes, 5 s at most.
// Errors     kDamaged: the file is damaged, or is not pocketvault's. kUnsupported: a newer
//            pocketvault made it; nobody else touches it then. kBusy; kDenied, kNoSpace and
//            kUnavailable, as the disk has it.
class VaultDb {
 public:
  using Work = std::function<Result<void>(sqlite::Connection&)>;
  using Say = std::function<void(const std::string&)>;

  // `vault_folder`: .pocketvault.
  explicit VaultDb(const fs::Path& vault_folder) : path_{vault_folder / "vault.db"} {}

  // Nothing is changed. Without the file, which is no error, `work` is not called; where it can't
  // be told whether it is there, that is one. One of an older version may lack tables.
  [[nodiscard]] Result<void> read(const Work& work) const;

  // All of `work`, when it succeeds, or nothing of it. It may be called a second time after it met
  // damage. Makes the file if need be; one that is damaged, or not ours, is renamed to
  // vault.db.aside, in the place of an earlier one, and `say` is told so.
  [[nodiscard]] Result<void> write(const Work& work, const Say& say) const;
  // The same on a file that is there, and stays as it is where it is not in order.
  [[nodiscard]] Result<void> change(const Work& work) const;

 private:
  enum class Absent { kLeave, kMake };
  [[nodiscard]] Result<sqlite::Connection> open(Absent absent) const;
  [[nodiscard]] Result<void> attempt(const Work& work, Absent absent) const;
  [[nodiscard]] Result<void> set_aside() const;
  void make_empty() const;

  fs::Path path_;
};

}  // namespace pv::state
