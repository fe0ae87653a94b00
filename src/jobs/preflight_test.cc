// What a restore would meet and do, told without doing it, on data that PocketBase wrote.
#include "jobs/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "jobs/lease.h"
#include "jobs/preflight_json.h"
#include "jobs/vault_rig_testing.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_file;
using testing::run;
using testing::TempFolder;
using testing::unpack_pb_data;
using testing::write_file;

constexpr const char* kVersions[] = {"0.36.6", "0.39.11"};

Preflight found(const Status& status) {
  EXPECT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_EQ(status.bytes_done, status.bytes_total);
  return status.report.preflight ? *status.report.preflight : Preflight{};
}

Status preflight(VaultRig& rig, const std::string& name) {
  return VaultRig::ended(rig.vault->start_preflight(store::BackupName::parse(name).value()));
}

// What lies in a data directory, but for our own folder: names, sizes, times and contents.
std::string state_of(const fs::Path& pb_data) {
  const auto listed = run("cd '" + pb_data.string() +
                          "' && find . -path ./.pocketvault -prune -o -type f ! -name '*.db-shm' "
                          "-printf '%p %s %T@\\n' -exec sha256sum {} + | sort");
  PV_ASSERT(listed.status == 0);
  return listed.output;
}

const CollectionChange& collection(const Preflight& preflight, std::string_view name) {
  static const CollectionChange none;
  for (const CollectionChange& change : preflight.collections) {
    if (change.name == name) { return change; }
  }
  return none;
}

// An archive of PocketBase's `version`, changed by a shell command that runs inside it.
fs::Path changed_archive(const std::string& version, const TempFolder& folder,
                         const std::string& command) {
  const fs::Path inside = folder / "inside";
  const fs::Path file = folder / "changed.zip";
  const auto made =
      run("mkdir '" + inside.string() + "' && cd '" + inside.string() + "' && unzip -q '" +
          testing::fixture("pocketbase-" + version + "-backup.zip").string() + "' && (" + command +
          ") && zip -qr '" + file.string() + "' .");
  EXPECT_EQ(made.status, 0) << made.output;
  return file;
}

TEST(Preflight, OfAFreshBackupFindsNothingToChange) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data(version, folder.path());
    VaultRig rig{{.pb_data = pb_data}};
    ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
    const std::string before = state_of(pb_data);
    const Preflight result = found(preflight(rig, "a.zip"));
    EXPECT_EQ(result.verdict, Verdict::kOk);
    EXPECT_TRUE(result.databases_checked);
    ASSERT_TRUE(result.changes);
    EXPECT_EQ(result.changes->added.files, 0U);
    EXPECT_EQ(result.changes->removed.files, 0U);
    EXPECT_EQ(result.changes->changed.files, 0U);
    EXPECT_GT(result.changes->same.files, 30U);
    EXPECT_EQ(collection(result, "products").before, 40U);
    EXPECT_EQ(collection(result, "products").after, 40U);
    EXPECT_THAT(result.superusers.names, ElementsAre("admin@example.com"));
    EXPECT_EQ(result.archive.name, "Corner Shop");
    EXPECT_EQ(result.archive, result.in_place);
    EXPECT_EQ(result.archive.version,
              std::string_view{version} == "0.39.11" ? "v0.39 or later" : "v0.23 or later");
    EXPECT_EQ(result.way, "pinned");
    EXPECT_TRUE(result.made);
    EXPECT_GT(result.space_needed, 0U);
    EXPECT_GT(result.space_free, 0U);
    EXPECT_EQ(state_of(pb_data), before);
    EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
  }
}

