// Listing, making, removing and restoring backups.
#include <algorithm>
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "api/job_answer.h"
#include "api/prefer.h"
#include "api/real_ip.h"
#include "api/sentences.h"
#include "base/duration.h"
#include "base/text.h"
#include "http/url.h"
#include "jobs/names.h"
#include "jobs/pins.h"

namespace pv::api {
namespace {

namespace json = boost::json;
using boost::asio::awaitable;

FieldProblem name_problem(std::string_view code, const Phrase& phrase) {
  return {.field = "name", .code = std::string{code}, .message = say(phrase), .params = {}};
}

FieldProblem name_exists() {
  return name_problem("validation_backup_name_exists", phrase::kNameExists);
}

std::optional<FieldProblem> check_name(std::string_view name) {
  const auto fault = jobs::fault_of_new_name(name);
  if (!fault) { return std::nullopt; }
  if (*fault == jobs::NameFault::kFormat) {
    return name_problem("validation_match_invalid", phrase::kMatch);
  }
  const std::string max = std::to_string(jobs::kNewNameCharactersMax);
  FieldProblem problem{.field = "name",
                       .code = "validation_length_out_of_range",
                       .message = say(phrase::kLengthBetween, {"1", max}),
                       .params = {}};
  problem.params.emplace("max", jobs::kNewNameCharactersMax);
  problem.params.emplace("min", 1);
  return problem;
}

// The documents show names without ".zip"; the program refuses them.
std::string completed(std::string name) {
  const std::string with_ending = name + ".zip";
  if (jobs::fault_of_new_name(name) == jobs::NameFault::kFormat &&
      !jobs::fault_of_new_name(with_ending)) {
    return with_ending;
  }
  return name;
}

// PocketBase's field first; the others are ours, and unknown to the strict manner.
std::span<const FormField> create_fields(const Exchange& exchange) {
  static constexpr std::array<FormField, 6> kFields{
      {{"name", "Name"},
       {"withoutLogs", "WithoutLogs", FieldKind::kFlag},
       {"withCode", "WithCode", FieldKind::kFlag},
       {"includeS3Storage", "IncludeS3Storage", FieldKind::kFlag},
       {"exclude", "Exclude", FieldKind::kList},
       {"limitRate", "LimitRate"}}};
  return std::span{kFields}.first(exchange.strict() ? 1 : kFields.size());
}

// nullopt: a flag is neither true nor false, or the rate none.
std::optional<jobs::BackupOrder> order_of(FormValues& values) {
  const auto without_logs = flag_of(values, "withoutLogs");
  const auto with_code = flag_of(values, "withCode");
  const std::string rate = std::move(values["limitRate"]);
  const auto bytes_per_second = rate.empty() ? std::uint64_t{0} : parse_size(rate);
  const bool says_nothing_of_s3 = values["includeS3Storage"].empty();
  const auto include_s3_storage = flag_of(values, "includeS3Storage");
  if (!without_logs || !with_code || !include_s3_storage || !bytes_per_second) {
    return std::nullopt;
  }
  jobs::BackupOrder order;
  order.name = std::move(values["name"]);
  order.without_logs = *without_logs;
  order.with_code = *with_code;
  order.include_s3_storage = says_nothing_of_s3 || *include_s3_storage;
  order.bytes_per_second_max = *bytes_per_second;
  order.exclude = list_of(values["exclude"]);
  return order;
}

// The strict manner knows `delta` alone.
Result<jobs::RestoreOptions> restore_options_of(const Exchange& exchange) {
  const std::string& query = exchange.request.query;
  jobs::RestoreOptions options;
  options.delta = http::query_value(query, "delta") != "false";
  if (exchange.strict()) { return options; }
  if (const auto keep = http::query_value(query, "keepReplaced")) {
    options.keep_replaced = parse_duration(*keep);
    if (!options.keep_replaced) {
      return fail(Code::kInvalid, "keepReplaced is no span of time: 24h, 7d, or 0 for none");
    }
  }
  if (const auto first = http::query_value(query, "backupFirst")) {
    if (*first != "true" && *first != "false") {
      return fail(Code::kInvalid, "backupFirst is neither true nor false");
    }
    options.backup_first = *first == "true";
  }
  PV_TRY(options.files_to,
         restore::parse_files_to(http::query_value(query, "filesTo").value_or(std::string{})));
  return options;
}

// As PocketBase asks before it begins, in the strict manner: whether the name is not taken. A store
// that can't tell counts against the name then. In the default manner the job itself asks, for it
// knows what is to be noted, and what may wait in the spool.
http::Task<void> check_free(const Services& services, std::string name) {
  jobs::Vault& vault = services.parts.vault;
  std::function<Result<void>()> work = [&vault, name = std::move(name)]() -> Result<void> {
    PV_TRY(const store::BackupName parsed, store::BackupName::parse(name));
    const auto there = vault.store().stat(parsed);
    if (there.has_value()) { return fail(Code::kExists, name + " exists"); }
    if (there.error().code == Code::kNotFound) { return {}; }
    // A bucket is told from a folder by the answer.
    const bool is_folder = there.error().code == Code::kUnavailable && !vault.store().is_remote();
    return fail(is_folder ? Code::kDenied : there.error().code, there.error().what);
  };
  co_return co_await asking_peer<void>(services, std::move(work));
}

Problem problem_of_name(const Error& error) {
  const bool is_taken = error.code == Code::kExists || error.code == Code::kUnavailable;
  Problem result = invalid(
      is_taken ? name_exists() : name_problem("validation_invalid_value", phrase::kInvalidValue));
  if (error.code != Code::kExists) { result.cause = error; }
  return result;
}

http::Task<bool> is_busy(const Services& services) {
  jobs::Vault& vault = services.parts.vault;
  std::function<Result<bool>()> work = [&vault]() -> Result<bool> { return vault.busy(); };
  co_return co_await blocking<bool>(services, std::move(work));
}

using Started = Result<std::shared_ptr<jobs::Job>>;

Preferences preferences_of(const Exchange& exchange) {
  if (exchange.strict()) { return {}; }
  return parse_prefer(exchange.request.headers.all("Prefer"));
}

http::Response accepted_async(const Exchange& exchange, const jobs::Job& job) {
  http::Response response = accepted(exchange, job);
  response.headers.add("Preference-Applied", "respond-async");
  return response;
}

http::Response represented(const Exchange& exchange, std::string_view key, std::string_view value) {
  json::object object;
  object.emplace(key, value);
  http::Response response = json_answer(exchange, 200, object);
  response.headers.add("Preference-Applied", "return=representation");
  return response;
}

// Of a job that has not succeeded.
Error cause_of(const jobs::Status& end) {
  return end.error.value_or(Error{Code::kCancelled, "the job was cancelled"});
}

Problem create_failed(const Exchange& exchange, const Error& error) {
  Problem failed = exchange.strict() ? problem(400, phrase::kCreateFailed)
                                     : problem(400, phrase::kCreateFailedBecause, {error.what});
  failed.cause = error;
  return failed;
}

Problem create_not_started(const Exchange& exchange, const Error& error) {
  if (error.code == Code::kBusy) { return busy(); }
  if (error.code == Code::kExists) { return problem_of_name(error); }
  return create_failed(exchange, error);
}

Problem restore_failed(const Error& error) {
  Problem failed = problem(400, phrase::kRestoreFailed, {error.what});
  failed.cause = error;
  return failed;
}

Problem no_backup(const Exchange& exchange) {
  return exchange.strict() ? problem(400, phrase::kNoBackup) : not_found();
}

// Go's %q of what is no UTF-8: the bytes as \xff, the rest as it is.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte >= 0x7F) {
      result += "\\x" + to_hex(std::as_bytes(std::span{&letter, 1}));
    } else {
      if (letter == '"' || letter == '\\') { result += '\\'; }
      result += letter;
    }
  }
  return result + "\"";
}

