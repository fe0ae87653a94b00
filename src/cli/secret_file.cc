#include "cli/secret_file.h"

#include "base/text.h"

namespace pv::cli {

Result<std::string> read_secret(const fs::Path& file) {
  constexpr std::uint64_t kBytesMax = 64 << 10;
  PV_TRY(const std::string text, fs::read_file(file, kBytesMax));
  const std::string_view line = std::string_view{text}.substr(0, text.find_first_of("\r\n"));
  const std::string_view secret = trim_blanks(line);
  if (secret.empty()) {
    return fail(Code::kInvalid, file.string() + " has no secret in its first line");
  }
  return std::string{secret};
}

}  // namespace pv::cli
