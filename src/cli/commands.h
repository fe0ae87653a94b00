// What each command does.
#pragma once

#include <boost/json/value.hpp>
#include <stop_token>

#include "cli/arguments.h"
#include "cli/backups.h"
#include "cli/console.h"
#include "cli/logins.h"
#include "cli/progress.h"
#include "curl/client.h"

namespace pv::cli {

struct Context {
  const Environment& environment;
  const Arguments& arguments;
  Console& console;
  std::stop_token stop;

  // The result: as JSON when that was asked for, else as text.
  void show(const boost::json::value& document, const std::string& text) const;
  // A message on standard error.
  void say(const std::string& line) const { console.say(line); }
  void say(const Phrase& phrase, std::initializer_list<std::string_view> values = {}) const {
    console.say(words()(phrase, values));
  }
  [[nodiscard]] const Words& words() const { return console.words(); }
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const;
};

// Where the commands work. Keeps open what the work needs.
struct Place {
  std::unique_ptr<LocalVault> local;
  std::unique_ptr<curl::Client> client;
  std::unique_ptr<Backups> backups;
};
enum class Purpose {
  kAny,      // a directory is opened beside a server that runs on it
  kReplace,  // a server that runs on the directory does it, because it has the databases open
};
[[nodiscard]] Result<Place> open_place(const Context& context, Purpose purpose);
[[nodiscard]] Logins logins_of(const Context& context);
[[nodiscard]] LocalOptions local_options(const Context& context);

// Each returns the exit status, or an error that run() shows.
[[nodiscard]] Result<Exit> run_backup(const Context& context);
[[nodiscard]] Result<Exit> run_send(const Context& context);
[[nodiscard]] Result<Exit> run_copy(const Context& context);
[[nodiscard]] Result<Exit> run_verify(const Context& context);
[[nodiscard]] Result<Exit> run_restore(const Context& context);
[[nodiscard]] Result<Exit> run_undo(const Context& context);
[[nodiscard]] Result<Exit> run_replaced(const Context& context);
[[nodiscard]] Result<Exit> run_status(const Context& context);
[[nodiscard]] Result<Exit> run_alerts(const Context& context);
[[nodiscard]] Result<Exit> run_list(const Context& context);
[[nodiscard]] Result<Exit> run_show(const Context& context);
[[nodiscard]] Result<Exit> run_ls(const Context& context);
[[nodiscard]] Result<Exit> run_get(const Context& context);
[[nodiscard]] Result<Exit> run_prune(const Context& context);
[[nodiscard]] Result<Exit> run_pin(const Context& context);
[[nodiscard]] Result<Exit> run_unpin(const Context& context);
[[nodiscard]] Result<Exit> run_delete(const Context& context);
[[nodiscard]] Result<Exit> run_download(const Context& context);
[[nodiscard]] Result<Exit> run_upload(const Context& context);
[[nodiscard]] Result<Exit> run_superuser(const Context& context);
[[nodiscard]] Result<Exit> run_login(const Context& context);
[[nodiscard]] Result<Exit> run_logout(const Context& context);
[[nodiscard]] Result<Exit> run_config(const Context& context);

// "nightly" is taken for "nightly.zip" where there is a "nightly.zip" and no "nightly".
[[nodiscard]] Result<store::Backup> find_backup(Backups& backups, const std::string& given);

// What NAME|FILE means: with a slash a file first, else a backup first.
struct Chosen {
  std::optional<store::Backup> backup;
  fs::Path file;  // where there is no `backup`
};
[[nodiscard]] Result<Chosen> choose(Backups& backups, const std::string& given);
// Whether NAME|FILE is a file whatever the directory holds, so that it need not be opened.
[[nodiscard]] bool is_only_a_file(const Context& context);

// Where --output wants what is called `last`: in a folder that is there, under another name, or
// under its own in the working folder.
[[nodiscard]] fs::Path target_of(const Context& context, const fs::Path& last);

[[nodiscard]] ProgressStyle progress_style(const Context& context);
// `label` as of Progress.
[[nodiscard]] Progress progress_of(const Context& context, std::string label);

// How a job that has ended counts. An archive that can't be restored is damaged goods, whatever
// exactly is wrong with it.
[[nodiscard]] Exit exit_for(const jobs::Status& status);

// Whether the person typed `word`, or --yes was given. kNotConfirmed is for run() to return.
[[nodiscard]] bool confirmed(const Context& context, const std::string& question,
                             const std::string& word);

}  // namespace pv::cli
