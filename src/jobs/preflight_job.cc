#include <algorithm>
#include <map>
#include <utility>

#include "base/priority.h"
#include "base/text.h"
#include "jobs/archive_check.h"
#include "jobs/bucket_files.h"
#include "jobs/chain.h"
#include "jobs/data_facts.h"
#include "jobs/other_users.h"
#include "jobs/preflight.h"
#include "jobs/workers.h"
#include "sqlite/guard.h"
#include "sqlite/patience.h"

namespace pv::jobs {
namespace {

void add(Names& names, const std::string& name) {
  ++names.count;
  if (names.names.size() < Names::kNamesMax) { names.names.push_back(printable(name)); }
}

// Those of `all` that are not among `others`; both in byte order.
Names only_in(const std::vector<std::string>& all, const std::vector<std::string>& others) {
  Names result;
  for (const std::string& name : all) {
    if (!std::binary_search(others.begin(), others.end(), name)) { add(result, name); }
  }
  return result;
}

std::vector<std::string> emails_of(const DataFacts& facts) {
  std::vector<std::string> emails;
  for (const auth::Superuser& superuser : facts.superusers) { emails.push_back(superuser.email); }
  std::sort(emails.begin(), emails.end());
  return emails;
}

std::vector<CollectionChange> collection_changes(const DataFacts& after, const DataFacts* before) {
  std::map<std::string, CollectionChange> by_name;
  for (const datadir::Collection& collection : after.contents.collections) {
    CollectionChange& change = by_name[collection.name];
    change.type = printable(collection.type);
    change.is_in_archive = true;
    change.after = collection.records;
  }
  for (std::size_t i = 0; before != nullptr && i < before->contents.collections.size(); ++i) {
    const datadir::Collection& collection = before->contents.collections[i];
    CollectionChange& change = by_name[collection.name];
    if (!change.is_in_archive) { change.type = printable(collection.type); }
    change.is_in_place = true;
    change.before = collection.records;
  }
  std::vector<CollectionChange> changes;
  for (auto& [name, change] : by_name) {
    change.name = printable(name);
    changes.push_back(std::move(change));
  }
  return changes;
}

// Whether an error says something about the archive, or about the space: an answer. Others are of
// this machine, now.
bool is_answer(Code code) {
  return code == Code::kDamaged || code == Code::kUnsupported || code == Code::kInvalid ||
         code == Code::kNoSpace;
}

// Numbers of the archive's entries whose checksums a restore of `plan` looks at, but for `files`.
std::vector<std::size_t> rest_of(const ZipArchive& archive, const restore::Plan& plan,
                                 bool is_everything,
                                 const std::vector<restore::PlannedFile>& files) {
  std::vector<std::size_t> rest = all_but(archive, files);
  if (is_everything) { return rest; }
  std::vector<bool> planned(archive.entries().size());
  for (const restore::PlannedFile& file : plan.files) { planned[file.index] = true; }
  for (const restore::PlannedFile& file : plan.objects) { planned[file.index] = true; }
  std::erase_if(rest, [&](std::size_t index) { return !planned[index]; });
  return rest;
}

class Examination {
 public:
  Examination(const Parts& parts, Job& job, const restore::Scope& scope, restore::FilesTo files_to)
      : parts_{parts}, job_{job}, scope_{scope}, files_to_{files_to} {}

  Result<void> run(const ArchiveOrigin& origin) {
    job_.set_phase("check");
    PV_TRY(const std::unique_ptr<ZipArchive> archive, answer_of(ZipArchive::open(origin)));
    if (archive != nullptr) {
      report_archive(*archive);
      const Result<restore::Plan> plan = restore::plan(*archive, scope_, files_to_);
      const bool lacks_it = !plan.has_value() && plan.error().code == Code::kNotFound;
      if (lacks_it) { found_.reasons.push_back(plan.error()); }
      PV_TRY(const bool fine, lacks_it ? Result<bool>{false} : answered(plan));
      if (fine) { PV_CHECK(examine(*archive, *plan)); }
    }
    conclude();
    return {};
  }

 private:
  // False: it is a reason to refuse, noted. Other errors are the job's.
  template <class T>
  Result<bool> answered(const Result<T>& outcome) {
    if (outcome.has_value()) { return true; }
    if (!is_answer(outcome.error().code)) { return fail(outcome.error()); }
    // The space and the right to write there have some reasons in common.
    const auto is_known = [&](const Error& reason) { return reason.what == outcome.error().what; };
    if (std::none_of(found_.reasons.begin(), found_.reasons.end(), is_known)) {
      found_.reasons.push_back(outcome.error());
    }
    return false;
  }

