// Who has a file open.
#pragma once

#include <vector>

#include "fs/file.h"

namespace pv::fs {

struct Openers {
  std::vector<LockHolder> found;  // as other_openers()
  // Every process could be looked into, so none that has a file open is missing: nor is any that
  // holds a lock on one. Else the table of locks knows of more.
  bool is_all = false;
};

[[nodiscard]] Openers look_for_openers(const std::vector<Path>& files);

}  // namespace pv::fs
