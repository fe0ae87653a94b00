// Restoring a part: which.
#include "restore/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/restore_testing.h"

namespace pv::restore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> units_of(const std::vector<std::string>& only) {
  const auto scope = Scope::parse(only);
  if (!scope.has_value()) { return {scope.error().what}; }
  std::vector<std::string> names;
  for (const Scope::Unit& unit : scope->units()) { names.push_back(unit.name); }
  return names;
}

TEST(Scope, IsWhatIsNamedAndNothingTwice) {
  EXPECT_TRUE(Scope::parse({})->is_everything());
  EXPECT_THAT(units_of({"databases"}), ElementsAre("auxiliary.db", "data.db"));
  EXPECT_THAT(units_of({"storage/a", "storage", "storage", "./storage/b/"}),
              ElementsAre("storage"));
  EXPECT_THAT(units_of({"storage/a", "storage/a-b", "storage/ab/c"}),
              ElementsAre("storage/a", "storage/a-b", "storage/ab/c"));
  EXPECT_THAT(units_of({"databases", "data.db"}), ElementsAre("auxiliary.db", "data.db"));
  EXPECT_THAT(units_of({"storage/a", "storage/a.attrs", "storage/x.db-wal"}),
              ElementsAre("storage/a", "storage/a.attrs", "storage/x.db-wal"));
  EXPECT_TRUE(Scope::parse({"databases", "auxiliary.db"})->units().front().required)
      << "who names it wants it";
}

TEST(Scope, RefusesWhatNoRestoreTouches) {
  for (const char* given : {"", ".", "/", "..", "../x", "storage/../..", "backups", "backups/a.zip",
                            ".pocketvault/x", "data.db-wal", "auxiliary.db-shm"}) {
    const auto scope = Scope::parse({given});
    ASSERT_FALSE(scope.has_value()) << given;
    EXPECT_EQ(scope.error().code, Code::kInvalid) << given;
  }
}

TEST(Scope, HasABound) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < Scope::kGivenMax; ++i) { many.push_back(std::to_string(i)); }
  EXPECT_EQ(units_of(many).size(), Scope::kGivenMax);
  EXPECT_EQ(Scope::parse(many)->describe(), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 990 more");
  EXPECT_EQ(Scope::parse({"databases", "storage/a"})->describe(), "databases, storage/a");
  many.emplace_back("one more");
  EXPECT_EQ(Scope::parse(many).error().code, Code::kInvalid);
}

std::vector<std::string> files_of(const FakeArchive& archive,
                                  const std::vector<std::string>& only) {
  const auto planned = plan(archive, Scope::parse(only).value());
  if (!planned.has_value()) { return {planned.error().what}; }
  std::vector<std::string> names;
  for (const PlannedFile& file : planned->files) { names.push_back(file.name); }
  return names;
}

TEST(Scope, AFolderIsAllThatIsInIt) {
  const Scope part = Scope::parse({"storage/a"}).value();
  EXPECT_TRUE(part.contains("storage/a/b/c"));
  EXPECT_FALSE(part.contains("storage/ab"));
  EXPECT_FALSE(part.contains("storage"));
}

TEST(Scope, AFileComesWithWhatLiesBesideIt) {
  FakeArchive archive;
  for (const char* name :
       {"data.db", "data.db-wal", "data.db-journal", "data.db.bak", "other.db", "storage/data.db",
        "sub/app.db", "sub/app.db-wal", "sub/app.db-shm", "app.sqlite", "app.sqlite-journal",
        "storage/a/b.txt", "storage/a/b.txt.attrs", "storage/a/c.txt.attrs", "other.txt",
        "other.txt.attrs"}) {
    archive.add(name);
  }
  EXPECT_THAT(files_of(archive, {"databases"}),
              ElementsAre("data.db", "data.db-wal", "data.db-journal"));
  EXPECT_THAT(files_of(archive, {"sub/app.db"}),
              ElementsAre("sub/app.db", "sub/app.db-wal", "sub/app.db-shm"));
  EXPECT_THAT(files_of(archive, {"app.sqlite"}), ElementsAre("app.sqlite", "app.sqlite-journal"));
  EXPECT_THAT(files_of(archive, {"storage/a/b.txt", "other.txt"}),
              ElementsAre("storage/a/b.txt", "storage/a/b.txt.attrs", "other.txt"));
}

TEST(Scope, NothingComesWithAFolder) {
  FakeArchive archive;
  archive.add("storage/a/d/1").add("storage/a/d.attrs").add("storage/a/d-wal");
  archive.add("storage/a/e").add("storage/a/e.attrs/1");
  EXPECT_THAT(files_of(archive, {"storage/a/d"}), ElementsAre("storage/a/d/1"));
  EXPECT_EQ(plan(archive, Scope::parse({"storage/a/d"}).value())->raw_bytes, 1U);
  EXPECT_THAT(files_of(archive, {"storage/a/d", "storage/a/d-wal"}),
              ElementsAre("storage/a/d/1", "storage/a/d-wal"));
  EXPECT_THAT(files_of(archive, {"storage/a/e"}), ElementsAre("storage/a/e"));
  EXPECT_THAT(plan(archive, Scope::parse({"storage/a/e", "storage/a/e.attrs"}).value())->units,
              ElementsAre("storage/a/e", "storage/a/e.attrs"));
}

TEST(Scope, WhatSqliteKeepsBesideAFileIsNoUnitOfItsOwn) {
  FakeArchive archive;
  archive.add("sub/app.db").add("sub/app.db-wal").add("sub/lonely-wal").add("sub/app.db-shm/x");
  const auto alone = plan(archive, Scope::parse({"sub/app.db-wal"}).value());
  ASSERT_FALSE(alone.has_value());
  EXPECT_EQ(alone.error().code, Code::kInvalid);
  EXPECT_THAT(alone.error().what, HasSubstr("beside sub/app.db"));
  EXPECT_THAT(plan(archive, Scope::parse({"sub/app.db", "sub/app.db-wal"}).value())->units,
              ElementsAre("sub/app.db"));
  EXPECT_THAT(files_of(archive, {"sub/lonely-wal"}), ElementsAre("sub/lonely-wal"));
}

TEST(Scope, APlanHoldsThatPartAlone) {
  FakeArchive archive;
  archive.add("data.db").add("auxiliary.db").add("storage/a/1").add("storage/b/1");
  const Plan plan_of_a = plan(archive, Scope::parse({"storage/a"}).value()).value();
  ASSERT_EQ(plan_of_a.files.size(), 1U);
  EXPECT_EQ(plan_of_a.files.front().name, "storage/a/1");
  EXPECT_THAT(plan_of_a.units, ElementsAre("storage/a"));
  EXPECT_TRUE(plan(archive)->units.empty());
  const auto missing = plan(archive, Scope::parse({"storage/c"}).value());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);

  FakeArchive stored;  // no databases at all
  stored.add("storage/a/1");
  EXPECT_TRUE(plan(stored, Scope::parse({"storage"}).value()).has_value());
  EXPECT_FALSE(plan(stored, Scope::parse({"databases"}).value()).has_value());
  EXPECT_FALSE(plan(stored).has_value());
  FakeArchive bare;
  bare.add("data.db");
  EXPECT_THAT(plan(bare, Scope::parse({"databases"}).value())->units, ElementsAre("data.db"))
      << "without logs";
  EXPECT_FALSE(plan(bare, Scope::parse({"storage"}).value()).has_value());
  bare.add("../escape");
  EXPECT_FALSE(plan(bare, Scope::parse({"databases"}).value()).has_value());
}

}  // namespace
}  // namespace pv::restore
