#include "restore/owner.h"

#include <unistd.h>

namespace pv::restore {

Result<std::optional<Owner>> Owner::of(const fs::Path& directory) {
  if (::geteuid() != 0) { return std::optional<Owner>{}; }
  Result<fs::Stat> found = fs::link_stat(directory / "data.db");
  if (!found.has_value() || !found->is_file()) { found = fs::stat(directory); }
  if (!found.has_value()) { return fail(found.error()); }
  if (found->owner == 0 && found->group == 0) { return std::optional<Owner>{}; }
  return std::optional{Owner{found->owner, found->group}};
}

}  // namespace pv::restore
