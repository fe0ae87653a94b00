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

  // The section of the change's first member, as it is then; or what is wrong.
  std::string change(std::string_view text) {
    const json::object wanted = json::parse(text).get_object();
    const auto changed = file.change({wanted});
    if (!changed.has_value()) { return changed.error().what; }
    std::string faults;
    for (const Fault& fault : changed->faults) {
      faults += fault.field + fault.unknown + "=" + fault.code + " ";
    }
    return faults.empty() ? json::serialize(changed->shown.at(wanted.begin()->key())) : faults;
  }
  void write(std::string_view text) { std::ofstream{folder.path() / "settings.json"} << text; }
};

TEST(VaultSettings, HaveDefaultsAndAreChanged) {
  Fixture fixture;
  EXPECT_EQ(fixture.file.now(), VaultSettings{});
  EXPECT_EQ(fixture.change(R"({"schedule":{"jitterSeconds":90}})"),
            R"({"jitterSeconds":90,"catchUp":true})");
  EXPECT_EQ(fixture.change(R"({"schedule":{"catchUp":false}})"),
            R"({"jitterSeconds":90,"catchUp":false})");
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
      {R"({"retention":{"keepDaily":-1,"keepLast":10001,"governs":"none"}})",
       "retention.keepLast=validation_max_less_equal_than_required "
       "retention.keepDaily=validation_min_greater_equal_than_required "
       "retention.governs=validation_in_invalid "},
      {R"({"retention":{"minAgeHours":87601}})",
       "retention.minAgeHours=validation_max_less_equal_than_required "},
      {R"({"verification":{"cron":"61 * * * *","sampleCount":1001}})",
       "verification.sampleCount=validation_max_less_equal_than_required "
       "verification.cron=validation_invalid_cron "},
  };
  for (const auto& [change, faults] : rows) { EXPECT_EQ(fixture.change(change), faults); }
  EXPECT_FALSE(fs::exists(fixture.folder.path() / "settings.json"));
}

TEST(VaultSettings, TellWhatStandsInTheFileAndDoesNothing) {
  const Fixture fixture;
  const VaultSettingsFile file{fixture.folder.path()};
  EXPECT_EQ(file.strangers().size(), 0U) << "without a file";
  testing::write_file(
      fixture.folder / "settings.json",
      R"({"retention":{"keepDayly":7,"keepDaily":3},"alerts":{"webhooks":[{"name":"w","to":1}]},"x":1})");
  EXPECT_EQ(file.strangers(),
            (std::vector<std::string>{"retention.keepDayly", "alerts.webhooks.0.to", "x"}));
  testing::write_file(fixture.folder / "settings.json", "{");
  EXPECT_EQ(file.strangers().size(), 0U) << "read() tells that";
}

TEST(VaultSettings, AreNoticedWhenAnotherProcessChangesThem) {
  Fixture fixture;
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{0});
  fixture.write(R"({"schedule":{"jitterSeconds":5},"newer":{"x":[1]}})");
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{5});
  EXPECT_EQ(fixture.change(R"({"schedule":{"jitterSeconds":6}})"),
            R"({"jitterSeconds":6,"catchUp":true})");
  const auto text = fs::read_file(fixture.folder.path() / "settings.json", 1 << 20);
  EXPECT_NE(text->find(R"("newer":{"x":[1]})"), std::string::npos) << "a newer version's stays";
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{6});
  fixture.write("{ broken");
  EXPECT_EQ(fixture.file.now().schedule.jitter_max, seconds{6}) << "what could be read last counts";
  EXPECT_EQ(fixture.file.show().error().code, Code::kDamaged);
}

TEST(VaultSettings, SayHowLongBackupsAreKeptAndWhenTheyAreVerified) {
  Fixture fixture;
  EXPECT_TRUE(fixture.file.now().retention.is_empty());
  EXPECT_EQ(fixture.change(
                R"({"retention":{"keepDaily":7,"keepYearly":2,"minAgeHours":24,"governs":"all"}})"),
            R"({"keepLast":0,"keepHourly":0,"keepDaily":7,"keepWeekly":0,"keepMonthly":0,)"
            R"("keepYearly":2,"minAgeHours":24,"governs":"all"})");
  const Retention wanted{.daily = 7,
                         .yearly = 2,
                         .min_age = std::chrono::hours{24},
                         .governs = Retention::Governs::kAll};
  EXPECT_EQ(fixture.file.now().retention, wanted);
  EXPECT_FALSE(wanted.is_empty());
  EXPECT_EQ(fixture.change(R"({"verification":{"cron":"","deep":false}})"),
            R"({"cron":"","deep":false,"sampleCount":1,"buckets":false})");
  EXPECT_EQ(fixture.file.now().verification.cron, "");
}

// Where a default would remove what the file keeps.
TEST(VaultSettings, CanBeReadWithoutDefaultsForWhatMakesNoSense) {
  Fixture fixture;
  EXPECT_EQ(fixture.file.read().value(), VaultSettings{}) << "no file is none";
  for (const char* wrong : {R"({"retention":{"keepDaily":"7"}})", "{ broken",
                            R"({"retention":{"keepDaily":-7}})", R"({"retention":[]})"}) {
    fixture.write(wrong);
    EXPECT_EQ(fixture.file.read().error().code, Code::kDamaged) << wrong;
  }
  fixture.write(R"({"retention":{"keepDaily":7},"newer":1})");
  EXPECT_EQ(fixture.file.read()->retention.daily, 7);
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
