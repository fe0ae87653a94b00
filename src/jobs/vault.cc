#include "jobs/vault.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "base/guarded.h"
#include "base/priority.h"
#include "base/text.h"
#include "jobs/archive.h"
#include "jobs/contents.h"
#include "jobs/lease.h"
#include "jobs/names.h"
#include "jobs/pins.h"
#include "jobs/selection.h"
#include "jobs/workers.h"
#include "settings/settings.h"
#include "settings/vault_settings.h"
#include "state/history.h"

namespace pv::jobs {
namespace {

constexpr std::size_t kJobsKept = 200;
constexpr std::size_t kReadersMax = 4;  // jobs that need no lease, at once
constexpr std::size_t kJobIdLength = 15;
// Removing takes a moment on a disk; a bucket may make us wait.
constexpr std::chrono::seconds kPinPatience{10};

// `parts` are the job's own: what waits for their store ends when the job is cancelled.
using Work = std::function<Result<void>(const Parts& parts, Job&)>;

// Reading a database through a plain file and closing it drops this process's locks on it.
Result<void> refuse_database_of(const fs::Path& directory, const fs::Path& file) {
  std::error_code error;
  const fs::Path folder = std::filesystem::weakly_canonical(file, error).parent_path();
  if (!error && folder == std::filesystem::weakly_canonical(directory, error) && !error) {
    return fail(Code::kInvalid, file.string() +
                                    " lies among the databases of the directory; an "
                                    "archive to restore has to lie elsewhere");
  }
  return {};
}

// What is about the state of the data and its backups; not who looked at them.
bool is_remembered(Kind kind) {
  return kind == Kind::kBackup || kind == Kind::kRestore || kind == Kind::kUndo ||
         kind == Kind::kVerify;
}

struct ChosenName {
  store::BackupName name;
  std::optional<Warning> warning;
  Destination destination = Destination::kStore;
};

// An archive that is to be worked with, in whichever store the work is given.
struct Subject {
  std::string name;
  std::function<ArchiveOrigin(store::BackupStore&)> in;
};

Subject subject_of(const store::BackupName& name) {
  return {.name = name.text(), .in = [name](store::BackupStore& store) {
            return ArchiveOrigin{.name = name.text(),
                                 .open = [name, &store] { return store.open(name); }};
          }};
}

// Held from looking for a pin to removing, and while one is made, by one process at a time. Where
// the lock can't be had for another reason than that (a full disk, a folder that is read-only or
// not there), nobody else can pin either, or it must not keep anybody from making space.
Result<std::optional<fs::FileLock>> lock_pins(const fs::Path& vault_folder) {
  auto lock = fs::FileLock::take(vault_folder / "pins.lock", kPinPatience);
  if (lock.has_value()) { return std::optional{*std::move(lock)}; }
  if (lock.error().code != Code::kBusy) { return std::nullopt; }
  return fail(Code::kBusy, "another process pins or removes a backup just now: try again");
}

// Whether it says something about the backups, not about the order or the moment.
bool is_trouble(const Error& error) {
  switch (error.code) {
    case Code::kInvalid:
    case Code::kExists:
    case Code::kBusy:
    case Code::kUnsupported:
    case Code::kCancelled: return false;
    default: return true;
  }
}

}  // namespace

struct Vault::Impl {
  struct Entry {
    std::shared_ptr<Job> job;
    bool in_store = false;  // its name is one of the store's
    bool leased = false;
    std::thread thread;
  };

  Impl(datadir::DataDir& directory, store::BackupStore& store, WorkPool& pool, const Clock& clock,
       Random& random, VaultOptions options)
      : base{store},
        spooled{store, directory.vault_folder(), ending.get_token()},
        parts{directory, spooled, pool, clock, random, std::move(options)},
        notebook{directory.vault_folder()},
        on_stop{parts.options.stop, [this] { ending.request_stop(); }} {
    if (parts.options.mirror != nullptr) {
      mirror.emplace(spooled, store::stoppable(parts.options.mirror, ending.get_token()),
                     directory.vault_folder());
    }
  }
  ~Impl();

