#include "snapshot/structure.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pv::snapshot {
namespace {

constexpr int kProblemsMax = 20;

// Lines of quick_check that tell of rows, not of trees, and of pages that nobody uses. They can
// come about without any damage: by a schema that was changed by hand, by a crash of an old
// version.
bool is_odd_only(std::string_view line) {
  constexpr std::array<std::string_view, 6> kOfRows{
      "NULL value in ", "CHECK constraint failed in ", "NUMERIC value in ",
      "TEXT value in ", "non-unique entry in index ",  "non-integer value in "};
  return line.ends_with(" is never used") ||  // "Page 5 is never used"
         std::any_of(kOfRows.begin(), kOfRows.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

}  // namespace

Structure judge(std::string_view lines) {
  if (lines == "ok") { return {Soundness::kSound, {}}; }
  Structure found;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.starts_with("*** in database ")) { continue; }  // a heading
    if (!is_odd_only(line)) { return {Soundness::kDamaged, printable(line)}; }
    if (found.what.empty()) { found = {Soundness::kOdd, printable(line)}; }
  }
  return found;
}

Structure check_structure(sqlite::Connection& connection) {
  // CHECK constraints are the app's business, and may call functions that we don't have.
  const auto prepared =
      connection.exec("PRAGMA cache_size=-2048; PRAGMA ignore_check_constraints=ON");
  if (!prepared.has_value()) { return {Soundness::kUnchecked, prepared.error().what}; }
  const auto lines = sqlite::check(connection, sqlite::Check::kQuick, kProblemsMax);
  if (!lines.has_value()) { return {Soundness::kUnchecked, lines.error().what}; }
  return judge(*lines);
}

}  // namespace pv::snapshot
