// Commands that start a job and wait for it: backup, verify, restore, undo.
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/local_backups.h"
#include "cli/messages.h"
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
  Progress progress = progress_of(context, label);
  const Watch watch{[&](const jobs::Status& status) {
                      progress.update(status.phase, status.bytes_done, status.bytes_total);
                    },
                    context.stop};
  auto outcome = start(watch);
  progress.clear();
  PV_TRY(const jobs::Status status, std::move(outcome));
  for (const std::string& line :
       render_warnings(context.words(), status.warnings, kWarningLinesMax)) {
    context.say(line);
  }
  if (status.state == jobs::State::kSucceeded) {
    context.show(json::object{{"job", to_json(status)}},
                 render_success(context.words(), status) + "\n");
    return exit_for(status);
  }
  if (context.arguments.json) { context.show(json::object{{"job", to_json(status)}}, ""); }
  if (status.state == jobs::State::kCancelled) {
    context.say(phrase::kCancelled);
  } else {
    const Error error = status.error.value_or(Error{Code::kInternal, "no reason is given"});
    context.say(phrase::kErrorAt, {label, context.words().told(error.what)});
  }
  return exit_for(status);
}

// Sends what waits in the spool, with progress.
Result<std::vector<store::BackupName>> send_waiting(const Context& context, LocalVault& local) {
  Progress progress = progress_of(context, context.words()(phrase::kDoSend));
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
    context.say(phrase::kEarlierStillWait, {context.words().told(sent.error().what)});
    return;
  }
  for (const store::BackupName& name : *sent) {
    context.say(phrase::kSentEarlier, {printable(name.text())});
  }
}

// After a backup: the mirror gets it, and what it lacked before. What fails does no harm to the
// backup, and is tried again by the next one.
Exit fill_mirror(const Context& context, LocalVault& local, Exit made) {
  if (!local.vault().has_mirror()) { return made; }
  Progress progress = progress_of(context, context.words()(phrase::kDoMirror));
  const auto copied = local.vault().fill_mirror(
      [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
      context.stop);
  progress.clear();
  const std::string place = context.words().told(local.vault().mirror()->place);
  if (copied.has_value()) {
    for (const store::BackupName& name : *copied) {
      context.say(phrase::kCopiedToMirror, {printable(name.text()), place});
    }
    return made;
  }
  // Somebody else fills it: a server, most often.
  if (copied.error().code == Code::kBusy) { return made; }
  context.say(phrase::kMirrorLacks, {place, context.words().told(copied.error().what)});
  return made == Exit::kDone ? Exit::kWarnings : made;
}

// A name as a person may type it: ".zip" may be left out.
std::string completed(const std::string& name) {
  return name.empty() || name.find('.') != std::string::npos ? name : name + ".zip";
}

// `work`: phrase::kDoVerify and such.
std::string label_of(const Context& context, const Phrase& work, const Chosen& chosen) {
  return context.words()(
      work, {printable(chosen.backup ? chosen.backup->name.text() : chosen.file.native())});
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
  return run_job(context, label_of(context, phrase::kDoVerify, {std::nullopt, file}),
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
  return run_job(context, context.words()(phrase::kDoRestore, {printable(name.text())}),
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
  return run_job(context, context.words()(phrase::kDoRestore, {printable(name)}),
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
    Progress progress =
        progress_of(context, context.words()(phrase::kDoDownload, {printable(backup.name.text())}));
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

std::string source_text(const Context& context, const Chosen& chosen) {
  const Words& words = context.words();
  if (!chosen.backup) { return words(phrase::kTheFile, {printable(chosen.file.native())}); }
  const store::Backup& backup = *chosen.backup;
  return words(phrase::kBackupOfAge,
               {printable(backup.name.text()), format_size(backup.size_bytes),
                format_age(words, backup.modified, context.environment.clock.now())});
}

// What is about to be replaced, and by what.
std::string restore_question(const Context& context, const Backups& backups, const Chosen& chosen) {
  const Words& words = context.words();
  const Arguments& arguments = context.arguments;
  const std::string source = source_text(context, chosen);
  const std::string what =
      arguments.only.empty()
          ? words(phrase::kReplacesAll, {backups.describe(), source})
          : words(phrase::kReplacesPart, {words.list(arguments.only), backups.describe(), source});
  const bool keeps = arguments.keep_replaced != std::chrono::seconds{0};
  const Phrase& then = keeps                             ? phrase::kReplacedIsKept
                       : arguments.backup_first == false ? phrase::kReplacedIsGone
                                                         : phrase::kReplacedIsBackedUp;
  return what + "\n" + words(then);
}

// A restore that is only looked at; opened beside whatever runs on the directory.
Result<Exit> preflight(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(const Chosen chosen, choose(*place.backups, context.arguments.name));
  return run_job(context, label_of(context, phrase::kDoCheck, chosen), [&](const Watch& watch) {
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
  // What can't be the name of a backup may be that of a file.
  const bool is_name = store::BackupName::parse(given).has_value();
  if (is_name && found.error().code != Code::kNotFound) { return fail(found.error()); }
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
    context.say(phrase::kNobodyToAsk);
    return false;
  }
  const auto typed = context.console.ask(context.words()(phrase::kTypeToGoOn, {word}));
  if (typed && trim_blanks(*typed) == word) { return true; }
  context.say(phrase::kNotConfirmed);
  return false;
}

Result<Exit> run_backup(const Context& context) {
  const std::string name = completed(context.arguments.name);
  if (!name.empty()) { PV_CHECK(jobs::validate_new_name(name)); }
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  jobs::BackupOrder order = context.arguments.order;
  order.name = name;
  const std::string label = name.empty()
                                ? context.words()(phrase::kDoBackup)
                                : context.words()(phrase::kDoBackupNamed, {printable(name)});
  auto made = run_job(context, label,
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
    text += context.words()(phrase::kSent, {printable(name.text())}) + "\n";
  }
  context.show(json::object{{"sent", std::move(names)}},
               text.empty() ? context.words()(phrase::kNoneWaits) + "\n" : text);
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
  return run_job(context, label_of(context, phrase::kDoVerify, chosen), [&](const Watch& watch) {
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
  const std::string question = restore_question(context, *place.backups, chosen);
  if (!confirmed(context, question, printable(word))) {
    return context.stop.stop_requested() ? Exit::kCancelled : Exit::kNotConfirmed;
  }
  const jobs::RestoreOptions options{.delta = !context.arguments.no_delta,
                                     .keep_replaced = context.arguments.keep_replaced,
                                     .backup_first = context.arguments.backup_first,
                                     .only = context.arguments.only,
                                     .files_to = context.arguments.files_to};
  return run_job(context, label_of(context, phrase::kDoRestore, chosen), [&](const Watch& watch) {
    return chosen.backup ? place.backups->restore({chosen.backup->name, options}, watch)
                         : place.backups->restore_file(chosen.file, options, watch);
  });
}

Result<Exit> run_undo(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kReplace));
  const std::string& id = context.arguments.name;
  const Words& words = context.words();
  const std::string question =
      id.empty() ? words(phrase::kTakesLastBack, {place.backups->describe()})
                 : words(phrase::kTakesOneBack, {printable(id), place.backups->describe()});
  if (!confirmed(context, question, "undo")) {
    return context.stop.stop_requested() ? Exit::kCancelled : Exit::kNotConfirmed;
  }
  return run_job(context, words(phrase::kDoUndo),
                 [&](const Watch& watch) { return place.backups->undo(id, watch); });
}

}  // namespace pv::cli
