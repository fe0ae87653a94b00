#include "state/pins.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "fs/give.h"
#include "fs/presence.h"
#include "state/columns.h"

namespace pv::state {
namespace {

using sqlite::Value;

constexpr std::uint32_t kOwnerOnly = 0600;

fs::Path mark_in(const fs::Path& vault_folder) { return vault_folder / "pinned"; }

// How many there are to be. What can't be read counts as one: there were some.
std::size_t marked(const fs::Path& vault_folder) {
  constexpr std::uint64_t kBytesMax = 20;
  if (!has_pins(vault_folder)) { return 0; }
  const auto text = fs::read_file(mark_in(vault_folder), kBytesMax);
  if (!text.has_value()) { return 1; }
  std::size_t count = 0;
  std::from_chars(text->data(), text->data() + text->size(), count);
  return std::max<std::size_t>(count, 1);
}

Result<void> set_mark(const fs::Path& vault_folder, std::size_t count) {
  const fs::Path mark = mark_in(vault_folder);
  PV_CHECK(fs::write_file_atomically(mark, std::to_string(count) + "\n", kOwnerOnly));
  fs::give_like(vault_folder, mark);
  return {};
}

Result<std::size_t> count_pins(sqlite::Connection& connection) {
  PV_TRY(const auto row, connection.one("SELECT count(*) FROM pins"));
  return row ? static_cast<std::size_t>(sqlite::to_int((*row)[0])) : 0;
}

}  // namespace

bool has_pins(const fs::Path& vault_folder) {
  return fs::is_there(mark_in(vault_folder)).value_or(true);
}

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
  if (pins.size() < marked(vault_folder)) {
    return fail(Code::kDamaged,
                "backups were pinned, and which is not known any more: vault.db was lost or began "
                "anew. Pin again what is to stay, or remove .pocketvault/pinned if nothing is");
  }
  return pins;
}

// The mark grows before a pin is there, and shrinks when one is gone for good, both while nobody
// else writes. A crash in between leaves it too high, which is noticed; never too low. Where pins
// were lost it stays as it is until there are as many again.
Result<void> put_pin(const fs::Path& vault_folder, const Pin& pin, const VaultDb::Say& say) {
  return VaultDb{vault_folder}.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        const std::array<Value, 1> key{pin.key};
        PV_TRY(const auto there, connection.one("SELECT 1 FROM pins WHERE key = ?1", key));
        PV_TRY(const std::size_t count, count_pins(connection));
        const std::size_t after = count + (there ? 0 : 1);
        if (after > marked(vault_folder)) { PV_CHECK(set_mark(vault_folder, after)); }
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
  bool were_all_known = true;
  PV_CHECK(db.change([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(const std::size_t count, count_pins(connection));
    were_all_known = count >= marked(vault_folder);
    const std::array<Value, 1> parameters{key};
    PV_TRY(removed, connection.run("DELETE FROM pins WHERE key = ?1", parameters));
    return {};
  }));
  if (removed == 0 || !were_all_known) { return removed > 0; }
  PV_CHECK(db.change([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(const std::size_t left, count_pins(connection));
    const Result<void> done =
        left > 0 ? set_mark(vault_folder, left) : fs::remove_file(mark_in(vault_folder));
    return !done.has_value() && done.error().code == Code::kNotFound ? Result<void>{} : done;
  }));
  return true;
}

}  // namespace pv::state
