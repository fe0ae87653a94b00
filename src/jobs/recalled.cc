#include "jobs/recalled.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "jobs/names.h"
#include "state/history.h"

namespace pv::jobs {
namespace {

using store::Backup;
using store::BackupName;

constexpr std::size_t kNameBytes = 64;  // most are shorter

// A backup that the history knows.
struct Made {
  std::string_view name;
  WallTime started;
  WallTime ended;
  std::uint64_t archive_bytes = 0;
  bool is_there = false;  // by its name
};

// What the history knows of those with automatic names. One that can't be read knows nothing.
class History {
 public:
  explicit History(const fs::Path& vault_folder) {
    // Addresses alone: what is not filled takes no memory.
    names_.reserve(state::kJobsKept, state::kJobsKept * kNameBytes);
    all_.reserve(state::kJobsKept);
    std::ignore =
        state::for_each_made(state::VaultDb{vault_folder}, [&](const state::MadeBackup& made) {
          if (!is_automatic(made.name)) { return; }
          names_.add(made.name);
          all_.push_back({{}, made.started, made.ended, made.archive_bytes});
        });
    by_name_.reserve(all_.size());
    for (std::size_t i = 0; i < all_.size(); ++i) {
      all_[i].name = names_[i];
      by_name_[all_[i].name] = &all_[i];  // the last of one name
    }
  }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  [[nodiscard]] Made* find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

  [[nodiscard]] std::vector<const Made*> there() const {
    std::vector<const Made*> there;
    for (const Made& made : all_) {
      if (made.is_there) { there.push_back(&made); }
    }
    return there;
  }

 private:
  PackedNames names_;
  std::vector<Made> all_;
  std::unordered_map<std::string_view, Made*> by_name_;
};

bool is_as_made(const Backup& found, const Made& made) {
  return jobs::is_as_made(
      found, state::MadeBackup{made.name, made.started, made.ended, made.archive_bytes});
}

// Divides those that are there: first the newest, the newest that was made by the clock, and those
// of which damage is known. Returns how many these are.
std::size_t put_asked_first(std::vector<const Made*>& there, const Verdicts& verdicts) {
  const auto is_newer = [](const Made* a, const Made* b) { return a->ended > b->ended; };
  auto middle = there.begin() + static_cast<std::ptrdiff_t>(std::min(kAskedNewest, there.size()));
  if (middle != there.end()) { std::ranges::nth_element(there, middle, is_newer); }
  const auto is_scheduled = [](const Made* made) {
    return made->name.starts_with(kScheduledPrefix);
  };
  if (std::none_of(there.begin(), middle, is_scheduled)) {
    auto newest = there.end();
    for (auto one = middle; one != there.end(); ++one) {
      if (is_scheduled(*one) && (newest == there.end() || is_newer(*one, *newest))) {
        newest = one;
      }
    }
    if (newest != there.end()) { std::iter_swap(newest, middle++); }
  }
  const std::vector<std::string> unsound = verdicts.unsound();  // ascending
  middle = std::partition(middle, there.end(), [&](const Made* made) {
    return std::ranges::binary_search(unsound, made->name, std::less<std::string_view>{});
  });
  return static_cast<std::size_t>(middle - there.begin());
}

// What the store was asked for.
class Asker {
 public:
  explicit Asker(store::BackupStore& store) : store_{store} {}

  // False: it is not there, or not `as_made`.
  bool ask(std::string_view name, const Made* as_made) {
    const auto key = BackupName::parse(name);
    auto found = key.has_value() ? store_.stat(*key) : fail(key.error());
    if (!found.has_value() || (as_made != nullptr && !is_as_made(*found, *as_made))) {
      return false;
    }
    asked_.push_back(*std::move(found));
    return true;
  }

  std::vector<Backup> take() {
    std::ranges::sort(asked_, {}, &Backup::name);
    return std::move(asked_);
  }