  [[nodiscard]] LeaseNote note(Kind kind, std::string name) const;
  [[nodiscard]] Result<Lease> take_lease(Kind kind, const std::string& name);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_backup(const BackupOrder& order);
  [[nodiscard]] Result<ChosenName> choose_name(const BackupOrder& order);
  [[nodiscard]] Result<ChosenName> choose_automatic_name(std::string_view prefix);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_restore(std::optional<Lease> lease,
                                                           Subject subject, bool in_store,
                                                           const RestoreOptions& options);
  // Of an archive, without a lease.
  using Worker = std::function<Result<void>(const Parts&, Job&, const ArchiveOrigin&)>;
  [[nodiscard]] Result<std::shared_ptr<Job>> start_reading(Kind kind, Worker worker,
                                                           Subject subject, bool in_store,
                                                           Cause cause = Cause::kAsked);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_extract(Subject subject, bool in_store,
                                                           const ExtractOrder& order);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_preflight(Subject subject, bool in_store,
                                                             const PreflightOrder& order);

  struct Launch {
    Kind kind;
    std::string name;
    bool in_store = false;
    std::optional<Lease> lease;
    std::optional<Warning> warning;
    Work work;
    bool is_scheduled = false;
  };
  [[nodiscard]] Result<std::shared_ptr<Job>> launch(Launch what);
  [[nodiscard]] Result<void> refuse_one_reader_more() const;  // mutex is held
  void run(const std::shared_ptr<Job>& job, std::optional<Lease> lease, const Work& work,
           bool is_scheduled);
  void note_not_begun(const BackupOrder& order, const Error& error);
  void note_begun(const Job& job, bool is_scheduled) const;
  void remember(Job& job, const Result<void>& outcome, bool is_scheduled);
  void forget_old();  // mutex is held
  void observe(const Job& job) const;

  // Names of the store that jobs use now, here or in another process.
  [[nodiscard]] std::set<std::string> names_in_use();
  [[nodiscard]] Result<std::map<std::string, std::string>> unfit_to_go();
  void carry_out(Vault& vault, Pruning& pruning);

  [[nodiscard]] Result<Subject> subject_of_file(const fs::Path& file) const;

