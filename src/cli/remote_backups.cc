#include "cli/remote_backups.h"

#include <algorithm>
#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>

#include "base/text.h"
#include "cli/job_json.h"
#include "cli/remote_view.h"
#include "cli/server_note.h"
#include "cli/status_json.h"
#include "curl/resume.h"
#include "fs/file.h"

namespace pv::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kNoLimit = std::chrono::seconds{0};  // the answer comes when the work is done

Result<json::value> parse_body(const curl::Reply& reply) {
  json::error_code error;
  json::value value = json::parse(reply.body, error);
  if (error) { return fail(Code::kInvalid, "the server's answer is no JSON"); }
  return value;
}

// JSON holds no other text than UTF-8.
Result<json::array> list_json(const std::string& option, const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) {
    if (!is_utf8(text)) { return fail(Code::kInvalid, option + ": no UTF-8"); }
    array.emplace_back(text);
  }
  return array;
}

// What a server is told beside the name; empty: nothing.
Result<json::object> wishes_of(const jobs::BackupOrder& order) {
  json::object body;
  if (order.without_logs) { body["withoutLogs"] = true; }
  if (order.with_code) { body["withCode"] = true; }
  if (!order.include_s3_storage) { body["includeS3Storage"] = false; }
  if (order.bytes_per_second_max > 0) {
    body["limitRate"] = std::to_string(order.bytes_per_second_max);
  }
  if (!order.exclude.empty()) { PV_TRY(body["exclude"], list_json("--exclude", order.exclude)); }
  return body;
}

// A request that says which part it is about; nothing for all.
Result<curl::Request> about_part(curl::Request request, const std::vector<std::string>& only) {
  if (only.empty()) { return request; }
  json::object body;
  PV_TRY(body["only"], list_json("--only", only));
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = json::serialize(body);
  return request;
}

// "?delta=false&keepReplaced=3600s", or nothing.
std::string query_of(const jobs::RestoreOptions& options) {
  std::string query;
  const auto add = [&](const std::string& text) { query += (query.empty() ? "?" : "&") + text; };
  if (!options.delta) { add("delta=false"); }
  if (options.keep_replaced) {
    add("keepReplaced=" + std::to_string(options.keep_replaced->count()) + "s");
  }
  if (options.backup_first) {
    add(std::string{"backupFirst="} + (*options.backup_first ? "true" : "false"));
  }
  if (options.files_to != restore::FilesTo::kOrigin) {
    add("filesTo=" + std::string{restore::files_to_name(options.files_to)});
  }
  return query;
}

class CountingSink final : public Sink {
 public:
  CountingSink(Sink& inner, const Transfer& transfer, std::uint64_t total)
      : inner_{inner}, transfer_{transfer}, total_{total} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    PV_CHECK(inner_.write(bytes));
    count_ += bytes.size();
    if (transfer_.on_progress) { transfer_.on_progress(count_, total_); }
    return {};
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  Sink& inner_;
  const Transfer& transfer_;
  std::uint64_t total_;
  std::uint64_t count_ = 0;
};

class RemoteBackups final : public Backups {
 public:
  RemoteBackups(curl::Client& client, const Clock& clock, RemoteOptions options)
      : client_{client}, clock_{clock}, options_{std::move(options)} {}

  [[nodiscard]] std::string describe() const override { return options_.url; }
  [[nodiscard]] bool is_remote() const override { return true; }

