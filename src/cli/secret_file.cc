#include "cli/secret_file.h"

#include <map>
#include <mutex>
#include <tuple>

#include "base/text.h"
#include "fs/first_line.h"

namespace pv::cli {
namespace {

constexpr std::uint64_t kBytesMax = 64 << 10;

// Lines of pipes and terminals. A command opens a directory, then its store, then its mirror, and
// each may need the secret that came once: so they outlive all of these.
class Heard {
 public:
  Result<std::string> line_of(const fs::Path& file, const fs::Stat& found, const SecretWait& wait) {
    const std::lock_guard lock{mutex_};
    const Key key{file, found.device, found.inode};
    if (const auto known = lines_.find(key); known != lines_.end()) { return known->second; }
    PV_TRY(std::string line,
           fs::read_first_line(
               file, {.bytes_max = kBytesMax, .patience = wait.patience, .stop = wait.stop}));
    lines_[key] = line;
    return line;
  }

 private:
  using Key = std::tuple<fs::Path, std::uint64_t, std::uint64_t>;
  std::mutex mutex_;
  std::map<Key, std::string> lines_;
};

Result<std::string> text_of(const fs::Path& file, const SecretWait& wait) {
  static Heard heard;
  const auto found = fs::stat(file);
  const bool is_stream = found.has_value() && (S_ISFIFO(found->mode) || S_ISCHR(found->mode));
  return is_stream ? heard.line_of(file, *found, wait) : fs::read_file(file, kBytesMax);
}

}  // namespace

Result<std::string> read_secret(const fs::Path& file, const SecretWait& wait) {
  PV_TRY(const std::string text, text_of(file, wait));
  const std::string_view line = std::string_view{text}.substr(0, text.find_first_of("\r\n"));
  const std::string_view secret = trim_blanks(line);
  if (secret.empty()) {
    return fail(Code::kInvalid, file.string() + " has no secret in its first line");
  }
  return std::string{secret};
}

}  // namespace pv::cli
