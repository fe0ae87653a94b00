#include "jobs/chain.h"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <utility>

#include "base/text.h"
#include "base/wall_time.h"
#include "fs/give.h"
#include "jobs/names.h"

namespace pv::jobs {
namespace {

namespace json = boost::json;

Result<zip::HashKey> key_of(const Parts& parts) {
  zip::HashKey key{};
  const fs::Path path = parts.directory.vault_folder() / "chunk.key";
  const auto kept = fs::read_file(path, key.size() + 1);
  if (kept.has_value() && kept->size() == key.size()) {
    std::ranges::copy(as_bytes(*kept), key.begin());
    return key;
  }
  if (!kept.has_value() && kept.error().code != Code::kNotFound) { return fail(kept.error()); }
  parts.random.fill(key);
  PV_CHECK(fs::write_file_atomically(path, as_text(key), 0600));
  fs::give_like(parts.directory.vault_folder(), path);
  return key;
}

std::int64_t nanoseconds_of(WallTime time) { return time.time_since_epoch().count(); }

std::optional<WallTime> time_in(const json::object& facts, std::string_view name) {
  const json::value* value = facts.if_contains(name);
  if (value == nullptr || !value->is_int64()) { return std::nullopt; }
  const std::int64_t milliseconds = value->get_int64();
  if (milliseconds <= 0) { return std::nullopt; }
  return wall_time(std::chrono::milliseconds{milliseconds});
}

std::string text_in(const json::object& facts, std::string_view name) {
  const json::value* value = facts.if_contains(name);
  return value != nullptr && value->is_string() ? printable(std::string_view{value->get_string()})
                                                : std::string{};
}

// Newest first; those whose time lies in the future last, for they would stay the newest for ever.
std::vector<store::Backup> newest_of(std::vector<store::Backup> backups, WallTime now) {
  constexpr std::size_t kTriedMax = 3;  // an upload of something else is no reason to pack anew
  const auto rank = [&](const store::Backup& backup) {
    return std::pair{backup.modified <= now + kAheadMax, backup.modified};
  };
  const auto count = static_cast<std::ptrdiff_t>(std::min(kTriedMax, backups.size()));
  std::ranges::partial_sort(backups, backups.begin() + count, std::ranges::greater{}, rank);
  backups.erase(backups.begin() + count, backups.end());
  return backups;
}

// Two parts of an upload: less than a whole one can't be copied.
constexpr std::uint64_t kFarBytesMin = std::uint64_t{12} << 20U;

Result<std::unique_ptr<zip::Previous>> open_previous(store::BackupStore& store,
                                                     const store::BackupName& name,
                                                     const zip::HashKey& key) {
  PV_TRY(std::unique_ptr<Source> source, store.open(name));
  return zip::Previous::open(std::move(source), key);
}

}  // namespace

std::string to_json(const Facts& facts) {
  constexpr std::int64_t kPerMillisecond = 1'000'000;
  json::object object{{"made", nanoseconds_of(facts.made) / kPerMillisecond},
                      {"way", facts.way},
                      {"pauseNs", facts.pause.count()}};
  if (!facts.previous.empty()) { object["previous"] = printable(facts.previous); }
  if (facts.sound) { object["sound"] = nanoseconds_of(*facts.sound) / kPerMillisecond; }
  return json::serialize(object);
}

Facts facts_from(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) { return {}; }
  const json::object& object = value.get_object();
  Facts facts;
  facts.made = time_in(object, "made").value_or(WallTime{});
  facts.way = text_in(object, "way");
  facts.previous = text_in(object, "previous");
  facts.sound = time_in(object, "sound");
  return facts;
}

Result<Chain> find_chain(const Parts& parts, store::BackupStore& store, bool full) {
  Chain chain;
  PV_TRY(chain.key, key_of(parts));
  const auto without = [&](std::string why) {
    chain.full_because = std::move(why);
    return std::move(chain);
  };
  if (full) { return without("it was asked for"); }
  chain.is_far = store.is_remote();
  auto backups = store.list();
  if (!backups.has_value()) { return without(backups.error().what); }
  if (backups->empty()) { return without("there is no earlier backup"); }
  std::string why;
  for (const store::Backup& backup : newest_of(*std::move(backups), parts.clock.now())) {
    if (backup.is_waiting) { continue; }  // its store has nothing of it yet
    if (chain.is_far && backup.size_bytes < kFarBytesMin) {
      return without(backup.name.text() + " is too small to copy parts of it");
    }
    auto previous = open_previous(store, backup.name, chain.key);
    if (chain.is_far && !previous.has_value() && previous.error().code == Code::kUnavailable) {
      return without(backup.name.text() + ": " + previous.error().what);
    }
    if (previous.has_value()) {
      chain.name = backup.name.text();
      chain.previous = *std::move(previous);
      if (chain.is_far) { chain.previous->let_go(); }
      chain.sound = facts_from(chain.previous->facts()).sound;
      return chain;
    }
    if (why.empty()) { why = backup.name.text() + ": " + previous.error().what; }
  }
  return without(why);
}

}  // namespace pv::jobs
