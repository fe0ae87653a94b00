// What `serve` prints once it listens.
#pragma once

#include <string>

#include "base/clock.h"
#include "cli/words.h"

namespace pv::app {

struct Banner {
  WallTime now;
  std::string url;             // "http://127.0.0.1:8090"
  std::string backups;         // "folder /srv/pb_data/backups"
  bool has_superuser = false;  // else the banner says how to make the first
  std::string program;         // as it was called: "./pocketvault"
  std::string dir;
};

[[nodiscard]] std::string banner_text(const cli::Words& words, const Banner& banner);

// "http://127.0.0.1:8090", "http://[::1]:8090".
[[nodiscard]] std::string url_of(const std::string& address, std::uint16_t port);

// The same for who connects from this machine: an unspecified address listens on the loopback too.
[[nodiscard]] std::string local_url_of(const std::string& address, std::uint16_t port);

}  // namespace pv::app
