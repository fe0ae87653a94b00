#include "app/banner.h"

#include <array>
#include <cstdint>
#include <ctime>

#include "cli/columns.h"
#include "cli/messages.h"

namespace pv::app {
namespace {

// PocketBase's: "2026/11/21 00:52:59", local time.
std::string local_time(WallTime now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y/%m/%d %H:%M:%S", &parts);
  return {text.data(), length};
}

std::string quoted(const std::string& word) {
  if (word.find_first_of(" '\"$\\&;()*?") == std::string::npos) { return word; }
  std::string result = "'";
  for (const char letter : word) {
    if (letter == '\'') {
      result += "'\\''";
    } else {
      result += letter;
    }
  }
  return result + "'";
}

}  // namespace

std::string banner_text(const cli::Words& words, const Banner& banner) {
  std::string text = words(cli::phrase::kServerStarted, {local_time(banner.now), banner.url}) +
                     "\n├─ REST API: " + banner.url + "/api/\n└─ " +
                     cli::padded_right(words(cli::phrase::kServerBackups), 10) +
                     words.told(banner.backups) + "\n";
  if (!banner.has_superuser) {
    text += "\n" + words(cli::phrase::kNoSuperuserYet) + "\n    " + quoted(banner.program) +
            " superuser upsert EMAIL --dir " + quoted(banner.dir) + "\n";
  }
  return text;
}

std::string url_of(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string local_url_of(const std::string& address, std::uint16_t port) {
  if (address == "0.0.0.0") { return url_of("127.0.0.1", port); }
  if (address == "::") { return url_of("::1", port); }
  return url_of(address, port);
}

}  // namespace pv::app
