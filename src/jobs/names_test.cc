#include "jobs/names.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(automatic_name("corner_shop", time), "pb_backup_corner_shop_20261121005447.zip");
  EXPECT_EQ(automatic_name("", time), "pb_backup__20261121005447.zip");
  EXPECT_EQ(automatic_name(std::nullopt, time), "pb_backup_20261121005447.zip");
}

}  // namespace
}  // namespace pv::jobs
