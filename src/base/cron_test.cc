#include "base/cron.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace pv {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

WallTime at(int year_, unsigned month_, unsigned day_, int hour = 0, int minute = 0,
            int second = 0) {
  return WallTime{sys_days{year{year_} / month{month_} / day{day_}} + hours{hour} +
                  minutes{minute} + seconds{second}};
}

std::string next(std::string_view text, WallTime after) {
  const auto cron = Cron::parse(text);
  if (!cron.has_value()) { return cron.error().what; }
  const auto time = cron->next_after(after);
  return time ? format_pocketbase_date(*time).substr(0, 16) : "never";
}

TEST(Cron, FindsTheNextMinuteThatFits) {
  const WallTime now = at(2026, 11, 21, 0, 54, 47);  // a Saturday
  struct Row {
    const char* text;
    const char* next;
  };
  const Row rows[] = {
      {"* * * * *", "2026-11-21 00:55"},       {"54 * * * *", "2026-11-21 01:54"},
      {"55 0 * * *", "2026-11-21 00:55"},      {"0 3 * * *", "2026-11-21 03:00"},
      {"0 0 * * *", "2026-11-22 00:00"},       {"@hourly", "2026-11-21 01:00"},
      {"@daily", "2026-11-22 00:00"},          {"@midnight", "2026-11-22 00:00"},
      {"@weekly", "2026-11-22 00:00"},         {"@monthly", "2026-12-01 00:00"},
      {"@yearly", "2027-01-01 00:00"},         {"@annually", "2027-01-01 00:00"},
      {"*/15 * * * *", "2026-11-21 01:00"},    {"10-50/20 * * * *", "2026-11-21 01:10"},
      {"1,58,57 * * * *", "2026-11-21 00:57"}, {"5 23-23/1 * * *", "2026-11-21 23:05"},
      {"0 0 1 * 1", "2027-02-01 00:00"},  // the first, and a Monday
      {"0 0 29 2 *", "2028-02-29 00:00"},      {"0 0 31 2 *", "never"},
      {"+5 007 * * *", "2026-11-21 07:05"},    {"7/1 * * * *", "2026-11-21 01:07"},
  };
  for (const Row& row : rows) { EXPECT_EQ(next(row.text, now), row.next) << row.text; }
  EXPECT_EQ(next("55 0 * * *", at(2026, 11, 21, 0, 55)), "2026-11-22 00:55");
  EXPECT_EQ(next("0 0 1 1 *", at(2026, 12, 31, 23, 59, 59)), "2027-01-01 00:00");
  EXPECT_EQ(next("0 0 29 2 0", at(2096, 3, 1)), "2128-02-29 00:00");
}

TEST(Cron, RefusesInPocketBasesWords) {
  constexpr const char* kCount =
      "invalid cron expression - must be a valid macro or to have exactly 5 space separated "
      "segments";
  constexpr const char* kValue =
      "invalid segment value - must be between the min and max of the segment";
  struct Row {
    std::string text;
    std::string what;
  };
  const Row rows[] = {
      {"", kCount},
      {" ", kCount},
      {"@DAILY", kCount},
      {"@every 1h", kCount},
      {"* * * *", kCount},
      {"* *  * * *", kCount},
      {"* * * * * *", kCount},
      {std::string(10'000, ' '), kCount},
      {"60 * * * *", kValue},
      {"-1 * * * *", "strconv.Atoi: parsing \"\": invalid syntax"},
      {"* 24 * * *", kValue},
      {"* * 0 * *", kValue},
      {"* * * 13 *", kValue},
      {"* * * * 7", kValue},
      {"70-80 * * * *", "invalid segment range minimum - must be between 0 and 59"},
      {"5-1 * * * *", "invalid segment range maximum - must be between 5 and 59"},
      {"50-70 * * * *", "invalid segment range maximum - must be between 50 and 59"},
      {"1-2-3 * * * *", "invalid segment range format - the range must have 1 or 2 parts"},
      {"*/0 * * * *", "invalid segment step boundary - the step must be between 1 and the 59"},
      {"*/60 * * * *", "invalid segment step boundary - the step must be between 1 and the 59"},
      {"* */24 * * *", "invalid segment step boundary - the step must be between 1 and the 23"},
      {"1/2/3 * * * *", "invalid segment step format - must be in the format */n or 1-30/n"},
      {"5/2 * * * *",
       "invalid segment step - step > 1 could be used only with the wildcard or range format"},
      {"a * * * *", "strconv.Atoi: parsing \"a\": invalid syntax"},
      {"* * * JAN *", "strconv.Atoi: parsing \"JAN\": invalid syntax"},
      {", * * * *", "strconv.Atoi: parsing \"\": invalid syntax"},
      {"+-5 * * * *", "strconv.Atoi: parsing \"+\": invalid syntax"},
      {"99999999999999999999 * * * *",
       "strconv.Atoi: parsing \"99999999999999999999\": value out of range"},
      {"1\t* * * * *", "strconv.Atoi: parsing \"1\\t*\": invalid syntax"},
      {"\"\x01 * * * *", "strconv.Atoi: parsing \"\\\"\\x01\": invalid syntax"},
      {"+-1 * * * *", "strconv.Atoi: parsing \"+\": invalid syntax"},
  };
  for (const Row& row : rows) {
    const auto cron = Cron::parse(row.text);
    ASSERT_FALSE(cron.has_value()) << row.text;
    EXPECT_EQ(cron.error().code, Code::kInvalid);
    EXPECT_EQ(cron.error().what, row.what) << row.text;
  }
}

TEST(Cron, WritesMacrosOut) {
  EXPECT_EQ(Cron::parse("@weekly")->expression(), "0 0 * * 0");
  EXPECT_EQ(Cron::parse("*/5 1 * * *")->expression(), "*/5 1 * * *");
}

}  // namespace
}  // namespace pv
