#include "jobs/kept.h"

#include "base/text.h"
#include "restore/restore.h"

namespace pv::jobs {

Result<std::vector<Kept>> list_kept(const fs::Path& directory, std::chrono::seconds keep) {
  PV_TRY(const std::vector<restore::Replaced> replaced, restore::list_replaced(directory));
  std::vector<Kept> kept;
  kept.reserve(replaced.size());
  for (const restore::Replaced& one : replaced) {
    kept.push_back({.id = one.id,
                    .from = one.restored_from,
                    .at = one.at,
                    .until = one.at + one.keep.value_or(keep),
                    .bytes = one.bytes,
                    .units = one.units,
                    .strays = one.strays,
                    .can_undo = one.can_undo});
  }
  return kept;
}

std::string tell_of_kept(const std::vector<Kept>& kept) {
  if (kept.empty()) { return {}; }
  std::uint64_t bytes = 0;
  bool all_known = true;
  for (const Kept& one : kept) {
    bytes += one.bytes.value_or(0);
    all_known = all_known && one.bytes.has_value();
  }
  return "; data that earlier restores replaced, and that is kept so that they can be undone, "
         "holds " +
         std::string{all_known ? "" : "at least "} + format_size(bytes) +
         ": `pocketvault replaced` lists it, `pocketvault replaced delete --all` frees that";
}

}  // namespace pv::jobs
