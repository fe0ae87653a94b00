// SIGKILL before each system call of a swap that changes the file system, seen by ptrace.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/restore_testing.h"
#include "restore/swap_world.h"

namespace pv::restore {
namespace {

using SyscallInfo = ::__ptrace_syscall_info;

bool changes_files(const SyscallInfo& info) {
  switch (info.entry.nr) {
    case SYS_openat: return (info.entry.args[2] & O_CREAT) != 0;
    case SYS_write:
    case SYS_pwrite64:
    case SYS_ftruncate:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_syncfs:
    case SYS_mkdirat:
    case SYS_unlinkat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_linkat:
    case SYS_fchmodat:
#ifdef SYS_mkdir  // machines older than arm64 have these as well
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_unlink:
    case SYS_rename:
    case SYS_link:
#endif
      return true;
    default: return false;
  }
}

enum class End { kKilled, kRanThrough, kNoPtrace };

// Runs `work` in a child that is killed before its `call`th change.
End kill_at(int call, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) { ::_exit(3); }
    (void)::raise(SIGSTOP);
    work();
    ::_exit(0);
  }
  int status = 0;
  PV_ASSERT(::waitpid(child, &status, 0) == child);
  if (!WIFSTOPPED(status)) { return End::kNoPtrace; }
  PV_ASSERT(
      ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
  for (int changes = 0;;) {
    PV_ASSERT(::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0);
    PV_ASSERT(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) { return End::kRanThrough; }
    PV_ASSERT(WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80));
    SyscallInfo info{};
    PV_ASSERT(::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_files(info)) { continue; }
    if (++changes < call) { continue; }
    PV_ASSERT(::kill(child, SIGKILL) == 0);
    PV_ASSERT(::waitpid(child, &status, 0) == child);
    return End::kKilled;
  }
}

void kill_everywhere(const std::function<void(World&)>& prepare,
                     const std::function<void(World&)>& work, bool old_is_new) {
  int before_it = 0;
  int done_with_it = 0;
  for (int call = 1;; ++call) {
    World world;
    prepare(world);
    const Tree before = world.tree();
    const Tree& done = old_is_new ? world.old_tree : world.new_tree;
    const End end = kill_at(call, [&] { work(world); });
    if (end == End::kNoPtrace) { GTEST_SKIP() << "ptrace is not allowed here"; }
    const auto recovery = recover(world.folder.path(), real_disk());
    ASSERT_TRUE(recovery.has_value()) << "call " << call << ": " << recovery.error().what;
    const Tree after = world.tree();
    ASSERT_TRUE(after == before || after == done) << "a mixture after call " << call;
    (after == done ? done_with_it : before_it) += 1;
    ASSERT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kNothing) << call;
    ASSERT_EQ(world.tree(), after) << "a second run changed something, call " << call;
    ASSERT_TRUE(prune_replaced(world.folder.path(), kNow, std::chrono::hours{1}).has_value());
    // An undo always has data beside it; a swap that did not happen has none.
    const std::size_t kept = after == done || old_is_new ? 1 : 0;
    EXPECT_EQ(list_replaced(world.folder.path())->size(), kept) << "call " << call;
    if (end == End::kRanThrough) { break; }
  }
  EXPECT_GT(before_it, 5);
  EXPECT_GT(done_with_it, 20);
}

TEST(SwapKilled, BeforeAnySystemCallThatChangesFilesLeavesOldOrNew) {
  kill_everywhere([](World&) {}, [](World& world) { (void)world.run(real_disk()); }, false);
}

TEST(SwapKilled, ThatHoldsForAnUndoToo) {
  kill_everywhere([](World& world) { PV_ASSERT(world.run(real_disk()).has_value()); },
                  [](World& world) { (void)undo(world.folder.path(), "", kNow, real_disk()); },
                  true);
}

}  // namespace
}  // namespace pv::restore
