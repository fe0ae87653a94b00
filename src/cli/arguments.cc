#include "cli/arguments.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <set>
#include <span>
#include <sstream>

#include "base/duration.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/settle.h"

namespace pv::cli {
namespace {

constexpr const char* kWhere = "Where";
constexpr const char* kBucket = "Backups in an S3 bucket (else the settings' own)";
constexpr const char* kOutput = "Output";
constexpr const char* kSafety = "What can be had back";

constexpr const char* kFooter = R"(
Examples:
  pocketvault serve --dir pb_data                 serve on 127.0.0.1:8090
  pocketvault superuser create you@example.com    asks for a password
  pocketvault backup                              back up ./pb_data, whoever writes to it
  pocketvault list
  pocketvault ls nightly.zip storage --long       what it holds; `get` takes a file out
  pocketvault verify nightly.zip                  read every byte, check every checksum
  pocketvault restore nightly.zip --dry-run       what a restore would change
  pocketvault restore nightly.zip                 asks before it replaces the data
  pocketvault undo                                take the last restore back
  pocketvault status --max-age 26h                10 when there is no newer backup
  pocketvault login --url https://app.example.com you@example.com
  pocketvault backup --url https://app.example.com --json

Exit status: 0 done, 1 failed, 2 usage, 3 done with warnings, 4 authentication, 5 not found,
6 busy, 7 damaged, 8 storage or network, 9 not confirmed, 10 too old or at risk, 130 cancelled.
`pocketvault COMMAND --help` tells more about one command.)";

// An option of the table.
template <class T>
CLI::Option* add_listed(CLI::App& app, std::string_view key, T& into,
                        const std::string& other_names = {}) {
  const OptionSpec& spec = spec_of(key);
  const std::string names = flag_of(key) + other_names;
  const std::string help{spec.help};
  if (spec.shape == Shape::kFlag) {
    if constexpr (std::is_same_v<T, bool>) { return app.add_flag(names, into, help); }
  }
  CLI::Option* option = app.add_option(names, into, help)->type_name(std::string{spec.type});
  if (spec.fault != nullptr) {
    option->check([fault = spec.fault](const std::string& value) { return fault(value); });
  }
  if (!spec.fallback.empty()) { option->default_str(std::string{spec.fallback}); }
  return option;
}

void add_directory(CLI::App& app, Arguments& into) {
  add_listed(app, "dir", into.dir)->group(kWhere);
  const auto name_config = [&into](const std::string& file) { into.named_config = file; };
  app.add_option_function<std::string>("--config", name_config,
                                       "a file with options (docs/configuration.md)")
      ->type_name("FILE")
      ->group(kWhere);
  add_listed(app, "backups_dir", into.backups_dir)->group(kWhere);
  CLI::Option* variable =
      add_listed(app, "encryption_env", into.encryption_env, ",--encryptionEnv")->group(kWhere);
  add_listed(app, "encryption_key_file", into.encryption_key_file)
      ->group(kWhere)
      ->excludes(variable);
}

// Whether one of them could not be listened on beside the other.
bool overlaps(const Listen& a, const Listen& b) {
  if (a.port != b.port || a.port == 0) { return false; }  // 0: any free one, each
  const auto holds = [](const std::string& address, const std::string& other) {
    const bool is_v4 = other.find(':') == std::string::npos;
    return address == "::" || (address == "0.0.0.0" && is_v4);
  };
  return a.address == b.address || holds(a.address, b.address) || holds(b.address, a.address);
}

// Without the settings: for the day on which data.db is gone, and for a bucket of one's own.
void add_bucket(CLI::App& app, BucketOptions& into) {
  add_listed(app, "s3_bucket", into.name)->group(kBucket);
  add_listed(app, "s3_endpoint", into.endpoint)->group(kBucket);
  add_listed(app, "s3_region", into.region)->group(kBucket);
  add_listed(app, "s3_prefix", into.prefix)->group(kBucket);
  add_listed(app, "s3_force_path_style", into.force_path_style)->group(kBucket);
  add_listed(app, "s3_access_key", into.access_key)->group(kBucket);
  add_listed(app, "s3_secret_key_file", into.secret_key_file)->group(kBucket);
}

void add_mirror(CLI::App& app, std::string& into) {
  add_listed(app, "mirror", into)->group(kWhere);
}

void add_server(CLI::App& app, Arguments& into) {
  app.add_option("--url", into.url, "work on this server instead of a directory")
      ->type_name("URL")
      ->group(kWhere);
  add_listed(app, "token", into.token)->group(kWhere);
  add_listed(app, "token_file", into.token_file)->group(kWhere);
}

void add_output(CLI::App& app, Arguments& into) {
  app.add_flag("--json", into.json, "one JSON document on standard output")->group(kOutput);
  app.add_flag("-q,--quiet", into.quiet, "no progress")->group(kOutput);
}

void add_yes(CLI::App& app, Arguments& into) { app.add_flag("-y,--yes", into.yes, "do not ask"); }

class Parser {
 public:
  Parser(std::span<const char* const> command_line, std::string version, const Words& words,
         const Outside& outside)
      : command_line_{command_line},
        words_given_(command_line.begin(), command_line.end()),
        version_{std::move(version)},
        outside_{outside} {
    app_.name("pocketvault");
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "pocketvault " + version_);
    app_.footer(kFooter);
    add_directory(app_, into_);  // PocketBase takes them before the command as well
    for (CLI::Option* option : app_.get_options()) {
      if (option->get_group() == kWhere) { option->group(""); }
    }
    add_making();
    add_looking();
    add_restoring();
    add_serving();
    translate_help(app_, words);
  }