  store::BackupStore& base;
  std::stop_source ending;  // of the process: nobody waits for the store any more
  places::SpooledStore spooled;
  std::optional<places::Mirror> mirror;
  Parts parts;
  state::Notebook notebook;
  const std::stop_callback<std::function<void()>> on_stop;
  std::mutex pinning;  // held from looking for a pin to removing, and while one is made
  std::mutex mutex;
  std::deque<Entry> entries;    // oldest first
  std::shared_ptr<Job> active;  // holds the lease
  bool closing = false;
};

Vault::Vault(datadir::DataDir& directory, store::BackupStore& store, WorkPool& pool,
             const Clock& clock, Random& random, VaultOptions options)
    : impl_{std::make_unique<Impl>(directory, store, pool, clock, random, std::move(options))} {}

Vault::~Vault() = default;

Vault::Impl::~Impl() {
  // No new ones can come: who starts jobs is gone by now.
  for (const Entry& entry : entries) { entry.job->cancel(); }
  for (Entry& entry : entries) { entry.thread.join(); }
  if (!notebook.trouble().empty()) {  // the last chance of what is in memory alone
    std::ignore = notebook.write_down(parts.clock.now(), [](const std::string&) {});
  }
}

std::chrono::seconds Vault::keep_replaced() const { return impl_->parts.options.keep_replaced; }
void Vault::tune(std::chrono::seconds keep_replaced, std::uint64_t bytes_per_second_max) {
  impl_->parts.options.keep_replaced = keep_replaced;
  impl_->parts.options.bytes_per_second_max = bytes_per_second_max;
}

store::BackupStore& Vault::store() { return impl_->parts.store; }
datadir::DataDir& Vault::directory() { return impl_->parts.directory; }

// -------------------------------------------------------------------------- starting and running

LeaseNote Vault::Impl::note(Kind kind, std::string name) const {
  return {.pid = ::getpid(),
          .kind = std::string{kind_name(kind)},
          .name = std::move(name),
          .since = parts.clock.now()};
}

Result<Lease> Vault::Impl::take_lease(Kind kind, const std::string& name) {
  {
    const std::lock_guard lock{mutex};
    if (active) {
      const Status status = active->status();
      LeaseNote running = note(status.kind, status.name);
      running.since = status.started;
      return fail(Code::kBusy, describe(running));
    }
  }
  return Lease::take(parts.directory.vault_folder(), note(kind, name));
}

Result<std::shared_ptr<Job>> Vault::Impl::launch(Launch what) {
  const auto job =
      std::make_shared<Job>(random_text(parts.random, kLowerAlphanumeric, kJobIdLength), what.kind,
                            what.name, parts.clock.now(), parts.clock);
  if (what.warning) { job->warn(*std::move(what.warning)); }
  const std::lock_guard lock{mutex};
  if (closing) { return fail(Code::kBusy, "pocketvault is ending"); }
  const bool leased = what.lease.has_value();
  if (!leased) { PV_CHECK(refuse_one_reader_more()); }
  forget_old();
  observe(*job);
  Entry entry{.job = job, .in_store = what.in_store, .leased = leased, .thread = {}};
  try {
    entry.thread =
        std::thread{[this, job, lease = std::move(what.lease), work = std::move(what.work),
                     is_scheduled = what.is_scheduled]() mutable {
          run(job, std::move(lease), work, is_scheduled);
        }};
  } catch (const std::system_error& error) {
    return fail(Code::kUnavailable, std::string{"no thread for the job: "} + error.what());
  }
  if (leased) { active = job; }
  entries.push_back(std::move(entry));
  return job;
}

Result<void> Vault::Impl::refuse_one_reader_more() const {
  const auto running = std::ranges::count_if(
      entries, [](const Entry& entry) { return !entry.leased && !entry.job->finished(); });
  if (static_cast<std::size_t>(running) < kReadersMax) { return {}; }
  return fail(Code::kBusy, std::to_string(running) +
                               " jobs that read archives (verify, dry run, --to) run already");
}

void Vault::Impl::run(const std::shared_ptr<Job>& job, std::optional<Lease> lease, const Work& work,
                      bool is_scheduled) {
  places::SpooledStore store{base, parts.directory.vault_folder(), job->stop_token()};
  const Parts own{
      parts.directory,          store, parts.pool, parts.clock, parts.random, parts.options,
      lease ? &*lease : nullptr};
  if (lease) { note_begun(*job, is_scheduled); }
  Result<void> outcome = guarded([&] { return work(own, *job); });
  remember(*job, outcome, is_scheduled);
  // Free before anybody hears of the end, so that who waited for it can start the next.
  lease.reset();
  {
    const std::lock_guard lock{mutex};
    if (active == job) { active.reset(); }
  }
  job->finish(std::move(outcome), parts.clock.now());
  observe(*job);
}

// So that a job which is cut off is not as if it had never been. Whoever can't write that down
// works all the same.
void Vault::Impl::note_begun(const Job& job, bool is_scheduled) const {
  const Status status = job.status();
  if (!is_remembered(status.kind)) { return; }
  std::vector<std::string> ended;  // and will be written yet
  for (const state::PastJob& past : notebook.unwritten_jobs()) { ended.push_back(past.id); }
  std::ignore = state::note_begun(state::VaultDb{parts.directory.vault_folder()},
                                  {.id = status.id,
                                   .kind = std::string{kind_name(status.kind)},
                                   .name = printable(status.name),
                                   .is_scheduled = is_scheduled,
                                   .started = status.started},
                                  ended, [](const std::string& /*what*/) {});
}

void Vault::Impl::remember(Job& job, const Result<void>& outcome, bool is_scheduled) {
  const Status status = job.status();
  if (!is_remembered(status.kind)) { return; }
  const state::PastJob past{
      .id = status.id,
      .kind = std::string{kind_name(status.kind)},
      .name = printable(status.name),
      .is_scheduled = is_scheduled,
      .started = status.started,
      .ended = parts.clock.now(),
      .outcome = std::string{state_name(state_after(outcome))},
      .error = outcome.has_value() ? std::string{} : outcome.error().what,
      .warnings = status.warnings.size(),
      .raw_bytes = status.report.raw_bytes,
      .archive_bytes = status.report.archive_bytes,
      .pause = std::chrono::duration_cast<std::chrono::microseconds>(status.report.pause)};
  const auto say = [&](const std::string& what) { job.warn({"", what}); };
  const auto noted = notebook.note_job(past, parts.clock.now(), say);
  // A verification that could not note its verdict has said so.
  if (!noted.has_value() && status.kind != Kind::kVerify) {
    say("the history could not be written: " + noted.error().what);
  }
}

void Vault::Impl::observe(const Job& job) const {
  if (parts.options.observer) { parts.options.observer(job.status()); }
}

void Vault::Impl::forget_old() {
  for (auto it = entries.begin(); entries.size() >= kJobsKept && it != entries.end();) {
    if (!it->job->finished()) {
      ++it;
      continue;
    }
    it->thread.join();
    it = entries.erase(it);
  }
}

// ------------------------------------------------------------------------------------- backup

Result<ChosenName> Vault::Impl::choose_automatic_name(std::string_view prefix) {
  const Result<settings::Settings> settings = parts.directory.read<settings::Settings>(
      [&](sqlite::Connection& data) { return settings::read(data, parts.options.encryption_key); });
  std::optional<std::string> app;
  std::optional<Warning> warning;
  if (settings.has_value()) {
    app = settings::snake_case(settings->app_name);
  } else {
    warning =
        Warning{"", "named without the app: the settings can't be read: " + settings.error().what};
  }
  const WallTime now = parts.clock.now();
  auto name = free_name(parts.store, prefix, app, now);
  Destination destination = Destination::kStore;
  if (!name.has_value() && spooled.is_away(name.error())) {
    destination = Destination::kSpool;
    name = free_name(spooled.spool(), prefix, app, now);
  }
  PV_CHECK(name);
  return ChosenName{*std::move(name), std::move(warning), destination};
}

Result<ChosenName> Vault::Impl::choose_name(const BackupOrder& order) {
  if (order.name.empty()) {
    return choose_automatic_name(order.is_scheduled ? kScheduledPrefix : kAutomaticPrefix);
  }
  PV_TRY(store::BackupName name, store::BackupName::parse(order.name));
  const Result<store::Backup> there = parts.store.stat(name);
  if (there.has_value()) {
    return fail(Code::kExists,
                "a backup named " + name.text() + " is already in " + parts.store.describe());
  }
  if (spooled.is_away(there.error())) {
    return ChosenName{std::move(name), std::nullopt, Destination::kSpool};
  }
  if (there.error().code != Code::kNotFound) { return fail(there.error()); }
  return ChosenName{std::move(name), std::nullopt};
}

Result<std::shared_ptr<Job>> Vault::start_backup(const BackupOrder& order) {
  Result<std::shared_ptr<Job>> job = impl_->start_backup(order);
  // The scheduler tries many times, and has it noted once.
  if (!job.has_value() && !order.is_scheduled && is_trouble(job.error())) {
    impl_->note_not_begun(order, job.error());
  }
  return job;
}

Result<std::shared_ptr<Job>> Vault::Impl::start_backup(const BackupOrder& order) {
  PV_CHECK(exclusions_of(order));
  PV_TRY(Lease lease, take_lease(Kind::kBackup, order.name));
  PV_TRY(ChosenName chosen, choose_name(order));
  const store::BackupName name = chosen.name;
  return launch({.kind = Kind::kBackup,
                 .name = name.text(),
                 .in_store = true,
                 .lease = std::move(lease),
                 .warning = std::move(chosen.warning),
                 .work = [name, order, destination = chosen.destination](
                             const Parts& own,
                             Job& job) { return run_backup(own, job, name, order, destination); },
                 .is_scheduled = order.is_scheduled});
}

// ------------------------------------------------------------------------- restore, undo, verify

Result<Subject> Vault::Impl::subject_of_file(const fs::Path& file) const {
  PV_CHECK(refuse_database_of(parts.directory.path(), file));
  PV_TRY(const fs::Stat stat, fs::stat(file));
  if (!stat.is_file()) { return fail(Code::kInvalid, file.string() + " is not a file"); }
  return Subject{.name = file.filename().string(), .in = [file](store::BackupStore& /*store*/) {
                   return ArchiveOrigin{.name = file.filename().string(),
                                        .open = [file] { return fs::open_source(file); }};
                 }};
}

Result<std::shared_ptr<Job>> Vault::Impl::start_restore(std::optional<Lease> lease, Subject subject,
                                                        bool in_store,
                                                        const RestoreOptions& options) {
  const std::string name = subject.name;
  return launch({.kind = Kind::kRestore,
                 .name = name,
                 .in_store = in_store,
                 .lease = std::move(lease),
                 .warning = {},
                 .work = [subject = std::move(subject), options](const Parts& own, Job& job) {
                   return run_restore(own, job, subject.in(own.store), options);
                 }});
}

Result<std::shared_ptr<Job>> Vault::start_restore(const RestoreOrder& order) {
  PV_CHECK(restore::Scope::parse(order.options.only));
  PV_TRY(Lease lease, impl_->take_lease(Kind::kRestore, order.name.text()));
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(order.name));
  return impl_->start_restore(std::move(lease), subject_of(backup.name), true, order.options);
}