  // Null: refused.
  Result<std::unique_ptr<ZipArchive>> answer_of(Result<std::unique_ptr<ZipArchive>> archive) {
    PV_TRY(const bool fine, answered(archive));
    return fine ? std::move(*archive) : nullptr;
  }

  void report_archive(const ZipArchive& archive) {
    std::uint64_t raw_bytes = 0;
    for (const restore::ArchiveEntry& entry : archive.entries()) { raw_bytes += entry.raw_bytes; }
    job_.report([&](Report& report) {
      report.scope = scope_.describe();
      report.entries = archive.entries().size();
      report.raw_bytes = raw_bytes;
      report.archive_bytes = archive.archive_bytes();
    });
    job_.set_total(raw_bytes);
    const Facts facts = facts_from(archive.facts());
    if (facts.made != WallTime{}) { found_.made = facts.made; }
    found_.way = facts.way;
  }

  // Of a part it tells what that takes.
  void report_part(const restore::Plan& plan) {
    if (scope_.is_everything()) { return; }
    job_.report([&](Report& report) {
      report.note = note_on_part(restore::touched_by(plan));
      report.entries = plan.files.size() + plan.objects.size();
      report.raw_bytes = plan.raw_bytes + plan.object_bytes;
    });
    job_.set_total(plan.raw_bytes + plan.object_bytes);
  }

  Result<void> examine(const ZipArchive& archive, const restore::Plan& plan) {
    report_part(plan);
    warn_of_dropped(plan, "a restore leaves it out", job_);
    if (scope_.is_everything() || !plan.units.empty()) {
      PV_CHECK(look_around(plan));
      PV_CHECK(measure(archive, plan));
      job_.set_phase("compare");
      compare(archive, plan);
    }
    PV_CHECK(go_on(job_));
    job_.set_phase("extract");
    return read(archive, plan);
  }

  // At the place where the data would go.
  Result<void> look_around(const restore::Plan& plan) {
    const fs::Path& path = parts_.directory.path();
    const std::string users = tell_of_other_programs(path, plan.units);
    if (!users.empty()) { job_.warn({"", "a restore is refused for as long as " + users}); }
    return answered(restore::check_writable(path)).map([](bool) {});
  }

  void compare(const ZipArchive& archive, const restore::Plan& plan) {
    auto changes =
        restore::compare(archive, plan, parts_.directory.path(), parts_.pool, job_.stop_token());
    if (job_.stop_token().stop_requested()) { return; }
    if (!changes.has_value()) {
      job_.warn({"", "what would change could not be found out: " + changes.error().what});
      return;
    }
    for (const std::string& name : changes->unread) {
      job_.warn({name, "it lies in the directory and can't be looked at"});
    }
    found_.changes = *std::move(changes);
  }

  Result<void> measure(const ZipArchive& archive, const restore::Plan& plan) {
    constexpr std::uint64_t kMuch = 1'000'000'000;
    constexpr std::uint64_t kTimes = 100;
    found_.space_needed = restore::bytes_needed(plan);
    PV_TRY(const fs::Space space, fs::space(parts_.directory.path()));
    found_.space_free = space.free_bytes;
    PV_CHECK(answered(restore::check_space(plan, parts_.directory.path())));
    if (plan.raw_bytes >= kMuch && plan.raw_bytes / kTimes > archive.archive_bytes()) {
      job_.warn({"", "it unpacks to " + format_size(plan.raw_bytes) + " from " +
                         format_size(archive.archive_bytes())});
    }
    return {};
  }

  // Everything is read; the databases are extracted for it and opened.
  Result<void> read(const ZipArchive& archive, const restore::Plan& plan) {
    restore::Plan roots = root_files_of(plan);
    const Result<void> fits = fits_for_a_look(roots);
    if (!fits.has_value()) {
      job_.warn({"", "the databases were not opened: " + fits.error().what});
      roots.files.clear();
    }
    Checksums rest{parts_, job_, archive,
                   rest_of(archive, plan, scope_.is_everything(), roots.files)};
    BucketRestore bucket{parts_, job_, archive, plan};
    bool are_settings_known = !scope_.has_data_db();
    if (!roots.files.empty()) {
      const Result<Rehearsal> rehearsal =
          Rehearsal::make(parts_, job_, archive, roots, restore::DatabaseCheck::kQuick);
      PV_TRY(const bool sound, answered(rehearsal));
      found_.databases_checked = sound && restore::involves_databases(plan.units);
      if (sound) {
        PV_CHECK(look_at(*rehearsal));
        if (scope_.has_data_db()) { bucket.look_at(rehearsal->data_db()); }
        are_settings_known = true;
      }
    }
    if (are_settings_known) { PV_CHECK(look_at(bucket)); }
    return answered(rest.wait()).map([](bool) {});
  }