TEST(Preflight, TellsWhatARestoreWouldChange) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const fs::Path storage = pb_data / "storage" / "x" / "y";
  write_file(storage / "grows", "short");
  write_file(storage / "edited", "before");
  write_file(storage / "deleted", "12345");
  write_file(storage / "touched", "the same");
  rig.change("INSERT INTO _migrations (file, applied) VALUES ('1700000000_taken_back.js', 1)");
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  rig.change("DELETE FROM _migrations WHERE file = '1700000000_taken_back.js'");
  write_file(storage / "grows", "longer than it was");
  write_file(storage / "edited", "after!");
  write_file(storage / "new", "1234567");
  ASSERT_TRUE(std::filesystem::remove(storage / "deleted"));
  for (const char* name : {"edited", "touched"}) {
    std::filesystem::last_write_time(
        storage / name, std::filesystem::file_time_type::clock::now() + std::chrono::hours{1});
  }
  rig.change("DELETE FROM products WHERE rowid <= 10");
  rig.change("INSERT INTO _migrations (file, applied) VALUES ('1800000000_later.js', 1)");
  rig.change(
      "INSERT INTO _collections (id, system, type, name, fields, indexes, options)"
      " VALUES ('c', FALSE, 'base', 'fresh', '[]', '[]', '{}')");
  rig.change("CREATE TABLE fresh (id TEXT)");
  rig.change(
      "INSERT INTO _superusers (id, email, password, tokenKey, created, updated) SELECT 's',"
      " 'late@example.com', password, 'k', created, updated FROM _superusers");

  const Preflight result = found(preflight(rig, "a.zip"));
  EXPECT_EQ(result.verdict, Verdict::kOk);
  ASSERT_TRUE(result.changes);
  EXPECT_EQ(result.changes->added, (restore::Files{1, 5, {"storage/x/y/deleted"}}));
  EXPECT_EQ(result.changes->removed, (restore::Files{1, 7, {"storage/x/y/new"}}));
  EXPECT_EQ(result.changes->changed,
            (restore::Files{2, 11, {"storage/x/y/edited", "storage/x/y/grows"}}));
  EXPECT_EQ(collection(result, "products").before, 30U);
  EXPECT_EQ(collection(result, "products").after, 40U);
  EXPECT_TRUE(collection(result, "fresh").is_in_place);
  EXPECT_FALSE(collection(result, "fresh").is_in_archive);
  EXPECT_EQ(collection(result, "fresh").before, 0U);
  EXPECT_EQ(result.migrations_only_in_place, (Names{1, {"1800000000_later.js"}}));
  EXPECT_EQ(result.migrations_only_in_archive, (Names{1, {"1700000000_taken_back.js"}}));
  EXPECT_THAT(result.superusers.names, ElementsAre("admin@example.com"));
  EXPECT_THAT(result.superusers_lost.names, ElementsAre("late@example.com"));
}

TEST(Preflight, TellsTheSpaceThatALargeDatabaseInASmallArchiveNeeds) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  rig.change("CREATE TABLE big (b)");
  rig.change("INSERT INTO big VALUES (zeroblob(30000000))");
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  const Preflight result = found(preflight(rig, "a.zip"));
  EXPECT_GT(result.space_needed, 30'000'000U);
  EXPECT_LT(fs::stat(pb_data / "backups" / "a.zip").value().size_bytes, 1'000'000U);
}

TEST(Preflight, AppliesAWalThatTheArchiveHolds) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data(version, folder.path());
    // The app writes while its files are copied: what it committed last is in the WAL alone.
    const fs::Path file = changed_archive(
        version, folder,
        "python3 -c \"import sqlite3, os; d = sqlite3.connect('data.db', isolation_level=None); "
        "d.execute('PRAGMA journal_mode=WAL'); d.execute('PRAGMA wal_autocheckpoint=0'); "
        "d.execute('DELETE FROM products WHERE rowid <= 15'); os._exit(0)\" && test -s "
        "data.db-wal");
    VaultRig rig{{.pb_data = pb_data}};
    const Preflight result = found(VaultRig::ended(rig.vault->start_preflight_file(file)));
    EXPECT_EQ(result.verdict, Verdict::kOk);
    EXPECT_EQ(collection(result, "products").after, 25U) << version;
  }
}