Result<std::shared_ptr<Job>> Vault::start_restore_file(const fs::Path& file,
                                                       const RestoreOptions& options) {
  PV_CHECK(restore::Scope::parse(options.only));
  PV_TRY(Subject subject, impl_->subject_of_file(file));
  PV_TRY(Lease lease, impl_->take_lease(Kind::kRestore, subject.name));
  return impl_->start_restore(std::move(lease), std::move(subject), false, options);
}

Result<std::shared_ptr<Job>> Vault::start_undo(const std::string& id) {
  PV_TRY(Lease lease, impl_->take_lease(Kind::kUndo, {}));
  PV_TRY(const std::vector<Kept> all, kept());
  const auto found = std::find_if(all.begin(), all.end(), [&](const Kept& one) {
    return id.empty() ? one.can_undo : one.id == id;
  });
  if (found == all.end() && !id.empty()) {
    return fail(Code::kNotFound, "no replaced data has that id");
  }
  if (found == all.end() || !found->can_undo) {
    return fail(Code::kNotFound,
                "nothing to undo: no data that a restore replaced is kept in this directory" +
                    std::string{id.empty() ? "" : " under that id, only what was in its way"});
  }
  return impl_->launch({.kind = Kind::kUndo,
                        .name = found->from,
                        .in_store = false,
                        .lease = std::move(lease),
                        .warning = {},
                        .work = [undone = *found](const Parts& parts, Job& job) {
                          return run_undo(parts, job, undone);
                        }});
}

