#include "restore/changes.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "fs/beneath.h"
#include "restore/layout.h"
#include "restore/unchanged.h"

namespace pv::restore {
namespace {

constexpr std::string_view kStorage = "storage";

void add(Files& sum, const std::string& name, std::uint64_t bytes) {
  ++sum.files;
  sum.bytes += bytes;
  if (sum.names.size() < Files::kNamesMax) { sum.names.push_back(printable(name)); }
}

class Comparison {
 public:
  Comparison(const Archive& archive, const Plan& plan, const fs::Path& directory,
             const std::stop_token& stop)
      : archive_{archive},
        directory_{directory},
        stop_{stop},
        scope_{std::string{kOwnVault}, {}, plan.units} {
    for (const PlannedFile& file : plan.files) { planned_.push_back(&file); }
    std::sort(planned_.begin(), planned_.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
  }

  Result<Changes> run(WorkPool& pool) {
    PV_CHECK(find());
    pair_up();
    PV_TRY(const fs::Fd root, fs::open_for_reading(directory_));
    PV_CHECK(for_each_index(pool, doubtful_.size(), pool.thread_count(),
                            [&](std::size_t i) { return decide(root, pairs_[doubtful_[i]]); }));
    return sum_up();
  }

 private:
  struct Pair {
    const PlannedFile* planned = nullptr;  // null: there is none of this name
    const fs::Found* found = nullptr;
    bool is_same = false;
  };

  // What lies there, in byte order.
  Result<void> find() {
    PV_CHECK(walk({}));
    const auto storage = std::find_if(found_.begin(), found_.end(), [](const fs::Found& found) {
      return found.name == kStorage && found.stat.is_link();
    });
    if (storage != found_.end()) {
      found_.erase(storage);
      // Often on a volume of its own. One that leads nowhere holds nothing.
      if (const auto target = fs::stat(directory_ / kStorage); target && target->is_folder()) {
        PV_CHECK(walk(kStorage));
      }
    }
    std::sort(found_.begin(), found_.end(),
              [](const fs::Found& a, const fs::Found& b) { return a.name < b.name; });
    return {};
  }

  Result<void> walk(std::string_view below) {
    const std::string prefix = below.empty() ? "" : std::string{below} + "/";
    const auto enter = [&](const std::string& name, const fs::Stat& stat) {
      const std::string full = prefix + name;
      if (stop_.stop_requested() || is_in_volume_vault(full)) { return false; }
      if (below.empty() && is_in_root(name) && stays(name)) { return false; }
      return concerns(full) || (!stat.is_folder() && goes_along(full));
    };
    PV_TRY(fs::Walked walked, fs::walk(directory_ / below, enter));
    if (stop_.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    for (fs::Found& found : walked.found) {
      found.name = prefix + found.name;
      found_.push_back(std::move(found));
    }
    for (const fs::Unread& unread : walked.unread) { note_unread(prefix + unread.name); }
    return {};
  }

  // Whether the walk looks at `name`: it would be replaced, or is on the way to what would.
  [[nodiscard]] bool concerns(const std::string& name) const {
    return scope_.is_whole(name) || scope_.is_place(name);
  }

  // With a unit that is a file, there or in the archive.
  [[nodiscard]] bool goes_along(const std::string& name) const {
    const std::string main{main_of(name)};
    if (!scope_.is_unit(main)) { return false; }
    const auto at = std::lower_bound(
        planned_.begin(), planned_.end(), main,
        [](const PlannedFile* file, const std::string& sought) { return file->name < sought; });
    if (at != planned_.end() && (*at)->name == main) { return true; }
    const auto stands = fs::link_stat(directory_ / main);
    return stands.has_value() && !stands->is_folder();
  }

  void note_unread(const std::string& name) {
    if (unread_.size() < Files::kNamesMax) { unread_.push_back(printable(name)); }
  }

  void pair_up() {
    auto planned = planned_.begin();
    auto found = found_.begin();
    while (planned != planned_.end() || found != found_.end()) {
      const int order = planned == planned_.end() ? 1
                        : found == found_.end()   ? -1
                                                  : (*planned)->name.compare(found->name);
      Pair pair;
      if (order <= 0) { pair.planned = *planned++; }
      if (order >= 0) { pair.found = &*found++; }
      take(pair);
    }
  }

  void take(Pair pair) {
    const std::string& name = name_of(pair);
    if (is_database(database_of(name))) {
      take_database(name, pair);
      return;
    }
    const bool could_be = pair.planned != nullptr && pair.found != nullptr &&
                          pair.found->stat.is_file() &&
                          pair.found->stat.size_bytes == pair.planned->raw_bytes;
    if (could_be) {
      pair.is_same = has_time(entry_of(pair), pair.found->stat.modified);
      if (!pair.is_same) { doubtful_.push_back(pairs_.size()); }
    }
    pairs_.push_back(pair);
  }

  void take_database(const std::string& name, const Pair& pair) {
    if (pair.found != nullptr) {
      databases_in_place_.emplace(pair.found->stat.device, pair.found->stat.inode);
    }
    if (!name.ends_with(".db")) { return; }
    DatabaseChange change{.name = printable(name), .bytes_before = {}, .bytes_after = {}};
    if (pair.found != nullptr) { change.bytes_before = pair.found->stat.size_bytes; }
    if (pair.planned != nullptr) { change.bytes_after = pair.planned->raw_bytes; }
    changes_.databases.push_back(std::move(change));
  }

  Result<void> decide(const fs::Fd& root, Pair& pair) const {
    const auto place = open_place(root, pair.found->name);
    if (!place.has_value()) { return {}; }
    // A second name of a database: closing it would drop the locks that this process has on it.
    const auto stat = fs::stat(*place, pair.found->name);
    if (!stat.has_value() || databases_in_place_.contains({stat->device, stat->inode})) {
      return {};
    }
    const auto fd = fs::open_for_reading("/proc/self/fd/" + std::to_string(place->get()));
    if (!fd.has_value()) { return {}; }
    PV_TRY(pair.is_same, has_content(archive_, entry_of(pair), *fd, stop_));
    return {};
  }

  // No link on the way is followed, but that of a storage/ elsewhere.
  [[nodiscard]] Result<fs::Fd> open_place(const fs::Fd& root, const std::string& name) const {
    if (!name.starts_with(std::string{kStorage} + "/")) {
      return fs::open_beneath_step_by_step(root, name, O_PATH);
    }
    PV_TRY(const fs::Fd storage, fs::open_for_reading(directory_ / kStorage));
    return fs::open_beneath_step_by_step(storage, name.substr(kStorage.size() + 1), O_PATH);
  }

  Changes sum_up() {
    for (const Pair& pair : pairs_) {
      const std::string& name = name_of(pair);
      if (pair.planned == nullptr) {
        add(changes_.removed, name, pair.found->stat.size_bytes);
      } else if (pair.found == nullptr) {
        add(changes_.added, name, pair.planned->raw_bytes);
      } else {
        add(pair.is_same ? changes_.same : changes_.changed, name, pair.planned->raw_bytes);
      }
    }
    changes_.unread = std::move(unread_);
    return std::move(changes_);
  }

  static const std::string& name_of(const Pair& pair) {
    return pair.planned != nullptr ? pair.planned->name : pair.found->name;
  }
  [[nodiscard]] const ArchiveEntry& entry_of(const Pair& pair) const {
    return archive_.entries()[pair.planned->index];
  }

  const Archive& archive_;
  const fs::Path& directory_;
  const std::stop_token& stop_;
  const Layout scope_;  // its units alone tell
  std::vector<const PlannedFile*> planned_;
  std::vector<fs::Found> found_;
  std::vector<Pair> pairs_;
  std::vector<std::size_t> doubtful_;  // pairs whose contents have to be compared
  std::set<std::pair<std::uint64_t, std::uint64_t>> databases_in_place_;  // device, inode
  std::vector<std::string> unread_;
  Changes changes_;
};

}  // namespace

Result<Changes> compare(const Archive& archive, const Plan& plan, const fs::Path& directory,
                        WorkPool& pool, const std::stop_token& stop) {
  return Comparison{archive, plan, directory, stop}.run(pool);
}

}  // namespace pv::restore
