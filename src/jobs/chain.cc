#include "jobs/chain.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"

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
  return key;
}

std::int64_t nanoseconds_of(WallTime time) { return time.time_since_epoch().count(); }

// What the facts of a backup, which may be absurd, say of when its databases were last found sound.
std::optional<WallTime> sound_from(std::string_view facts) {
  constexpr std::int64_t kMillisecondsMax = 9'000'000'000'000;  // the year 2255
  boost::system::error_code error;
  const json::value value = json::parse(facts, error);
  if (error || !value.is_object()) { return std::nullopt; }
  const json::value* sound = value.get_object().if_contains("sound");
  if (sound == nullptr || !sound->is_int64()) { return std::nullopt; }
  const std::int64_t milliseconds = sound->get_int64();
  if (milliseconds <= 0 || milliseconds > kMillisecondsMax) { return std::nullopt; }
  return WallTime{std::chrono::milliseconds{milliseconds}};
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

Result<Chain> find_chain(const Parts& parts, bool full) {
  Chain chain;
  PV_TRY(chain.key, key_of(parts));
  const auto without = [&](std::string why) {
    chain.full_because = std::move(why);
    return std::move(chain);
  };
  if (full) { return without("it was asked for"); }
  const auto backups = parts.store.list();
  if (!backups.has_value()) { return without(backups.error().what); }
  if (backups->empty()) { return without("there is no earlier backup"); }
  const store::Backup& newest = *std::ranges::max_element(
      *backups, {}, [](const store::Backup& backup) { return backup.modified; });
  auto source = parts.store.open(newest.name);
  if (!source.has_value()) { return without(newest.name.text() + ": " + source.error().what); }
  auto previous = zip::Previous::open(*std::move(source), chain.key);
  if (!previous.has_value()) { return without(newest.name.text() + ": " + previous.error().what); }
  chain.name = newest.name.text();
  chain.previous = *std::move(previous);
  chain.sound = sound_from(chain.previous->facts());
  return chain;
}

}  // namespace pv::jobs
