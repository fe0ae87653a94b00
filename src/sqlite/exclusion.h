// A database that nobody has open, and that nobody can open for a moment.
#pragma once

#include <vector>

#include "fs/file.h"

namespace pv::sqlite {

// Holds the locks that every user of the database stands against: those on the database, and the
// one on its -shm that whoever is in WAL mode keeps. Who comes meanwhile waits, as for any other
// user. Gone with this.
//
// kBusy: somebody has one of the files open, this process included; the text says who, as far as
// /proc tells.
class Exclusion {
 public:
  // The database itself may be missing, and its -shm.
  [[nodiscard]] static Result<Exclusion> take(const fs::Path& database);

 private:
  explicit Exclusion(std::vector<fs::Fd> held) : held_{std::move(held)} {}
  std::vector<fs::Fd> held_;
};

}  // namespace pv::sqlite
