// The file with options (docs/configuration.md).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/options.h"
#include "fs/file.h"

namespace pv::cli {

inline constexpr std::size_t kConfigBytesMax = 1 << 20;

struct ConfigFault {
  std::size_t line = 0;  // from 1; 0: of the file as a whole
  std::size_t column = 0;
  std::string what;
  friend bool operator==(const ConfigFault&, const ConfigFault&) = default;
};

struct ConfigFile {
  std::vector<Setting> settings;    // by key
  std::vector<ConfigFault> faults;  // by line; with one the settings are of no use
};

// The text of the file. kInvalid: it is too long, or no file (a pipe, a folder, a device), which is
// told without waiting for anybody.
[[nodiscard]] Result<std::string> read_config_text(const fs::Path& file);

// The faults as lines, the first few, and how many more there are.
[[nodiscard]] std::vector<std::string> describe_faults(const ConfigFile& config,
                                                       const fs::Path& name);
inline constexpr std::size_t kFaultsToldMax = 10;

// `name` is what the settings say that they are from, its folder what relative paths are relative
// to.
[[nodiscard]] ConfigFile parse_config(const std::string& text, const fs::Path& name);

// "/etc/pocketvault/config.toml:3:1: what"
[[nodiscard]] std::string describe(const ConfigFault& fault, const fs::Path& name);

}  // namespace pv::cli
