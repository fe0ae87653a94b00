#include "settings/vault_settings.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "testing/fixtures.h"

namespace pv::settings {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

struct Fixture {
  testing::TempFolder folder;
  VaultSettingsFile file{folder.path()};

  std::string change(std::string_view text) {
    const auto changed = file.change({json::parse(text).get_object()});
    if (!changed.has_value()) { return changed.error().what; }
    std::string faults;
    for (const Fault& fault : changed->faults) {
      faults += fault.field + fault.unknown + "=" + fault.code + " ";
    }
    if (!faults.empty()) { return faults; }
    return json::serialize(json::object{{"schedule", changed->shown.at("schedule")}});
  }
  void write(std::string_view text) { std::ofstream{folder.path() / "settings.json"} << text; }
};

TEST(VaultSettings, HaveDefaultsAndAreChanged) {
  Fixture fixture;
  EXPECT_EQ(fixture.file.now(), VaultSettings{});
  EXPECT_EQ(fixture.change(R"({"schedule":{"jitterSeconds":90}})"),
            R"({"schedule":{"jitterSeconds":90,"catchUp":true}})");
  EXPECT_EQ(fixture.change(R"({"schedule":{"catchUp":false}})"),
            R"({"schedule":{"jitterSeconds":90,"catchUp":false}})");
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{90});
  EXPECT_FALSE(fixture.file.now().schedule.catch_up);
  VaultSettingsFile other{fixture.folder.path()};
  EXPECT_EQ(other.now(), fixture.file.now());
}

TEST(VaultSettings, RefuseWhatTheyDoNotKnowAndWhatCannotBe) {
  Fixture fixture;
  const std::pair<const char*, const char*> rows[] = {
      {R"({"schedul":{}})", "schedul=validation_unknown_field "},
      {R"({"a.b":1})", "a.b=validation_unknown_field "},
      {R"({"schedule":{"jitter":1}})", "schedule.jitter=validation_unknown_field "},
      {R"({"schedule":{"jitterSeconds":"1"}})", "schedule.jitterSeconds=validation_invalid_type "},
      {R"({"schedule":{"jitterSeconds":-1}})",
       "schedule.jitterSeconds=validation_min_greater_equal_than_required "},
      {R"({"schedule":{"jitterSeconds":21601}})",
       "schedule.jitterSeconds=validation_max_less_equal_than_required "},
  };
  for (const auto& [change, faults] : rows) { EXPECT_EQ(fixture.change(change), faults); }
  EXPECT_FALSE(fs::exists(fixture.folder.path() / "settings.json"));
}

TEST(VaultSettings, AreNoticedWhenAnotherProcessChangesThem) {
  Fixture fixture;
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{0});
  fixture.write(R"({"schedule":{"jitterSeconds":5},"newer":{"x":[1]}})");
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{5});
  EXPECT_EQ(fixture.change(R"({"schedule":{"jitterSeconds":6}})"),
            R"({"schedule":{"jitterSeconds":6,"catchUp":true}})");
  const auto text = fs::read_file(fixture.folder.path() / "settings.json", 1 << 20);
  EXPECT_NE(text->find(R"("newer":{"x":[1]})"), std::string::npos) << "a newer version's stays";
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{6});
  fixture.write("{ broken");
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{6}) << "what could be read last counts";
  EXPECT_EQ(fixture.file.show().error().code, Code::kDamaged);
}

TEST(VaultSettings, AreNotReadThroughALink) {
  Fixture fixture;
  const testing::TempFolder elsewhere;
  std::ofstream{elsewhere.path() / "x.json"} << R"({"schedule":{"jitterSeconds":5}})";
  std::filesystem::create_symlink(elsewhere.path() / "x.json",
                                  fixture.folder.path() / "settings.json");
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{0});
  EXPECT_EQ(fixture.file.show().error().code, Code::kDamaged);
}

}  // namespace
}  // namespace pv::settings
