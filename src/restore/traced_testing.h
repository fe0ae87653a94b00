// A child process whose system calls that have to do with files are seen one by one, by ptrace, and
// can be made its last, or fail.
#pragma once

#include <functional>

namespace pv::restore {

enum class Calls {
  kChanging,  // that change the file system, or bring it to the disk
  kAll        // and that look at it: open, stat, read a folder
};

enum class Deed { kNothing, kKill, kFail };

struct TraceOrder {
  Calls counted = Calls::kChanging;
  int at = 0;  // the counted call, from 1 on, that something is done to; 0: none
  Deed deed = Deed::kNothing;
  int error_number = 0;  // of a call that is to fail; it has no effect then
};

struct Trace {
  enum class End { kKilled, kExited, kImpossible };
  End end = End::kImpossible;  // ptrace is not allowed here, or not known for this machine
  int status = 0;              // of the exit
  int calls = 0;               // counted
  int unmarked = 0;            // counted, but not between begin_marked() and end_marked()
};

// Runs `work` in a child process, which ends with what it returns.
[[nodiscard]] Trace trace(const TraceOrder& order, const std::function<int()>& work);

// Called by `work` around the calls that are accounted for.
void begin_marked();
void end_marked();

}  // namespace pv::restore
