#include "metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace pv::metrics {
namespace {

// The fields of /proc/self/stat behind the program's name, which may hold anything; proc(5) counts
// from 1, and the first of these is its third.
std::optional<std::istringstream> stat_fields() {
  std::ifstream file{"/proc/self/stat"};
  std::string text;
  std::getline(file, text);
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) { return std::nullopt; }
  return std::istringstream{text.substr(end + 1)};
}

std::uint64_t count_open_files() {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator it{"/proc/self/fd", error}, end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // the iterator's own
}

}  // namespace

std::optional<ProcessFacts> look_at_process() {
  constexpr int kUserTime = 14;
  constexpr int kSystemTime = 15;
  constexpr int kThreads = 20;
  constexpr int kVirtualBytes = 23;
  constexpr int kResidentPages = 24;
  auto fields = stat_fields();
  if (!fields) { return std::nullopt; }
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  ProcessFacts facts;
  std::string state;
  *fields >> state;
  for (int number = 4; number <= kResidentPages; ++number) {
    std::int64_t signed_value = 0;
    if (!(*fields >> signed_value)) { return std::nullopt; }
    const auto value = static_cast<std::uint64_t>(signed_value);
    switch (number) {
      case kUserTime:
      case kSystemTime: facts.cpu_seconds += static_cast<double>(value) / ticks; break;
      case kThreads: facts.threads = value; break;
      case kVirtualBytes: facts.virtual_bytes = value; break;
      case kResidentPages:
        facts.resident_bytes = value * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        break;
      default: break;
    }
  }
  facts.open_files = count_open_files();
  ::rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) { facts.open_files_max = limit.rlim_cur; }
  return facts;
}

}  // namespace pv::metrics
