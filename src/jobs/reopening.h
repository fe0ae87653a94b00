// The databases of a server that another program replaced or removed: noticed, told, opened anew.
#pragma once

#include <functional>
#include <string>

#include "datadir/data_dir.h"

namespace pv::jobs {

// Threads    tick(), one at a time.
// Lifetime   What it is made of outlives it.
class Reopening {
 public:
  struct Hooks {
    std::function<void(bool is_warning, const std::string& what)> say;
    // The new directory must be this server's alone. Asked while nothing is lent yet.
    std::function<Result<void>()> claim;
  };
  Reopening(datadir::DataDir& directory, Hooks hooks);

  // Meant to be called every second; costs a few stat(2) while all is well. Has it noted whose the
  // WALs are (DataDir::note_wals()).
  void tick();

 private:
  [[nodiscard]] Result<bool> try_to_open();
  void hold_on();

  datadir::DataDir& directory_;
  const Hooks hooks_;
  std::string told_;      // what was lost, as told last; empty: nothing is
  std::string told_why_;  // what hinders the opening, the same
};

}  // namespace pv::jobs
