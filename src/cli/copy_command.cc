// copy: backups to another store.
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/messages.h"
#include "places/copying.h"

namespace pv::cli {
namespace {

struct Outcome {
  json::array copied;
  json::array present;
  json::array failed;
  Exit exit = Exit::kDone;
};

class Copying {
 public:
  Copying(const Context& context, store::BackupStore& from, store::BackupStore& to)
      : context_{context}, from_{from}, to_{to} {}

  // False: the target is away, full or not ours, so that further ones would fail as well.
  bool copy(const store::Backup& backup) {
    const std::string name = printable(backup.name.text());
    Progress progress = progress_of(context_, context_.words()(phrase::kDoCopy, {name}));
    const auto copied = [&]() -> Result<places::Copied> {
      PV_TRY(const std::unique_ptr<Source> source, from_.open(backup.name));
      return places::copy_archive(
          *source, to_, backup.name,
          [&](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
          context_.stop);
    }();
    progress.clear();
    if (!copied.has_value()) {
      note_failed(name, copied.error());
      return copied.error().code == Code::kExists || copied.error().code == Code::kNotFound ||
             copied.error().code == Code::kDamaged;
    }
    const bool is_new = *copied == places::Copied::kMade;
    (is_new ? outcome_.copied : outcome_.present).emplace_back(name);
    if (!context_.arguments.json) {
      const Phrase& said = is_new ? phrase::kCopied : phrase::kThereAlready;
      context_.console.print(context_.words()(said, {name}) + "\n");
    }
    return true;
  }

  void note_failed(const std::string& name, const Error& error) {
    json::object entry = to_json(error);
    entry["key"] = name;
    outcome_.failed.push_back(std::move(entry));
    if (outcome_.exit == Exit::kDone) { outcome_.exit = exit_for(error.code); }
    const Words& words = context_.words();
    context_.say(phrase::kErrorAt, {words(phrase::kDoCopy, {name}), words.told(error.what)});
  }

  [[nodiscard]] Outcome take() { return std::move(outcome_); }

 private:
  const Context& context_;
  store::BackupStore& from_;
  store::BackupStore& to_;
  Outcome outcome_;
};

}  // namespace

Result<Exit> run_copy(const Context& context) {
  const Arguments& arguments = context.arguments;
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  PV_TRY(std::unique_ptr<store::BackupStore> named,
         context.environment.open_store(arguments.copy_to, arguments.dir));
  const auto to = stoppable(std::shared_ptr<store::BackupStore>{std::move(named)}, context.stop);
  store::BackupStore& from = place.local->store();
  PV_CHECK(places::check_apart(from, *to));
  std::ignore = to->sweep();  // what a crash of ours left
  Copying copying{context, from, *to};
  std::vector<store::Backup> backups;
  if (arguments.all) { PV_TRY(backups, from.list()); }
  for (const std::string& given : arguments.names) {
    auto found = find_backup(*place.backups, given);
    if (found.has_value()) {
      backups.push_back(*std::move(found));
    } else {
      copying.note_failed(printable(given), found.error());
    }
  }
  for (const store::Backup& backup : backups) {
    if (!copying.copy(backup)) { break; }
  }
  Outcome outcome = copying.take();
  context.show(json::object{{"to", to->describe()},
                            {"copied", std::move(outcome.copied)},
                            {"present", std::move(outcome.present)},
                            {"failed", std::move(outcome.failed)}},
               "");
  return outcome.exit;
}

}  // namespace pv::cli
