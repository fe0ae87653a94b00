#include <gtest/gtest.h>

#include <optional>

#include "restore/restore_testing.h"

namespace pv::restore {
namespace {

struct NameCase {
  const char* label;
  std::string given;
  std::optional<std::string> becomes;  // nullopt: the whole archive is refused
};

std::string nested(int folders) {
  std::string name;
  for (int i = 0; i < folders; ++i) { name += "d/"; }
  return name + "f";
}

const NameCase kNames[] = {
    {"plain", "a.txt", "a.txt"},
    {"in folders", "storage/c/r/photo.png", "storage/c/r/photo.png"},
    {"dot in front", "./a.txt", "a.txt"},
    {"absolute", "/abs.txt", "abs.txt"},
    {"many slashes", "//a///b", "a/b"},
    {"back inside", "a/../in.txt", "in.txt"},
    {"backslash is a letter", "w\\x.txt", "w\\x.txt"},
    {"drive letter is a name", "C:/x", "C:/x"},
    {"blanks", " a b ", " a b "},
    {"not UTF-8", "\xff\xfe", "\xff\xfe"},
    {"control characters", "a\nb", "a\nb"},
    {"three dots", "...", "..."},
    {"dots in a name", "a..b", "a..b"},
    {"255 bytes", std::string(255, 'x'), std::string(255, 'x')},
    {"climbs", "../x", std::nullopt},
    {"climbs later", "a/../../x", std::nullopt},
    {"climbs by far", "a/b/../../../../etc/passwd", std::nullopt},
    {"absolute and climbs", "/../x", std::nullopt},
    {"only dots", "..", std::nullopt},
    {"a file in the directory's place", ".", std::nullopt},
    {"the same by a detour", "a/..", std::nullopt},
    {"empty", "", std::nullopt},
    {"NUL", std::string("a\0b", 3), std::nullopt},
    {"256 bytes", std::string(256, 'x'), std::nullopt},
    {"4096 bytes", std::string(2048, 'x') + "/" + std::string(2047, 'y'), std::nullopt},
    {"128 deep", nested(127), nested(127)},
    {"129 deep", nested(128), std::nullopt},
    {"1500 deep", nested(1499), std::nullopt},
};

TEST(Plan, NamesStayInsideOrTheArchiveIsRefused) {
  for (const NameCase& name : kNames) {
    FakeArchive archive;
    archive.add("data.db").add(name.given);
    const Result<Plan> result = plan(archive);
    if (!name.becomes) {
      ASSERT_FALSE(result.has_value()) << name.label;
      EXPECT_EQ(result.error().code, Code::kDamaged) << name.label;
      continue;
    }
    ASSERT_TRUE(result.has_value()) << name.label << ": " << result.error().what;
    ASSERT_EQ(result->files.size(), 2U) << name.label;
    EXPECT_EQ(result->files[1].name, *name.becomes) << name.label;
  }
}

TEST(Plan, EntriesThatBelongToProgramsAreLeftOut) {
  FakeArchive archive;
  archive.add("data.db");
  for (const char* name : {"backups/a.zip", ".pocketvault/lock", ".pb_temp_to_delete/x",
                           ".notify/y", ".autocert_cache/k", "lost+found/z", "backups",
                           "./backups/b.zip", "x/../backups/c.zip", "data.db-shm"}) {
    archive.add(name);
  }
  archive.add("link", "target", 0120777).add("pipe", "", 0010644).add("disk", "", 0060644);
  const Result<Plan> result = plan(archive);
  ASSERT_TRUE(result.has_value()) << result.error().what;
  EXPECT_EQ(result->files.size(), 1U);
  EXPECT_EQ(result->dropped.size(), 12U)
      << "a -shm goes without a word, PocketBase packs it always";
}

TEST(Plan, ModesKeepPermissionsAndNothingElse) {
  FakeArchive archive;
  archive.add("data.db", "x", 0104755)
      .add("a", "x", 0100400)
      .add("b", "x", 0)
      .add("c", "x", 0101777);
  const Result<Plan> result = plan(archive);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->files[0].mode, 0755U);
  EXPECT_EQ(result->files[1].mode, 0400U);
  EXPECT_EQ(result->files[2].mode, 0666U) << "less the umask, as programs create files";
  EXPECT_EQ(result->files[3].mode, 0777U);
}

struct ShapeCase {
  const char* label;
  std::vector<std::string> names;
  const char* says;
};
const ShapeCase kRefused[] = {
    {"nothing", {}, "no data.db"},
    {"no database", {"auxiliary.db"}, "no data.db"},
    {"a wrapper folder", {"pb_data/data.db"}, "pb_data/data.db"},
    {"a folder called data.db", {"data.db/"}, "no data.db"},
    {"data.db below as folder", {"data.db/x"}, "no data.db"},
    {"auxiliary.db as a folder", {"data.db", "auxiliary.db/"}, "is a folder, not a database"},
    {"auxiliary.db below", {"data.db", "auxiliary.db/x"}, "is a folder, not a database"},
    {"a file far above a folder", {"data.db", "a", "a-b", "a/b/c/d"}, "both as a file"},
    {"a file above a folder's folder", {"data.db", "a", "a-b", "a/b/c/"}, "both as a file"},
    {"twice, once absolute", {"data.db", "a", "/a"}, "twice"},
    {"case alone is no help", {"DATA.DB"}, "no data.db"},
    {"twice", {"data.db", "data.db"}, "twice"},
    {"twice when cleaned", {"data.db", "./data.db"}, "twice"},
    {"twice by a detour", {"data.db", "a", "b/../a"}, "twice"},
    {"file and folder", {"data.db", "a", "a/b"}, "both as a file and as a folder"},
    {"folder and file", {"data.db", "a/", "a"}, "both as a file and as a folder"},
    {"folder below a file", {"data.db", "a", "a/b/"}, "both as a file and as a folder"},
};

TEST(Plan, ShapesThatAreNoBackupAreRefused) {
  for (const ShapeCase& shape : kRefused) {
    FakeArchive archive;
    for (const std::string& name : shape.names) { archive.add(name); }
    const Result<Plan> result = plan(archive);
    ASSERT_FALSE(result.has_value()) << shape.label;
    EXPECT_EQ(result.error().code, Code::kDamaged) << shape.label;
    EXPECT_NE(result.error().what.find(shape.says), std::string::npos) << result.error().what;
  }
}

TEST(Plan, ALinkInTheDatabasesPlaceIsNoDatabase) {
  FakeArchive archive;
  archive.add("data.db", "/etc/passwd", 0120777);
  EXPECT_FALSE(plan(archive).has_value());
}

TEST(Plan, FoldersMayRepeatAndStandWithTheirFiles) {
  FakeArchive archive;
  archive.add("data.db").add("storage/").add("storage/").add("storage/a").add("empty/");
  const Result<Plan> result = plan(archive);
  ASSERT_TRUE(result.has_value()) << result.error().what;
  EXPECT_EQ(result->folders, (std::vector<std::string>{"empty", "storage"}));
}

TEST(Plan, TheDirectoryItselfAsAFolderIsThereAlready) {
  FakeArchive archive;
  archive.add("./").add("./data.db").add("/").add("a/../");
  const Result<Plan> result = plan(archive);
  ASSERT_TRUE(result.has_value()) << result.error().what;
  EXPECT_EQ(result->files.size(), 1U);
  EXPECT_TRUE(result->folders.empty());
}

TEST(Plan, FoldersThatNobodyNamesAreCounted) {
  FakeArchive archive;
  archive.add("data.db").add("a/b/c/1").add("a/b/c/2").add("a/b-/3").add("a/d/4").add("e/");
  EXPECT_EQ(plan(archive)->folder_count, 6U);  // a, a/b, a/b/c, a/b-, a/d, e
}

TEST(Plan, ALonelyWalCountsForNothing) {
  FakeArchive archive;
  archive.add("data.db", "12345678").add("other.db-wal", "12345678");
  EXPECT_EQ(plan(archive)->raw_bytes, 8U);
}

TEST(Plan, WhatTheArchiveCannotGiveIsRefusedBeforeAnythingIsTouched) {
  FakeArchive archive;
  archive.add("data.db").add("secret");
  archive.edit()[1].refused = std::make_shared<const Error>(Error{Code::kUnsupported, "encrypted"});
  const Result<Plan> result = plan(archive);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Code::kUnsupported);
  EXPECT_NE(result.error().what.find("secret"), std::string::npos);
}

