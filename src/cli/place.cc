// Where a command works: a directory, the server that runs on it, or a server elsewhere.
#include <unistd.h>

#include <algorithm>

#include "auth/auth.h"
#include "auth/superusers.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/local_backups.h"
#include "cli/messages.h"
#include "cli/remote_backups.h"
#include "cli/secret_file.h"
#include "cli/server_note.h"

namespace pv::cli {
namespace {

// The server that has this directory open, if there is one. Its note may be left from a crash and
// its process number given to another program since: it must have the database open, and answer.
std::optional<ServerNote> server_on(const fs::Path& dir, curl::Client& client) {
  auto note = read_server_note(dir / ".pocketvault");
  if (!note || note->pid == ::getpid()) { return std::nullopt; }
  const auto openers = fs::other_openers({dir / "data.db"});
  const bool has_it_open = std::any_of(openers.begin(), openers.end(),
                                       [&](const auto& opener) { return opener.pid == note->pid; });
  if (!has_it_open || !answers_health(client, note->url)) { return std::nullopt; }
  return note;
}

// Ten minutes in the name of the first superuser. The directory is closed again before the token
// is used: what holds the databases open stands in a restore's way.
Result<std::string> issue_local_token(const Environment& environment, const LocalOptions& options) {
  constexpr std::chrono::minutes kTokenLife{10};
  PV_TRY(const auto local, environment.open_local(options));
  return local->directory().read<std::string>([&](sqlite::Connection& db) -> Result<std::string> {
    PV_TRY(const auto accounts, auth::list_superusers(db));
    if (accounts.empty()) {
      return fail(Code::kUnauthenticated,
                  "a server runs on this directory and does this only for a superuser, and "
                  "there is none; make one: pocketvault superuser create EMAIL");
    }
    PV_TRY(const auto collection, auth::find_collection(db, auth::kSuperusers));
    return auth::issue_token(db, collection, accounts.front().id, auth::TokenKind::kAuth,
                             environment.clock, kTokenLife, /*refreshable=*/false);
  });
}

Result<std::string> remote_token(const Context& context) {
  const Arguments& arguments = context.arguments;
  if (!arguments.token.empty()) { return arguments.token; }
  if (!arguments.token_file.empty()) {
    return read_secret(arguments.token_file, {.stop = context.stop});
  }
  if (auto login = logins_of(context).find(arguments.url)) { return std::move(login->token); }
  return fail(Code::kUnauthenticated, "no token for " + arguments.url);
}

Place remote_place(const Context& context, std::unique_ptr<curl::Client> client,
                   const ServerNote& server, std::function<Result<std::string>()> token) {
  Place place;
  place.client = std::move(client);
  RemoteOptions options;
  options.url = server.url;
  options.command_key = server.command_key;
  options.token = std::move(token);
  options.say = [&console = context.console](const std::string& line) {
    console.say(console.words().told(line));
  };
  place.backups = make_remote_backups(*place.client, context.environment.clock, std::move(options));
  return place;
}

}  // namespace

void Context::show(const boost::json::value& document, const std::string& text) const {
  console.print(arguments.json ? json_text(document) + "\n" : text);
}

std::optional<std::string> Context::variable(const std::string& name) const {
  return environment_variable(environment, name);
}

ProgressStyle progress_style(const Context& context) {
  if (context.arguments.quiet) { return ProgressStyle::kNone; }
  return context.console.shows_progress() ? ProgressStyle::kBar : ProgressStyle::kLines;
}

Progress progress_of(const Context& context, std::string label) {
  return Progress{context.console.err(), progress_style(context), context.environment.clock,
                  std::move(label), context.words()};
}

fs::Path target_of(const Context& context, const fs::Path& last) {
  const fs::Path target = context.arguments.output;
  if (target.empty()) { return last; }
  const auto found = fs::stat(target);
  return found.has_value() && found->is_folder() ? target / last : target;
}

Logins logins_of(const Context& context) {
  fs::Path base;
  if (const auto config = context.variable("XDG_CONFIG_HOME"); config && !config->empty()) {
    base = *config;
  } else {
    base = fs::Path{context.variable("HOME").value_or(".")} / ".config";
  }
  return Logins{base / "pocketvault" / "logins.json"};
}

LocalOptions local_options(const Context& context) {
  const Arguments& arguments = context.arguments;
  return LocalOptions{.dir = arguments.dir,
                      .backups_dir = arguments.backups_dir,
                      .bucket = arguments.bucket,
                      .encryption_env = arguments.encryption_env,
                      .encryption_key_file = arguments.encryption_key_file,
                      .mirror = arguments.mirror,
                      .nice = arguments.nice,
                      .keep_replaced = kKeepReplaced,
                      .stop = context.stop};
}

Result<Place> open_place(const Context& context, Purpose purpose) {
  curl::ClientOptions client_options;
  client_options.user_agent = "pocketvault/" + context.environment.version;
  auto client = std::make_unique<curl::Client>(client_options);
  if (!context.arguments.url.empty()) {
    const ServerNote elsewhere{.pid = 0, .url = context.arguments.url};
    return remote_place(context, std::move(client), elsewhere,
                        [&context] { return remote_token(context); });
  }
  LocalOptions options = local_options(context);
  if (purpose == Purpose::kReplace) {
    if (const auto server = server_on(options.dir, *client)) {
      if (!options.bucket.name.empty()) {
        return fail(Code::kInvalid,
                    "a server runs on this directory (" + server->url +
                        ") and restores from its own backups: give --s3-bucket to it (pocketvault "
                        "serve), or stop it");
      }
      PV_TRY(const std::string first_token, issue_local_token(context.environment, options));
      context.say(phrase::kServerDoesIt, {server->url});
      return remote_place(context, std::move(client), *server,
                          [&context, options, token = first_token]() mutable {
                            // After a restore the accounts may be others: a new token then.
                            if (!token.empty()) {
                              return Result<std::string>{std::exchange(token, {})};
                            }
                            return issue_local_token(context.environment, options);
                          });
    }
    options.create = context.arguments.command == Command::kRestore;  // into an empty place too
  }
  Place place;
  PV_TRY(place.local, context.environment.open_local(options));
  place.backups = make_local_backups(*place.local);
  return place;
}

}  // namespace pv::cli