  Parsed parse() {
    Parsed parsed;
    try {
      app_.parse(static_cast<int>(command_line_.size()), command_line_.data());
      if (const Result<void> taken = take_settings(); !taken.has_value()) {
        parsed.exit = exit_for(taken.error().code);
        parsed.err = "Error: " + taken.error().what + "\n";
        return parsed;
      }
      check();
      parsed.arguments = into_;
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const bool fine = app_.exit(error, out, err) == 0;
      parsed.exit = fine ? Exit::kDone : Exit::kUsage;
      parsed.out = out.str();
      if (!fine) { parsed.err = "Error: " + origin_of(error.what()) + mistake(err.str()); }
      for (const CLI::ValidationError& one : mistakes_) {
        parsed.mistakes.push_back(origin_of(one.what()) + one.what());
      }
    }
    return parsed;
  }

 private:
  // CLI11 says "a subcommand is required" of a command that it does not know.
  [[nodiscard]] std::string mistake(const std::string& text) const {
    const bool has_command = !app_.get_subcommands().empty();
    const std::vector<std::string> unknown = app_.remaining();
    if (has_command || unknown.empty()) { return text; }
    return "there is no command " + unknown.front() +
           "\nRun pocketvault --help for more information.\n";
  }

  // settings.cc is told which options the command has, and says what they are.
  [[nodiscard]] Result<void> take_settings() {
    CLI::App* command = &app_;
    while (!command->get_subcommands().empty()) { command = command->get_subcommands().front(); }
    SettingsOrder order{.variable = outside_.variable,
                        .config = outside_.config,
                        .named_config = into_.named_config,
                        .has_url = !into_.url.empty(),
                        .is_serving = has_flag(*command, "http")};
    for (const OptionSpec& spec : option_specs()) {
      if (!has_flag(*command, spec.key)) { continue; }
      const CLI::Option* option = command->get_option_no_throw(flag_of(spec.key));
      const CLI::Option* before = app_.get_option_no_throw(flag_of(spec.key));
      const CLI::Option* given = option->count() > 0 || before == nullptr ? option : before;
      order.keys.push_back(spec.key);
      if (given->count() > 0) { order.given.push_back({spec.key, joined(*given)}); }
    }
    if (order.keys.empty()) { return {}; }
    PV_TRY(Settled settled, settle(order));
    for (const Setting& setting : settled.settings) {
      if (setting.origin != Origin::kFile && setting.origin != Origin::kVariable) { continue; }
      CLI::Option* option = command->get_option_no_throw(flag_of(setting.key));
      option->clear();
      option->add_result(setting.value);
      option->run_callback();
    }
    into_.settings = std::move(settled.settings);
    into_.config = std::move(settled.config);
    return {};
  }

  static bool has_flag(const CLI::App& command, std::string_view key) {
    return command.get_option_no_throw(flag_of(key)) != nullptr;
  }

  static std::string joined(const CLI::Option& option) {
    std::string all;
    for (const std::string& value : option.results()) { all += (all.empty() ? "" : ",") + value; }
    return all;
  }

  // "--http: ..." of an option that the command line does not have: where it stands.
  [[nodiscard]] std::string origin_of(const std::string& mistake) const {
    for (const Setting& setting : into_.settings) {
      const bool is_elsewhere =
          setting.origin == Origin::kFile || setting.origin == Origin::kVariable;
      const std::string flag = flag_of(setting.key);
      const bool is_about = mistake.starts_with(flag + ":") || mistake.starts_with(flag + " ");
      if (is_elsewhere && is_about) { return setting.where + ": "; }
    }
    return {};
  }

  CLI::App& add(const char* group, Command command, const std::string& description) {
    CLI::App* sub = app_.add_subcommand(std::string{command_name(command)}, description);
    sub->group(group);
    sub->callback([this, command] { into_.command = command; });
    return *sub;
  }

