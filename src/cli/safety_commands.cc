// Commands that look after what can be had back: replaced, status.
#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/messages.h"
#include "cli/render_status.h"

namespace pv::cli {
namespace {

Result<Exit> delete_replaced(const Context& context, Backups& backups) {
  std::vector<std::string> ids = context.arguments.names;
  if (context.arguments.all) {
    PV_TRY(const std::vector<jobs::Kept> kept, backups.kept());
    for (const jobs::Kept& one : kept) { ids.push_back(one.id); }
  }
  const std::string question = context.words()(phrase::kRemovesReplaced, {backups.describe()});
  if (!confirmed(context, question, "delete")) {
    return context.stop.stop_requested() ? Exit::kCancelled : Exit::kNotConfirmed;
  }
  json::array deleted;
  for (const std::string& id : ids) {
    const Result<void> removed = backups.remove_kept(id);
    if (!removed.has_value()) { return fail(removed.error().within(printable(id))); }
    deleted.emplace_back(id);
  }
  const std::string count = std::to_string(deleted.size());
  context.show(json::object{{"deleted", std::move(deleted)}},
               context.words()(phrase::kDeletedCount, {count}) + "\n");
  return Exit::kDone;
}

Result<jobs::Overview> overview_of(const Context& context) {
  if (context.arguments.url.empty()) {
    return context.environment.look_over(local_options(context));
  }
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  return place.backups->overview();
}

bool is_too_old(const Context& context, const jobs::Overview& overview, WallTime now) {
  const auto& max_age = context.arguments.max_age;
  if (!max_age) { return false; }
  const auto made = jobs::newest_made(overview);
  return !made || now - *made > *max_age;
}

// What the status ends with. No risk, of whatever kind, is a success.
Exit judge(const Context& context, const jobs::Overview& overview, bool too_old) {
  const std::vector<jobs::Risk> risks = jobs::risks_of(overview);
  const auto has = [&](const char* kind) {
    return std::ranges::find(risks, kind, &jobs::Risk::kind) != risks.end();
  };
  if (!overview.store_trouble.empty()) {
    context.say(phrase::kError, {context.words().told(overview.store_trouble)});
    return Exit::kStorage;
  }
  const auto end = [&](const Phrase& why, Exit exit) {
    context.say(why);
    return exit;
  };
  if (too_old) { return end(phrase::kTooOld, Exit::kTooOld); }
  if (has("missed")) { return end(phrase::kMissed, Exit::kTooOld); }
  if (!overview.newest) { return end(phrase::kNoBackup, Exit::kTooOld); }
  if (!overview.store_doubt.empty() || !overview.health.memory_trouble.empty()) {
    return end(phrase::kNotKnownWell, Exit::kTooOld);
  }
  if (!overview.damaged.empty()) { return end(phrase::kBackupDamaged, Exit::kDamaged); }
  if (risks.empty()) { return Exit::kDone; }
  context.say(phrase::kError, {context.words().told(risks.front().text)});
  return Exit::kTooOld;
}

}  // namespace

Result<Exit> run_replaced(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  if (context.arguments.remove) { return delete_replaced(context, *place.backups); }
  PV_TRY(const std::vector<jobs::Kept> kept, place.backups->kept());
  json::array array;
  for (const jobs::Kept& one : kept) { array.push_back(jobs::to_json(one)); }
  context.show(array, render_kept(context.words(), kept, context.environment.clock.now()));
  return Exit::kDone;
}

Result<Exit> run_status(const Context& context) {
  PV_TRY(const jobs::Overview overview, overview_of(context));
  // By the clock of the server that is asked: it is that which its backups go by.
  const bool by_server = !context.arguments.url.empty() && overview.looked != WallTime{};
  const WallTime now = by_server ? overview.looked : context.environment.clock.now();
  const bool too_old = is_too_old(context, overview, now);
  json::object document = jobs::to_json(overview, now);
  document["tooOld"] = too_old;
  context.show(document, render_status(context.words(), overview, now));
  return judge(context, overview, too_old);
}

}  // namespace pv::cli