// What PocketBase says of a key it could not delete, without the server's paths.
std::string raw_delete_error(std::string_view key, const Error& error) {
  if (!is_utf8(key)) { return "Delete key must be a valid UTF-8 string: " + quoted(key); }
  const std::string start = "[key: " + std::string{key} + "] ";
  if (key.ends_with(".attrs")) { return start + "file extension \".attrs\" is reserved"; }
  if (error.code == Code::kNotFound) {
    return start + "remove backups/" + std::string{key} +
           ": no such file or directory\nresource not found";
  }
  return start + error.what;
}

Problem delete_failed(const Exchange& exchange, const Error& error) {
  if (error.code == Code::kBusy) { return problem(400, phrase::kInUse); }
  // A pin protects in both manners; PocketBase's words for it are those for any failure.
  if (error.code == Code::kUnsupported && !exchange.strict()) {
    return problem(400, phrase::kPinned);
  }
  if (error.code == Code::kNotFound && !exchange.strict()) { return not_found(); }
  Problem failed = problem(400, phrase::kDeleteFailed, {raw_delete_error(exchange.value(), error)});
  if (error.code != Code::kNotFound) { failed.cause = error; }
  return failed;
}

// As PocketBase has it, and what is known of each. `waiting`, where true: not in the store yet.
json::array list_json(const jobs::Listing& listing, bool strict) {
  json::array array;
  array.reserve(listing.backups.size());
  for (const auto& [backup, verdict, pin, gaps] : listing.backups) {
    json::object object;
    object.emplace("modified", format_pocketbase_date(backup.modified));
    object.emplace("key", backup.name.text());
    object.emplace("size", backup.size_bytes);
    if (!strict) {
      if (backup.is_waiting) { object.emplace("waiting", true); }
      object.emplace("verdict", jobs::to_json(verdict));
      object.emplace("pin", jobs::to_json(pin));
      object.emplace("incomplete", jobs::to_json(gaps));
    }
    array.push_back(std::move(object));
  }
  return array;
}

}  // namespace

