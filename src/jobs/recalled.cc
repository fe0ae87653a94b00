#include "jobs/recalled.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <unordered_map>

#include "jobs/names.h"
#include "state/history.h"

namespace pv::jobs {
namespace {

using store::Backup;
using store::BackupName;

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

// An archive is written for the last time shortly before its job ends.
bool is_as_made(const Backup& found, const Made& made) {
  constexpr std::chrono::seconds kClockSteps{2};
  return found.size_bytes == made.archive_bytes && found.modified >= made.started - kClockSteps &&
         found.modified <= made.ended + kClockSteps;
}

// Finds the names in the history; returns those that it does not know. nullopt: more than are
// asked for.
std::optional<std::vector<std::string_view>> match(const PackedNames& names,
                                                   const History& history) {
  std::vector<std::string_view> unknown;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (Made* const made = history.find(names[i])) {
      made->is_there = true;
    } else if (unknown.size() < kAskedMax) {
      unknown.push_back(names[i]);
    } else {
      return std::nullopt;
    }
  }
  return unknown;
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

// nullopt: the history does not tell enough of these names, or one is not as it was made.
std::optional<Seen> recall(store::BackupStore& store, const PackedNames& names,
                           const History& history, const Verdicts& verdicts) {
  const auto unknown = match(names, history);
  if (!unknown) { return std::nullopt; }
  std::vector<const Made*> there = history.there();
  const std::size_t asked = put_asked_first(there, verdicts);
  if (asked + unknown->size() > kAskedMax) { return std::nullopt; }
  Seen seen;
  const auto ask = [&](std::string_view name, const Made* made) {
    const auto key = BackupName::parse(name);
    auto found = key.has_value() ? store.stat(*key) : fail(key.error());
    if (!found.has_value() || (made != nullptr && !is_as_made(*found, *made))) { return false; }
    seen.backups.push_back(*std::move(found));
    return true;
  };
  for (std::size_t i = 0; i < there.size(); ++i) {
    const Made& made = *there[i];
    if (i < asked) {
      if (!ask(made.name, &made)) { return std::nullopt; }
      continue;
    }
    ++seen.recalled.count;
    seen.recalled.bytes += made.archive_bytes;
    seen.recalled.newest = std::max(seen.recalled.newest, made.ended);
  }
  for (const std::string_view name : *unknown) {
    if (!ask(name, nullptr)) { return std::nullopt; }
  }
  std::ranges::sort(seen.backups, {}, &Backup::name);
  return seen;
}

}  // namespace

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
    std::atomic<Amount>& amount;
    ~End() {
      Amount expected = Amount::kUnknown;
      amount.compare_exchange_strong(expected, Amount::kFew);
      amount.notify_all();
    }
  };
  const End end{amount_};
  return store_.each_name([this](std::string_view name) {
    names_.add(name);
    if (names_.size() == kListedMax + 1) {
      amount_ = Amount::kMany;
      amount_.notify_all();
    }
  });
}

Recollection::Amount Recollection::amount() {
  if (reading_.wait_for(std::chrono::seconds{0}) == std::future_status::deferred) {
    reading_.wait();
  }
  amount_.wait(Amount::kUnknown);
  return amount_;
}

Result<Seen> Recollection::finish(const fs::Path& vault_folder, const Verdicts& verdicts) {
  std::optional<History> history;
  if (amount() == Amount::kMany) { history.emplace(vault_folder); }
  PV_TRY(const bool knows_names, reading_.get());
  if (history && knows_names) {
    if (auto seen = recall(store_, names_, *history, verdicts)) { return *std::move(seen); }
  }
  PV_TRY(std::vector<Backup> all, store_.list());
  return Seen{.backups = std::move(all), .recalled = {}};
}

}  // namespace pv::jobs