TEST(Preflight, RefusesWhatARestoreWouldRefuseAndSaysWhy) {
  struct Case {
    const char* label;
    const char* command;  // inside the unpacked archive
    Code code;
    const char* what;
  };
  const Case cases[] = {
      {"no data.db", "rm data.db*", Code::kDamaged, "data.db"},
      {"no database", "rm data.db*; echo x > data.db", Code::kDamaged, "not an SQLite database"},
      {"damaged inside",
       "rm -f data.db-*; dd if=/dev/zero of=data.db bs=4096 seek=2 count=1 conv=notrunc "
       "status=none",
       Code::kDamaged, "data.db"},
      {"another program's", "rm data.db*; sqlite3 data.db 'CREATE TABLE t(x)'", Code::kUnsupported,
       "_collections"},
      {"before v0.23",
       "rm -f data.db-*; sqlite3 data.db 'ALTER TABLE _superusers RENAME TO _admins'",
       Code::kUnsupported, "v0.23"}};
  for (const Case& one : cases) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
    const fs::Path file = changed_archive("0.36.6", folder, one.command);
    VaultRig rig{{.pb_data = pb_data}};
    const Status status = VaultRig::ended(rig.vault->start_preflight_file(file));
    ASSERT_EQ(status.state, State::kSucceeded) << one.label << why(status);
    const Preflight& result = *status.report.preflight;
    EXPECT_EQ(result.verdict, Verdict::kRefused) << one.label;
    ASSERT_EQ(result.reasons.size(), 1U) << one.label;
    EXPECT_EQ(code_name(result.reasons[0].code), code_name(one.code)) << one.label;
    EXPECT_THAT(result.reasons[0].what, HasSubstr(one.what)) << one.label;
    EXPECT_FALSE(result.databases_checked) << one.label;
    EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty()) << one.label;
  }
}

TEST(Preflight, FindsADamagedStoredFileAndTellsTheRestAllTheSame) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  write_file(pb_data / "storage" / "big", random_text(system_random(), kAlphanumeric, 6 << 20));
  VaultRig rig{{.pb_data = pb_data}};
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  const auto where = run("cd '" + (pb_data / "backups").string() +
                         "' && python3 -c \"import zipfile; z = zipfile.ZipFile('a.zip'); "
                         "print(z.getinfo('storage/big').header_offset)\"");
  ASSERT_EQ(where.status, 0) << where.output;
  std::string bytes = read_file(pb_data / "backups" / "a.zip");
  const std::size_t at = std::stoul(where.output) + 200;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file(pb_data / "backups" / "b.zip", bytes);
  const Status status = preflight(rig, "b.zip");
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  const Preflight& result = *status.report.preflight;
  EXPECT_EQ(result.verdict, Verdict::kRefused);
  ASSERT_EQ(result.reasons.size(), 1U);
  EXPECT_THAT(result.reasons[0].what, HasSubstr("storage/big"));
  EXPECT_TRUE(result.databases_checked);
  EXPECT_EQ(collection(result, "products").after, 40U);
}

TEST(Preflight, WarnsWhenNobodyCouldSignIn) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  const fs::Path file = changed_archive("0.39.11", folder,
                                        "rm -f data.db-shm; sqlite3 data.db \"UPDATE _superusers "
                                        "SET password = ''\"");
  VaultRig rig{{.pb_data = pb_data}};
  const Status status = VaultRig::ended(rig.vault->start_preflight_file(file));
  EXPECT_EQ(found(status).verdict, Verdict::kWarnings);
  EXPECT_THAT(status.warnings, Contains(Field(&Warning::what, HasSubstr("nobody could sign in"))));
  EXPECT_THAT(found(status).superusers_lost.names, ElementsAre("admin@example.com"));
}

TEST(Preflight, AsksNoViewHoweverHostile) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  const fs::Path file = changed_archive(
      "0.39.11", folder,
      "rm -f data.db-shm; sqlite3 data.db \"CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT "
      "1 "
      "UNION ALL SELECT x + 1 FROM n) SELECT x FROM n; UPDATE _collections SET name = 'endless' "
      "WHERE name = 'products'; CREATE VIEW \\\"a view\\\" AS SELECT 1 AS x; INSERT INTO "
      "_collections "
      "(id, system, type, name, fields, indexes, options) VALUES ('v', FALSE, 'view', 'a view', "
      "'[]',"
      " '[]', '{}')\"");
  VaultRig rig{{.pb_data = pb_data}};
  const Preflight result = found(VaultRig::ended(rig.vault->start_preflight_file(file)));
  EXPECT_TRUE(collection(result, "endless").is_in_archive);
  EXPECT_EQ(collection(result, "endless").after, std::nullopt);
  EXPECT_EQ(collection(result, "a view").after, std::nullopt);
}