  // Hundreds of options that all of these have: making them takes as long as everything else at
  // a start, so those of commands that the command line does not name are left out.
  CLI::App& add_work(const char* group, Command command, const std::string& description) {
    CLI::App& sub = add(group, command, description);
    if (!words_given_.contains(command_name(command))) { return sub; }
    add_directory(sub, into_);
    add_bucket(sub, into_.bucket);
    add_server(sub, into_);
    add_output(sub, into_);
    return sub;
  }

  CLI::Option* take_name(CLI::App& app, const char* what, const std::string& description) {
    return app.add_option(what, into_.name, description)->type_name("");
  }

  void add_making() {
    constexpr const char* kGroup = "Backups";
    CLI::App& backup = add_work(kGroup, Command::kBackup, "Make a backup; writers do not wait");
    take_name(backup, "NAME", "a-z, 0-9, _ and -; without it pb_backup_<app>_<time>.zip");
    add_mirror(backup, mirror_);
    backup.add_flag("--full", into_.order.full,
                    "pack all anew, even what the last backup has packed");
    backup.add_flag("--paranoid", into_.order.paranoid,
                    "read every file, even if its times say that it did not change");
    add_contents(backup);
    add_limits(backup, into_.nice, limit_);
    backup.footer(
        "\nExamples:\n  pocketvault backup\n  pocketvault backup nightly.zip --dir /srv/pb_data");
    CLI::App& upload = add_work(kGroup, Command::kUpload, "Put a zip file among the backups");
    take_name(upload, "FILE", "the zip file")->required();
    upload.add_option("--name", into_.new_name, "its name as a backup, if not the file's")
        ->type_name("NAME");
    CLI::App& download = add_work(kGroup, Command::kDownload, "Copy a backup to a file");
    take_name(download, "NAME", "the backup")->required();
    download.add_option("-o,--output", into_.output, "file or folder; - is standard output")
        ->type_name("FILE");
    download.add_flag("-f,--force", into_.replace, "replace the file if there is one");
    CLI::App& send = add(kGroup, Command::kSend, "Send backups that waited for the store");
    add_directory(send, into_);
    add_bucket(send, into_.bucket);
    add_output(send, into_);
    send.footer(
        "\nA backup made while the S3 bucket was away waits in DIR/.pocketvault/spool. A server "
        "sends\n"
        "it by itself when the bucket is back, and so does the next `pocketvault backup`.");
    add_copy(add(kGroup, Command::kCopy, "Copy backups to another store"));
    CLI::App& remove = add_work(kGroup, Command::kDelete, "Delete backups");
    remove.add_option("NAME", into_.names, "the backups")->required()->type_name("");
    add_prune(add_work(kGroup, Command::kPrune, "Delete backups that no rule keeps"));
    CLI::App& pin = add_work(kGroup, Command::kPin, "Have backups stay, whatever happens");
    pin.add_option("NAME", into_.names, "the backups")->required()->type_name("");
    pin.add_option("--note", into_.note, "why, for those who see it later")->type_name("TEXT");
    CLI::App& unpin = add_work(kGroup, Command::kUnpin, "Take that back");
    unpin.add_option("NAME", into_.names, "the backups")->required()->type_name("");
  }

