#include "cli/cli.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <exception>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/job_json.h"
#include "cli/messages.h"

namespace pv::cli {
namespace {

Result<Exit> run_version(const Context& context) {
  const std::string& version = context.environment.version;
  context.show(json::object{{"version", version}}, "pocketvault " + version + "\n");
  return Exit::kDone;
}

Result<Exit> dispatch(const Context& context) {
  switch (context.arguments.command) {
    case Command::kBackup: return run_backup(context);
    case Command::kList: return run_list(context);
    case Command::kShow: return run_show(context);
    case Command::kLs: return run_ls(context);
    case Command::kGet: return run_get(context);
    case Command::kVerify: return run_verify(context);
    case Command::kRestore: return run_restore(context);
    case Command::kUndo: return run_undo(context);
    case Command::kReplaced: return run_replaced(context);
    case Command::kStatus: return run_status(context);
    case Command::kAlerts: return run_alerts(context);
    case Command::kDelete: return run_delete(context);
    case Command::kPrune: return run_prune(context);
    case Command::kPin: return run_pin(context);
    case Command::kUnpin: return run_unpin(context);
    case Command::kDownload: return run_download(context);
    case Command::kUpload: return run_upload(context);
    case Command::kSend: return run_send(context);
    case Command::kCopy: return run_copy(context);
    case Command::kSuperuser: return run_superuser(context);
    case Command::kLogin: return run_login(context);
    case Command::kLogout: return run_logout(context);
    case Command::kConfig: return run_config(context);
    case Command::kVersion: return run_version(context);
    case Command::kServe: break;  // has its own way with signals
  }
  return fail(Code::kInternal, "no such command");
}

bool names_backups(Command command) {
  return command == Command::kShow || command == Command::kLs || command == Command::kGet ||
         command == Command::kVerify || command == Command::kRestore ||
         command == Command::kDelete || command == Command::kDownload || command == Command::kPin;
}

// Whose the directory is, where it is not ours; empty: it is, or that can't be told.
std::string owner_of(const fs::Path& directory) {
  struct ::stat about {};
  if (::stat(directory.c_str(), &about) != 0 || about.st_uid == ::geteuid()) { return {}; }
  ::passwd entry{};
  ::passwd* user = nullptr;
  std::array<char, 4096> text{};
  (void)::getpwuid_r(about.st_uid, &entry, text.data(), text.size(), &user);
  return user == nullptr ? "user " + std::to_string(about.st_uid) : printable(user->pw_name);
}

// What a person can do about it; empty: the error says it.
std::string advice(const Words& words, const Arguments& arguments, Code code) {
  const bool remote = !arguments.url.empty();
  switch (code) {
    case Code::kUnauthenticated: return remote ? words(phrase::kSignIn, {arguments.url}) : "";
    case Code::kNotFound:
      return !names_backups(arguments.command)
                 ? ""
                 : words(phrase::kSeeList,
                         {remote ? " --url " + arguments.url
                                 : " --dir " + printable(arguments.dir.native())});
    case Code::kBusy: return words(phrase::kTryLater);
    case Code::kNoSpace: return words(phrase::kFreeSpace);
    case Code::kUnavailable: return remote ? words(phrase::kIsServerThere) : "";
    case Code::kDamaged: return words(phrase::kVerifyAll);
    case Code::kDenied: {
      const std::string owner = remote ? std::string{} : owner_of(arguments.dir);
      return owner.empty() ? ""
                           : words(phrase::kRunAsOwner, {printable(arguments.dir.native()), owner});
    }
    default: return "";
  }
}

Exit report(const Context& context, const Error& error) {
  const Exit exit = exit_for(error.code);
  if (context.arguments.json) {
    context.show(json::object{{"error", to_json(error)}, {"exit", static_cast<int>(exit)}}, "");
  }
  if (error.code == Code::kCancelled) {
    context.say(phrase::kCancelled);
    return exit;
  }
  context.say(phrase::kError, {context.words().told(error.what)});
  const std::string line = advice(context.words(), context.arguments, error.code);
  if (!line.empty()) { context.say(line); }
  return exit;
}

std::vector<std::string> variable_names(const Environment& environment) {
  if (environment.variable_names) { return environment.variable_names(); }
  std::vector<std::string> names;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

// A misspelt variable would have the program work on another place, without a word.
std::vector<std::string> notes_about_variables(const Environment& environment,
                                               const Arguments& arguments) {
  std::vector<std::string> notes;
  for (const std::string& name : variable_names(environment)) {
    std::string fault = fault_of_variable(name);
    if (!fault.empty() && name != arguments.encryption_env) { notes.push_back(std::move(fault)); }
  }
  return notes;
}

Exit run_command(const Arguments& arguments, const Environment& environment, Console& console) {
  const Interrupt interrupt;
  const Context context{environment, arguments, console, interrupt.token()};
  const auto outcome = dispatch(context);
  return outcome.has_value() ? *outcome : report(context, outcome.error());
}

}  // namespace

std::optional<std::string> environment_variable(const Environment& environment,
                                                const std::string& name) {
  if (environment.variable) { return environment.variable(name); }
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

Exit exit_for(Code code) {
  switch (code) {
    case Code::kInvalid: return Exit::kUsage;
    case Code::kNotFound: return Exit::kNotFound;
    case Code::kUnauthenticated: return Exit::kAuthentication;
    case Code::kBusy: return Exit::kBusy;
    case Code::kDamaged: return Exit::kDamaged;
    case Code::kDenied:
    case Code::kNoSpace:
    case Code::kUnavailable: return Exit::kStorage;
    case Code::kCancelled: return Exit::kCancelled;
    case Code::kExists:
    case Code::kUnsupported:
    case Code::kInternal: return Exit::kFailed;
  }
  return Exit::kFailed;
}

int run(int argc, char** argv, const Environment& environment) {
  Console console{environment};
  try {
    const Words& words = console.words();
    const Outside outside{
        .variable =
            [&](const std::string& name) { return environment_variable(environment, name); },
        .config = environment.config};
    const auto parse_all = [&](const Words& told_in) {
      return parse(argc, argv, environment.version, told_in, outside);
    };
    const Parsed parsed = parse_all(words);
    if (!parsed.arguments) {
      console.print(parsed.out);
      console.err() << parsed.err << std::flush;
      return static_cast<int>(parsed.exit);
    }
    std::vector<std::string> notes = notes_about_variables(environment, *parsed.arguments);
    if (parsed.arguments->command == Command::kServe) {
      ServeOptions options = parsed.arguments->serve;
      options.notes = std::move(notes);
      options.reread = [&]() -> Result<ServeOptions> {
        Parsed again = parse_all(Words{Language::kEnglish});  // for the log
        if (again.arguments) { return std::move(again.arguments->serve); }
        constexpr std::size_t kBefore = std::string_view{"Error: "}.size();
        return fail(Code::kInvalid, again.err.substr(kBefore, again.err.find('\n') - kBefore));
      };
      return environment.serve(options);
    }
    for (const std::string& note : notes) { console.say(words.told(note)); }
    Exit exit = run_command(*parsed.arguments, environment, console);
    if (!console.out().good()) {
      console.say(words(phrase::kOutputLost));
      if (exit == Exit::kDone || exit == Exit::kWarnings) { exit = Exit::kStorage; }
    }
    return static_cast<int>(exit);
  } catch (const std::exception& error) {
    console.say(console.words()(phrase::kUnexpected, {error.what()}));
    return static_cast<int>(Exit::kFailed);
  }
}

}  // namespace pv::cli