Result<Overview> Vault::overview() {
  const Parts& parts = impl_->parts;
  PV_TRY(Overview overview, look_over(parts.directory.path(), parts.store,
                                      parts.options.keep_replaced, parts.clock.now()));
  add_unwritten(overview.health);
  recognize(parts.clock.now(), overview);
  overview.mirror = mirror();
  return overview;
}

Result<Survey> Vault::survey() {
  const Parts& parts = impl_->parts;
  PV_TRY(Survey survey, jobs::survey(parts.directory.path(), parts.store,
                                     parts.options.keep_replaced, parts.clock.now()));
  add_unwritten(survey.overview.health);
  recognize(parts.clock.now(), survey.overview);
  survey.overview.mirror = mirror();
  return survey;
}

void Vault::add_unwritten(Health& health) {
  count_in(impl_->notebook.unwritten_jobs(), health);
  health.unwritten_because = impl_->notebook.trouble();
}

Health Vault::health(std::optional<WallTime> newest) {
  Health health = look_at_health(directory().vault_folder(), newest, impl_->parts.clock.now());
  add_unwritten(health);
  return health;
}

state::Notebook& Vault::notebook() { return impl_->notebook; }

bool Vault::has_mirror() const { return impl_->mirror.has_value(); }

Result<std::vector<store::BackupName>> Vault::fill_mirror(const places::CopyProgress& progress,
                                                          const std::stop_token& stop) {
  if (!impl_->mirror) { return fail(Code::kNotFound, "there is no mirror"); }
  return impl_->mirror->fill(progress, stop);
}

std::optional<places::MirrorState> Vault::mirror() {
  return impl_->mirror ? std::optional{impl_->mirror->state()} : std::nullopt;
}

std::optional<places::MirrorState> Vault::known_mirror() {
  return impl_->mirror ? impl_->mirror->known() : std::nullopt;
}

Result<std::vector<state::PastJob>> Vault::history(std::size_t count) {
  return impl_->notebook.jobs(count);
}

void Vault::note_not_begun(const Error& error) {
  BackupOrder order;
  order.is_scheduled = true;
  impl_->note_not_begun(order, error);
}

void Vault::Impl::note_not_begun(const BackupOrder& order, const Error& error) {
  Job job{random_text(parts.random, kLowerAlphanumeric, kJobIdLength), Kind::kBackup,
          printable(order.name), parts.clock.now(), parts.clock};
  const Result<void> outcome = fail(error);
  remember(job, outcome, order.is_scheduled);
  job.finish(outcome, parts.clock.now());
  observe(job);
}

