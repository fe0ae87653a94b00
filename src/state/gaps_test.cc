#include "state/gaps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/verdicts.h"
#include "testing/fixtures.h"

namespace pv::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Fixture {
  testing::TempFolder folder;
  VaultDb db{folder.path()};

  [[nodiscard]] std::vector<NotedGaps> all() const { return read_gaps(db).value(); }
};

NotedGaps lacks(const std::string& key, Gaps gaps, std::uint64_t size_bytes = 7) {
  return {.key = key, .size_bytes = size_bytes, .gaps = gaps};
}

TEST(Gaps, AreThoseOfTheArchiveThatWasMadeLast) {
  const Fixture fixture;
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {}), {}).has_value());
  EXPECT_FALSE(std::filesystem::exists(fixture.folder / "vault.db")) << "nothing lacks";
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {.unread = 2}), {}).has_value());
  ASSERT_TRUE(note_made(fixture.db, lacks("b.zip", {.left_out = 3}), {}).has_value());
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {.unread = 1}, 8), {}).has_value());
  EXPECT_THAT(fixture.all(),
              ElementsAre(lacks("a.zip", {.unread = 1}, 8), lacks("b.zip", {.left_out = 3})));
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {}), {}).has_value());
  EXPECT_THAT(fixture.all(), ElementsAre(lacks("b.zip", {.left_out = 3})));
}

TEST(Gaps, AVerificationAddsToWhatIsKnownOfTheSameArchive) {
  const Fixture fixture;
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {.unread = 2}), {}).has_value());
  ASSERT_TRUE(note_missing(fixture.db, lacks("a.zip", {.missing = 5}), {}).has_value());
  ASSERT_TRUE(note_missing(fixture.db, lacks("a.zip", {.missing = 4}), {}).has_value());
  ASSERT_TRUE(note_missing(fixture.db, lacks("a.zip", {}), {}).has_value());
  EXPECT_THAT(fixture.all(), ElementsAre(lacks("a.zip", {.unread = 2, .missing = 5})));
  EXPECT_EQ(fixture.all().front().gaps.files(), 5U) << "the two are among them";
  ASSERT_TRUE(note_missing(fixture.db, lacks("a.zip", {.missing = 1}, 8), {}).has_value());
  EXPECT_THAT(fixture.all(), ElementsAre(lacks("a.zip", {.missing = 1}, 8))) << "another archive";
}

TEST(Gaps, GoWithTheirBackup) {
  const Fixture fixture;
  for (const char* key : {"a.zip", "b.zip", "c.zip"}) {
    ASSERT_TRUE(note_made(fixture.db, lacks(key, {.unread = 1}), {}).has_value());
  }
  ASSERT_TRUE(forget_verdict(fixture.db, "a.zip").has_value());
  NotedVerdict sound;
  sound.key = "c.zip";
  sound.archive.size_bytes = 7;
  ASSERT_TRUE(note_verdict(fixture.db, sound, std::set<std::string>{"c.zip"}, {}).has_value());
  EXPECT_THAT(fixture.all(), ElementsAre(lacks("c.zip", {.unread = 1})));
}

TEST(Gaps, GetTheirTableInAnOlderFile) {
  const Fixture fixture;
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {.unread = 1}), {}).has_value());
  ASSERT_TRUE(fixture.db
                  .change([](sqlite::Connection& connection) {
                    return connection.exec(
                        "DROP TABLE gaps; DROP TABLE begun; PRAGMA user_version=4");
                  })
                  .has_value());
  EXPECT_THAT(fixture.all(), IsEmpty());
  ASSERT_TRUE(note_made(fixture.db, lacks("a.zip", {.unread = 1}), {}).has_value());
  EXPECT_THAT(fixture.all(), ElementsAre(lacks("a.zip", {.unread = 1})));
}

}  // namespace
}  // namespace pv::state
