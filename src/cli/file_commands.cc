// Commands about backups that are there: list, show, delete, download, upload.
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/messages.h"
#include "cli/new_file.h"
#include "cli/progress.h"
#include "cli/render.h"
#include "cli/render_status.h"

namespace pv::cli {
namespace {

// An archive starts with a local header, or with the end record when it is empty.
Result<void> check_zip(Source& source, const fs::Path& file) {
  std::array<std::byte, 4> start{};
  PV_TRY(const std::size_t count, source.read_at(0, start));
  const std::string_view text = as_text(Bytes{start}.first(count));
  if (text != "PK\x03\x04" && text != "PK\x05\x06") {
    return fail(Code::kInvalid, printable(file.native()) + " is not a zip archive");
  }
  return {};
}

// What is asked for is told all the same.
void warn_of_unknown(const Context& context, const std::string& because) {
  if (because.empty()) { return; }
  context.say(phrase::kVerdictsUnknown, {context.words().told(because)});
}

struct Deleted {
  json::array done;
  json::array failed;
  Exit exit = Exit::kDone;  // of the first that failed
};

void delete_one(const Context& context, Backups& backups, const std::string& given, Deleted& into) {
  const Words& words = context.words();
  const auto outcome = [&]() -> Result<void> {
    PV_TRY(const auto name, store::BackupName::parse(given));
    return backups.remove(name);
  }();
  if (outcome.has_value()) {
    into.done.emplace_back(printable(given));
    if (!context.arguments.json) {
      context.console.print(words(phrase::kDeleted, {printable(given)}) + "\n");
    }
    return;
  }
  json::object entry = to_json(outcome.error());
  entry["key"] = printable(given);
  into.failed.push_back(std::move(entry));
  if (into.exit == Exit::kDone) { into.exit = exit_for(outcome.error().code); }
  context.say(phrase::kErrorAt,
              {words(phrase::kDoDelete, {printable(given)}), words.told(outcome.error().what)});
}

// Where the store can't be asked: what is here all the same.
void tell_of_waiting(const Context& context, const Place& place) {
  if (place.local == nullptr) { return; }
  const auto waiting = place.local->vault().waiting();
  if (!waiting.has_value()) { return; }
  for (const store::Backup& backup : *waiting) {
    context.say(phrase::kWaitsInSpool, {printable(backup.name.text())});
  }
}

// What the mirror lacks, if there is one.
void tell_of_mirror(const Context& context, const Place& place) {
  const auto mirror = place.local == nullptr ? std::nullopt : place.local->vault().mirror();
  if (mirror && (mirror->missing > 0 || !mirror->trouble.empty())) {
    context.say(phrase::kTheMirror, {render_mirror(context.words(), *mirror)});
  }
}

}  // namespace

Result<Exit> run_list(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  auto listing = place.backups->list();
  if (!listing.has_value()) {
    tell_of_waiting(context, place);
    return fail(std::move(listing).error());
  }
  if (context.arguments.json) {  // of ten thousand, a tree of all would take longer than the text
    std::string document = "[";
    for (const jobs::ListedBackup& listed : listing->backups) {
      if (document.size() > 1) { document += ','; }
      append_json(document, to_json(listed));
    }
    context.console.print(document + "]\n");
  } else {
    const WallTime now = context.environment.clock.now();
    context.console.print(render_list(context.words(), listing->backups, now));
  }
  warn_of_unknown(context, listing->unknown_because);
  tell_of_mirror(context, place);
  return Exit::kDone;
}

Result<Exit> run_show(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(const store::Backup backup, find_backup(*place.backups, context.arguments.name));
  PV_TRY(const Summary summary, place.backups->show(backup.name));
  context.show(to_json(summary),
               render_summary(context.words(), summary, context.environment.clock.now()));
  warn_of_unknown(context, summary.unknown_because);
  return Exit::kDone;
}

Result<Exit> run_delete(const Context& context) {
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  Deleted deleted;
  for (const std::string& given : context.arguments.names) {
    if (context.stop.stop_requested()) { return Exit::kCancelled; }
    delete_one(context, *place.backups, given, deleted);
  }
  context.show(json::object{{"deleted", deleted.done}, {"failed", deleted.failed}}, "");
  return deleted.exit;
}

Result<Exit> run_download(const Context& context) {
  const bool to_stdout = context.arguments.output == "-";
  if (to_stdout && context.arguments.json) {
    return fail(Code::kInvalid, "--json and --output - both want standard output");
  }
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(const store::Backup backup, find_backup(*place.backups, context.arguments.name));
  const store::BackupName& name = backup.name;
  const fs::Path target = target_of(context, std::string{name.last_part()});
  if (!to_stdout && !context.arguments.replace && fs::exists(target)) {
    return fail(Code::kExists, printable(target.native()) +
                                   " is there already; --force replaces it, --output FILE takes "
                                   "another name");
  }
  Progress progress =
      progress_of(context, context.words()(phrase::kDoDownload, {printable(name.text())}));
  const Transfer transfer{
      [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
      context.stop};
  if (to_stdout) {
    StreamSink sink{context.console.out()};
    PV_CHECK(place.backups->download(name, sink, transfer));
    return Exit::kDone;
  }
  PV_TRY(NewFile file, NewFile::create(target, 0600, context.environment.random));
  PV_TRY(const std::uint64_t size, place.backups->download(name, file.sink(), transfer));
  PV_CHECK(file.finish(context.arguments.replace));
  progress.clear();
  const std::string shown = printable(target.native());
  context.show(
      json::object{{"key", name.text()}, {"file", shown}, {"size", size}},
      context.words()(phrase::kSavedBackup, {printable(name.text()), shown, format_size(size)}) +
          "\n");
  return Exit::kDone;
}

Result<Exit> run_upload(const Context& context) {
  const fs::Path file = context.arguments.name;
  PV_TRY(const auto source, fs::open_source(file));
  PV_CHECK(check_zip(*source, file));
  const std::string key =
      context.arguments.new_name.empty() ? file.filename().native() : context.arguments.new_name;
  PV_TRY(const auto name, store::BackupName::parse(key));
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  Progress progress = progress_of(context, context.words()(phrase::kDoUpload, {printable(key)}));
  const Transfer transfer{
      [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
      context.stop};
  PV_TRY(const store::Backup backup, place.backups->upload(*source, name, transfer));
  progress.clear();
  context.show(
      to_json(backup),
      context.words()(phrase::kUploaded, {printable(key), format_size(backup.size_bytes)}) + "\n");
  return Exit::kDone;
}

}  // namespace pv::cli