  [[nodiscard]] Result<jobs::Listing> list() override {
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = "/api/backups"}));
    PV_TRY(const json::value value, parse_body(reply));
    if (!value.is_array()) { return fail(Code::kInvalid, "the server's answer is not a list"); }
    jobs::Listing listing;
    for (const json::value& item : value.get_array()) {
      auto listed = listed_from_json(item);
      // A plain PocketBase lists names that no pocketvault would give; they can't be worked on.
      if (listed.has_value()) { listing.backups.push_back(std::move(*listed)); }
    }
    return listing;
  }

  [[nodiscard]] Result<store::Backup> find(const store::BackupName& name) override {
    PV_TRY(const jobs::Listing listing, list());
    for (const jobs::ListedBackup& listed : listing.backups) {
      if (listed.backup.name == name) { return listed.backup; }
    }
    return fail(Code::kNotFound, "there is no backup " + printable(name.text()));
  }

  [[nodiscard]] Result<Summary> show(const store::BackupName& name) override {
    PV_TRY(const store::Backup backup, find(name));
    PV_TRY(const bool vault, is_vault());
    if (!vault) { return Summary{backup, std::nullopt}; }
    PV_TRY(const curl::Reply reply,
           ask({.method = "GET", .url = "/api/vault/backups/" + curl::escape(name.text())}));
    PV_TRY(const json::value value, parse_body(reply));
    return summary_from_json(value);
  }

  [[nodiscard]] Result<std::unique_ptr<ArchiveView>> look_into(
      const store::BackupName& name) override {
    PV_TRY(const bool vault, is_vault());
    if (!vault) {
      return fail(Code::kUnsupported,
                  "this server is a plain PocketBase (or strict), which can't look into a backup; "
                  "download it, and look into the file");
    }
    return make_remote_view(
        [this](const std::string& path, Sink* sink, const std::stop_token& stop) {
          return ask({.method = "GET", .url = path}, stop, sink);
        },
        name);
  }

  [[nodiscard]] Result<void> remove(const store::BackupName& name) override {
    PV_TRY(const curl::Reply reply,
           ask({.method = "DELETE", .url = "/api/backups/" + curl::escape(name.text())}));
    return {};
  }

  [[nodiscard]] Result<void> pin(const store::BackupName& name,
                                 const std::optional<std::string>& note) override {
    PV_CHECK(need_retention());
    json::object body;
    if (note) { body["note"] = printable(*note); }
    PV_TRY(const curl::Reply reply,
           ask({.method = "POST",
                .url = "/api/vault/backups/" + curl::escape(name.text()) + "/pin",
                .headers = {{"Content-Type", "application/json"}},
                .body = json::serialize(body)}));
    return {};
  }

  [[nodiscard]] Result<void> unpin(const store::BackupName& name) override {
    PV_CHECK(need_retention());
    PV_TRY(const curl::Reply reply,
           ask({.method = "DELETE",
                .url = "/api/vault/backups/" + curl::escape(name.text()) + "/pin"}));
    return {};
  }

  [[nodiscard]] Result<jobs::Pruning> prune(const Rules& rules, bool is_dry_run) override {
    PV_CHECK(need_retention());
    std::string query;
    for (const auto& [name, value] : rules) {
      query += (query.empty() ? "?" : "&") + name + "=" + curl::escape(value);
    }
    curl::Request request{
        .method = is_dry_run ? "GET" : "POST",
        .url = std::string{"/api/vault/retention/"} + (is_dry_run ? "preview" : "prune") + query};
    request.stall_timeout = kNoLimit;
    PV_TRY(const curl::Reply reply, ask(std::move(request)));
    PV_TRY(const json::value value, parse_body(reply));
    if (!value.is_object()) { return fail(Code::kInvalid, "the server's answer is no retention"); }
    return jobs::pruning_from_json(value.get_object());
  }

  [[nodiscard]] Result<jobs::Status> backup(const jobs::BackupOrder& order,
                                            const Watch& watch) override {
    if (order.full || order.paranoid || order.allow_damaged) {
      return fail(Code::kUnsupported,
                  "--full, --paranoid and --allow-damaged work with --dir, not with --url");
    }
    const std::string& name = order.name;
    PV_TRY(json::object body, wishes_of(order));
    if (!body.empty()) {
      PV_TRY(const bool vault, is_vault());
      if (!vault) {
        return fail(Code::kUnsupported,
                    "this server is a plain PocketBase (or strict), which takes no wishes about "
                    "what goes into a backup, or how fast");
      }
    }
    if (!name.empty()) { body["name"] = name; }
    const WallTime before = clock_.now();
    PV_TRY(jobs::Status status,
           run_job({.method = "POST",
                    .url = "/api/backups",
                    .headers = {{"Content-Type", "application/json"}, {"Prefer", "respond-async"}},
                    .body = json::serialize(body),
                    .stall_timeout = kNoLimit},
                   jobs::Kind::kBackup, name, watch));
    // A plain PocketBase does not say what it called it.
    if (status.name.empty() && status.state == jobs::State::kSucceeded) {
      status.name = newest_name();
    }
    if (status.started == WallTime{}) { status.started = before; }
    return status;
  }

  [[nodiscard]] Result<jobs::Status> restore(const jobs::RestoreOrder& order,
                                             const Watch& watch) override {
    const std::string& name = order.name.text();
    PV_CHECK(refuse_unheard(order.options));
    PV_TRY(curl::Request request, about_part({.method = "POST",
                                              .url = "/api/backups/" + curl::escape(name) +
                                                     "/restore" + query_of(order.options),
                                              .headers = {{"Prefer", "respond-async"}},
                                              .body = {},
                                              .stall_timeout = kNoLimit},
                                             order.options.only));
    return run_job(std::move(request), jobs::Kind::kRestore, name, watch);
  }

  [[nodiscard]] Result<jobs::Status> restore_file(const fs::Path& file,
                                                  const jobs::RestoreOptions& options,
                                                  const Watch& watch) override {
    PV_CHECK(refuse_unheard(options));
    return with_uploaded(file, jobs::Kind::kRestore, watch, [&](const store::BackupName& name) {
      return restore({.name = name, .options = options}, watch);
    });
  }

  [[nodiscard]] Result<jobs::Status> preflight(const store::BackupName& name,
                                               const jobs::PreflightOrder& order,
                                               const Watch& watch) override {
    PV_CHECK(need_preflight(order));
    PV_TRY(curl::Request request,
           about_part({.method = "POST",
                       .url = "/api/vault/backups/" + curl::escape(name.text()) + "/preflight" +
                              query_of({.files_to = order.files_to})},
                      order.only));
    return run_job(std::move(request), jobs::Kind::kPreflight, name.text(), watch);
  }

  [[nodiscard]] Result<jobs::Status> preflight_file(const fs::Path& file,
                                                    const jobs::PreflightOrder& order,
                                                    const Watch& watch) override {
    PV_CHECK(need_preflight(order));
    return with_uploaded(file, jobs::Kind::kPreflight, watch, [&](const store::BackupName& name) {
      return preflight(name, order, watch);
    });
  }

  [[nodiscard]] Result<jobs::Status> verify(const store::BackupName& name, jobs::VerifyDepth depth,
                                            const Watch& watch) override {
    PV_CHECK(need_vault("verify"));
    const std::string url = "/api/vault/backups/" + curl::escape(name.text()) + "/verify";
    return run_job(
        {.method = "POST", .url = url + (depth == jobs::VerifyDepth::kDeep ? "?deep=true" : "")},
        jobs::Kind::kVerify, name.text(), watch);
  }

  [[nodiscard]] Result<jobs::Status> undo(const std::string& id, const Watch& watch) override {
    PV_CHECK(needs_vault());
    curl::Request request{.method = "POST", .url = "/api/vault/undo"};
    if (!id.empty()) {
      request.headers.emplace_back("Content-Type", "application/json");
      request.body = json::serialize(json::object{{"id", id}});
    }
    Result<jobs::Status> ended = run_job(std::move(request), jobs::Kind::kUndo, "", watch);
    if (!ended.has_value() && ended.error().code == Code::kNotFound && !id.empty()) {
      return fail(Code::kNotFound, "no replaced data has that id");  // as it is said here
    }
    return ended;
  }

  [[nodiscard]] Result<std::vector<jobs::Kept>> kept() override {
    PV_CHECK(needs_vault());
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = "/api/vault/replaced"}));
    PV_TRY(const json::value value, parse_body(reply));
    return kept_from_json(value);
  }

  [[nodiscard]] Result<void> remove_kept(const std::string& id) override {
    PV_CHECK(needs_vault());
    PV_TRY(const curl::Reply reply,
           ask({.method = "DELETE", .url = "/api/vault/replaced/" + curl::escape(id)}));
    return {};
  }

  [[nodiscard]] Result<json::object> alerts() override {
    PV_CHECK(needs_vault());
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = "/api/vault/alerts"}));
    PV_TRY(json::value value, parse_body(reply));
    if (!value.is_object()) { return fail(Code::kInvalid, "the server's answer is no report"); }
    return std::move(value.get_object());
  }

  [[nodiscard]] Result<void> test_alert(const std::string& channel,
                                        const std::stop_token& stop) override {
    PV_CHECK(needs_vault());
    curl::Request request{.method = "POST", .url = "/api/vault/alerts/test"};
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = json::serialize(json::object{{"channel", channel}});
    PV_TRY(std::ignore, ask(std::move(request), stop));
    return {};
  }

  [[nodiscard]] Result<jobs::Overview> overview() override {
    PV_TRY(const bool vault, is_vault());
    if (!vault) {
      PV_TRY(const jobs::Listing listing, list());
      jobs::Overview overview;
      overview.unknown_because = "this server does not tell";
      std::vector<store::Backup> backups;
      for (const jobs::ListedBackup& listed : listing.backups) { backups.push_back(listed.backup); }
      jobs::count(
          std::move(backups), clock_.now(), [](const store::Backup&) { return std::string{}; },
          overview);
      return overview;
    }
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = "/api/vault/status"}));
    PV_TRY(const json::value value, parse_body(reply));
    return overview_from_json(value);
  }

  [[nodiscard]] Result<std::uint64_t> download(const store::BackupName& name, Sink& sink,
                                               const Transfer& transfer) override {
    PV_TRY(const store::Backup backup, find(name));
    CountingSink counting{sink, transfer, backup.size_bytes};
    // A file token is good for three minutes: each try gets its own.
    const auto make_request = [&]() -> Result<curl::Request> {
      PV_TRY(const std::string token, file_token());
      return curl::Request{.method = "GET",
                           .url = options_.url + "/api/backups/" + curl::escape(name.text()) +
                                  "?token=" + curl::escape(token)};
    };
    PV_TRY(const curl::Reply reply,
           curl::download_resuming(client_, make_request, counting, {}, transfer.stop));
    if (!reply.is_success()) { return fail(error_of(reply)); }
    return counting.count();
  }

  [[nodiscard]] Result<store::Backup> upload(Source& source, const store::BackupName& name,
                                             const Transfer& transfer) override {
    curl::Request request{.method = "POST", .url = "/api/backups/upload"};
    request.body = curl::Form{{"file", name.text(), "application/zip", &source}};
    request.stall_timeout = kNoLimit;  // the server may work on after the last byte
    request.on_progress = [&](std::uint64_t sent, std::uint64_t) {
      if (transfer.on_progress) {
        transfer.on_progress(std::min(sent, source.size_bytes()), source.size_bytes());
      }
    };
    PV_TRY(const curl::Reply reply, ask(std::move(request), transfer.stop));
    return store::Backup{name, source.size_bytes(), clock_.now(), {}};
  }

 private:
  void say(const std::string& line) const {
    if (options_.say) { options_.say(line); }
  }

  // Sends a request whose url is a path; what is no success is an error.
  // Where there is a sink, a successful answer's body goes there.
  Result<curl::Reply> ask(curl::Request request, const std::stop_token& stop = {},
                          Sink* sink = nullptr) {
    request.url = options_.url + request.url;
    for (bool again = true;; again = false) {
      if (token_.empty()) { PV_TRY(token_, options_.token()); }
      curl::Request signed_request = request;
      signed_request.headers.emplace_back("Authorization", token_);
      if (!options_.command_key.empty()) {
        signed_request.headers.emplace_back(std::string{kCommandHeader}, options_.command_key);
      }
      PV_TRY(curl::Reply reply, sink == nullptr ? client_.send(signed_request, stop)
                                                : client_.download(signed_request, *sink, stop));
      if (reply.is_success()) { return reply; }
      if (reply.status != 401 || !again) { return fail(error_of(reply)); }
      const std::string refused = std::exchange(token_, {});
      PV_TRY(token_, options_.token());
      if (token_ == refused) { return fail(error_of(reply)); }
    }
  }

  Result<std::string> file_token() {
    PV_TRY(const curl::Reply reply, ask({.method = "POST", .url = "/api/files/token"}));
    PV_TRY(const json::value value, parse_body(reply));
    const json::value* token =
        value.is_object() ? value.get_object().if_contains("token") : nullptr;
    if (token == nullptr || !token->is_string()) {
      return fail(Code::kInvalid, "the server gave no file token");
    }
    return std::string{token->get_string()};
  }

  Result<void> needs_vault() {
    PV_TRY(const bool vault, is_vault());
    if (vault) { return {}; }
    return fail(Code::kUnsupported,
                "this server keeps nothing that could be had back: it is a plain PocketBase, or a "
                "pocketvault with --strict, which takes this from commands of its own machine "
                "only: run it there with --dir");
  }

  // An older pocketvault passes over `only`, and would restore everything; and over `filesTo`.
  // Asked each time, right before it is sent: the server may be another one by then.
  Result<void> need_features(const jobs::PreflightOrder& order) {
    const bool is_elsewhere = order.files_to != restore::FilesTo::kOrigin;
    if (order.only.empty() && !is_elsewhere) { return {}; }
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = "/api/vault/status"}));
    PV_TRY(const json::value value, parse_body(reply));
    const bool lacks_only = !order.only.empty() && !has_feature(value, "only");
    if (!lacks_only && (!is_elsewhere || has_feature(value, "filesTo"))) { return {}; }
    return fail(Code::kUnsupported,
                lacks_only
                    ? "this server is an older pocketvault, which knows no --only and would take "
                      "it for everything; bring it up to date"
                    : "this server is an older pocketvault, which knows no --files-to; bring it up "
                      "to date");
  }

  Result<void> need_retention() {
    PV_CHECK(need_vault("pin or prune backups"));
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = "/api/vault/status"}));
    PV_TRY(const json::value value, parse_body(reply));
    if (has_feature(value, "retention")) { return {}; }
    return fail(Code::kUnsupported,
                "this server is an older pocketvault, which can't pin or prune backups; bring it "
                "up to date");
  }

  // A server that does not know a wish would restore without it.
  Result<void> refuse_unheard(const jobs::RestoreOptions& options) {
    if (!options.keep_replaced && !options.backup_first && options.only.empty() &&
        options.files_to == restore::FilesTo::kOrigin) {
      return {};
    }
    PV_TRY(const bool vault, is_vault());
    if (vault) { return need_features({.only = options.only, .files_to = options.files_to}); }
    return fail(Code::kUnsupported,
                "this server is a plain PocketBase (or strict), which knows no --keep-replaced, "
                "--backup-first, --only or --files-to");
  }

  // Whether the server has jobs and all that goes with them.
  Result<bool> is_vault() {
    if (!is_vault_.has_value()) {
      auto reply = ask({.method = "GET", .url = "/api/vault/jobs"});
      if (!reply.has_value() && reply.error().code != Code::kNotFound) {
        return fail(std::move(reply).error());
      }
      is_vault_ = reply.has_value();
    }
    return *is_vault_;
  }

  Result<void> need_vault(const std::string& what) {
    PV_TRY(const bool vault, is_vault());
    if (vault) { return {}; }
    return fail(Code::kUnsupported, "this server is a plain PocketBase (or strict), which can't " +
                                        what + "; download the backup and do it with the file");
  }

  Result<void> need_preflight(const jobs::PreflightOrder& order) {
    PV_CHECK(need_vault("tell what a restore would do"));
    return need_features(order);
  }

  // The server works with what is in its own store only: there and away again.
  Result<jobs::Status> with_uploaded(
      const fs::Path& file, jobs::Kind kind, const Watch& watch,
      const std::function<Result<jobs::Status>(const store::BackupName&)>& work) {
    PV_TRY(const auto source, fs::open_source(file));
    PV_TRY(const auto name,
           store::BackupName::parse("pocketvault_" + std::string{jobs::kind_name(kind)} + "_" +
                                    format_stamp(clock_.now()) + ".zip"));
    jobs::Status sending;
    sending.kind = kind;
    sending.phase = "send";
    const Transfer transfer{[&](std::uint64_t done, std::uint64_t total) {
                              sending.bytes_done = done;
                              sending.bytes_total = total;
                              if (watch.on_status) { watch.on_status(sending); }
                            },
                            watch.stop};
    PV_TRY(const store::Backup sent, upload(*source, name, transfer));
    auto outcome = work(name);
    if (const auto removed = remove(name); !removed.has_value()) {
      say("The server keeps a copy, " + name.text() +
          ", which could not be deleted: " + removed.error().what);
    }
    if (outcome.has_value()) { outcome->name = file.filename().native(); }
    return outcome;
  }

  Result<jobs::Status> run_job(curl::Request request, jobs::Kind kind, const std::string& name,
                               const Watch& watch) {
    jobs::Status status;
    status.kind = kind;
    status.name = name;
    status.started = clock_.now();
    if (watch.on_status) { watch.on_status(status); }
    auto reply = ask(std::move(request), watch.stop);
    if (!reply.has_value()) {
      if (reply.error().code == Code::kCancelled) { say_it_goes_on(); }
      return fail(std::move(reply).error());
    }
    const auto location = curl::find_header(reply->headers, "Location");
    if (reply->status == 202 && location.has_value()) { return follow_job(*location, watch); }
    say(kind == jobs::Kind::kRestore
            ? "This server has no jobs: it began the restore, and does not say how it ends."
            : "This server has no jobs: it answered when the work was done.");
    status.state = jobs::State::kSucceeded;
    status.finished = clock_.now();
    return status;
  }

  Result<jobs::Status> follow_job(std::string_view location, const Watch& watch) {
    const std::string id{location.substr(location.rfind('/') + 1)};
    const std::string path = "/api/vault/jobs/" + curl::escape(id);
    constexpr int kMissesMax = 60;  // in a row: a server that restarts is back by then
    bool cancel_sent = false;
    for (int misses = 0;;) {
      auto status = look(path);
      if (status.has_value()) {
        misses = 0;
        if (watch.on_status) { watch.on_status(*status); }
        if (status->state != jobs::State::kRunning) { return status; }
      } else if (!may_pass(status.error().code) || ++misses >= kMissesMax) {
        return fail(status.error().within("job " + id));
      }
      if (watch.stop.stop_requested() && !std::exchange(cancel_sent, true)) {
        if (!cancel(path)) { return fail(Code::kCancelled, "cancelled"); }
      }
      wait(cancel_sent ? std::stop_token{} : watch.stop);
    }
  }

  // A server that restarts, or that exchanges its databases just now.
  static bool may_pass(Code code) { return code == Code::kUnavailable || code == Code::kBusy; }

  Result<jobs::Status> look(const std::string& path) {
    PV_TRY(const curl::Reply reply, ask({.method = "GET", .url = path}));
    PV_TRY(const json::value value, parse_body(reply));
    return job_from_json(value);
  }

  // Whether the server takes the wish to stop.
  bool cancel(const std::string& path) {
    if (ask({.method = "DELETE", .url = path}).has_value()) { return true; }
    say_it_goes_on();
    return false;
  }

  void say_it_goes_on() const {
    say("What the server has begun goes on there; `pocketvault list` shows when it is done.");
  }

  void wait(const std::stop_token& stop) const {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock{mutex};
    woken.wait_for(lock, stop, options_.poll_every, [] { return false; });
  }

  std::string newest_name() {
    const auto listing = list();
    if (!listing.has_value() || listing->backups.empty()) { return {}; }
    const auto modified = [](const jobs::ListedBackup& listed) { return listed.backup.modified; };
    return std::ranges::max_element(listing->backups, {}, modified)->backup.name.text();
  }

  curl::Client& client_;
  const Clock& clock_;
  RemoteOptions options_;
  std::string token_;
  std::optional<bool> is_vault_;
};

}  // namespace

std::unique_ptr<Backups> make_remote_backups(curl::Client& client, const Clock& clock,
                                             RemoteOptions options) {
  return std::make_unique<RemoteBackups>(client, clock, std::move(options));
}

bool answers_health(curl::Client& client, const std::string& url) {
  const auto reply = client.send({.method = "GET", .url = url + "/api/health"});
  return reply.has_value() && reply->status == 200 &&
         reply->body.find("API is healthy") != std::string::npos;
}

}  // namespace pv::cli
