// One request on its way to an answer, and what the routes share.
#pragma once

#include <atomic>
#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/api.h"
#include "api/limiters.h"
#include "api/problem.h"
#include "api/router.h"
#include "auth/auth.h"
#include "http/task.h"
#include "settings/settings.h"

namespace pv::api {

// Lives as long as the request's coroutine. `services` is the Api's.
struct Services {
  Parts parts;
  const Options& options;
  std::size_t& sign_ins;
  const std::shared_ptr<std::size_t>& event_streams;                 // open now
  const std::shared_ptr<std::atomic<std::size_t>>& content_readers;  // of archives, at work now
  Limiters& limiters;
};

struct Exchange {
  const Services& services;
  http::Request request;
  http::BodyReader& body;
  Match match;
  // Of what people read in an answer.
  Language language = Language::kEnglish;
  // As of a moment ago; read with the token where there is one, or the route needs them.
  settings::Settings settings;
  std::optional<auth::Principal> who;  // signed in by the Authorization header
  std::string ip;                      // of the client, expanded
  bool is_command = false;             // of this machine: it sent Options::command_key

  [[nodiscard]] bool strict() const { return services.options.strict; }
  // Whether it is answered in the language that is asked for; else in English, as by PocketBase.
  [[nodiscard]] bool speaks() const { return !strict(); }
  [[nodiscard]] bool is_head() const { return request.method == "HEAD"; }
  [[nodiscard]] const std::string& value() const { return match.values.front(); }
  [[nodiscard]] bool superuser() const { return who && who->is_superuser(); }
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string{request.headers.find(name).value_or("")};
  }
};

using AnswerTask = boost::asio::awaitable<Answer>;

// A JSON answer; the `fields` parameter is heeded for a status 2xx, which then may be empty.
[[nodiscard]] http::Response json_answer(const Exchange& exchange, unsigned status,
                                         const boost::json::value& value);
[[nodiscard]] http::Response empty_answer(unsigned status);
// Of an answer that would be another in another language.
void note_language(const Exchange& exchange, http::Response& response);
// The same of one page of a list: `fields` is about its `items` alone.
[[nodiscard]] http::Response page_answer(const Exchange& exchange, boost::json::object page);

// Runs what blocks, and asks nobody but this machine's databases.
template <class T>
[[nodiscard]] http::Task<T> blocking(const Services& services, std::function<Result<T>()> work) {
  co_return co_await http::offload<T>(services.parts.pools.databases, std::move(work));
}

// Runs what may wait for a peer: the store of backups, a mail server, a webhook.
template <class T>
[[nodiscard]] http::Task<T> asking_peer(const Services& services, std::function<Result<T>()> work) {
  co_return co_await http::offload<T>(services.parts.pools.peers, std::move(work));
}

// Runs it with a reading connection to data.db.
template <class T>
[[nodiscard]] http::Task<T> reading(const Services& services,
                                    std::function<Result<T>(sqlite::Connection&)> work) {
  datadir::DataDir& directory = services.parts.directory;
  std::function<Result<T>()> run = [&directory, work = std::move(work)] {
    return directory.read<T>(work);
  };
  co_return co_await http::offload<T>(services.parts.pools.databases, std::move(run));
}

// The name that a key in a path means: as PocketBase's file store sees it, one slash at the front
// and "." parts do not count. nullopt: no backup can have it.
[[nodiscard]] std::optional<store::BackupName> name_of_key(std::string_view key);

// rates.cc
[[nodiscard]] boost::asio::awaitable<std::optional<Problem>> check_rate(Exchange& exchange);

// auth_routes.cc
// By id or name; the errors are those of auth::find_collection().
[[nodiscard]] http::Task<auth::Collection> find_collection(const Services& services,
                                                           std::string id_or_name);
[[nodiscard]] AnswerTask sign_in(Exchange& exchange);
[[nodiscard]] AnswerTask refresh(Exchange& exchange);
[[nodiscard]] AnswerTask auth_methods(Exchange& exchange);
[[nodiscard]] AnswerTask file_token(Exchange& exchange);

