#include "testing/loop_mount.h"

namespace pv::testing {

LoopMount::LoopMount(const std::string& kind) {
  const RunResult made = run("cd '" + folder_.path().string() +
                             "' && truncate -s 512M disk && PATH=$PATH:/usr/sbin:/sbin && mkfs." +
                             kind + " -q disk && mkdir mount && mount -o loop disk mount");
  if (made.status != 0) { why_not_ = "no " + kind + " can be mounted here: " + made.output; }
}

LoopMount::~LoopMount() {
  if (why_not_.empty()) {
    (void)run("PATH=$PATH:/usr/sbin:/sbin umount '" + path().string() + "'");
  }
}

}  // namespace pv::testing