  void add_prune(CLI::App& prune) {
    constexpr const char* kRules = "Rules (else those of the settings)";
    const auto add = [&](const char* option, const char* rule, const char* description) {
      prune
          .add_option_function<std::int64_t>(
              option,
              [this, rule](const std::int64_t& count) {
                into_.rules.emplace_back(rule, std::to_string(count));
              },
              description)
          ->type_name("N")
          ->check(CLI::Range(std::int64_t{0}, settings::Retention::kCountMax))
          ->group(kRules);
    };
    add("--keep-last", "keepLast", "the newest N backups");
    add("--keep-hourly", "keepHourly", "the newest of each of the last N hours that have one");
    add("--keep-daily", "keepDaily", "the same for days, in UTC");
    add("--keep-weekly", "keepWeekly", "for ISO weeks");
    add("--keep-monthly", "keepMonthly", "for months");
    add("--keep-yearly", "keepYearly", "for years");
    prune
        .add_option_function<std::int64_t>(
            "--min-age-hours",
            [this](const std::int64_t& hours) {
              into_.rules.emplace_back("minAgeHours", std::to_string(hours));
            },
            "keep what is younger in any case")
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{0},
                           static_cast<std::int64_t>(settings::Retention::kMinAgeMax.count())))
        ->group(kRules);
    prune
        .add_flag_callback(
            "--all", [this] { into_.rules.emplace_back("governs", "all"); },
            "of all backups, not only those that are made by the clock")
        ->group(kRules);
    prune.add_flag("--dry-run", into_.dry_run, "tell what would go, and why the rest stays");
    add_yes(prune, into_);
    add_mirror(prune, mirror_);
    prune.footer(
        "\nAny --keep option makes all the others 0, whatever the settings say. Never deleted: "
        "what "
        "is\n"
        "pinned, the newest that counts, the last that was verified, what a mirror lacks.\n"
        "\nExamples:\n  pocketvault prune --dry-run\n"
        "  pocketvault prune --keep-daily 7 --keep-monthly 12 --dry-run");
  }

  void add_copy(CLI::App& copy) {
    add_directory(copy, into_);
    add_bucket(copy, into_.bucket);
    add_output(copy, into_);
    copy.add_option("NAME", into_.names, "the backups")->type_name("");
    copy.add_flag("--all", into_.all, "every backup");
    copy.add_option("--to", to_store_, "where to")->type_name("s3://BUCKET/PREFIX|DIR")->required();
    copy.footer(
        "\nWhat is there already is passed over, and nothing is replaced: after a failure the same "
        "again\n"
        "goes on. The keys of the bucket come from AWS_ACCESS_KEY_ID and so on, the rest from\n"
        "AWS_ENDPOINT_URL_S3 and AWS_REGION, or from the address:\n"
        "  s3://backups/shop?endpoint=https://s3.example.com&region=eu-1&path-style\n"
        "\nExamples:\n  pocketvault copy nightly.zip --to /mnt/usb\n"
        "  pocketvault copy --all --to s3://my-backups/shop\n"
        "  pocketvault copy nightly.zip --s3-bucket my-backups --to .");
  }

  static void add_limits(CLI::App& app, bool& nice, std::string& limit) {
    constexpr const char* kLimits = "How much it takes";
    add_listed(app, "nice", nice)->group(kLimits);
    add_listed(app, "limit_rate", limit)->group(kLimits);
  }

  void add_contents(CLI::App& backup) {
    constexpr const char* kContents = "What goes in";
    backup.add_flag("--without-logs", into_.order.without_logs, "no auxiliary.db")
        ->group(kContents);
    backup
        .add_flag("--include-s3-storage,!--no-include-s3-storage", into_.order.include_s3_storage,
                  "also the uploaded files that PocketBase keeps in an S3 bucket (on; off: "
                  "--no-include-s3-storage)")
        ->group(kContents);
    backup
        .add_flag("--with-code", into_.order.with_code,
                  "also pb_hooks, pb_migrations and pb_public beside the data")
        ->group(kContents);
    backup
        .add_option("--exclude", into_.order.exclude,
                    "leave out what matches, storage/abc/* (repeatable; ** crosses folders)")
        ->type_name("GLOB")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group(kContents);
    backup
        .add_flag("--allow-damaged", into_.order.allow_damaged,
                  "store data.db even if it is damaged inside (not with --url)")
        ->group(kContents);
  }

  void add_looking() {
    constexpr const char* kGroup = "Looking";
    add_mirror(add_work(kGroup, Command::kList, "List the backups"), mirror_);
    add_status(add_work(kGroup, Command::kStatus, "Say how old the newest backup is, and more"));
    add_alerts(add_work(kGroup, Command::kAlerts, "List what is wrong, and who was told"));
    CLI::App& show = add_work(kGroup, Command::kShow, "Show what a backup holds");
    take_name(show, "NAME", "the backup")->required();
    add_insight(kGroup);
    CLI::App& verify =
        add_work(kGroup, Command::kVerify, "Read a whole backup and check everything in it");
    take_name(verify, "NAME", "a backup, or a zip file of this machine")->required();
    verify.add_flag("--deep", into_.deep,
                    "also every index and reference; count records, look for the files they name");
  }

  void add_insight(const char* group) {
    constexpr const char* kName = "a backup, or a zip file of this machine";
    CLI::App& ls = add_work(group, Command::kLs, "List the files in a backup");
    take_name(ls, "NAME", kName)->required();
    ls.add_option("PATH", into_.path, "a folder or file in it: storage/abc")->type_name("");
    ls.add_flag("-R,--recursive", into_.recursive, "also what lies in its folders");
    ls.add_flag("-l,--long", into_.long_form, "with mode, size, packed size and time of change");
    ls.footer(
        "\nExamples:\n  pocketvault ls nightly.zip\n  pocketvault ls nightly.zip storage -lR");
    CLI::App& get = add_work(group, Command::kGet, "Take a file or a folder out of a backup");
    take_name(get, "NAME", kName)->required();
    get.add_option("PATH", into_.path, "the file or folder in it")->required()->type_name("");
    get.add_option("-o,--output", into_.output, "file, folder, or - for standard output")
        ->type_name("FILE");
    get.add_flag("-f,--force", into_.replace, "replace files that are there");
    get.footer(
        "\nExamples:\n  pocketvault get nightly.zip data.db -o yesterday.db\n"
        "  pocketvault get nightly.zip storage/abc/def/photo.png -o - | display");
  }

  void add_restoring() {
    constexpr const char* kGroup = "Restoring";
    CLI::App& restore = add_work(kGroup, Command::kRestore,
                                 "Put a backup in the place of the data (checked first)");
    take_name(restore, "NAME", "a backup, or a zip file of this machine")->required();
    restore.add_flag("--no-delta", into_.no_delta,
                     "write every file anew, also stored files that are in place unchanged");
    restore.add_flag("--dry-run", into_.dry_run,
                     "check everything and tell what would change; change nothing");
    restore.add_option("--to", into_.to, "take it out to a new folder; nothing is replaced")
        ->type_name("FOLDER");
    restore
        .add_option("--only", into_.only,
                    "a part: databases, storage, or a file or folder, storage/abc (repeatable)")
        ->type_name("WHAT")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    restore
        .add_option("--files-to", files_to_,
                    "disk or s3: where uploaded files go; else files from an S3 bucket go into the "
                    "one of the settings, others to disk")
        ->type_name("disk|s3")
        ->check(CLI::IsMember{{"disk", "s3"}});
    add_yes(restore, into_);
    restore.footer(
        "\nThe data replaced is kept, for 24 hours if nothing else is said: `pocketvault undo` "
        "brings it\n"
        "back.\n"
        "With --only all else stays as it is. A folder is replaced as a whole: what the backup "
        "does\n"
        "not have in it goes. Without databases among it, the app may go on running.\n"
        "Beside a running `pocketvault serve` on the same directory the server does it.\n"
        "\nExamples:\n  pocketvault restore nightly.zip\n  pocketvault restore ./old.zip --yes\n"
        "  pocketvault restore nightly.zip --dry-run\n"
        "  pocketvault restore nightly.zip --only databases\n"
        "  pocketvault restore nightly.zip --only storage/abc/def/photo.png\n"
        "  pocketvault restore nightly.zip --to /tmp/look      take it all out, checked");
    add_safety(restore);
    add_undo(add_work(kGroup, Command::kUndo, "Take a restore back"));
    add_replaced(add_work(kGroup, Command::kReplaced, "List what can be had back"));
  }

  // Without its default: a restore's is the server's.
  void add_keep(CLI::App& app) {
    add_listed(app, "keep_replaced", keep_)->group(kSafety)->default_str("");
  }

  void add_safety(CLI::App& restore) {
    add_keep(restore);
    CLI::Option* first = restore.add_flag_callback(
        "--backup-first", [this] { into_.backup_first = true; },
        "back up what is in place before (always so with --keep-replaced 0)");
    CLI::Option* not_first = restore.add_flag_callback(
        "--no-backup-first", [this] { into_.backup_first = false; }, "never do that");
    first->group(kSafety);
    not_first->group(kSafety)->excludes(first);
  }

  void add_undo(CLI::App& undo) {
    take_name(undo, "ID", "of what `pocketvault replaced` lists; without it the last");
    add_yes(undo, into_);
  }

  void add_replaced(CLI::App& replaced) {
    CLI::App* remove = replaced.add_subcommand("delete", "Free its space before its time");
    remove->callback([this] { into_.remove = true; });
    add_directory(*remove, into_);
    add_server(*remove, into_);
    add_output(*remove, into_);
    add_yes(*remove, into_);
    remove->add_option("ID", into_.names, "which")->type_name("");
    remove->add_flag("--all", into_.all, "everything that is kept");
  }

  void add_status(CLI::App& status) {
    add_mirror(status, mirror_);
    status.add_option("--max-age", max_age_, "exit status 10 unless the newest backup is younger")
        ->type_name("26h")
        ->check(&fault_of_span);
    status.footer(
        "\nOpens no database of the app: for a monitor that asks often. Also 10 when a backup by "
        "the\n"
        "clock was missed.\n"
        "\nExamples:\n  pocketvault status\n  pocketvault status --max-age 26h --json");
  }

  void add_alerts(CLI::App& alerts) {
    CLI::App* test = alerts.add_subcommand("test", "Send a test message to a channel, or to all");
    test->callback([this] { into_.test = true; });
    add_directory(*test, into_);
    add_server(*test, into_);
    add_output(*test, into_);
    take_name(*test, "CHANNEL", "as `pocketvault alerts` lists them; without it each of them");
    alerts.footer(
        "\nWho is told what is in the settings: docs/alerts.md.\n"
        "\nExamples:\n  pocketvault alerts\n  pocketvault alerts test mail:ops@example.com");
  }

  void add_serving() {
    constexpr const char* kGroup = "Server and accounts";
    add_serve(add(kGroup, Command::kServe, "Serve PocketBase's Backups API on a directory"));
    add_superuser(add(kGroup, Command::kSuperuser, "Manage the accounts that may do all this"));
    CLI::App& login = add(kGroup, Command::kLogin, "Sign in to a server and keep its token");
    add_url(login);
    take_name(login, "EMAIL", "the superuser; asked for when absent");
    add_output(login, into_);
    login.footer(
        "\nThe password is asked for, or read from standard input. The token is kept in\n"
        "$XDG_CONFIG_HOME/pocketvault/logins.json (or ~/.config), readable by you alone.");
    CLI::App& logout = add(kGroup, Command::kLogout, "Forget the token of a server");
    add_url(logout);
    add_output(logout, into_);
    add_config(add(kGroup, Command::kConfig, "Show or check what is configured"));
    add_output(add(kGroup, Command::kVersion, "Print the version"), into_);
  }

  void add_config(CLI::App& config) {
    config.require_subcommand(1);
    CLI::App* show = config.add_subcommand("show", "Each option of a server, and where it is from");
    add_serve_options(*show);
    add_listed(*show, "token", into_.token)->group(kWhere);
    add_listed(*show, "token_file", into_.token_file)->group(kWhere);
    add_output(*show, into_);
    CLI::App* check = config.add_subcommand("check", "Say what is wrong with a file of options");
    check->callback([this] { into_.config_check = true; });
    check
        ->add_option("FILE", into_.name,
                     "else --config, POCKETVAULT_CONFIG, " + std::string{kSystemConfig})
        ->type_name("");
    add_output(*check, into_);
    config.footer(
        "\nExamples:\n  pocketvault config check config.toml\n"
        "  pocketvault config show --config config.toml");
  }

  void add_url(CLI::App& app) {
    app.add_option("--url", into_.url, "the server")->type_name("URL")->required()->group(kWhere);
  }

  void add_serve(CLI::App& serve) {
    add_serve_options(serve);
    serve.footer(
        "\nExamples:\n  pocketvault serve --dir pb_data\n"
        "  pocketvault serve --http 0.0.0.0:8090 --backups-dir /mnt/backups\n"
        "\nEach option can also stand in the environment (POCKETVAULT_HTTP) or in a file (http = "
        "\"...\"): docs/configuration.md.");
  }

  void add_serve_options(CLI::App& serve) {
    add_directory(serve, into_);
    add_bucket(serve, into_.bucket);
    add_mirror(serve, mirror_);
    add_listed(serve, "http", http_);
    add_listed(serve, "metrics_listen", metrics_);
    add_listed(serve, "origins", into_.serve.origins)->delimiter(',');
    add_limits(serve, into_.serve.nice, serve_limit_);
    add_keep(serve);
    add_listed(serve, "schedule", into_.serve.schedule);
    add_listed(serve, "strict", into_.serve.strict);
    add_listed(serve, "log_level", into_.serve.log_level);
  }

  void add_superuser(CLI::App& superuser) {
    superuser.require_subcommand(1);
    superuser.footer(
        "\nThe password may be left out: it is asked for without echo, or read as one line from\n"
        "standard input when that is no terminal. As an argument, other users can see it.\n"
        "\nExamples:\n  pocketvault superuser create you@example.com\n"
        "  pocketvault superuser upsert you@example.com - < password.txt");
    const auto add_action = [&](const char* name, SuperuserAction action, const char* description,
                                bool with_password) {
      CLI::App* sub = superuser.add_subcommand(name, description);
      sub->callback([this, action] { into_.action = action; });
      add_directory(*sub, into_);
      add_output(*sub, into_);
      sub->add_option("EMAIL", into_.name, "")->type_name("");
      if (with_password) {
        sub->add_option("PASSWORD", into_.password, "- reads a line from standard input")
            ->type_name("");
      }
    };
    add_action("create", SuperuserAction::kCreate, "Make an account", true);
    add_action("upsert", SuperuserAction::kUpsert, "Make an account, or change its password", true);
    add_action("update", SuperuserAction::kUpdate, "Change the password of an account", true);
    add_action("delete", SuperuserAction::kDelete, "Delete an account", false);
    CLI::App* ips = superuser.add_subcommand("ips", "Set from where superusers may come");
    ips->callback([this] { into_.action = SuperuserAction::kIps; });
    add_directory(*ips, into_);
    add_output(*ips, into_);
    ips->add_option("IP|CIDR", into_.names, "addresses; without one, from everywhere")
        ->type_name("");
  }

  void check() {
    while (into_.url.ends_with('/')) { into_.url.pop_back(); }
    if (!into_.url.empty() && !into_.url.starts_with("http://") &&
        !into_.url.starts_with("https://")) {
      throw CLI::ValidationError("--url", "must start with http:// or https://");
    }
    const auto listen = parse_listen(http_);
    if (listen.has_value()) {
      into_.serve.address = listen->address;
      into_.serve.port = listen->port;
    }
    if (const auto metrics = parse_listen(metrics_); metrics.has_value()) {
      into_.serve.metrics_address = metrics->address;
      into_.serve.metrics_port = metrics->port;
      if (overlaps(*metrics, {into_.serve.address, into_.serve.port})) {
        wrong("--metrics-listen", "needs another address or port than --http");
      }
    }
    into_.serve.bytes_per_second_max = rate_of(serve_limit_);
    into_.order.bytes_per_second_max = rate_of(limit_);
    into_.keep_replaced = parse_duration(keep_);
    into_.files_to = restore::parse_files_to(files_to_).value_or(restore::FilesTo::kOrigin);
    into_.serve.keep_replaced = into_.keep_replaced.value_or(kKeepReplaced);
    into_.max_age = parse_duration(max_age_);
    if (into_.remove && into_.all == !into_.names.empty()) {
      throw CLI::ValidationError("replaced delete", "needs either IDs or --all");
    }
    check_keys();
    if (!into_.encryption_env.empty() && !into_.encryption_key_file.empty()) {
      wrong("--encryption-key-file", "excludes --encryption-env");
    }
    if (!into_.bucket.name.empty() && !into_.backups_dir.empty()) {
      wrong("--s3-bucket", "excludes --backups-dir");
    }
    if (!into_.bucket.name.empty() && !into_.url.empty()) {
      throw CLI::ValidationError("--s3-bucket", "is for the server to say, not with --url");
    }
    if (!mirror_.empty() && !into_.url.empty()) {
      throw CLI::ValidationError("--mirror",
                                 "is for the server to say: pocketvault serve --mirror");
    }
    if (into_.command == Command::kCopy && into_.all == !into_.names.empty()) {
      throw CLI::ValidationError("copy", "needs either names or --all");
    }
    if (!mirror_.empty()) { take_mirror(); }
    if (!mistakes_.empty()) { throw mistakes_.front(); }
    if (!to_store_.empty()) { into_.copy_to = place_of("--to", to_store_); }
    for (BucketOptions* other :
         {&into_.copy_to.bucket, into_.mirror ? &into_.mirror->bucket : nullptr}) {
      if (other == nullptr) { continue; }
      other->access_key = into_.bucket.access_key;
      other->secret_key_file = into_.bucket.secret_key_file;
    }
    if (into_.nice && !into_.url.empty()) {
      throw CLI::ValidationError("--nice", "is for the server to say: pocketvault serve --nice");
    }
    into_.serve.dir = into_.dir;
    into_.serve.backups_dir = into_.backups_dir;
    into_.serve.bucket = into_.bucket;
    into_.serve.mirror = into_.mirror;
    into_.serve.encryption_env = into_.encryption_env;
    into_.serve.encryption_key_file = into_.encryption_key_file;
    into_.serve.settings = into_.settings;
  }

  // More than one of these may be told, unlike what is thrown.
  void wrong(const char* option, const std::string& why) { mistakes_.emplace_back(option, why); }

  void take_mirror() {
    const auto place = parse_store_place(mirror_);
    if (!place.has_value()) { return wrong("--mirror", place.error().what); }
    into_.mirror = *place;
    const bool is_folder = into_.mirror->bucket.name.empty();
    // Without --backups-dir the settings may have them in a bucket.
    if (is_folder && !into_.backups_dir.empty() &&
        is_same_folder(into_.mirror->folder, into_.backups_dir)) {
      wrong("--mirror", "is where the backups are themselves");
    }
  }

  // Of the bucket, and which the other places have as well.
  void check_keys() {
    const BucketOptions& bucket = into_.bucket;
    if (bucket.access_key.empty() != bucket.secret_key_file.empty()) {
      wrong(bucket.access_key.empty() ? "--s3-secret-key-file" : "--s3-access-key",
            "needs the other one: --s3-access-key and --s3-secret-key-file");
    }
    if (!bucket.name.empty()) { return; }
    const std::pair<const char*, bool> parts[] = {
        {"--s3-endpoint", !bucket.endpoint.empty()},
        {"--s3-region", !bucket.region.empty()},
        {"--s3-prefix", !bucket.prefix.empty()},
        {"--s3-force-path-style", bucket.force_path_style}};
    for (const auto& [name, is_given] : parts) {
      if (is_given) { mistakes_.emplace_back(std::string{name} + " requires --s3-bucket"); }
    }
  }

  // Empty: none. An option that is given as '' has to be told from one that is not given.
  static std::string fault_of_span(const std::string& text) {
    return parse_duration(text) ? "" : "needs a span of time: 30m, 24h, 7d, or 0";
  }

  static StorePlace place_of(const std::string& option, const std::string& text) {
    auto place = parse_store_place(text);
    if (!place.has_value()) { throw CLI::ValidationError(option, place.error().what); }
    return *std::move(place);
  }

  static std::uint64_t rate_of(const std::string& text) { return parse_size(text).value_or(0); }

  std::span<const char* const> command_line_;
  std::set<std::string_view> words_given_;
  std::string version_;
  const Outside& outside_;
  Arguments into_;
  std::string limit_;
  std::string serve_limit_;
  std::string keep_;
  std::string files_to_;
  std::string mirror_;
  std::string to_store_;
  std::string max_age_;
  std::string http_ = "127.0.0.1:8090";
  std::string metrics_;
  std::vector<CLI::ValidationError> mistakes_;
  CLI::App app_{"Backs up and restores PocketBase data while it is in use."};
};

}  // namespace

