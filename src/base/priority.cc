#include "base/priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pv {
namespace {

constexpr int kLowestPriority = 19;  // "nice"; of one thread, on Linux

// linux/ioprio.h, which older systems do not have.
constexpr int kWhoThread = 1;
constexpr int kIdleClass = 3 << 13;

}  // namespace

void give_way_to_computing() {
  (void)::setpriority(PRIO_PROCESS, static_cast<::id_t>(::gettid()), kLowestPriority);
}

void give_way() {
  give_way_to_computing();
  (void)::syscall(SYS_ioprio_set, kWhoThread, 0, kIdleClass);
}

}  // namespace pv
