// Which of the places that may say what an option is has the last word: the command line, then the
// environment, then the file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "fs/file.h"

namespace pv::cli {

struct SettingsOrder {
  std::function<std::optional<std::string>(const std::string&)> variable;  // may be absent
  fs::Path config;                          // read if it is there, unless another is named
  std::optional<std::string> named_config;  // by --config; "": none is read
  std::vector<std::string_view> keys = {};  // that the command has
  struct Given {
    std::string_view key;
    std::string value;
  };
  std::vector<Given> given = {};  // on the command line
  bool has_url = false;           // the work is a server's elsewhere, which has places of its own
  bool is_serving = false;        // all keys count, not those of places alone
};

struct Settled {
  std::vector<Setting> settings;  // of each key, in the order of the table
  fs::Path config;                // the file that was read; empty: none
};

// What environment and file say of places (OptionSpec::is_place) is about the directory that they
// name: it does not count where a higher place names another directory. Nor does it where a higher
// one names another store: s3_bucket and backups_dir take each other's place.
//
// kInvalid: a value can't be, the text says where it stands; kNotFound and others: the file that
// was named can't be read.
[[nodiscard]] Result<Settled> settle(const SettingsOrder& order);

// Whichever way they are written; one that is not there is told by its path alone.
[[nodiscard]] bool is_same_folder(const fs::Path& a, const fs::Path& b);

}  // namespace pv::cli
