#include "state/pins.h"

#include <gtest/gtest.h>

#include "state/schedule.h"
#include "testing/fixtures.h"

namespace pv::state {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};

struct Fixture {
  testing::TempFolder temp;
  const fs::Path& folder = temp.path();
  std::vector<std::string> said;

  void put(const std::string& key, const std::string& note = {}, WallTime at = kNow) {
    const auto done =
        put_pin(folder, {key, note, at}, [this](const std::string& what) { said.push_back(what); });
    ASSERT_TRUE(done.has_value()) << done.error().what;
  }
};

TEST(Pins, AreKeptByKey) {
  Fixture fixture;
  EXPECT_TRUE(read_pins(fixture.folder)->empty());
  EXPECT_FALSE(*remove_pin(fixture.folder, "a.zip"));
  EXPECT_FALSE(has_pins(fixture.folder));
  fixture.put("b.zip", "before the move");
  fixture.put("a.zip", std::string(kNoteBytesMax + 1, 'x'), kNow + 7ms);
  fixture.put("b.zip", "after the move\nand more", kNow + 1h);
  EXPECT_EQ(*read_pins(fixture.folder),
            (std::vector<Pin>{{"a.zip", std::string(kNoteBytesMax, 'x'), kNow + 7ms},
                              {"b.zip", "after the move", kNow + 1h}}));
  EXPECT_TRUE(has_pins(fixture.folder));
  EXPECT_TRUE(*remove_pin(fixture.folder, "a.zip"));
  EXPECT_FALSE(*remove_pin(fixture.folder, "a.zip"));
  EXPECT_TRUE(has_pins(fixture.folder));
  EXPECT_TRUE(*remove_pin(fixture.folder, "b.zip"));
  EXPECT_FALSE(has_pins(fixture.folder));
  EXPECT_TRUE(read_pins(fixture.folder)->empty());
}

// As one who may not enter .pocketvault finds it, or a disk that does not answer.
TEST(Pins, ThatCannotBeLookedForAreNotTakenForNone) {
  const testing::TempFolder temp;
  std::filesystem::create_symlink("loop", temp / "loop");
  EXPECT_TRUE(has_pins(temp / "loop"));
  EXPECT_EQ(read_pins(temp / "loop").error().code, Code::kInvalid);
  EXPECT_EQ(remove_pin(temp / "loop", "a.zip").error().code, Code::kInvalid);
}

// A file of nobody's, damage, and no file at all.
TEST(Pins, ThatAreLostAreNotTakenForNone) {
  Fixture fixture;
  fixture.put("a.zip");
  std::filesystem::remove(fixture.folder / "vault.db");
  EXPECT_EQ(read_pins(fixture.folder).error().code, Code::kDamaged);

  fixture.put("a.zip");
  EXPECT_TRUE(read_pins(fixture.folder).has_value()) << "pinned anew: known again";
  testing::write_file(fixture.folder / "vault.db", "garbage");
  EXPECT_EQ(read_pins(fixture.folder).error().code, Code::kDamaged);
  // Somebody else's note makes a new file, as ever.
  std::vector<std::string> said;
  ASSERT_TRUE(
      note_served(VaultDb{fixture.folder}, "x", {"* * * * *", kNow}, [&](const std::string& what) {
        said.push_back(what);
      }).has_value());
  EXPECT_EQ(said.size(), 1U);
  EXPECT_EQ(read_pins(fixture.folder).error().code, Code::kDamaged) << "they are lost all the same";
  std::filesystem::remove(fixture.folder / "pinned");
  EXPECT_TRUE(read_pins(fixture.folder)->empty());
}

TEST(Pins, OnePinDoesNotStandForThoseThatAreLost) {
  Fixture fixture;
  fixture.put("a.zip");
  fixture.put("b.zip");
  std::filesystem::remove(fixture.folder / "vault.db");
  fixture.put("c.zip");
  EXPECT_EQ(read_pins(fixture.folder).error().code, Code::kDamaged);
  ASSERT_TRUE(*remove_pin(fixture.folder, "c.zip"));
  EXPECT_EQ(read_pins(fixture.folder).error().code, Code::kDamaged) << "nor does its end";
  fixture.put("a.zip");
  fixture.put("a.zip");
  EXPECT_EQ(read_pins(fixture.folder).error().code, Code::kDamaged) << "the same one twice";
  fixture.put("b.zip");
  EXPECT_EQ(read_pins(fixture.folder)->size(), 2U);
  ASSERT_TRUE(*remove_pin(fixture.folder, "a.zip"));
  EXPECT_EQ(read_pins(fixture.folder)->size(), 1U);
}

TEST(Pins, GetTheirTableInAFileOfTheVersionBefore) {
  Fixture fixture;
  fixture.put("a.zip");
  ASSERT_TRUE(*remove_pin(fixture.folder, "a.zip"));
  const VaultDb db{fixture.folder};
  ASSERT_TRUE(note_served(db, "x", {"* * * * *", kNow}, {}).has_value());
  ASSERT_TRUE(db.change([](sqlite::Connection& connection) {
                  return connection.exec(
                      "DROP TABLE pins; DROP TABLE alerts; DROP TABLE alert_marks; "
                      "DROP TABLE deliveries; DROP TABLE told; DROP TABLE gaps; DROP TABLE begun; "
                      "PRAGMA user_version=2");
                }).has_value());
  EXPECT_TRUE(read_pins(fixture.folder)->empty());
  ASSERT_TRUE(read_served(db, "x")->has_value());
  fixture.put("b.zip");
  EXPECT_EQ(read_pins(fixture.folder)->size(), 1U);
  EXPECT_TRUE(read_served(db, "x")->has_value()) << "and keeps what was there";
  EXPECT_TRUE(fixture.said.empty());
}

}  // namespace
}  // namespace pv::state
