#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "restore/traced_testing.h"
#include "testing/fixtures.h"

namespace pv::restore {
namespace {

using SyscallInfo = ::__ptrace_syscall_info;

// getpgid() of a process that can't exist: harmless, and made by nobody else.
constexpr std::uint64_t kBegin = 0x70767630;
constexpr std::uint64_t kEnd = 0x70767631;

bool changes_files(const SyscallInfo& info) {
  switch (info.entry.nr) {
    case SYS_openat: return (info.entry.args[2] & (O_CREAT | O_TRUNC)) != 0;
    case SYS_write:
    case SYS_writev:
    case SYS_pwrite64:
    case SYS_pwritev:
    case SYS_ftruncate:
    case SYS_truncate:
    case SYS_fallocate:
    case SYS_copy_file_range:
    case SYS_sendfile:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_syncfs:
    case SYS_sync_file_range:
    case SYS_mkdirat:
    case SYS_mknodat:
    case SYS_unlinkat:
    case SYS_renameat2:
    case SYS_linkat:
    case SYS_symlinkat:
    case SYS_fchmod:
    case SYS_fchmodat:
    case SYS_fchown:
    case SYS_fchownat:
    case SYS_utimensat:
#ifdef SYS_renameat
    case SYS_renameat:
#endif
#ifdef SYS_mkdir  // machines older than arm64 have these as well
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_unlink:
    case SYS_rename:
    case SYS_link:
    case SYS_symlink:
    case SYS_chmod:
    case SYS_chown:
    case SYS_lchown:
    case SYS_creat:
#endif
      return true;
    default: return false;
  }
}

bool looks_at_files(const SyscallInfo& info) {
  switch (info.entry.nr) {
    case SYS_openat:
    case SYS_newfstatat:
    case SYS_fstat:
    case SYS_statx:
    case SYS_getdents64:
    case SYS_readlinkat:
    case SYS_pread64:
#ifdef SYS_stat
    case SYS_stat:
    case SYS_lstat:
    case SYS_open:
    case SYS_readlink:
#endif
      return true;
    default: return false;
  }
}

bool is_counted(const SyscallInfo& info, Calls counted) {
  return changes_files(info) || (counted == Calls::kAll && looks_at_files(info));
}

#if defined(__x86_64__)
constexpr bool kCanFail = true;
void skip_call(pid_t child) {
  ::user_regs_struct registers{};
  PV_ASSERT(::ptrace(PTRACE_GETREGS, child, nullptr, &registers) == 0);
  registers.orig_rax = ~0ULL;
  PV_ASSERT(::ptrace(PTRACE_SETREGS, child, nullptr, &registers) == 0);
}
void set_result(pid_t child, int error_number) {
  ::user_regs_struct registers{};
  PV_ASSERT(::ptrace(PTRACE_GETREGS, child, nullptr, &registers) == 0);
  registers.rax = static_cast<unsigned long long>(-static_cast<long long>(error_number));
  PV_ASSERT(::ptrace(PTRACE_SETREGS, child, nullptr, &registers) == 0);
}
#elif defined(__aarch64__)
constexpr bool kCanFail = true;
void skip_call(pid_t child) {
  int number = -1;
  ::iovec vector{&number, sizeof number};
  PV_ASSERT(::ptrace(PTRACE_SETREGSET, child, NT_ARM_SYSTEM_CALL, &vector) == 0);
}
void set_result(pid_t child, int error_number) {
  ::user_regs_struct registers{};
  ::iovec vector{&registers, sizeof registers};
  PV_ASSERT(::ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &vector) == 0);
  registers.regs[0] = static_cast<unsigned long long>(-static_cast<long long>(error_number));
  PV_ASSERT(::ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &vector) == 0);
}
#else
constexpr bool kCanFail = false;
void skip_call(pid_t) {}
void set_result(pid_t, int) {}
#endif

class Tracer {
 public:
  Tracer(pid_t child, const TraceOrder& order) : child_{child}, order_{order} {}