TEST(Plan, SizesThatAddUpToTheImpossibleAreRefused) {
  FakeArchive archive;
  archive.add("data.db").add("a").add("b");
  archive.edit()[1].raw_bytes = archive.edit()[2].raw_bytes = ~std::uint64_t{0} / 2;
  EXPECT_FALSE(plan(archive).has_value());
}

TEST(Plan, AWalWithoutItsDatabaseIsLeftOut) {
  FakeArchive archive;
  archive.add("data.db").add("data.db-wal").add("other.db-wal").add("storage/x.db-wal");
  const Result<Plan> result = plan(archive);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->files.size(), 3U);
  EXPECT_EQ(result->dropped, std::vector<std::string>{"other.db-wal"});
}

TEST(Plan, NamesThatDifferSomehowAreDifferent) {
  FakeArchive archive;
  archive.add("data.db").add("Data.db").add("caf\xc3\xa9").add("cafe\xcc\x81").add("a").add("a ");
  const Result<Plan> result = plan(archive);
  ASSERT_TRUE(result.has_value()) << result.error().what;
  EXPECT_EQ(result->files.size(), 6U);
}

TEST(CheckSpace, CountsFoldersAndAppliedWals) {
  const testing::TempFolder folder;
  Plan bomb;
  bomb.folder_count = std::uint64_t{1} << 50U;
  EXPECT_EQ(check_space(bomb, folder.path()).error().code, Code::kNoSpace);
  const std::uint64_t free_bytes = fs::space(folder.path())->free_bytes;
  Plan wal;
  wal.files.push_back({.index = 0, .name = "data.db", .raw_bytes = free_bytes / 4});
  wal.files.push_back({.index = 1, .name = "x.db", .raw_bytes = free_bytes / 2});
  EXPECT_TRUE(check_space(wal, folder.path()).has_value());
  wal.files.back().name = "data.db-wal";
  EXPECT_EQ(check_space(wal, folder.path()).error().code, Code::kNoSpace);
}

// Beside the data some room is wanted for what comes with it: no more of it than is in proportion.
TEST(CheckSpace, WantsLittleMoreForLittle) {
  Plan plan;
  plan.files.push_back({.index = 0, .name = "storage/a/b.txt", .raw_bytes = 2000});
  EXPECT_LT(bytes_needed(plan), 300'000U);
  plan.files.back().raw_bytes = 1'000'000'000;
  EXPECT_GT(bytes_needed(plan), 1'016'000'000U);
  EXPECT_LT(bytes_needed(plan), 1'017'000'000U);
}

TEST(CheckSpace, SaysHowMuchIsMissing) {
  const testing::TempFolder folder;
  const Plan small;
  EXPECT_TRUE(check_space(small, folder.path()).has_value());
  Plan huge;
  huge.files.push_back({.index = 0, .name = "data.db", .raw_bytes = std::uint64_t{1} << 60U});
  const Result<void> result = check_space(huge, folder.path());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Code::kNoSpace);
  EXPECT_NE(result.error().what.find("are missing"), std::string::npos);
}

}  // namespace
}  // namespace pv::restore
