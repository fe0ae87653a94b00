#include "app/process.h"

#include <malloc.h>
#include <sys/resource.h>

#include <clocale>
#include <csignal>
#include <cstddef>

namespace pv::app {

void prepare_process() {
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes (ulimit -f) becomes EFBIG
  (void)std::setlocale(LC_CTYPE, "");
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  // glibc gives each thread up to 8 arenas a core, and each keeps what was once freed in it.
  (void)::mallopt(M_ARENA_MAX, 2);
}

std::size_t descriptors_max() {
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 0;
}

void give_back_memory() {
  constexpr std::size_t kWorthwhileBytes = 1 << 20;
  if (::mallinfo2().fordblks > kWorthwhileBytes) { (void)::malloc_trim(0); }
}

}  // namespace pv::app
