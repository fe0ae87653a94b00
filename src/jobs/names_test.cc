#include "jobs/names.h"

#include <gtest/gtest.h>

#include "store/mem_store.h"

namespace pv::jobs {
namespace {

struct NameCase {
  const char* label;
  std::string given;
  std::optional<NameFault> fault;
};

const NameCase kNames[] = {
    {"plain", "nightly_2026-11-21.zip", std::nullopt},
    {"one dash", "-.zip", std::nullopt},
    {"one underscore", "_.zip", std::nullopt},
    {"as long as allowed", std::string(146, 'a') + ".zip", std::nullopt},
    {"one too long", std::string(147, 'a') + ".zip", NameFault::kLength},
    {"length comes before format", std::string(151, 'A'), NameFault::kLength},
    {"characters count, not bytes", std::string(140, 'a') + "éééééé.zip", NameFault::kFormat},
    {"empty", "", NameFault::kLength},
    {"ending alone", ".zip", NameFault::kFormat},
    {"two dots", "a.b.zip", NameFault::kFormat},
    {"upper case ending", "a.ZIP", NameFault::kFormat},
    {"upper case", "A.zip", NameFault::kFormat},
    {"blank inside", "a b.zip", NameFault::kFormat},
    {"blank before", " a.zip", NameFault::kFormat},
    {"blank after", "a.zip ", NameFault::kFormat},
    {"line feed after", "a.zip\n", NameFault::kFormat},
    {"climbs", "../a.zip", NameFault::kFormat},
    {"folder", "a/b.zip", NameFault::kFormat},
    {"not ASCII", "é.zip", NameFault::kFormat},
    {"automatic prefix", "@auto_x.zip", NameFault::kFormat},
    {"side file", "a.zip.attrs", NameFault::kFormat},
    {"no ending", "manual_backup", NameFault::kFormat},
    {"NUL", std::string{"a\0.zip", 6}, NameFault::kFormat},
};

TEST(NewNames, FollowPocketBasesRules) {
  for (const NameCase& name : kNames) {
    EXPECT_EQ(fault_of_new_name(name.given), name.fault) << name.label;
    EXPECT_EQ(validate_new_name(name.given).has_value(), !name.fault) << name.label;
  }
}

TEST(AutomaticNames, HaveTheAppAndTheSecondInUtc) {
  const WallTime time{std::chrono::nanoseconds{1795222487907654321}};
  EXPECT_EQ(automatic_name(kAutomaticPrefix, "corner_shop", time),
            "pb_backup_corner_shop_20261121005447.zip");
  EXPECT_EQ(automatic_name(kAutomaticPrefix, "", time), "pb_backup__20261121005447.zip");
  EXPECT_EQ(automatic_name(kAutomaticPrefix, std::nullopt, time), "pb_backup_20261121005447.zip");
}

TEST(AutomaticNames, StayInTheirSecondAndInOrder) {
  const WallTime time{std::chrono::nanoseconds{1795222487907654321}};
  std::string before;
  for (int number = 1; number <= 99; ++number) {
    const std::string name = automatic_name(kAutomaticPrefix, "shop", time, number);
    EXPECT_EQ(fault_of_new_name(name), std::nullopt) << name << ": PocketBase takes it as well";
    EXPECT_LT(before, name);
    before = name;
  }
  EXPECT_EQ(before, "pb_backup_shop_20261121005447_99.zip");
  EXPECT_LT(before, automatic_name(kAutomaticPrefix, "shop", time + std::chrono::seconds{1}));
}

TEST(AutomaticNames, AreToldFromThoseThatPeopleGive) {
  const WallTime now{std::chrono::seconds{1'795'222'487}};
  for (const std::string_view prefix : {kAutomaticPrefix, kScheduledPrefix}) {
    EXPECT_TRUE(is_automatic(automatic_name(prefix, "shop", now)));
    EXPECT_TRUE(is_automatic(automatic_name(prefix, "", now)));
    EXPECT_TRUE(is_automatic(automatic_name(prefix, std::nullopt, now)));
    EXPECT_TRUE(is_automatic(automatic_name(prefix, "shop", now, 2)));
  }
  for (const std::string_view given :
       {"latest.zip", "pb_backup_latest.zip", "pb_backup_.zip", "pb_backup_2026112100544.zip",
        "20261121005447.zip", "pb_backup_20261121005447.tar", ""}) {
    EXPECT_FALSE(is_automatic(given)) << given;
  }
}

TEST(AutomaticNames, AreFreeOnes) {
  const WallTime time{std::chrono::nanoseconds{1795222487907654321}};
  const auto store = store::make_mem_store(system_clock());
  for (int number = 1; number <= 99; ++number) {
    const auto name = free_name(*store, kSafetyPrefix, "shop", time);
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(name->text(), automatic_name(kSafetyPrefix, "shop", time, number));
    ASSERT_TRUE((*store->create(*name, {}))->commit().has_value());
  }
  EXPECT_EQ(free_name(*store, kSafetyPrefix, "shop", time).error().code, Code::kExists);
}

}  // namespace
}  // namespace pv::jobs
