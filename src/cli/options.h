// The options that can be given on the command line, in the environment and in a file: one table,
// of which the flags are made, the variables, the keys of the file, and `config show`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pv::cli {

// How the value stands in the file: "text", true, ["a", "b"]. A path that is relative there is so
// to the folder of the file, a place as well unless it is an address.
enum class Shape { kText, kFlag, kList, kPath, kPlace };

// `limit_rate` is --limit-rate and POCKETVAULT_LIMIT_RATE.
struct OptionSpec {
  std::string_view key;
  Shape shape = Shape::kText;
  std::string_view type = {};  // for --help: "DIR"
  std::string_view help = {};
  std::string_view fallback = {};  // what it is where nothing says
  // All commands heed it, not `serve` alone: where the data lies, and what belongs to it.
  bool is_place = false;
  bool is_live = false;    // a server that runs takes a new value on SIGHUP
  bool is_secret = false;  // never shown, and never read from the file
  // Empty: the value can be.
  std::string (*fault)(const std::string& value) = nullptr;
};

[[nodiscard]] std::span<const OptionSpec> option_specs();
[[nodiscard]] const OptionSpec* find_spec(std::string_view key);  // nullptr: there is none
[[nodiscard]] const OptionSpec& spec_of(std::string_view key);    // of one that there is

[[nodiscard]] std::string flag_of(std::string_view key);      // "--limit-rate"
[[nodiscard]] std::string variable_of(std::string_view key);  // "POCKETVAULT_LIMIT_RATE"

// The key that was most likely meant by `word`; empty: none is near.
[[nodiscard]] std::string_view nearest_key(std::string_view word);

// What is wrong with a variable of that name: it looks like one of ours, and none is read by it.
// Empty: nothing. Kubernetes sets some for a service that is called pocketvault.
[[nodiscard]] std::string fault_of_variable(std::string_view name);

enum class Origin { kDefault, kFile, kVariable, kFlag };

// An option as it is. Lists are joined by commas, flags are "true" or "false".
struct Setting {
  std::string key;
  std::string value;
  Origin origin = Origin::kDefault;
  std::string where = {};  // "--limit-rate", "POCKETVAULT_LIMIT_RATE", "config.toml:3:1", "default"
  friend bool operator==(const Setting&, const Setting&) = default;
};

// Without secrets: those of the table, and what stands before the @ of an address.
[[nodiscard]] std::string shown_value(const Setting& setting);

}  // namespace pv::cli
