#include "snapshot/snapshot.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/guarded.h"
#include "base/priority.h"
#include "base/text.h"
#include "fs/presence.h"
#include "snapshot/copied_database.h"
#include "snapshot/pin.h"
#include "snapshot/pinned_database.h"
#include "snapshot/sniff.h"
#include "snapshot/tree_walk.h"
#include "snapshot/wal_watch.h"

namespace pv::snapshot {
namespace {

constexpr std::string_view kData = "data.db";
constexpr std::string_view kAuxiliary = "auxiliary.db";

bool is_essential(const std::string& name) { return name == kData || name == kAuxiliary; }

// Locked in this order: PocketBase nests its transactions so.
void sort_for_locking(std::vector<std::string>& names) {
  const auto rank = [](const std::string& name) {
    return name == kData ? 0 : name == kAuxiliary ? 1 : 2;
  };
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : a < b;
  });
}

// Reads a pinned database; its pin goes with it.
class PinnedSource final : public Source {
 public:
  explicit PinnedSource(std::shared_ptr<PinnedDatabase> database)
      : database_{std::move(database)} {}
  ~PinnedSource() override { database_->release(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return database_->size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return database_->read_at(offset, into);
  }

 private:
  std::shared_ptr<PinnedDatabase> database_;
};

class Taken final : public Snapshot {
 public:
  Taken(const fs::Path& directory, const Options& options, std::stop_token stop)
      : directory_{directory},
        options_{options},
        stop_{std::move(stop)},
        rules_{options.exclude_roots, options.exclude} {}

  ~Taken() override {
    for (const auto& database : pinned_) { database->abandon(); }
    if (checker_.joinable()) { checker_.join(); }
  }

