// The command line. Parses, asks, shows; what it does is done by jobs/ (a directory here) or by a
// server's HTTP interface (a directory elsewhere).
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "alerts/alerts.h"
#include "base/clock.h"
#include "base/random.h"
#include "cli/options.h"
#include "datadir/data_dir.h"
#include "fs/file.h"
#include "jobs/live_settings.h"
#include "jobs/vault.h"
#include "store/backup_store.h"

namespace pv::cli {

inline constexpr std::chrono::seconds kKeepReplaced = std::chrono::hours{24};
inline constexpr const char* kSystemConfig = "/etc/pocketvault/config.toml";

// A bucket that the command line names. Without keys of its own they come from the environment, as
// AWS's own programs find them.
struct BucketOptions {
  std::string name;      // empty: none is named
  std::string endpoint;  // empty: the environment's, else AWS's own for the region
  std::string region;    // empty: the environment's, else us-east-1
  std::string prefix;    // before every key
  bool force_path_style = false;
  std::string access_key = {};    // empty: the environment's
  fs::Path secret_key_file = {};  // goes with it
};

// A store that the command line names: a bucket, else a folder.
struct StorePlace {
  fs::Path folder;
  BucketOptions bucket = {};
};
// "s3://BUCKET/PREFIX", with ?endpoint=URL&region=NAME&path-style where the environment does not
// say; else a folder. kInvalid.
[[nodiscard]] Result<StorePlace> parse_store_place(const std::string& text);

// A data directory to be opened by this process.
struct LocalOptions {
  fs::Path dir = "pb_data";
  fs::Path backups_dir;               // empty: where the settings say, else dir/backups
  BucketOptions bucket = {};          // goes before both
  std::string encryption_env;         // the variable that holds the settings' key; empty: none
  fs::Path encryption_key_file = {};  // a file that holds it; goes before
  bool create = false;                // an absent or empty directory becomes a fresh one
  std::optional<StorePlace> mirror = std::nullopt;  // a second store, that is to have all backups
  bool nice = false;  // backups and verifications give way to everything else
  std::chrono::seconds keep_replaced = kKeepReplaced;  // jobs::VaultOptions
  std::stop_token stop = {};                           // jobs::VaultOptions
};

struct ServeOptions {
  fs::Path dir = "pb_data";
  fs::Path backups_dir;                             // as above
  BucketOptions bucket = {};                        // as above
  std::optional<StorePlace> mirror = std::nullopt;  // as above
  std::string encryption_env;                       // as above
  fs::Path encryption_key_file = {};                // as above
  std::string address = "127.0.0.1";                // an IP address; IPv6 without brackets
  std::uint16_t port = 8090;
  std::vector<std::string> origins = {"*"};  // CORS; '*' any text, '?' one character
  bool nice = false;                         // as above
  std::uint64_t bytes_per_second_max = 0;    // of a backup; 0: no limit
  std::chrono::seconds keep_replaced = kKeepReplaced;
  bool schedule = false;  // backups.cron is served though an app runs on the directory
  bool strict = false;    // answers as PocketBase v0.36.6, to the byte
  // Where metrics are told without a token; port 0 with an address: any free one.
  std::string metrics_address = {};  // empty: nowhere
  std::uint16_t metrics_port = 0;
  std::string log_level = "info";  // "debug", "info", "warning", "error"

  std::vector<std::string> notes = {};  // for the log, at the start

  // All options as they are, and a way to find them out anew: kInvalid where they can't be, and
  // the text says where. Empty: they are what they are.
  std::vector<Setting> settings = {};
  std::function<Result<ServeOptions>()> reread = {};
};

// An open data directory with all that works on it. Made by app/, which picks the concrete types.
class LocalVault {
 public:
  virtual ~LocalVault() = default;
  [[nodiscard]] virtual jobs::Vault& vault() = 0;
  [[nodiscard]] virtual datadir::DataDir& directory() = 0;
  [[nodiscard]] virtual store::BackupStore& store() = 0;
  [[nodiscard]] virtual settings::VaultSettingsFile& own_settings() = 0;
  [[nodiscard]] virtual alerts::Alerts& alerts() = 0;
  // PocketBase's, with the key that the options name.
  [[nodiscard]] virtual std::unique_ptr<jobs::LiveSettings> open_settings() = 0;
};

// What is wrong with a place, and which option names it.
struct PlaceFault {
  std::string key;  // "mirror"
  Error error;
};

// Everything from outside, so that tests decide what it is. References outlive run().
struct Environment {
  std::function<Result<std::unique_ptr<LocalVault>>(const LocalOptions&)> open_local;
  // A store beside the one of a directory, which is not to lie among its data.
  std::function<Result<std::unique_ptr<store::BackupStore>>(const StorePlace&, const fs::Path& dir)>
      open_store;
  // Looks without opening anything. kNotFound: no such directory.
  std::function<Result<jobs::Overview>(const LocalOptions&)> look_over;
  // Why a server could not have its data and its backups there; absent: nobody knows.
  std::function<std::vector<PlaceFault>(const LocalOptions&)> check_places = {};
  // Serves until it is told to stop; handles signals itself. Returns the exit status.
  std::function<int(const ServeOptions&)> serve;
  std::string version;  // "0.1.0"

  const Clock& clock = system_clock();
  Random& random = system_random();
  // nullptr: std::cin, std::cout, std::cerr.
  std::istream* in = nullptr;
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  // Whether a person sits there; nullopt: isatty() says.
  std::optional<bool> in_is_terminal;
  std::optional<bool> err_is_terminal;
  fs::Path config = {};  // a file with options, read where none is named and if it is there
  // A variable of the process's environment; empty: getenv.
  std::function<std::optional<std::string>(const std::string&)> variable;
  std::function<std::vector<std::string>()> variable_names;  // of all; empty: environ
};

[[nodiscard]] std::optional<std::string> environment_variable(const Environment& environment,
                                                              const std::string& name);

// Exit statuses (docs/cli.md).
enum class Exit : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kWarnings = 3,  // done, with warnings
  kAuthentication = 4,
  kNotFound = 5,
  kBusy = 6,
  kDamaged = 7,
  kStorage = 8,  // storage or network
  kNotConfirmed = 9,
  kTooOld = 10,  // the newest backup, by status --max-age; or the status tells of any other risk
  kCancelled = 130,
};
[[nodiscard]] Exit exit_for(Code code);

// Runs one command and returns the process's exit status. No exception leaves it.
[[nodiscard]] int run(int argc, char** argv, const Environment& environment);

}  // namespace pv::cli
