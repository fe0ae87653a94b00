// Options that are read anew while a server runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"

namespace pv::app {

// What differs between two readings of the options; without secrets.
struct OptionChanges {
  std::vector<std::string> taken;         // "limit_rate: 20M (was: none)"
  std::vector<std::string> need_restart;  // keys
  friend bool operator==(const OptionChanges&, const OptionChanges&) = default;
};
// `started`: as the server was started. What only a restart changes is told each time.
[[nodiscard]] OptionChanges changes_of(const std::vector<cli::Setting>& started,
                                       const std::vector<cli::Setting>& before,
                                       const std::vector<cli::Setting>& now);

// Reads them by ServeOptions::reread, and logs what came of it.
class Reload {
 public:
  explicit Reload(const cli::ServeOptions& started) : started_{started}, now_{started} {}

  // The options of which those that may change are to be taken; nullopt: all stays as it was.
  [[nodiscard]] std::optional<cli::ServeOptions> read();

 private:
  const cli::ServeOptions& started_;
  cli::ServeOptions now_;
};

}  // namespace pv::app