AnswerTask health(Exchange& exchange) {
  json::object data;
  if (exchange.superuser()) {
    const auto taken = co_await is_busy(exchange.services);
    if (!taken.has_value()) { co_return tl::unexpected{problem_of(taken.error())}; }
    data.emplace("canBackup", !*taken);
    data.emplace("possibleProxyHeader", possible_proxy_header(exchange.request, exchange.settings));
    data.emplace("realIP", exchange.ip);
  }
  json::object answer;
  answer.emplace("message", "API is healthy.");
  answer.emplace("code", 200);
  answer.emplace("data", std::move(data));
  co_return json_answer(exchange, 200, answer);
}

AnswerTask list_backups(Exchange& exchange) {
  jobs::Vault& vault = exchange.services.parts.vault;
  std::function<Result<json::value>()> work =
      [&vault, strict = exchange.strict(), language = exchange.language]() -> Result<json::value> {
    PV_TRY(const jobs::Listing listing, vault.list());
    json::value list = list_json(listing, strict);
    tell(language, kOfVerdicts, list);
    return list;
  };
  const auto listing = co_await asking_peer<json::value>(exchange.services, std::move(work));
  if (listing.has_value()) {
    if (exchange.strict()) { co_return json_answer(exchange, 200, *listing); }
    co_return told_answer(exchange, 200, *listing);
  }
  Problem failed = problem(400, phrase::kNoFilesystem);
  if (exchange.strict() && listing.error().code == Code::kUnavailable) {
    failed = problem(400, phrase::kListFailed, {listing.error().what});
  }
  failed.cause = listing.error();
  co_return tl::unexpected{std::move(failed)};
}

