// What stands on the command line, as values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/backups.h"
#include "cli/cli.h"
#include "cli/words.h"

namespace pv::cli {

enum class Command {
  kServe,
  kBackup,
  kList,
  kShow,
  kLs,
  kGet,
  kVerify,
  kRestore,
  kUndo,
  kReplaced,
  kStatus,
  kAlerts,
  kDelete,
  kDownload,
  kUpload,
  kSend,
  kCopy,
  kPrune,
  kPin,
  kUnpin,
  kSuperuser,
  kLogin,
  kLogout,
  kConfig,
  kVersion,
};
[[nodiscard]] std::string_view command_name(Command command);

enum class SuperuserAction { kCreate, kUpsert, kUpdate, kDelete, kIps };

struct Arguments {
  Command command = Command::kVersion;

  // A directory of this machine, or a server elsewhere (url not empty).
  fs::Path dir = "pb_data";
  fs::Path backups_dir;
  BucketOptions bucket;
  std::string encryption_env;
  fs::Path encryption_key_file;
  std::string url;  // without a slash at the end
  std::string token;
  fs::Path token_file;

  bool json = false;
  bool quiet = false;
  bool yes = false;
  bool replace = false;
  bool nice = false;
  jobs::BackupOrder order;  // backup: all but the name
  bool no_delta = false;
  bool deep = false;  // verify
  bool dry_run = false;
  std::optional<std::chrono::seconds> keep_replaced;  // restore
  std::optional<bool> backup_first;                   // restore
  bool test = false;                                  // alerts: send, not list
  bool remove = false;                                // replaced: delete, not list
  bool all = false;                                   // of it; copy: every backup
  std::optional<std::chrono::seconds> max_age;        // status

  std::string name;                // NAME, FILE, EMAIL or ID: what the command takes; may be empty
  std::vector<std::string> names;  // delete takes several, replaced delete and copy as well
  std::string output;              // download, get: where to; "-" is standard output
  std::string new_name;            // upload: another name than the file's
  std::string to;                  // restore: a folder instead of the data's place
  StorePlace copy_to;              // copy
  std::optional<StorePlace> mirror;                       // backup, list, status
  std::vector<std::string> only;                          // restore: a part
  restore::FilesTo files_to = restore::FilesTo::kOrigin;  // restore
  std::string path;                                       // ls, get: of the thing in the backup
  bool recursive = false;                                 // ls
  bool long_form = false;                                 // ls
  SuperuserAction action = SuperuserAction::kCreate;
  std::optional<std::string> password;  // as an argument; "-": a line of standard input

  Rules rules;                      // prune
  std::optional<std::string> note;  // pin

  ServeOptions serve;

  bool config_check = false;                // config: check, not show
  std::optional<std::string> named_config;  // the file with options; "": none is read
  fs::Path config;                          // that was read; empty: none
  // What the options of the table are, those alone that the command has.
  std::vector<Setting> settings;
};

// Where options come from beside the command line. Absent: from nowhere.
struct Outside {
  std::function<std::optional<std::string>(const std::string&)> variable = {};
  fs::Path config = {};  // read if it is there, unless another one is named
};

// Either arguments, or what to print and the exit status (help, version, a mistake).
struct Parsed {
  std::optional<Arguments> arguments;
  Exit exit = Exit::kDone;
  std::string out;
  std::string err;
  // Of options that do not go together all that is wrong, a line each, without what stands around
  // the first of them in `err`.
  std::vector<std::string> mistakes = {};
};
[[nodiscard]] Parsed parse(int argc, const char* const* argv, const std::string& version,
                           const Words& words, const Outside& outside = {});

// "127.0.0.1:8090", ":8090" (every address of this machine), "localhost:8090", "[::1]:8090".
struct Listen {
  std::string address;
  std::uint16_t port = 0;
  friend bool operator==(const Listen&, const Listen&) = default;
};
[[nodiscard]] Result<Listen> parse_listen(const std::string& text);

}  // namespace pv::cli
