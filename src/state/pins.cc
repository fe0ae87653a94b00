#include "state/pins.h"

#include <array>

#include "fs/give.h"
#include "state/columns.h"

namespace pv::state {
namespace {

using sqlite::Value;

constexpr std::uint32_t kOwnerOnly = 0600;

fs::Path mark_in(const fs::Path& vault_folder) { return vault_folder / "pinned"; }

Result<void> set_mark(const fs::Path& vault_folder) {
  const fs::Path mark = mark_in(vault_folder);
  if (fs::exists(mark)) { return {}; }
  PV_CHECK(fs::write_file_atomically(mark, "", kOwnerOnly));
  fs::give_like(vault_folder, mark);
  return {};
}

}  // namespace

bool has_pins(const fs::Path& vault_folder) { return fs::exists(mark_in(vault_folder)); }

Result<std::vector<Pin>> read_pins(const fs::Path& vault_folder) {
  std::vector<Pin> pins;
  PV_CHECK(VaultDb{vault_folder}.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("pins")) { return {}; }
    PV_TRY(const auto rows,
           connection.all("SELECT key, substr(note, 1, 500), at_ms FROM pins ORDER BY key"));
    for (const sqlite::Row& row : rows) {
      pins.push_back({.key = sqlite::to_text(row[0]),
                      .note = sqlite::to_text(row[1]),
                      .at = time_of_ms(sqlite::to_int(row[2]))});
    }
    return {};
  }));
  if (pins.empty() && has_pins(vault_folder)) {
    return fail(Code::kDamaged,
                "backups were pinned, and which is not known any more: vault.db was lost or began "
                "anew. Pin again what is to stay, or remove .pocketvault/pinned if nothing is");
  }
  return pins;
}

// The mark is set before the first pin is there, and taken away when the last is gone for good,
// both while nobody else writes. A crash in between leaves one too many, which is noticed; never
// one too few.
Result<void> put_pin(const fs::Path& vault_folder, const Pin& pin, const VaultDb::Say& say) {
  return VaultDb{vault_folder}.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        PV_CHECK(set_mark(vault_folder));
        const std::array<Value, 3> parameters{pin.key, first_line(pin.note, kNoteBytesMax),
                                              ms_of(pin.at)};
        PV_TRY(std::ignore,
               connection.run("INSERT OR REPLACE INTO pins VALUES (?1, ?2, ?3)", parameters));
        return {};
      },
      say);
}

Result<bool> remove_pin(const fs::Path& vault_folder, const std::string& key) {
  const VaultDb db{vault_folder};
  std::int64_t removed = 0;
  PV_CHECK(db.change([&](sqlite::Connection& connection) -> Result<void> {
    const std::array<Value, 1> parameters{key};
    PV_TRY(removed, connection.run("DELETE FROM pins WHERE key = ?1", parameters));
    return {};
  }));
  if (removed == 0) { return false; }
  PV_CHECK(db.change([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(const auto left, connection.one("SELECT 1 FROM pins LIMIT 1"));
    const Result<void> done = left ? Result<void>{} : fs::remove_file(mark_in(vault_folder));
    return !done.has_value() && done.error().code == Code::kNotFound ? Result<void>{} : done;
  }));
  return true;
}

}  // namespace pv::state