AnswerTask create_backup(Exchange& exchange) {
  const Services& services = exchange.services;
  const auto taken = co_await is_busy(services);
  if (!taken.has_value()) { co_return tl::unexpected{problem_of(taken.error())}; }
  if (*taken) { co_return tl::unexpected{busy()}; }

  const std::span<const FormField> fields = create_fields(exchange);
  Form form = co_await read_form(exchange.request, exchange.body, fields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }

  auto order = order_of(form.values);
  if (!order) { co_return tl::unexpected{problem(400, phrase::kLoading)}; }
  std::string& name = order->name;
  if (!name.empty()) {
    if (!exchange.strict()) { name = completed(std::move(name)); }
    if (auto fault = check_name(name)) { co_return tl::unexpected{invalid(*std::move(fault))}; }
    if (exchange.strict()) {
      const auto free = co_await check_free(services, name);
      if (!free.has_value()) { co_return tl::unexpected{problem_of_name(free.error())}; }
    }
  }

  std::function<Started()> start = [&vault = services.parts.vault, order = *order] {
    return vault.start_backup(order);
  };
  const Started job = co_await asking_peer<std::shared_ptr<jobs::Job>>(services, std::move(start));
  if (!job.has_value()) { co_return tl::unexpected{create_not_started(exchange, job.error())}; }
  const Preferences wanted = preferences_of(exchange);
  if (wanted.respond_async) { co_return accepted_async(exchange, **job); }
  const jobs::Status end = co_await wait_for_end(*job);
  if (end.state != jobs::State::kSucceeded) {
    co_return tl::unexpected{create_failed(exchange, cause_of(end))};
  }
  if (wanted.return_representation) { co_return represented(exchange, "key", end.name); }
  co_return empty_answer(204);
}

AnswerTask delete_backup(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) {
    const Error missing{Code::kNotFound, "no such backup"};
    co_return tl::unexpected{delete_failed(exchange, missing)};
  }
  std::function<Result<void>()> work = [&vault = exchange.services.parts.vault, name = *name,
                                        strict = exchange.strict()]() -> Result<void> {
    Result<void> removed = vault.remove(name);
    const bool is_missing = !removed.has_value() && removed.error().code == Code::kNotFound;
    // S3 itself does not say whether there was a key, and PocketBase does not look.
    if (is_missing && strict && vault.store().is_remote()) { return {}; }
    return removed;
  };
  const auto removed = co_await asking_peer<void>(exchange.services, std::move(work));
  if (!removed.has_value()) { co_return tl::unexpected{delete_failed(exchange, removed.error())}; }
  co_return empty_answer(204);
}

AnswerTask restore_backup(Exchange& exchange) {
  const Services& services = exchange.services;
  const auto taken = co_await is_busy(services);
  if (!taken.has_value()) { co_return tl::unexpected{problem_of(taken.error())}; }
  if (*taken) { co_return tl::unexpected{busy()}; }
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{no_backup(exchange)}; }

  auto options = restore_options_of(exchange);
  if (!options.has_value()) { co_return tl::unexpected{restore_failed(options.error())}; }
  if (!exchange.strict()) {
    auto part = co_await read_part(exchange);
    if (!part.has_value()) { co_return tl::unexpected{std::move(part).error()}; }
    options->only = *std::move(part);
  }
  std::function<Started()> start = [&vault = services.parts.vault, name = *name,
                                    options = *options]() -> Started {
    PV_TRY(const store::Backup found, vault.store().stat(name));
    return vault.start_restore({.name = found.name, .options = options});
  };
  const Started job = co_await asking_peer<std::shared_ptr<jobs::Job>>(services, std::move(start));
  if (!job.has_value()) {
    const Error& error = job.error();
    if (error.code == Code::kBusy) { co_return tl::unexpected{busy()}; }
    if (error.code == Code::kNotFound) { co_return tl::unexpected{no_backup(exchange)}; }
    if (error.code == Code::kDenied) {
      Problem failed = problem(500, phrase::kNoFilesystem);
      failed.cause = error;
      co_return tl::unexpected{std::move(failed)};
    }
    co_return tl::unexpected{restore_failed(error)};
  }
  const Preferences wanted = preferences_of(exchange);
  if (wanted.respond_async) { co_return accepted_async(exchange, **job); }
  const jobs::Status end = co_await wait_for_end(*job);
  if (end.state != jobs::State::kSucceeded) {
    co_return tl::unexpected{restore_failed(cause_of(end))};
  }
  if (wanted.return_representation) {
    const std::string message{in(exchange.language, phrase::kRestored)};
    http::Response response = represented(exchange, "message", message);
    note_language(exchange, response);
    co_return response;
  }
  co_return empty_answer(204);
}

}  // namespace pv::api
