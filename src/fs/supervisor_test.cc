#include "fs/supervisor.h"

#include <gtest/gtest.h>

namespace pv::fs {
namespace {

constexpr const char* kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct CgroupCase {
  const char* label;
  std::string text;  // of /proc/PID/cgroup
  Supervisor found;
};

Supervisor unit(const char* name, bool is_of_user = false) {
  return {.unit = name, .is_of_user = is_of_user, .container = {}, .runtime = {}};
}

Supervisor container(const char* runtime) {
  return {.unit = {}, .is_of_user = false, .container = "0123456789ab", .runtime = runtime};
}

TEST(Supervisor, IsReadFromTheCgroup) {
  const std::string id = kId;
  const CgroupCase cases[] = {
      {"a service", "0::/system.slice/pocketbase.service\n", unit("pocketbase.service")},
      {"an instance", "0::/system.slice/system-pb.slice/pb@shop.service\n",
       unit("pb@shop.service")},
      {"a sub-cgroup of a service", "0::/system.slice/pb.service/main\n", unit("pb.service")},
      {"a user's service",
       "0::/user.slice/user-1000.slice/user@1000.service/app.slice/pb.service\n",
       unit("pb.service", true)},
      {"a login", "0::/user.slice/user-1000.slice/session-3.scope\n", {}},
      {"a user's terminal",
       "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-term.scope\n",
       {}},
      {"the old hierarchy",
       "12:cpuset:/\n3:cpu,cpuacct:/system.slice/other.service\n1:name=systemd:/system.slice/"
       "pb.service\n",
       unit("pb.service")},
      {"docker by systemd", "0::/system.slice/docker-" + id + ".scope\n", container("docker")},
      {"docker by itself", "0::/docker/" + id + "\n", container("docker")},
      {"docker inside its service", "0::/system.slice/docker.service/docker/" + id + "\n",
       container("docker")},
      {"podman", "0::/machine.slice/libpod-" + id + ".scope/container\n", container("podman")},
      {"podman in a unit",
       "0::/system.slice/pb.service/libpod-payload-" + id + "\n",
       {.unit = "pb.service",
        .is_of_user = false,
        .container = "0123456789ab",
        .runtime = "podman"}},
      {"kubernetes",
       "0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id + ".scope\n",
       container("kubernetes")},
      {"seen from a container", "0::/../../system.slice/pb.service\n", unit("pb.service")},
      {"nothing", "0::/\n", {}},
      {"empty", "", {}},
      {"a hostile name", "0::/x;reboot;.service\n", {}},
      {"an option for a name", "0::/--help.service\n", {}},
      {"digits that are no id", "0::/docker/0123\n", {}},
  };
  for (const CgroupCase& given : cases) {
    const Supervisor found = parse_cgroup(given.text);
    EXPECT_EQ(found.unit, given.found.unit) << given.label;
    EXPECT_EQ(found.is_of_user, given.found.is_of_user) << given.label;
    EXPECT_EQ(found.container, given.found.container) << given.label;
    EXPECT_EQ(found.runtime, given.found.runtime) << given.label;
  }
}

TEST(Supervisor, IsUnknownOfAProcessThatIsNotThere) { EXPECT_EQ(supervisor_of(-1), Supervisor{}); }

}  // namespace
}  // namespace pv::fs
