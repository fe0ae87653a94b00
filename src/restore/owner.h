// Whom restored data belongs to.
#pragma once

#include <sys/types.h>

#include <optional>

#include "fs/file.h"

namespace pv::restore {

// Whom the data belongs to, when root restores for somebody else: else the app, which runs as its
// own user, could not write its restored database.
struct Owner {
  ::uid_t user = 0;
  ::gid_t group = 0;

  // nullopt: what is made belongs to the right one by itself.
  [[nodiscard]] static Result<std::optional<Owner>> of(const fs::Path& directory);
};

}  // namespace pv::restore