 private:
  store::BackupStore& store_;
  std::vector<Backup> asked_;
};

}  // namespace

// An archive is written for the last time shortly before its job ends.
bool is_as_made(const Backup& found, const state::MadeBackup& made) {
  constexpr std::chrono::seconds kClockSteps{2};
  return found.size_bytes == made.archive_bytes && found.modified >= made.started - kClockSteps &&
         found.modified <= made.ended + kClockSteps;
}

void PackedNames::reserve(std::size_t names, std::size_t bytes) {
  text_.reserve(bytes);
  ends_.reserve(names);
}

void PackedNames::add(std::string_view name) {
  text_ += name;
  ends_.push_back(text_.size());
}

std::string_view PackedNames::operator[](std::size_t i) const {
  const std::size_t start = i == 0 ? 0 : ends_[i - 1];
  return std::string_view{text_}.substr(start, ends_[i] - start);
}

Recollection::Recollection(store::BackupStore& store) : store_{store} {
  const auto read = [this] { return read_names(); };
  try {
    reading_ = std::async(std::launch::async, read);
  } catch (const std::system_error&) {
    reading_ = std::async(std::launch::deferred, read);  // no thread to be had
  }
}

Result<bool> Recollection::read_names() {
  // Whichever way this ends, nobody goes on waiting.
  struct End {
    Recollection& all;
    ~End() {
      {
        const std::lock_guard lock{all.mutex_};
        all.is_complete_ = true;
      }
      all.changed_.notify_all();
    }
  };
  const End end{*this};
  PackedNames batch;
  PV_TRY(const bool knows_names, store_.each_name([&](std::string_view name) {
    if (batch.size() == kListedMax) { hand_over(std::exchange(batch, {})); }
    if (batch.size() == 0) { batch.reserve(kListedMax, kListedMax * kNameBytes); }
    batch.add(name);
  }));
  hand_over(std::move(batch));
  return knows_names;
}

void Recollection::hand_over(PackedNames&& batch) {
  {
    const std::lock_guard lock{mutex_};
    batches_.push_back(std::move(batch));
  }
  changed_.notify_all();
}

const PackedNames* Recollection::batch(std::size_t number) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return number < batches_.size() || is_complete_; });
  return number < batches_.size() ? &batches_[number] : nullptr;
}

// nullopt: the history does not tell enough of these names, or one is not as it was made.
std::optional<Seen> Recollection::recall(const fs::Path& vault_folder, const Verdicts& verdicts) {
  const History history{vault_folder};
  std::vector<std::string_view> unknown;
  for (std::size_t number = 0; const PackedNames* const names = batch(number); ++number) {
    for (std::size_t i = 0; i < names->size(); ++i) {
      if (Made* const made = history.find((*names)[i])) {
        made->is_there = true;
      } else if (unknown.size() < kAskedMax) {
        unknown.push_back((*names)[i]);
      } else {
        return std::nullopt;
      }
    }
  }
  std::vector<const Made*> there = history.there();
  const std::size_t asked = put_asked_first(there, verdicts);
  if (asked + unknown.size() > kAskedMax) { return std::nullopt; }
  Asker asker{store_};
  const auto ask_made = [&](const Made* made) { return asker.ask(made->name, made); };
  const auto ask_unknown = [&](std::string_view name) { return asker.ask(name, nullptr); };
  const auto rest = there.begin() + static_cast<std::ptrdiff_t>(asked);
  if (!std::all_of(there.begin(), rest, ask_made) || !std::ranges::all_of(unknown, ask_unknown)) {
    return std::nullopt;
  }
  Seen seen{.backups = asker.take(), .recalled = {}};
  std::for_each(rest, there.end(), [&](const Made* made) {
    ++seen.recalled.count;
    seen.recalled.bytes += made->archive_bytes;
    seen.recalled.newest = std::max(seen.recalled.newest, made->ended);
  });
  return seen;
}

Result<Seen> Recollection::finish(const fs::Path& vault_folder, const Verdicts& verdicts) {
  const bool is_deferred =
      reading_.wait_for(std::chrono::seconds{0}) == std::future_status::deferred;
  if (is_deferred) { reading_.wait(); }
  const bool are_many = batch(0) != nullptr && batch(1) != nullptr;
  std::optional<Seen> seen;
  if (are_many) { seen = recall(vault_folder, verdicts); }
  PV_TRY(const bool knows_names, reading_.get());
  if (seen && knows_names) { return *std::move(seen); }
  PV_TRY(std::vector<Backup> all, store_.list());
  return Seen{.backups = std::move(all), .recalled = {}};
}

}  // namespace pv::jobs