std::string_view command_name(Command command) {
  switch (command) {
    case Command::kServe: return "serve";
    case Command::kBackup: return "backup";
    case Command::kList: return "list";
    case Command::kShow: return "show";
    case Command::kLs: return "ls";
    case Command::kGet: return "get";
    case Command::kVerify: return "verify";
    case Command::kRestore: return "restore";
    case Command::kUndo: return "undo";
    case Command::kReplaced: return "replaced";
    case Command::kStatus: return "status";
    case Command::kAlerts: return "alerts";
    case Command::kDelete: return "delete";
    case Command::kDownload: return "download";
    case Command::kUpload: return "upload";
    case Command::kSend: return "send";
    case Command::kCopy: return "copy";
    case Command::kPrune: return "prune";
    case Command::kPin: return "pin";
    case Command::kUnpin: return "unpin";
    case Command::kSuperuser: return "superuser";
    case Command::kLogin: return "login";
    case Command::kLogout: return "logout";
    case Command::kConfig: return "config";
    case Command::kVersion: return "version";
  }
  return "";
}

Parsed parse(int argc, const char* const* argv, const std::string& version, const Words& words,
             const Outside& outside) {
  const std::span command_line{argv, static_cast<std::size_t>(argc)};
  Parsed parsed = Parser{command_line, version, words, outside}.parse();
  parsed.err = translate_mistake(parsed.err, words);
  return parsed;
}