  // Whether the databases can be extracted below .pocketvault.
  Result<void> fits_for_a_look(const restore::Plan& roots) {
    const fs::Path folder = parts_.directory.vault_folder();
    PV_CHECK(restore::check_space(roots, folder));
    return restore::check_writable(folder);
  }

  Result<void> look_at(const Rehearsal& rehearsal) {
    for (const std::string& warning : rehearsal.warnings()) { job_.warn({"", warning}); }
    if (!scope_.has_data_db()) { return {}; }
    const Result<DataFacts> after = facts_in_archive(rehearsal.data_db());
    PV_CHECK(go_on(job_));
    if (!after.has_value()) {
      job_.warn({"data.db", "what it holds could not be read: " + after.error().what});
      return {};
    }
    PV_TRY(const std::optional<DataFacts> before, facts_in_place());
    tell(*after, before);
    return {};
  }

  // Where files that belong into a bucket would go.
  Result<void> look_at(BucketRestore& bucket) {
    const Result<void> found = bucket.find_place();
    if (!found.has_value() && found.error().code != Code::kCancelled) {
      found_.reasons.push_back(found.error());
      return {};
    }
    PV_CHECK(found);
    const Result<void> answers = bucket.try_place();
    PV_CHECK(go_on(job_));
    if (!answers.has_value()) {
      job_.warn({"", "a restore is refused for as long as files can't be put into their bucket: " +
                         answers.error().what});
    }
    return {};
  }

  Result<DataFacts> facts_in_archive(const fs::Path& data_db) {
    PV_TRY(const fs::Stat file, fs::stat(data_db));
    PV_TRY(sqlite::Connection data,
           sqlite::Connection::open(data_db, {.checkpoints = sqlite::Checkpoints::kOwner}));
    sqlite::Guard guard{data, file.size_bytes, job_.stop_token(), deadline_for(file.size_bytes)};
    PV_CHECK(guard.arm());
    Result<DataFacts> facts = facts_of(data, parts_.options.encryption_key);
    if (!facts.has_value()) { return fail(guard.explain(facts.error())); }
    return facts;
  }

  // nullopt: there is none, or it can't be read.
  Result<std::optional<DataFacts>> facts_in_place() {
    const Result<DataFacts> facts =
        parts_.directory.read<DataFacts>([&](sqlite::Connection& data) -> Result<DataFacts> {
          const auto size = fs::stat(parts_.directory.path() / "data.db");
          const sqlite::Patience patience{data, job_.stop_token(),
                                          deadline_for(size ? size->size_bytes : 0)};
          return facts_of(data, parts_.options.encryption_key);
        });
    PV_CHECK(go_on(job_));
    if (facts.has_value()) { return std::optional{*facts}; }
    if (facts.error().code != Code::kNotFound) {
      job_.warn({"", "the data in place can't be read: " + facts.error().what});
    }
    return std::optional<DataFacts>{};
  }

  void tell(const DataFacts& after, const std::optional<DataFacts>& before) {
    const std::vector<std::string> emails = emails_of(after);
    found_.collections = collection_changes(after, before ? &*before : nullptr);
    found_.superusers = only_in(emails, {});
    found_.archive = after.app;
    if (emails.empty()) {
      job_.warn({"",
                 "no superuser of the backup has a password: nobody could sign in (pocketvault "
                 "superuser upsert EMAIL makes one)"});
    }
    if (!before) { return; }
    found_.in_place = before->app;
    found_.superusers_lost = only_in(emails_of(*before), emails);
    found_.migrations_only_in_archive =
        only_in(after.contents.migrations, before->contents.migrations);
    found_.migrations_only_in_place =
        only_in(before->contents.migrations, after.contents.migrations);
    if (after.app.settings_locked && !before->app.settings_locked) {
      job_.warn({"",
                 "its settings are encrypted with another key than the one in use: PocketBase "
                 "needs the right one (--encryptionEnv) to start on them"});
    }
  }

  void conclude() {
    found_.verdict = !found_.reasons.empty()          ? Verdict::kRefused
                     : job_.status().warnings.empty() ? Verdict::kOk
                                                      : Verdict::kWarnings;
    auto result = std::make_shared<const Preflight>(std::move(found_));
    job_.report([&](Report& report) { report.preflight = std::move(result); });
  }

  const Parts& parts_;
  Job& job_;
  const restore::Scope& scope_;
  const restore::FilesTo files_to_;
  Preflight found_;
};

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk: return "ok";
    case Verdict::kWarnings: return "warnings";
    case Verdict::kRefused: return "refused";
  }
  return "refused";
}

Result<void> run_preflight(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                           const restore::Scope& scope, restore::FilesTo files_to) {
  if (parts.options.nice) { give_way(); }
  return Examination{parts, job, scope, files_to}.run(origin);
}

}  // namespace pv::jobs