Result<std::vector<Kept>> Vault::kept() {
  return list_kept(impl_->parts.directory.path(), impl_->parts.options.keep_replaced);
}

Result<void> Vault::remove_kept(const std::string& id) {
  PV_TRY(const Lease lease, impl_->take_lease(Kind::kUndo, {}));
  return restore::remove_replaced(impl_->parts.directory.path(), id);
}

Result<std::shared_ptr<Job>> Vault::Impl::start_reading(Kind kind, Worker worker, Subject subject,
                                                        bool in_store, Cause cause) {
  const std::string name = subject.name;
  return launch(
      {.kind = kind,
       .name = name,
       .in_store = in_store,
       .lease = std::nullopt,
       .warning = {},
       .work = [worker = std::move(worker), subject = std::move(subject)](
                   const Parts& own, Job& job) { return worker(own, job, subject.in(own.store)); },
       .is_scheduled = cause == Cause::kSchedule});
}

Result<std::shared_ptr<Job>> Vault::Impl::start_extract(Subject subject, bool in_store,
                                                        const ExtractOrder& order) {
  PV_CHECK(restore::Scope::parse(order.only));
  return start_reading(
      Kind::kExtract,
      [order](const Parts& own, Job& job, const ArchiveOrigin& from) {
        return run_extract(own, job, from, order);
      },
      std::move(subject), in_store);
}

Result<std::shared_ptr<Job>> Vault::start_extract(const store::BackupName& name,
                                                  const ExtractOrder& order) {
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(name));
  return impl_->start_extract(subject_of(backup.name), true, order);
}

Result<std::shared_ptr<Job>> Vault::start_extract_file(const fs::Path& file,
                                                       const ExtractOrder& order) {
  PV_TRY(Subject subject, impl_->subject_of_file(file));
  return impl_->start_extract(std::move(subject), false, order);
}

Result<std::shared_ptr<Job>> Vault::start_verify(const store::BackupName& name, VerifyDepth depth,
                                                 Cause cause) {
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(name));
  return impl_->start_reading(
      Kind::kVerify,
      [backup, depth, cause](const Parts& parts, Job& job, const ArchiveOrigin& from) {
        if (cause == Cause::kAsked) { return run_noted_verify(parts, job, backup, from, depth); }
        WorkPool pool{processor_count(), give_way};
        Parts quiet{parts.directory, parts.store, pool, parts.clock, parts.random, parts.options};
        quiet.options.nice = true;
        return run_noted_verify(quiet, job, backup, from, depth);
      },
      subject_of(backup.name), true, cause);
}

Result<std::shared_ptr<Job>> Vault::start_verify_file(const fs::Path& file, VerifyDepth depth) {
  PV_TRY(Subject subject, impl_->subject_of_file(file));
  return impl_->start_reading(
      Kind::kVerify,
      [depth](const Parts& parts, Job& job, const ArchiveOrigin& from) {
        return run_verify(parts, job, from, depth);
      },
      std::move(subject), false);
}

Result<std::shared_ptr<Job>> Vault::Impl::start_preflight(Subject subject, bool in_store,
                                                          const PreflightOrder& order) {
  PV_TRY(const restore::Scope scope, restore::Scope::parse(order.only));
  return start_reading(
      Kind::kPreflight,
      [scope, files_to = order.files_to](const Parts& own, Job& job, const ArchiveOrigin& from) {
        return run_preflight(own, job, from, scope, files_to);
      },
      std::move(subject), in_store);
}

Result<std::shared_ptr<Job>> Vault::start_preflight(const store::BackupName& name,
                                                    const PreflightOrder& order) {
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(name));
  return impl_->start_preflight(subject_of(backup.name), true, order);
}

Result<std::shared_ptr<Job>> Vault::start_preflight_file(const fs::Path& file,
                                                         const PreflightOrder& order) {
  PV_TRY(Subject subject, impl_->subject_of_file(file));
  return impl_->start_preflight(std::move(subject), false, order);
}

// ------------------------------------------------------------------------------------- asking

bool Vault::busy() {
  {
    const std::lock_guard lock{impl_->mutex};
    if (impl_->active) { return true; }
  }
  return Lease::held(impl_->parts.directory.vault_folder());
}

