// Commands about who may do all this: superuser, login, logout.
#include <boost/json.hpp>

#include "auth/superusers.h"
#include "base/email.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/messages.h"
#include "cli/remote_backups.h"

namespace pv::cli {
namespace {

const Phrase& success(SuperuserAction action) {
  switch (action) {
    case SuperuserAction::kCreate: break;
    case SuperuserAction::kUpsert: return phrase::kSuperuserSaved;
    case SuperuserAction::kUpdate: return phrase::kSuperuserUpdated;
    case SuperuserAction::kDelete: return phrase::kSuperuserDeleted;
    case SuperuserAction::kIps: break;  // change_ips()
  }
  return phrase::kSuperuserCreated;
}

// PocketBase's words.
std::string failure_prefix(SuperuserAction action, const std::string& quoted) {
  switch (action) {
    case SuperuserAction::kCreate: return "failed to create new superuser account: ";
    case SuperuserAction::kUpsert: return "failed to upsert superuser account: ";
    case SuperuserAction::kUpdate: return "failed to change superuser " + quoted + " password: ";
    case SuperuserAction::kDelete: return "failed to delete superuser " + quoted + ": ";
    case SuperuserAction::kIps: break;
  }
  return {};
}

const char* action_name(SuperuserAction action) {
  switch (action) {
    case SuperuserAction::kCreate: return "created";
    case SuperuserAction::kUpsert: return "saved";
    case SuperuserAction::kUpdate: return "updated";
    case SuperuserAction::kDelete: return "deleted";
    case SuperuserAction::kIps: break;
  }
  return "";
}

Result<std::string> ask_new_password(Console& console) {
  const auto first = console.ask_secret(console.words()(phrase::kAskNewPassword));
  if (!first) { return fail(Code::kCancelled, "no password was given"); }
  const auto second = console.ask_secret(console.words()(phrase::kAskAgain));
  if (!second) { return fail(Code::kCancelled, "no password was given"); }
  if (*first != *second) { return fail(Code::kInvalid, "the two passwords differ"); }
  return *first;
}

// From the argument, else asked for, else a line of standard input.
Result<std::string> new_password(const Context& context) {
  const auto& given = context.arguments.password;
  if (given && *given != "-") { return *given; }
  if (!given && context.console.can_ask()) { return ask_new_password(context.console); }
  auto line = context.console.read_line();
  if (!line) {
    return fail(Code::kInvalid,
                "the password is missing: a line of standard input says it, or the terminal where "
                "there is one");
  }
  return std::move(*line);
}

Result<void> change(const Context& context, LocalVault& local, const std::string& email,
                    const std::string& password) {
  const Clock& clock = context.environment.clock;
  Random& random = context.environment.random;
  return local.directory().write<void>([&](sqlite::Connection& db) -> Result<void> {
    switch (context.arguments.action) {
      case SuperuserAction::kCreate:
        return auth::create_superuser(db, email, password, clock, random);
      case SuperuserAction::kUpsert:
        return auth::upsert_superuser(db, email, password, clock, random);
      case SuperuserAction::kUpdate:
        return auth::update_superuser(db, email, password, clock, random);
      case SuperuserAction::kDelete: return auth::delete_superuser(db, email);
      case SuperuserAction::kIps: break;
    }
    return {};
  });
}

// Which refusals PocketBase prints as they are.
bool stands_alone(const Error& error) {
  return error.code == Code::kNotFound || error.what.find("invalid email") != std::string::npos ||
         error.what.find("invalid or missing email") != std::string::npos;
}

// The way back for those whom superuserIPs locks out.
Result<Exit> change_ips(const Context& context) {
  const std::vector<std::string>& ips = context.arguments.names;
  json::array list;
  for (const std::string& ip : ips) { list.emplace_back(ip); }
  PV_TRY(const auto local, context.environment.open_local(local_options(context)));
  PV_TRY(const jobs::SettingsChange change,
         local->open_settings()->change({json::object{{"superuserIPs", list}}},
                                        settings::Edition::k039));
  if (!change.faults.empty()) {
    const settings::Fault& fault = change.faults.front();
    std::string what = fault.field;
    for (std::size_t i = 0; i < ips.size(); ++i) {
      if (fault.field == "superuserIPs." + std::to_string(i)) { what = printable(ips[i]); }
    }
    return fail(Code::kInvalid, what + ": " + fault.message);
  }
  std::string text = context.words()(phrase::kSuperuserIpsUpdated) + "\n";
  for (std::size_t i = 0; i < ips.size(); ++i) {
    text += (i + 1 < ips.size() ? "├─ " : "└─ ") + ips[i] + "\n";
  }
  if (ips.empty()) { text = context.words()(phrase::kSuperuserIpsCleared) + "\n"; }
  context.show(json::object{{"superuserIPs", std::move(list)}, {"action", "updated"}}, text);
  return Exit::kDone;
}

void warn_of_plain_http(const Context& context) {
  const std::string& url = context.arguments.url;
  const bool here = url.starts_with("http://127.") || url.starts_with("http://localhost") ||
                    url.starts_with("http://[::1]");
  if (url.starts_with("http://") && !here) { context.say(phrase::kPlainHttp); }
}

// Of an answer 400: PocketBase's words for a wrong pair, or what it says of a field. Others have
// causes that no other password mends.
bool is_about_credentials(const json::object* answer) {
  if (answer == nullptr) { return false; }
  const json::value* fields = answer->if_contains("data");
  if (fields != nullptr && fields->is_object() && !fields->get_object().empty()) { return true; }
  const json::value* message = answer->if_contains("message");
  return message != nullptr && message->is_string() &&
         message->get_string() == "Failed to authenticate.";
}

Result<std::string> sign_in(const std::string& url, const std::string& email,
                            const std::string& password, const std::stop_token& stop) {
  curl::Client client;
  curl::Request request;
  request.method = "POST";
  request.url = url + "/api/collections/_superusers/auth-with-password";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json::serialize(json::object{{"identity", email}, {"password", password}});
  PV_TRY(const curl::Reply reply, client.send(request, stop));
  json::error_code error;
  const json::value value = json::parse(reply.body, error);
  const json::object* answer = error ? nullptr : value.if_object();
  if (reply.status == 400 && is_about_credentials(answer)) {
    return fail(Code::kUnauthenticated, "the server does not take this e-mail and password");
  }
  if (answer != nullptr && answer->contains("mfaId")) {
    return fail(Code::kUnsupported, "this account needs a second factor; give a token instead");
  }
  if (!reply.is_success()) { return fail(error_of(reply)); }
  const json::value* token = answer == nullptr ? nullptr : answer->if_contains("token");
  if (token == nullptr || !token->is_string()) {
    return fail(Code::kInvalid, "the server's answer has no token: is this a PocketBase?");
  }
  return std::string{token->get_string()};
}

}  // namespace

Result<Exit> run_superuser(const Context& context) {
  const SuperuserAction action = context.arguments.action;
  if (action == SuperuserAction::kIps) { return change_ips(context); }
  const bool deletes = action == SuperuserAction::kDelete;
  if (context.arguments.name.empty()) {
    return fail(Code::kInvalid, deletes ? "invalid or missing email address"
                                        : "missing email and password arguments");
  }
  const std::string& email = context.arguments.name;
  if (!is_email(email)) {
    return fail(Code::kInvalid,
                deletes ? "invalid or missing email address" : "missing or invalid email address");
  }
  std::string password;
  if (!deletes) { PV_TRY(password, new_password(context)); }
  LocalOptions options = local_options(context);
  options.create = action == SuperuserAction::kCreate || action == SuperuserAction::kUpsert;
  PV_TRY(const auto local, context.environment.open_local(options));
  const std::string quoted = "\"" + email + "\"";
  if (const auto outcome = change(context, *local, email, password); !outcome.has_value()) {
    Error error = outcome.error();
    if (!stands_alone(error)) { error.what = failure_prefix(action, quoted) + error.what; }
    // The last account must stay: refused by us, not by a disk.
    if (error.code == Code::kDenied && deletes) { error.code = Code::kInternal; }
    return fail(std::move(error));
  }
  context.show(json::object{{"email", email}, {"action", action_name(action)}},
               context.words()(success(action), {quoted}) + "\n");
  return Exit::kDone;
}

Result<Exit> run_login(const Context& context) {
  const Arguments& arguments = context.arguments;
  warn_of_plain_http(context);
  std::string email = arguments.name;
  if (email.empty()) {
    if (!context.console.can_ask()) { return fail(Code::kInvalid, "the EMAIL is missing"); }
    email = context.console.ask(context.words()(phrase::kAskEmail)).value_or("");
  }
  const auto password = context.console.can_ask()
                            ? context.console.ask_secret(context.words()(phrase::kAskPassword))
                            : context.console.read_line();
  if (!password || context.stop.stop_requested()) {
    return fail(Code::kCancelled, "no password was given");
  }
  PV_TRY(const std::string token, sign_in(arguments.url, email, *password, context.stop));
  Logins logins = logins_of(context);
  PV_CHECK(logins.keep(arguments.url, {email, token}));
  json::object document{{"url", arguments.url}, {"email", email}, {"expires", nullptr}};
  std::string text = context.words()(phrase::kSignedIn, {arguments.url, printable(email)});
  if (const auto end = token_end(token)) {
    document["expires"] = format_pocketbase_date(*end);
    text += context.words()(phrase::kUntil, {format_pocketbase_date(*end).substr(0, 16)});
  }
  context.show(document, text + "\n");
  return Exit::kDone;
}

Result<Exit> run_logout(const Context& context) {
  const std::string& url = context.arguments.url;
  PV_CHECK(logins_of(context).forget(url));
  context.show(json::object{{"url", url}}, context.words()(phrase::kForgotLogin, {url}) + "\n");
  return Exit::kDone;
}

}  // namespace pv::cli