// part.cc
// Which part of a backup is meant: `only` of the query, any number of times, and of the body, a
// list. Empty: all of it. What can't be read or can't be a part is a problem: the rest is never
// restored for it.
[[nodiscard]] boost::asio::awaitable<tl::expected<std::vector<std::string>, Problem>> read_part(
    Exchange& exchange);

// backup_routes.cc
[[nodiscard]] AnswerTask health(Exchange& exchange);
[[nodiscard]] AnswerTask list_backups(Exchange& exchange);
[[nodiscard]] AnswerTask create_backup(Exchange& exchange);
[[nodiscard]] AnswerTask delete_backup(Exchange& exchange);
[[nodiscard]] AnswerTask restore_backup(Exchange& exchange);

// upload.cc, download.cc
[[nodiscard]] AnswerTask upload_backup(Exchange& exchange);
[[nodiscard]] AnswerTask download_backup(Exchange& exchange);
[[nodiscard]] AnswerTask download_token(Exchange& exchange);

// vault_routes.cc
[[nodiscard]] AnswerTask list_jobs(Exchange& exchange);
[[nodiscard]] AnswerTask show_job(Exchange& exchange);
[[nodiscard]] AnswerTask cancel_job(Exchange& exchange);
[[nodiscard]] AnswerTask job_events(Exchange& exchange);  // events.cc
[[nodiscard]] AnswerTask show_backup(Exchange& exchange);
[[nodiscard]] AnswerTask verify_backup(Exchange& exchange);
[[nodiscard]] AnswerTask preflight_backup(Exchange& exchange);

// settings_document.cc
[[nodiscard]] AnswerTask show_settings(Exchange& exchange);
[[nodiscard]] AnswerTask change_settings(Exchange& exchange);

// settings_routes.cc
[[nodiscard]] AnswerTask test_bucket(Exchange& exchange);

// mail_routes.cc
[[nodiscard]] AnswerTask test_email(Exchange& exchange);

// alert_routes.cc
[[nodiscard]] AnswerTask show_alerts(Exchange& exchange);
[[nodiscard]] AnswerTask test_alert(Exchange& exchange);

// cron_routes.cc
[[nodiscard]] AnswerTask list_crons(Exchange& exchange);
[[nodiscard]] AnswerTask run_cron(Exchange& exchange);

// log_routes.cc
[[nodiscard]] AnswerTask list_logs(Exchange& exchange);
[[nodiscard]] AnswerTask show_log(Exchange& exchange);
[[nodiscard]] AnswerTask log_stats(Exchange& exchange);

// vault_settings_routes.cc
[[nodiscard]] AnswerTask show_vault_settings(Exchange& exchange);
[[nodiscard]] AnswerTask change_vault_settings(Exchange& exchange);

// safety_routes.cc
[[nodiscard]] AnswerTask undo_restore(Exchange& exchange);
[[nodiscard]] AnswerTask show_status(Exchange& exchange);
[[nodiscard]] AnswerTask list_history(Exchange& exchange);
[[nodiscard]] AnswerTask list_replaced(Exchange& exchange);
[[nodiscard]] AnswerTask delete_replaced(Exchange& exchange);

// retention_routes.cc
[[nodiscard]] AnswerTask preview_retention(Exchange& exchange);
[[nodiscard]] AnswerTask prune_backups(Exchange& exchange);
[[nodiscard]] AnswerTask pin_backup(Exchange& exchange);
[[nodiscard]] AnswerTask unpin_backup(Exchange& exchange);
// watch.cc
[[nodiscard]] AnswerTask show_metrics(Exchange& exchange);
// Of a few words, for counting.
[[nodiscard]] std::string_view route_name(Route route);

// content_routes.cc
[[nodiscard]] AnswerTask list_entries(Exchange& exchange);
[[nodiscard]] AnswerTask send_entry(Exchange& exchange);

}  // namespace pv::api