Result<StorePlace> parse_store_place(const std::string& text) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) {
    if (text.find("://") != std::string::npos || text.empty()) {
      return fail(Code::kInvalid, "needs s3://BUCKET/PREFIX or a folder");
    }
    return StorePlace{.folder = text};
  }
  StorePlace place;
  const std::size_t question = std::min(text.find('?'), text.size());
  const std::string path = text.substr(kScheme.size(), question - kScheme.size());
  const std::size_t slash = std::min(path.find('/'), path.size());
  place.bucket.name = path.substr(0, slash);
  place.bucket.prefix = path.substr(std::min(slash + 1, path.size()));
  // What does not belong there may be a key: it is not repeated.
  constexpr const char* kKeys =
      " (keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or as docs/s3.md says)";
  if (place.bucket.name.find('@') != std::string::npos) {
    return fail(Code::kInvalid, std::string{"takes nothing before the bucket's name"} + kKeys);
  }
  if (place.bucket.name.empty()) { return fail(Code::kInvalid, "names no bucket"); }
  if (!place.bucket.prefix.empty() && !place.bucket.prefix.ends_with('/')) {
    place.bucket.prefix += '/';
  }
  for (std::size_t at = question + 1; at < text.size();) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    const std::string word = text.substr(at, end - at);
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    const std::string value = word.substr(std::min(equals + 1, word.size()));
    if (name == "endpoint") {
      place.bucket.endpoint = value;
    } else if (name == "region") {
      place.bucket.region = value;
    } else if (word == "path-style") {
      place.bucket.force_path_style = true;
    } else {
      return fail(Code::kInvalid, "knows endpoint, region and path-style, not " + name + kKeys);
    }
    at = end + 1;
  }
  return place;
}

Result<Listen> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) { return fail(Code::kInvalid, "needs HOST:PORT"); }
  std::string host = text.substr(0, colon);
  if (host.empty()) { host = "0.0.0.0"; }
  if (host == "localhost") { host = "127.0.0.1"; }
  if (host.starts_with('[') && host.ends_with(']')) { host = host.substr(1, host.size() - 2); }
  ::in6_addr scratch{};
  if (::inet_pton(AF_INET, host.c_str(), &scratch) != 1 &&
      ::inet_pton(AF_INET6, host.c_str(), &scratch) != 1) {
    return fail(Code::kInvalid, "\"" + host + "\" is no IP address");
  }
  Listen listen{host, 0};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, listen.port);
  if (error != std::errc{} || stop != end) {
    return fail(Code::kInvalid, "\"" + text.substr(colon + 1) + "\" is no port");
  }
  return listen;
}

}  // namespace pv::cli
