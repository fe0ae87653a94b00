// Commands about what stays and what goes: prune, pin, unpin.
#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/messages.h"
#include "cli/report_messages.h"

namespace pv::cli {
namespace {

std::string joined(const Words& words, const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) {
    text =
        text.empty() ? words.told(reason) : words(phrase::kAndReason, {text, words.told(reason)});
  }
  return text;
}

// A line for each that is kept, or that is not.
std::string lines_of(const Words& words, const jobs::Pruning& plan, bool is_kept) {
  std::size_t width = 0;
  for (const jobs::Decision& one : plan.decisions) {
    width = std::max(width, width_of(printable(one.backup.name.text())));
  }
  std::string text;
  for (const auto& [backup, kept, fills_place, reasons] : plan.decisions) {
    if (kept != is_kept) { continue; }
    const std::string name = printable(backup.name.text());
    text += "  " + padded_right(name, width) + "  " +
            format_pocketbase_date(backup.modified).substr(0, 16) + "  " + joined(words, reasons) +
            "\n";
  }
  return text;
}

struct Going {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};

Going going_of(const jobs::Pruning& plan) {
  Going going;
  for (const jobs::Decision& one : plan.decisions) {
    if (one.is_kept) { continue; }
    ++going.count;
    going.bytes += one.backup.size_bytes;
  }
  return going;
}

std::string render_plan(const Words& words, const jobs::Pruning& plan) {
  if (plan.summary.empty()) { return words(phrase::kNoRetention) + "\n"; }
  const Going going = going_of(plan);
  std::string text = words(phrase::kTheRetention, {words.told_list(plan.summary)}) + "\n";
  if (going.count > 0) {
    text += words(phrase::kToGo,
                  {words.count(going.count, phrase::kBackups), format_size(going.bytes)}) +
            "\n" + lines_of(words, plan, false);
  } else {
    text += words(phrase::kNothingGoes) + "\n";
  }
  const std::string kept = lines_of(words, plan, true);
  return kept.empty() ? text : text + words(phrase::kToStay) + "\n" + kept;
}

json::object document_of(const jobs::Pruning& pruning, bool is_dry_run) {
  json::object document = jobs::to_json(pruning);
  document["dryRun"] = is_dry_run;
  return document;
}

Exit report(const Context& context, const jobs::Pruning& done) {
  std::string text;
  const Words& words = context.words();
  for (const std::string& key : done.removed) {
    text += words(phrase::kDeleted, {printable(key)}) + "\n";
  }
  context.show(document_of(done, false), text);
  for (const auto& [key, error] : done.failed) {
    context.say(phrase::kErrorAt,
                {words(phrase::kDoDelete, {printable(key)}), words.told(error.what)});
  }
  return done.failed.empty() ? Exit::kDone : exit_for(done.failed.front().error.code);
}

// Does `work` for each name; the exit status is that of the first that failed.
Result<Exit> for_each_name(
    const Context& context, const Phrase& done, const Phrase& verb, const char* done_key,
    const std::function<Result<void>(Backups&, const store::BackupName&)>& work) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  const Words& words = context.words();
  json::array succeeded;
  json::array failed;
  Exit exit = Exit::kDone;
  for (const std::string& given : context.arguments.names) {
    const auto outcome = [&]() -> Result<void> {
      PV_TRY(const auto name, store::BackupName::parse(given));
      return work(*place.backups, name);
    }();
    if (outcome.has_value()) {
      succeeded.emplace_back(printable(given));
      if (!context.arguments.json) {
        context.console.print(words(done, {printable(given)}) + "\n");
      }
      continue;
    }
    json::object entry = to_json(outcome.error());
    entry["key"] = printable(given);
    failed.push_back(std::move(entry));
    if (exit == Exit::kDone) { exit = exit_for(outcome.error().code); }
    context.say(phrase::kErrorAt,
                {words(verb, {printable(given)}), words.told(outcome.error().what)});
  }
  context.show(json::object{{done_key, succeeded}, {"failed", failed}}, "");
  return exit;
}

}  // namespace

Result<Exit> run_prune(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  const Rules& rules = context.arguments.rules;
  PV_TRY(const jobs::Pruning plan, place.backups->prune(rules, true));
  const Going going = going_of(plan);
  if (context.arguments.dry_run || going.count == 0) {
    context.show(document_of(plan, true), render_plan(context.words(), plan));
    return Exit::kDone;
  }
  if (!context.arguments.yes && !context.arguments.json) {
    context.console.print(render_plan(context.words(), plan));
  }
  const std::string count = context.words().count(going.count, phrase::kBackups);
  const std::string question =
      context.words()(phrase::kDeletesFor, {count, place.backups->describe()});
  if (!confirmed(context, question, "prune")) {
    return context.stop.stop_requested() ? Exit::kCancelled : Exit::kNotConfirmed;
  }
  PV_TRY(const jobs::Pruning done, place.backups->prune(rules, false));
  return report(context, done);
}

Result<Exit> run_pin(const Context& context) {
  return for_each_name(context, phrase::kPinned, phrase::kDoPin, "pinned",
                       [&](Backups& backups, const store::BackupName& name) {
                         return backups.pin(name, context.arguments.note);
                       });
}

Result<Exit> run_unpin(const Context& context) {
  return for_each_name(
      context, phrase::kUnpinned, phrase::kDoUnpin, "unpinned",
      [](Backups& backups, const store::BackupName& name) { return backups.unpin(name); });
}

}  // namespace pv::cli