std::string Vault::busy_name() {
  const std::lock_guard lock{impl_->mutex};
  return impl_->active ? impl_->active->name() : std::string{};
}

std::shared_ptr<Job> Vault::find_job(std::string_view id) {
  for (std::shared_ptr<Job>& job : jobs()) {
    if (job->id() == id) { return std::move(job); }
  }
  return nullptr;
}

std::vector<std::shared_ptr<Job>> Vault::jobs() {
  const std::lock_guard lock{impl_->mutex};
  std::vector<std::shared_ptr<Job>> list;
  list.reserve(impl_->entries.size());
  for (const Impl::Entry& entry : impl_->entries) { list.push_back(entry.job); }
  std::reverse(list.begin(), list.end());
  return list;
}

void Vault::shut_down() {
  const std::lock_guard lock{impl_->mutex};
  impl_->closing = true;
  impl_->ending.request_stop();
  for (const Impl::Entry& entry : impl_->entries) { entry.job->cancel(); }
}

bool Vault::is_shutting_down() {
  const std::lock_guard lock{impl_->mutex};
  return impl_->closing;
}

Result<Listing> Vault::list() {
  PV_TRY(std::vector<store::Backup> backups, impl_->parts.store.list());
  return with_verdicts(std::move(backups), impl_->parts.directory.vault_folder());
}

Result<ArchiveSummary> Vault::summarize(const store::BackupName& name) {
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(name));
  PV_TRY(const std::unique_ptr<ZipArchive> archive,
         ZipArchive::open(subject_of(name).in(impl_->spooled)));
  const Verdicts verdicts = Verdicts::read(impl_->parts.directory.vault_folder());
  ArchiveSummary summary{.backup = backup,
                         .databases = {},
                         .verdict = verdicts.of(backup, archive->directory_crc32()),
                         .unknown_because = verdicts.unknown_because()};
  summary.gaps = verdicts.gaps_of(backup);
  const auto pins = read_pins(impl_->parts.directory.vault_folder());
  if (pins.has_value()) {
    summary.pin = pin_of(*pins, name.text());
  } else if (summary.unknown_because.empty()) {
    summary.unknown_because = pins.error().what;
  }
  for (const restore::ArchiveEntry& entry : archive->entries()) {
    ++summary.entries;
    summary.raw_bytes += entry.raw_bytes;
    const bool in_root = entry.name.find('/') == std::string::npos;
    if (in_root && entry.name.ends_with(".db")) { summary.databases.emplace_back(entry.name); }
    // PocketBase's side files are no uploads of the app's users.
    if (entry.name.starts_with("storage/") && !entry.is_folder && !entry.name.ends_with(".attrs")) {
      ++summary.storage_files;
    }
    summary.has_data_db = summary.has_data_db || entry.name == "data.db";
  }
  return summary;
}

Result<std::shared_ptr<const Contents>> Vault::look_into(const store::BackupName& name) {
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(name));
  return Contents::open(subject_of(backup.name).in(impl_->spooled));
}

Result<std::vector<store::Backup>> Vault::waiting() { return impl_->spooled.waiting(); }

Result<std::vector<store::BackupName>> Vault::send_waiting(const places::CopyProgress& progress,
                                                           const std::stop_token& stop) {
  return impl_->spooled.send(progress, stop);
}

// ----------------------------------------------------------------------------------- removing

std::set<std::string> Vault::Impl::names_in_use() {
  std::set<std::string> names;
  {
    const std::lock_guard lock{mutex};
    for (const Entry& entry : entries) {
      if (entry.in_store && !entry.job->finished()) { names.insert(entry.job->name()); }
    }
  }
  const std::optional<LeaseNote> elsewhere = Lease::holder(parts.directory.vault_folder());
  if (elsewhere) { names.insert(elsewhere->name); }
  return names;
}

Result<void> Vault::remove(const store::BackupName& name) {
  const fs::Path vault_folder = impl_->parts.directory.vault_folder();
  if (impl_->names_in_use().contains(name.text())) {
    return fail(Code::kBusy, name.text() + " is being used by a running job");
  }
  {
    const std::lock_guard lock{impl_->pinning};
    PV_TRY(const auto pins_lock, lock_pins(vault_folder));
    PV_CHECK(refuse_pinned(vault_folder, name.text()));
    PV_CHECK(impl_->parts.store.remove(name));
  }
  // What stays of it in the way of a failure is about an archive that is not there any more.
  std::ignore = state::forget_verdict(state::VaultDb{vault_folder}, name.text());
  return {};
}

