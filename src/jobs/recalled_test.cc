#include "jobs/recalled.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>

#include "jobs/names.h"
#include "jobs/overview.h"
#include "places/hooked_store_testing.h"
#include "state/history.h"
#include "store/folder_store.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using store::Backup;
using testing::TempFolder;
using testing::write_file;

constexpr WallTime kFirst{std::chrono::seconds{1'795'222'487}};
constexpr std::size_t kMany = kListedMax + 1;
const std::string kContent = "nine byte";

WallTime time_of(std::size_t number) { return kFirst + number * 1h; }

std::string name_of(std::size_t number) {
  return automatic_name(kScheduledPrefix, "shop", time_of(number));
}

// A folder of many backups that were made by the clock, an hour from one to the next, and a history
// that knows them.
class ManyBackups : public ::testing::Test {
 protected:
  ManyBackups() {
    std::filesystem::create_directory(vault());
    for (std::size_t i = 0; i < kMany; ++i) { put(name_of(i), kContent, time_of(i)); }
    for (std::size_t i = 0; i < kMany; ++i) { note(name_of(i), time_of(i)); }
  }

  void put(const std::string& name, const std::string& content, WallTime modified) const {
    const fs::Path path = folder / "backups" / name;
    write_file(path, content);
    const timespec time{.tv_sec = modified.time_since_epoch() / 1s, .tv_nsec = 0};
    const std::array<timespec, 2> times{time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
  }

  void note(std::string name, WallTime ended) {
    noted.push_back({.id = "x",
                     .kind = "backup",
                     .name = std::move(name),
                     .is_scheduled = true,
                     .started = ended - 3s,
                     .ended = ended + 1s,
                     .outcome = "succeeded",
                     .archive_bytes = kContent.size()});
  }

  void write_history() {
    const auto insert = [&](sqlite::Connection& connection) -> Result<void> {
      for (const state::PastJob& job : noted) {
        const auto ms = [](WallTime time) { return std::int64_t{time.time_since_epoch() / 1ms}; };
        const std::array<sqlite::Value, 4> values{job.name, ms(job.started), ms(job.ended),
                                                  std::int64_t{9}};
        PV_TRY(std::ignore, connection.run("INSERT INTO jobs VALUES (NULL,'x','backup',?1,1,?2,?3,"
                                           "'succeeded','',0,0,?4,0)",
                                           values));
      }
      return {};
    };
    const state::VaultDb db{vault()};
    ASSERT_TRUE(db.write(insert, [](const std::string&) {}).has_value());
  }

  // By one look, of which `calls` tells what the store was asked. Whatever was: number and sum are
  // those of a list, and what is told of single backups is what the list says of them.
  Seen look() {
    calls.clear();
    const auto inner = store::make_folder_store(folder / "backups");
    places::HookedStore store{*inner, [this](std::string_view call) -> Result<void> {
                                ++calls[std::string{call}];
                                return {};
                              }};
    auto seen = Recollection{store}.finish(vault(), Verdicts::read(vault()));
    EXPECT_TRUE(seen.has_value());
    const std::vector<Backup> truth = inner->list().value();
    EXPECT_EQ(seen->backups.size() + seen->recalled.count, truth.size());
    EXPECT_EQ(bytes_of(seen->backups) + seen->recalled.bytes, bytes_of(truth));
    EXPECT_TRUE(std::ranges::is_sorted(seen->backups, {}, &Backup::name));
    for (const Backup& one : seen->backups) {
      const auto same = std::ranges::find(truth, one.name, &Backup::name);
      EXPECT_TRUE(same != truth.end() && one.size_bytes == same->size_bytes &&
                  one.modified == same->modified)
          << one.name.text();
    }
    return std::move(seen).value_or(Seen{});
  }

  static void expect_all_asked(const Seen& seen) { EXPECT_EQ(seen.recalled.count, 0U); }

  static std::uint64_t bytes_of(const std::vector<Backup>& backups) {
    std::uint64_t bytes = 0;
    for (const Backup& one : backups) { bytes += one.size_bytes; }
    return bytes;
  }

  static std::vector<std::string> names_in(const std::vector<Backup>& backups) {
    std::vector<std::string> names;
    for (const Backup& one : backups) { names.push_back(one.name.text()); }
    return names;
  }
  [[nodiscard]] fs::Path vault() const { return folder / ".pocketvault"; }

  TempFolder folder;
  std::vector<state::PastJob> noted;
  std::map<std::string, int> calls;
};

TEST_F(ManyBackups, AreTakenFromTheHistoryButForTheNewest) {
  write_history();
  const Seen seen = look();
  EXPECT_EQ(calls["list"], 0);
  EXPECT_EQ(calls["stat"], static_cast<int>(kAskedNewest));
  std::vector<std::string> newest;
  for (std::size_t i = kMany - kAskedNewest; i < kMany; ++i) { newest.push_back(name_of(i)); }
  EXPECT_EQ(names_in(seen.backups), newest);
  EXPECT_EQ(seen.recalled.newest, time_of(kMany - kAskedNewest - 1) + 1s);
}

TEST_F(ManyBackups, TheNewestMadeByTheClockIsAskedForBehindOthers) {
  for (std::size_t i = kMany; i < kMany + 2 * kAskedNewest; ++i) {
    const std::string by_hand = automatic_name(kAutomaticPrefix, "shop", time_of(i));
    put(by_hand, kContent, time_of(i));
    note(by_hand, time_of(i));
  }
  write_history();
  const Seen seen = look();
  EXPECT_EQ(calls["stat"], static_cast<int>(kAskedNewest) + 1);
  EXPECT_EQ(seen.backups.front().name.text(), name_of(kMany - 1));
}

TEST_F(ManyBackups, AreListedWhereTheyAreNotSoMany) {
  std::filesystem::remove(folder / "backups" / name_of(3));
  write_history();
  expect_all_asked(look());
  EXPECT_EQ(calls["list"], 1);
}

TEST_F(ManyBackups, AreListedWhereNothingIsKnownOfThem) {
  expect_all_asked(look());
  EXPECT_EQ(calls["list"], 1);
}

TEST_F(ManyBackups, AreAskedForWhereTheHistoryDoesNotKnowThem) {
  put("by-hand.zip", "older than all", kFirst - 24h);
  put("pb_backup_latest.zip", "a name that is used again", time_of(kMany));
  note("pb_backup_latest.zip", kFirst);
  write_history();
  const std::vector<std::string> names = names_in(look().backups);
  EXPECT_EQ(calls["list"], 0);
  EXPECT_TRUE(std::ranges::binary_search(names, "by-hand.zip"));
  EXPECT_TRUE(std::ranges::binary_search(names, "pb_backup_latest.zip"));
}

TEST_F(ManyBackups, AreListedWhereOneOfTheNewestIsNotAsItWasMade) {
  write_history();
  const std::size_t newest = kMany - 1;
  put(name_of(newest), "", time_of(newest));
  expect_all_asked(look());
  EXPECT_EQ(calls["list"], 1) << "emptied";
  put(name_of(newest), kContent, time_of(newest) + 1min);
  expect_all_asked(look());
  EXPECT_EQ(calls["list"], 1) << "replaced";
  std::filesystem::remove(folder / "backups" / name_of(newest));
  put("another.zip", kContent, kFirst);
  look();
  EXPECT_EQ(calls["list"], 0) << "removed: it is not among the names";
}

TEST_F(ManyBackups, AreCountedOnceWhateverTheHistoryRepeats) {
  for (std::size_t i = 0; i < 5; ++i) { note(name_of(i), time_of(i)); }
  write_history();
  look();
  EXPECT_EQ(calls["list"], 0);
}

TEST_F(ManyBackups, AreAllAskedForWhereTheNewestThatCountsWasNot) {
  // A clock that was set back: the newest by the history are of the future.
  const std::vector<Backup> truth = store::make_folder_store(folder / "backups")->list().value();
  write_history();
  const auto store = store::make_folder_store(folder / "backups");
  const WallTime now = time_of(kMany - 2 * kAskedNewest);
  const auto looked = look_over(folder.path(), *store, 24h, now);
  ASSERT_TRUE(looked.has_value());
  EXPECT_EQ(looked->backups, kMany);
  EXPECT_EQ(looked->backups_bytes, bytes_of(truth));
  EXPECT_EQ(looked->newest, std::nullopt) << "none is an archive";
  EXPECT_FALSE(looked->discounted.empty());
  EXPECT_EQ(looked->discounted.front().backup.modified, time_of(kMany - 1));
}

TEST_F(ManyBackups, AFailureToReadTheirNamesIsTold) {
  write_history();
  const auto inner = store::make_folder_store(folder / "backups");
  places::HookedStore store{*inner, [](std::string_view call) -> Result<void> {
                              if (call == "each_name") { return fail(Code::kUnavailable, "disk"); }
                              return {};
                            }};
  const auto seen = Recollection{store}.finish(vault(), Verdicts::read(vault()));
  ASSERT_FALSE(seen.has_value());
  EXPECT_EQ(seen.error().what, "disk");
}

TEST_F(ManyBackups, AreAskedForWhereDamageIsKnown) {
  write_history();
  const auto store = store::make_folder_store(folder / "backups");
  const Backup third = store->stat(store::BackupName::parse(name_of(3)).value()).value();
  const state::NotedVerdict verdict{
      .key = name_of(3),
      .archive = {.size_bytes = third.size_bytes,
                  .modified = third.modified,
                  .directory_crc32 = {}},
      .verdict = {.is_sound = false, .at = kFirst, .reason = "cut off", .records = {}}};
  const auto noted_it = state::note_verdict(state::VaultDb{vault()}, verdict, std::nullopt,
                                            [](const std::string&) {});
  ASSERT_TRUE(noted_it.has_value());
  const Seen seen = look();
  EXPECT_EQ(calls["list"], 0);
  ASSERT_EQ(seen.backups.front().name.text(), name_of(3));
  EXPECT_TRUE(Verdicts::read(vault()).of(seen.backups.front()).has_value());
}

}  // namespace
}  // namespace pv::jobs