  Result<void> run() {
    PV_TRY(std::vector<std::string> names, find_databases());
    PV_TRY(Pin moment, pin_sound(names));
    pause_ = moment.pause;
    PV_CHECK(copy_blocking(moment));
    if (options_.on_pinned) { options_.on_pinned(); }
    for (Held& held : moment.databases) { PV_CHECK(take_database(std::move(held))); }
    checker_ = std::jthread{[this] { check_pinned(); }};
    watch_ = std::make_unique<WalWatch>(pinned_, options_.wal_growth_max, options_.temporary);
    PV_CHECK(take_files());
    std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) {
      return a.is_database != b.is_database ? a.is_database : a.name < b.name;
    });
    return {};
  }

  [[nodiscard]] const std::deque<Item>& items() const override { return items_; }
  [[nodiscard]] std::deque<Item> take_items() override { return std::exchange(items_, {}); }
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const Item& item) const override {
    if (item.is_database) { return openers_.at(item.name)(); }
    return open_plain(*trees_.at(item.tree), item.name,
                      item.is_link ? Links::kFollow : Links::kRefuse);
  }
  [[nodiscard]] const std::vector<Database>& databases() const override { return databases_; }
  [[nodiscard]] const std::vector<Warning>& warnings() const override { return warnings_; }
  [[nodiscard]] std::vector<Warning> late_warnings() const override { return late_->copy(); }
  [[nodiscard]] const LeftOut& left_out() const override { return left_out_; }
  [[nodiscard]] std::chrono::nanoseconds pause() const override { return pause_; }

  [[nodiscard]] std::vector<Checked> structures(std::chrono::nanoseconds patience) override {
    std::unique_lock lock{check_mutex_};
    if (!check_ended_.wait_for(lock, stop_, patience, [&] { return checks_done_; })) {
      lock.unlock();
      for (const auto& database : pinned_) { database->abandon(); }
      lock.lock();
      check_ended_.wait(lock, [&] { return checks_done_; });
    }
    return checked_;
  }

 private:
  void warn(std::string name, std::string what) {
    warnings_.push_back({std::move(name), std::move(what)});
  }

  // Regular files in the root, through links too, that nothing leaves out.
  Result<std::vector<std::string>> root_files() {
    std::vector<std::string> names;
    const auto look = [&](const std::string& name, const fs::Stat& found) {
      if (rules_.leaves_out(name)) { return false; }
      const auto target = found.is_link() ? fs::stat(directory_ / name) : found;
      if (target.has_value() && target->is_file()) { names.push_back(name); }
      return false;
    };
    PV_CHECK(fs::walk(directory_, look, 1));
    return names;
  }

  Result<std::vector<Kind>> kinds_of(const std::vector<std::string>& names) {
    std::vector<fs::Path> paths;
    paths.reserve(names.size());
    for (const std::string& name : names) { paths.push_back(directory_ / name); }
    return sniff(paths);
  }

  Result<std::vector<std::string>> find_databases() {
    if (rules_.leaves_out(std::string{kData})) {
      return fail(Code::kInvalid, "a backup without data.db can't be restored");
    }
    PV_CHECK(check_data());
    PV_TRY(const std::vector<std::string> names, root_files());
    PV_TRY(const std::vector<Kind> kinds, kinds_of(names));
    std::vector<std::string> found;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == kData && kinds[i] == Kind::kEmpty) {
        return fail(Code::kDamaged, (directory_ / names[i]).string() + " is empty");
      }
      if (kinds[i] == Kind::kDatabase || is_essential(names[i])) { found.push_back(names[i]); }
    }
    note_no_databases(names, kinds, found);
    sort_for_locking(found);
    return found;
  }

  Result<void> check_data() const {
    const fs::Path path = directory_ / kData;
    PV_TRY(const fs::Stat about, fs::stat(path));
    if (!about.is_file()) {
      return fail(Code::kDamaged, path.string() + " is no database: it is not a regular file");
    }
    return {};
  }

  void note_no_databases(const std::vector<std::string>& names, const std::vector<Kind>& kinds,
                         const std::vector<std::string>& found) {
    const std::set<std::string> databases{found.begin(), found.end()};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool odd = kinds[i] == Kind::kOther || kinds[i] == Kind::kEmpty;
      if (odd && names[i].ends_with(".db") && !databases.contains(names[i])) {
        warn(names[i], "not an SQLite database: stored as a plain file");
      }
    }
  }

  // The moment of all databases. One that went since it was looked at, or that SQLite can't make
  // sense of, is set aside where a backup is worth having without it.
  Result<Pin> pin_sound(std::vector<std::string>& names) {
    for (;;) {
      auto moment = pin({directory_, names, options_.pin_timeout}, stop_);
      if (moment.has_value() || !is_about_one(moment.error())) { return moment; }
      PV_TRY(const std::string culprit, find_culprit(names, moment.error()));
      if (fs::is_there(directory_ / culprit).value_or(true)) {
        set_aside(culprit, moment.error());
      } else {
        warn(culprit, "left out: deleted while the backup ran");
      }
      std::erase(names, culprit);
    }
  }

  static bool is_about_one(const Error& error) {
    return error.code == Code::kDamaged || error.code == Code::kNotFound;
  }

  // The first of `names` that can't be pinned on its own; essential ones return their error.
  Result<std::string> find_culprit(const std::vector<std::string>& names, const Error& error) {
    for (const std::string& name : names) {
      const auto alone = pin({directory_, {name}, options_.pin_timeout}, stop_);
      if (alone.has_value() || !is_about_one(alone.error())) { continue; }
      if (is_essential(name)) { return fail(alone.error()); }
      return name;
    }
    return fail(error);
  }

  // Where there is no WAL our reading keeps others from committing: copy these at once.
  Result<void> copy_blocking(Pin& moment) {
    bool any = false;
    for (Held& held : moment.databases) {
      if (!held.blocks_commits) { continue; }
      PV_CHECK(copy(held));
      any = true;
    }
    if (any) {
      const auto span = std::chrono::steady_clock::now() - moment.locked_since;
      pause_ = std::max<std::chrono::nanoseconds>(pause_, span);
    }
    std::erase_if(moment.databases, [](const Held& held) { return held.blocks_commits; });
    return {};
  }

  // Damaged beyond what SQLite reads: what lies there is all there is.
  void set_aside(const std::string& name, const Error& error) {
    warn(name, "stored as a plain file, as it lies: " + error.what);
    set_aside_.insert(name);
  }

  Result<void> take_database(Held held) {
    const std::string name = held.name;
    if (!held.index.has_value()) { return copy(held); }
    std::optional<Held> rejected;
    auto pinned = PinnedDatabase::create(std::move(held), rejected, stop_);
    if (!pinned.has_value()) {
      if (!rejected.has_value() || pinned.error().code != Code::kDamaged) {
        return fail(pinned.error().within(name));
      }
      // What the disk gives is not what SQLite wrote. What SQLite makes of it is the best there is.
      warn(name, pinned.error().what + ": look after the disk; what SQLite reads was stored");
      rejected->why_not = pinned.error().what;
      return copy(*rejected);
    }
    pinned_.push_back(*pinned);
    add_database(name, Way::kPinned, "");
    add_item(name, (*pinned)->path(), (*pinned)->size_bytes(),
             [database = *pinned]() -> Result<std::unique_ptr<Source>> {
               return std::unique_ptr<Source>{std::make_unique<PinnedSource>(database)};
             });
    return {};
  }

  Result<void> copy(Held& held) {
    const auto drop_reader = [&held] { const sqlite::Connection going = std::move(held.reader); };
    auto copied = copy_database(held.reader, held.name, options_.temporary, stop_, drop_reader);
    if (!copied.has_value() && copied.error().code == Code::kDamaged && !is_essential(held.name)) {
      set_aside(held.name, copied.error());
      drop_reader();
      return {};
    }
    PV_TRY(Copy copy, std::move(copied));
    checked_.push_back({held.name, std::move(copy.structure)});
    PV_TRY(const fs::Stat about, fs::stat(copy.fd, held.path));
    const auto file = std::make_shared<fs::Fd>(std::move(copy.fd));
    add_database(held.name, Way::kCopied, held.why_not);
    add_item(held.name, held.path, about.size_bytes,
             [file, path = held.path] { return fs::source_of(std::move(*file), path); });
    return {};
  }

  // A thread of its own, while others read the databases: of two cores it takes what they leave.
  void check_pinned() {
    give_way_to_computing();
    // Small ones first: their WALs need not wait for the big ones.
    auto databases = pinned_;
    std::ranges::sort(databases, {}, [](const auto& database) { return database->size_bytes(); });
    for (const auto& database : databases) {
      Structure structure{Soundness::kUnchecked, "this backup does without"};
      if (database->size_bytes() <= options_.check_bytes_max) {
        auto checked = guarded([&] { return database->check_structure(); });
        structure = checked.has_value()
                        ? *std::move(checked)
                        : Structure{Soundness::kUnchecked, std::move(checked).error().what};
      } else {
        database->release();
      }
      const std::lock_guard lock{check_mutex_};
      checked_.push_back({database->name(), std::move(structure)});
    }
    const std::lock_guard lock{check_mutex_};
    checks_done_ = true;
    check_ended_.notify_all();
  }

  void add_database(const std::string& name, Way way, std::string why_copied) {
    databases_.push_back({name, way, std::move(why_copied)});
    rules_.add_database(name);
    forbidden_.add_database(directory_ / name);
  }

  void add_item(const std::string& name, const fs::Path& path, std::uint64_t size_bytes,
                SourceOpener open) {
    Item item{.name = name, .size_bytes = size_bytes, .modified = {}, .is_database = true};
    if (const auto about = fs::stat(path)) {
      item.mode = about->mode;
      item.modified = about->modified;
    }
    // A commit changes the WAL alone until it is checkpointed.
    if (const auto wal = fs::stat(path.string() + "-wal"); wal.has_value() && wal->size_bytes > 0) {
      item.modified = std::max(item.modified, wal->modified);
    }
    items_.push_back(std::move(item));
    openers_.emplace(name, std::move(open));
  }

  Result<void> take_files() {
    PV_CHECK(leave_out_newcomers());
    PV_TRY(Gathered gathered,
           gather({directory_, rules_, forbidden_, options_.extras}, late_, stop_));
    left_out_ = std::move(gathered.left_out);
    left_out_.unmatched = rules_.unmatched();
    trees_ = std::move(gathered.trees);
    std::move(gathered.items.begin(), gathered.items.end(), std::back_inserter(items_));
    std::move(gathered.warnings.begin(), gathered.warnings.end(), std::back_inserter(warnings_));
    return {};
  }

  // Databases that were not there at the moment, or not yet databases.
  Result<void> leave_out_newcomers() {
    PV_TRY(const std::vector<std::string> names, root_files());
    PV_TRY(const std::vector<Kind> kinds, kinds_of(names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (kinds[i] != Kind::kDatabase || set_aside_.contains(names[i])) { continue; }
      rules_.add_database(names[i]);
      warn(names[i], "left out: a database that appeared after the moment of the backup");
    }
    return {};
  }

  fs::Path directory_;
  Options options_;
  std::stop_token stop_;
  RootRules rules_;
  Forbidden forbidden_;
  std::shared_ptr<LateWarnings> late_ = std::make_shared<LateWarnings>();
  std::deque<Item> items_;
  std::map<std::string, SourceOpener> openers_;  // of the databases
  std::vector<std::unique_ptr<const Tree>> trees_;
  std::vector<Database> databases_;
  std::vector<Warning> warnings_;
  LeftOut left_out_;
  std::set<std::string> set_aside_;  // databases stored as plain files
  std::chrono::nanoseconds pause_{0};
  std::vector<std::shared_ptr<PinnedDatabase>> pinned_;
  std::mutex check_mutex_;
  std::condition_variable_any check_ended_;
  bool checks_done_ = false;
  std::vector<Checked> checked_;
  std::jthread checker_;
  std::unique_ptr<WalWatch> watch_;  // last: goes first
};

}  // namespace

Result<std::unique_ptr<Snapshot>> Snapshot::take(const fs::Path& directory, const Options& options,
                                                 std::stop_token stop) {
  auto taken = std::make_unique<Taken>(directory, options, std::move(stop));
  PV_CHECK(taken->run());
  return std::unique_ptr<Snapshot>{std::move(taken)};
}

}  // namespace pv::snapshot
