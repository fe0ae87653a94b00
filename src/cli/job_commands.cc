// Commands that start a job and wait for it: backup, verify, restore, undo.
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/local_backups.h"
#include "cli/new_file.h"
#include "cli/preflight_report.h"
#include "cli/progress.h"
#include "cli/render.h"
#include "jobs/names.h"

namespace pv::cli {
namespace {

constexpr std::size_t kWarningLinesMax = 20;

using Start = std::function<Result<jobs::Status>(const Watch&)>;

// Runs a job with progress, shows how it ended.
Result<Exit> run_job(const Context& context, const std::string& label, const Start& start) {
  Progress progress{context.console.err(), progress_style(context), context.environment.clock,
                    label};
  const Watch watch{[&](const jobs::Status& status) {
                      progress.update(status.phase, status.bytes_done, status.bytes_total);
                    },
                    context.stop};
  auto outcome = start(watch);
  progress.clear();
  PV_TRY(const jobs::Status status, std::move(outcome));
  for (const std::string& line : render_warnings(status.warnings, kWarningLinesMax)) {
    context.say(line);
  }
  if (status.state == jobs::State::kSucceeded) {
    context.show(json::object{{"job", to_json(status)}}, render_success(status) + "\n");
    return exit_for(status);
  }
  if (context.arguments.json) { context.show(json::object{{"job", to_json(status)}}, ""); }
  if (status.state == jobs::State::kCancelled) {
    context.say("Cancelled; nothing was left behind.");
  } else {
    const Error error = status.error.value_or(Error{Code::kInternal, "no reason is given"});
    context.say("Error: " + label + ": " + printable(error.what));
  }
  return exit_for(status);
}

// Sends what waits in the spool, with progress.
Result<std::vector<store::BackupName>> send_waiting(const Context& context, LocalVault& local) {
  Progress progress{context.console.err(), progress_style(context), context.environment.clock,
                    "send"};
  auto sent = local.vault().send_waiting(
      [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
      context.stop);
  progress.clear();
  return sent;
}

// After a backup that has reached its store: that is back now. What fails is told, and harms
// nothing: the backup is made.
void send_earlier(const Context& context, LocalVault& local) {
  const auto waiting = local.vault().waiting();
  if (!waiting.has_value() || waiting->empty()) { return; }
  const auto sent = send_waiting(context, local);
  if (!sent.has_value()) {
    context.say("Earlier backups still wait to be sent: " + printable(sent.error().what));
    return;
  }
  for (const store::BackupName& name : *sent) {
    context.say("Sent " + printable(name.text()) + ", which had waited.");
  }
}

// After a backup: the mirror gets it, and what it lacked before. What fails does no harm to the
// backup, and is tried again by the next one.
Exit fill_mirror(const Context& context, LocalVault& local, Exit made) {
  if (!local.vault().has_mirror()) { return made; }
  Progress progress{context.console.err(), progress_style(context), context.environment.clock,
                    "mirror"};
  const auto copied = local.vault().fill_mirror(
      [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
      context.stop);
  progress.clear();
  const std::string place = printable(local.vault().mirror()->place);
  if (copied.has_value()) {
    for (const store::BackupName& name : *copied) {
      context.say("Copied " + printable(name.text()) + " to the mirror, " + place + ".");
    }
    return made;
  }
  // Somebody else fills it: a server, most often.
  if (copied.error().code == Code::kBusy) { return made; }
  context.say(
      "Warning: the mirror, " + place +
      ", lacks backups, and gets them with the next one: " + printable(copied.error().what));
  return made == Exit::kDone ? Exit::kWarnings : made;
}

// A name as a person may type it: ".zip" may be left out.
std::string completed(const std::string& name) {
  return name.empty() || name.find('.') != std::string::npos ? name : name + ".zip";
}

std::string label_of(const char* verb, const Chosen& chosen) {
  return std::string{verb} + " " +
         printable(chosen.backup ? chosen.backup->name.text() : chosen.file.native());
}

// A zip file can be worked on without any data directory: in a temporary one.
class TemporaryVault {
 public:
  static Result<TemporaryVault> open(const Environment& environment) {
    const std::string name =
        "pocketvault-work-" + random_text(environment.random, kLowerAlphanumeric, 15);
    std::error_code error;
    const fs::Path folder = std::filesystem::temp_directory_path(error) / name;
    if (error) { return fail(errno_error(error.value(), "the temporary folder")); }
    PV_CHECK(fs::make_folder(folder, 0700));
    TemporaryVault result{folder};
    LocalOptions options;
    options.dir = folder / "pb_data";
    options.create = true;
    PV_TRY(result.vault_, environment.open_local(options));
    return result;
  }
  TemporaryVault(TemporaryVault&& other) noexcept
      : folder_{std::exchange(other.folder_, {})}, vault_{std::move(other.vault_)} {}
  TemporaryVault& operator=(TemporaryVault&&) = delete;
  ~TemporaryVault() {
    vault_.reset();
    if (!folder_.empty()) { std::ignore = fs::remove_tree(folder_); }
  }
  [[nodiscard]] LocalVault& operator*() const { return *vault_; }

 private:
  explicit TemporaryVault(fs::Path folder) : folder_{std::move(folder)} {}
  fs::Path folder_;
  std::unique_ptr<LocalVault> vault_;
};

jobs::VerifyDepth depth_of(const Context& context) {
  return context.arguments.deep ? jobs::VerifyDepth::kDeep : jobs::VerifyDepth::kPlain;
}

Result<Exit> verify_file(const Context& context, LocalVault& vault, const fs::Path& file) {
  return run_job(context, label_of("verify", {std::nullopt, file}),
                 [&](const Watch& watch) -> Result<jobs::Status> {
                   PV_TRY(const auto job, vault.vault().start_verify_file(file, depth_of(context)));
                   return follow(*job, watch);
                 });
}

jobs::ExtractOrder extract_order(const Context& context) {
  return {.target = context.arguments.to, .only = context.arguments.only};
}

Result<Exit> extract_backup(const Context& context, LocalVault& local,
                            const store::BackupName& name) {
  return run_job(context, "restore " + printable(name.text()),
                 [&](const Watch& watch) -> Result<jobs::Status> {
                   PV_TRY(const auto job,
                          local.vault().start_extract(name, extract_order(context)));
                   return follow(*job, watch);
                 });
}

// `name`: what it is called, which may be another than the file's own name.
Result<Exit> extract_file(const Context& context, const fs::Path& file, const std::string& name) {
  PV_TRY(const TemporaryVault local, TemporaryVault::open(context.environment));
  jobs::Vault& vault = (*local).vault();
  return run_job(context, "restore " + printable(name),
                 [&](const Watch& watch) -> Result<jobs::Status> {
                   PV_TRY(const auto job, vault.start_extract_file(file, extract_order(context)));
                   jobs::Status status = follow(*job, watch);
                   status.name = name;
                   return status;
                 });
}

// Comes here first: as a whole it can be checked as every other.
Result<Exit> extract_remote(const Context& context, Backups& backups, const store::Backup& backup) {
  PV_TRY(NewFile archive,
         NewFile::create(fs::Path{context.arguments.to}, 0600, context.environment.random));
  {
    Progress progress{context.console.err(), progress_style(context), context.environment.clock,
                      "download " + printable(backup.name.text())};
    const Transfer transfer{
        [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
        context.stop};
    PV_CHECK(backups.download(backup.name, archive.sink(), transfer));
  }
  return extract_file(context, archive.path(), backup.name.text());
}

// restore --to
Result<Exit> run_extract(const Context& context) {
  const std::string& given = context.arguments.name;
  if (is_only_a_file(context)) { return extract_file(context, given, given); }
  fs::Path file;
  {
    PV_TRY(const Place place, open_place(context, Purpose::kAny));
    PV_TRY(const Chosen chosen, choose(*place.backups, given));
    if (chosen.backup && place.backups->is_remote()) {
      return extract_remote(context, *place.backups, *chosen.backup);
    }
    if (chosen.backup) { return extract_backup(context, *place.local, chosen.backup->name); }
    file = chosen.file;
  }
  return extract_file(context, file, file.native());
}

// What is about to be replaced, and by what.
std::string restore_question(const Backups& backups, const Chosen& chosen,
                             const Arguments& arguments, WallTime now) {
  std::string source;
  if (chosen.backup) {
    source = printable(chosen.backup->name.text()) + " (" + format_size(chosen.backup->size_bytes) +
             ", age: " + format_age(chosen.backup->modified, now) + ")";
  } else {
    source = "the file " + printable(chosen.file.native());
  }
  const bool keeps = arguments.keep_replaced != std::chrono::seconds{0};
  std::string what;
  for (const std::string& part : arguments.only) {
    what += (what.empty() ? "" : ", ") + printable(part);
  }
  return "This replaces " + (what.empty() ? "all data" : what + ", and nothing else,") + " of " +
         backups.describe() + " by " + source +
         (keeps ? ".\nWhat is replaced is kept for a while: `pocketvault undo` brings it back."
          : arguments.backup_first == false
              ? ".\nWhat is replaced is gone then."
              : ".\nWhat is replaced is backed up before, and not kept otherwise.");
}

// A restore that is only looked at; opened beside whatever runs on the directory.
Result<Exit> preflight(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(const Chosen chosen, choose(*place.backups, context.arguments.name));
  return run_job(context, label_of("check", chosen), [&](const Watch& watch) {
    const jobs::PreflightOrder order{.only = context.arguments.only,
                                     .files_to = context.arguments.files_to};
    return chosen.backup ? place.backups->preflight(chosen.backup->name, order, watch)
                         : place.backups->preflight_file(chosen.file, order, watch);
  });
}

}  // namespace

Result<Chosen> choose(Backups& backups, const std::string& given) {
  const auto as_file = fs::stat(given);
  const bool is_file = as_file.has_value() && as_file->is_file();
  if (is_file && given.find('/') != std::string::npos) { return Chosen{std::nullopt, given}; }
  auto found = find_backup(backups, given);
  if (found.has_value()) { return Chosen{std::move(*found), {}}; }
  const Code code = found.error().code;
  if (code != Code::kNotFound && code != Code::kInvalid) { return fail(found.error()); }
  if (is_file) { return Chosen{std::nullopt, given}; }
  return fail(Code::kNotFound,
              "there is no backup " + printable(given) + ", and no such file either");
}

bool is_only_a_file(const Context& context) {
  const std::string& given = context.arguments.name;
  const auto found = fs::stat(given);
  return found.has_value() && found->is_file() &&
         (given.find('/') != std::string::npos || !fs::exists(context.arguments.dir / "data.db"));
}

Result<store::Backup> find_backup(Backups& backups, const std::string& given) {
  PV_TRY(const auto name, store::BackupName::parse(given));
  auto found = backups.find(name);
  if (found.has_value() || found.error().code != Code::kNotFound) { return found; }
  const auto longer = store::BackupName::parse(completed(given));
  if (!longer.has_value() || *longer == name) { return found; }
  auto second = backups.find(*longer);
  if (!second.has_value() && second.error().code == Code::kNotFound) { return found; }
  return second;
}

Exit exit_for(const jobs::Status& status) {
  switch (status.state) {
    case jobs::State::kSucceeded:
      if (status.report.preflight) { return exit_for(*status.report.preflight); }
      return status.warnings.empty() ? Exit::kDone : Exit::kWarnings;
    case jobs::State::kCancelled: return Exit::kCancelled;
    case jobs::State::kRunning:
    case jobs::State::kFailed: break;
  }
  const Code code = status.error ? status.error->code : Code::kInternal;
  const bool reads_archive = status.kind == jobs::Kind::kVerify ||
                             status.kind == jobs::Kind::kRestore ||
                             status.kind == jobs::Kind::kPreflight;
  if (code == Code::kInvalid) { return reads_archive ? Exit::kDamaged : Exit::kFailed; }
  return exit_for(code);
}

bool confirmed(const Context& context, const std::string& question, const std::string& word) {
  if (context.arguments.yes) { return true; }
  context.say(question);
  if (!context.console.can_ask()) {
    context.say("Error: not confirmed: nobody is there to ask; give --yes if you are sure.");
    return false;
  }
  const auto typed = context.console.ask("Type " + word + " to go on: ");
  if (typed && trim_blanks(*typed) == word) { return true; }
  context.say("Not confirmed; nothing was changed.");
  return false;
}

Result<Exit> run_backup(const Context& context) {
  const std::string name = completed(context.arguments.name);
  if (!name.empty()) { PV_CHECK(jobs::validate_new_name(name)); }
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  jobs::BackupOrder order = context.arguments.order;
  order.name = name;
  auto made = run_job(context, "backup" + (name.empty() ? "" : " " + printable(name)),
                      [&](const Watch& watch) { return place.backups->backup(order, watch); });
  PV_TRY(const Exit exit, std::move(made));
  if (place.local == nullptr) { return exit; }
  if (exit == Exit::kDone) { send_earlier(context, *place.local); }
  const bool is_made = exit == Exit::kDone || exit == Exit::kWarnings;
  return is_made ? fill_mirror(context, *place.local, exit) : exit;
}

Result<Exit> run_send(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(const std::vector<store::BackupName> sent, send_waiting(context, *place.local));
  json::array names;
  std::string text;
  for (const store::BackupName& name : sent) {
    names.emplace_back(name.text());
    text += "Sent " + printable(name.text()) + "\n";
  }
  context.show(json::object{{"sent", std::move(names)}},
               text.empty() ? "No backup waits to be sent.\n" : text);
  return Exit::kDone;
}

Result<Exit> run_verify(const Context& context) {
  const std::string& given = context.arguments.name;
  if (is_only_a_file(context)) {
    PV_TRY(const TemporaryVault vault, TemporaryVault::open(context.environment));
    return verify_file(context, *vault, given);
  }
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(const Chosen chosen, choose(*place.backups, given));
  if (!chosen.backup) {
    PV_TRY(const TemporaryVault vault, TemporaryVault::open(context.environment));
    return verify_file(context, *vault, chosen.file);
  }
  return run_job(context, label_of("verify", chosen), [&](const Watch& watch) {
    return place.backups->verify(chosen.backup->name, depth_of(context), watch);
  });
}

Result<Exit> run_restore(const Context& context) {
  if (context.arguments.dry_run) { return preflight(context); }
  if (!context.arguments.to.empty()) { return run_extract(context); }
  PV_TRY(const Place place, open_place(context, Purpose::kReplace));
  PV_TRY(const Chosen chosen, choose(*place.backups, context.arguments.name));
  const std::string word =
      chosen.backup ? chosen.backup->name.text() : chosen.file.filename().native();
  const std::string question =
      restore_question(*place.backups, chosen, context.arguments, context.environment.clock.now());
  if (!confirmed(context, question, printable(word))) {
    return context.stop.stop_requested() ? Exit::kCancelled : Exit::kNotConfirmed;
  }
  const jobs::RestoreOptions options{.delta = !context.arguments.no_delta,
                                     .keep_replaced = context.arguments.keep_replaced,
                                     .backup_first = context.arguments.backup_first,
                                     .only = context.arguments.only,
                                     .files_to = context.arguments.files_to};
  return run_job(context, label_of("restore", chosen), [&](const Watch& watch) {
    return chosen.backup ? place.backups->restore({chosen.backup->name, options}, watch)
                         : place.backups->restore_file(chosen.file, options, watch);
  });
}

Result<Exit> run_undo(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kReplace));
  const std::string& id = context.arguments.name;
  const std::string which = id.empty() ? "the last restore" : "restore " + printable(id);
  const std::string question = "This takes " + which + " of " + place.backups->describe() +
                               " back. What was written since goes with it, and is kept too.";
  if (!confirmed(context, question, "undo")) {
    return context.stop.stop_requested() ? Exit::kCancelled : Exit::kNotConfirmed;
  }
  return run_job(context, "undo",
                 [&](const Watch& watch) { return place.backups->undo(id, watch); });
}

}  // namespace pv::cli
