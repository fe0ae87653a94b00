#include "jobs/recalled.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <map>

#include "jobs/hooked_store.h"
#include "jobs/names.h"
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

  // By one look, of which `calls` tells what the store was asked.
  std::vector<Backup> look() {
    calls.clear();
    const auto inner = store::make_folder_store(folder / "backups");
    HookedStore store{*inner, [this](std::string_view call) -> Result<void> {
                        ++calls[std::string{call}];
                        return {};
                      }};
    auto listed = list_by_history(store, vault(), Verdicts::read(vault()));
    EXPECT_TRUE(listed.has_value());
    const auto truth = inner->list();
    EXPECT_EQ(names_in(listed.value()), names_in(truth.value()));
    return std::move(listed).value_or(std::vector<Backup>{});
  }

  // As list() says, each size and each time.
  void expect_truth(const std::vector<Backup>& listed) const {
    const auto truth = store::make_folder_store(folder / "backups")->list();
    ASSERT_EQ(listed.size(), truth->size());
    for (std::size_t i = 0; i < listed.size(); ++i) {
      ASSERT_EQ(listed[i].size_bytes, (*truth)[i].size_bytes) << listed[i].name.text();
      ASSERT_EQ(listed[i].modified, (*truth)[i].modified) << listed[i].name.text();
      ASSERT_FALSE(listed[i].is_recalled);
    }
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
  const std::vector<Backup> listed = look();
  EXPECT_EQ(calls["list"], 0);
  EXPECT_EQ(calls["stat"], static_cast<int>(kAskedNewest));
  ASSERT_EQ(listed.size(), kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    const bool is_newest = i >= kMany - kAskedNewest;
    EXPECT_EQ(listed[i].is_recalled, !is_newest) << i;
    EXPECT_EQ(listed[i].size_bytes, kContent.size());
    EXPECT_EQ(listed[i].modified, is_newest ? time_of(i) : time_of(i) + 1s) << i;
  }
}

TEST_F(ManyBackups, AreListedWhereTheyAreNotSoMany) {
  std::filesystem::remove(folder / "backups" / name_of(3));
  write_history();
  expect_truth(look());
  EXPECT_EQ(calls["list"], 1);
}

TEST_F(ManyBackups, AreListedWhereNothingIsKnownOfThem) {
  expect_truth(look());
  EXPECT_EQ(calls["list"], 1);
}

TEST_F(ManyBackups, AreAskedForWhereTheHistoryDoesNotKnowThem) {
  put("by-hand.zip", "older than all", kFirst - 24h);
  put("pb_backup_latest.zip", "a name that is used again", time_of(kMany));
  note("pb_backup_latest.zip", kFirst);
  write_history();
  const std::vector<Backup> listed = look();
  EXPECT_EQ(calls["list"], 0);
  for (const Backup& one : listed) {
    if (one.size_bytes != kContent.size()) { EXPECT_FALSE(one.is_recalled); }
    if (one.name.text() == "pb_backup_latest.zip") { EXPECT_EQ(one.modified, time_of(kMany)); }
    if (one.name.text() == "by-hand.zip") { EXPECT_EQ(one.modified, kFirst - 24h); }
  }
}

TEST_F(ManyBackups, AreListedWhereOneOfTheNewestIsNotAsItWasMade) {
  write_history();
  const std::size_t newest = kMany - 1;
  put(name_of(newest), "", time_of(newest));
  expect_truth(look());
  EXPECT_EQ(calls["list"], 1) << "emptied";
  put(name_of(newest), kContent, time_of(newest) + 1min);
  expect_truth(look());
  EXPECT_EQ(calls["list"], 1) << "replaced";
  std::filesystem::remove(folder / "backups" / name_of(newest));
  put("another.zip", kContent, kFirst);
  look();
  EXPECT_EQ(calls["list"], 0) << "removed: it is not among the names";
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
  const std::vector<Backup> listed = look();
  EXPECT_EQ(calls["list"], 0);
  EXPECT_FALSE(listed[3].is_recalled);
  EXPECT_TRUE(Verdicts::read(vault()).of(listed[3]).has_value());
}

}  // namespace
}  // namespace pv::jobs