Result<void> Vault::pin(const store::BackupName& name, std::optional<std::string> note) {
  const fs::Path vault_folder = impl_->parts.directory.vault_folder();
  const std::lock_guard lock{impl_->pinning};
  PV_TRY(const auto pins_lock, lock_pins(vault_folder));
  PV_TRY(const store::Backup backup, impl_->parts.store.stat(name));
  if (backup.is_waiting) {
    return fail(Code::kBusy, printable(name.text()) +
                                 " waits to be sent to the store, where it may get another name: "
                                 "pin it when it has arrived");
  }
  if (!note) {
    const auto pins = read_pins(vault_folder);
    const auto before = pins.has_value() ? pin_of(*pins, name.text()) : std::nullopt;
    note = before ? before->note : std::string{};
  }
  PV_CHECK(state::put_pin(vault_folder, {name.text(), *std::move(note), impl_->parts.clock.now()},
                          [](const std::string& /*what*/) {}));
  // Another process may have removed it meanwhile: who is told that it is pinned relies on it.
  const auto still = impl_->parts.store.stat(name);
  if (still.has_value() || still.error().code != Code::kNotFound) { return {}; }
  std::ignore = state::remove_pin(vault_folder, name.text());
  return fail(still.error());
}

Result<void> Vault::unpin(const store::BackupName& name) {
  PV_TRY(const bool removed, state::remove_pin(impl_->parts.directory.vault_folder(), name.text()));
  if (removed) { return {}; }
  return fail(Code::kNotFound, printable(name.text()) + " is not pinned");
}

// A mirror that can't be asked may lack anything.
Result<std::map<std::string, std::string>> Vault::Impl::unfit_to_go() {
  std::map<std::string, std::string> unfit;
  for (const std::string& name : names_in_use()) { unfit[name] = "a running job uses it"; }
  if (!mirror) { return unfit; }
  const auto missing = mirror->missing();
  if (!missing.has_value()) {
    return fail(missing.error().within("nothing is removed, for the mirror can't be asked"));
  }
  for (const store::Backup& backup : *missing) {
    unfit.emplace(backup.name.text(), "the mirror lacks it");
  }
  return unfit;
}

void Vault::Impl::carry_out(Vault& vault, Pruning& pruning) {
  jobs::carry_out(
      pruning, [&](const store::BackupName& name) { return vault.remove(name); },
      [&] { return vault.is_shutting_down(); });
}

Result<Pruning> Vault::prune(const PruneOrder& order) {
  const fs::Path vault_folder = impl_->parts.directory.vault_folder();
  settings::Retention rules;
  if (order.rules) {
    rules = *order.rules;
  } else {
    PV_TRY(const settings::VaultSettings own, settings::VaultSettingsFile{vault_folder}.read());
    rules = own.retention;
  }
  const WallTime now = impl_->parts.clock.now();
  PV_TRY(auto unfit, impl_->unfit_to_go());
  if (!order.made.empty()) { unfit[order.made] = "just made"; }
  PV_TRY(std::vector<Candidate> candidates,
         candidates_of(impl_->parts.store, vault_folder, unfit, now));
  Pruning pruning{.summary = summary_of(rules),
                  .decisions = decide_by_looks(std::move(candidates), rules, now,
                                               impl_->parts.store, vault_folder),
                  .removed = {},
                  .failed = {}};
  if (!order.is_dry_run) { impl_->carry_out(*this, pruning); }
  return pruning;
}

Result<Pruning> Vault::prune_by_count(std::int64_t count, const std::string& made) {
  const WallTime now = impl_->parts.clock.now();
  PV_TRY(std::vector<Candidate> candidates,
         candidates_of(impl_->parts.store, impl_->parts.directory.vault_folder(), {}, now));
  Pruning pruning{.summary = "keeps the last " + std::to_string(count),
                  .decisions = decide_by_count(std::move(candidates), count, made, now),
                  .removed = {},
                  .failed = {}};
  impl_->carry_out(*this, pruning);
  return pruning;
}

}  // namespace pv::jobs