  Trace run() {
    if (!begin()) { return std::move(trace_); }
    while (go_to_next_stop()) {
      SyscallInfo info{};
      PV_ASSERT(::ptrace(PTRACE_GET_SYSCALL_INFO, child_, sizeof info, &info) > 0);
      if (info.op == PTRACE_SYSCALL_INFO_EXIT && failing_) {
        set_result(child_, order_.error_number);
        failing_ = false;
      }
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !look_at(info)) { break; }
    }
    return std::move(trace_);
  }

 private:
  bool begin() {
    int status = 0;
    PV_ASSERT(::waitpid(child_, &status, 0) == child_);
    if (!WIFSTOPPED(status)) { return false; }
    return ::ptrace(PTRACE_SETOPTIONS, child_, nullptr,
                    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0;
  }

  // False: it has ended.
  bool go_to_next_stop() {
    int status = 0;
    PV_ASSERT(::ptrace(PTRACE_SYSCALL, child_, nullptr, nullptr) == 0);
    PV_ASSERT(::waitpid(child_, &status, 0) == child_);
    if (WIFEXITED(status)) {
      trace_.end = Trace::End::kExited;
      trace_.status = WEXITSTATUS(status);
      return false;
    }
    PV_ASSERT(WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80));
    return true;
  }

  // False: it was its last.
  bool look_at(const SyscallInfo& info) {
    if (info.entry.nr == SYS_getpgid && info.entry.args[0] == kBegin) { marked_ = true; }
    if (info.entry.nr == SYS_getpgid && info.entry.args[0] == kEnd) { marked_ = false; }
    if (!is_counted(info, order_.counted)) { return true; }
    if (!marked_) { ++trace_.unmarked; }
    if (++trace_.calls != order_.at) { return true; }
    if (order_.deed == Deed::kFail) {
      skip_call(child_);
      failing_ = true;
    }
    if (order_.deed != Deed::kKill) { return true; }
    int status = 0;
    PV_ASSERT(::kill(child_, SIGKILL) == 0);
    PV_ASSERT(::waitpid(child_, &status, 0) == child_);
    trace_.end = Trace::End::kKilled;
    return false;
  }

  pid_t child_;
  const TraceOrder& order_;
  Trace trace_;
  bool marked_ = false;
  bool failing_ = false;
};

}  // namespace

Trace trace(const TraceOrder& order, const std::function<int()>& work) {
  if (order.deed == Deed::kFail && !kCanFail) { return {}; }
  const pid_t child = ::fork();
  PV_ASSERT(child >= 0);
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) { ::_exit(3); }
    (void)::raise(SIGSTOP);
    ::_exit(work());
  }
  return Tracer{child, order}.run();
}

void begin_marked() { (void)::syscall(SYS_getpgid, kBegin); }
void end_marked() { (void)::syscall(SYS_getpgid, kEnd); }

namespace {

TEST(Traced, CountsFailsAndKillsTheCallsThatChangeFiles) {
  const testing::TempFolder folder;
  const std::string a = folder / "a";
  const std::string b = folder / "b";
  const auto work = [&] {
    struct ::stat found {};
    (void)::stat(a.c_str(), &found);
    begin_marked();
    const bool made_a = ::mkdir(a.c_str(), 0700) == 0;
    const int why = errno;  // before end_marked() changes it
    end_marked();
    const bool made_b = ::mkdir(b.c_str(), 0700) == 0;
    return made_a && made_b ? 0 : made_a ? 99 : why;
  };
  const Trace whole = trace({}, work);
  if (whole.end == Trace::End::kImpossible) { GTEST_SKIP() << "ptrace is not allowed here"; }
  EXPECT_EQ(whole.status, 0);
  EXPECT_EQ(whole.calls, 2);
  EXPECT_EQ(whole.unmarked, 1);
  EXPECT_EQ(trace({.counted = Calls::kAll}, work).calls, 3);

  std::filesystem::remove(a);
  std::filesystem::remove(b);
  const Trace killed = trace({.at = 2, .deed = Deed::kKill}, work);
  EXPECT_EQ(killed.end, Trace::End::kKilled);
  EXPECT_TRUE(std::filesystem::exists(a));
  EXPECT_FALSE(std::filesystem::exists(b));

  std::filesystem::remove(a);
  const Trace failed = trace({.at = 1, .deed = Deed::kFail, .error_number = ENOSPC}, work);
  if (failed.end == Trace::End::kImpossible) { GTEST_SKIP() << "not known for this machine"; }
  EXPECT_EQ(failed.status, ENOSPC);
  EXPECT_FALSE(std::filesystem::exists(a)) << "it had no effect";
  EXPECT_TRUE(std::filesystem::exists(b));
}

}  // namespace
}  // namespace pv::restore