TEST(Preflight, OfAPartTellsOfThatAlone) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  write_file(pb_data / "storage/mine/a.txt", "since");
  write_file(pb_data / "storage/mine/b.txt", "since");
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  std::filesystem::remove(pb_data / "storage/mine/a.txt");
  write_file(pb_data / "storage/mine/c.txt", "new");
  write_file(pb_data / "storage/theirs.txt", "new");
  rig.change("DELETE FROM products");
  const std::string before = state_of(pb_data);
  const auto of = [&](const std::vector<std::string>& only) {
    return VaultRig::ended(
        rig.vault->start_preflight(store::BackupName::parse("a.zip").value(), {.only = only}));
  };

  const Status files = of({"storage/mine"});
  const Preflight of_files = found(files);
  EXPECT_EQ(of_files.verdict, Verdict::kOk);
  EXPECT_EQ(files.report.scope, "storage/mine");
  EXPECT_EQ(files.report.entries, 2U);
  EXPECT_FALSE(files.report.note.empty());
  EXPECT_FALSE(of_files.databases_checked);
  EXPECT_THAT(of_files.changes->added.names, ElementsAre("storage/mine/a.txt"));
  EXPECT_THAT(of_files.changes->removed.names, ElementsAre("storage/mine/c.txt"));
  EXPECT_EQ(of_files.changes->same.files, 1U);
  EXPECT_THAT(of_files.changes->databases, IsEmpty());
  EXPECT_THAT(of_files.collections, IsEmpty());

  const Preflight of_databases = found(of({"databases"}));
  EXPECT_TRUE(of_databases.databases_checked);
  EXPECT_EQ(collection(of_databases, "products").after, 40U);
  EXPECT_EQ(of_databases.changes->removed.files, 0U);
  EXPECT_EQ(of_databases.changes->databases.size(), 2U);

  const Preflight of_logs = found(of({"auxiliary.db"}));
  EXPECT_TRUE(of_logs.databases_checked);
  EXPECT_THAT(of_logs.collections, IsEmpty());

  const Preflight of_none = *of({"storage/none"}).report.preflight;
  EXPECT_EQ(of_none.verdict, Verdict::kRefused);
  ASSERT_EQ(of_none.reasons.size(), 1U);
  EXPECT_EQ(of_none.reasons[0].code, Code::kNotFound);
  EXPECT_EQ(of({"../x"}).error->code, Code::kInvalid) << "it is not begun";
  EXPECT_EQ(state_of(pb_data), before);
}

TEST(Preflight, NeedsNoLeaseAndCanBeCancelled) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const auto lease =
      Lease::take(pb_data / ".pocketvault",
                  {.pid = 1, .kind = "backup", .name = {}, .since = system_clock().now()});
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(found(preflight(rig, "fixture.zip")).verdict, Verdict::kOk);

  const auto job = rig.vault->start_preflight(store::BackupName::parse("fixture.zip").value());
  ASSERT_TRUE(job.has_value());
  (*job)->cancel();
  (*job)->wait();
  const State state = (*job)->status().state;
  EXPECT_TRUE(state == State::kCancelled || state == State::kSucceeded);
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), ElementsAre("lock.json"));
}

TEST(Preflight, ComesBackFromItsJson) {
  Preflight all{.verdict = Verdict::kRefused,
                .reasons = {{Code::kNoSpace, "full"}},
                .space_needed = 1,
                .space_free = 2,
                .databases_checked = true,
                .changes = restore::Changes{.added = {1, 2, {"a"}},
                                            .removed = {3, 4, {"b"}},
                                            .changed = {5, 6, {"c"}},
                                            .same = {7, 8, {"d"}},
                                            .databases = {{"data.db", std::nullopt, 9}},
                                            .unread = {"e"}},
                .collections = {{"posts", "base", true, true, 1, 2},
                                {"view", "view", false, true, std::nullopt, std::nullopt}},
                .migrations_only_in_archive = {1, {"m"}},
                .migrations_only_in_place = {2, {"n"}},
                .superusers = {1, {"a@b.c"}},
                .superusers_lost = {1, {"d@b.c"}},
                .archive = {"App", "v0.39 or later", "m", false, true},
                .in_place = AppFacts{"Old", "v0.23 or later", "l", true, false},
                .made = WallTime{std::chrono::milliseconds{1795222538123}},
                .way = "pinned"};
  EXPECT_EQ(preflight_from(to_json(all)), all);
  all.changes.reset();
  all.in_place.reset();
  all.made.reset();
  EXPECT_EQ(preflight_from(to_json(all)), all);
  EXPECT_EQ(preflight_from({}).verdict, Verdict::kRefused) << "what is not told is not fine";
}

}  // namespace
}  // namespace pv::jobs
