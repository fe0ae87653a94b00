#include "app/reload.h"

#include <gtest/gtest.h>

namespace pv::app {
namespace {

using cli::Origin;
using cli::Setting;

std::vector<Setting> settings(const std::string& rate, const std::string& http) {
  return {{.key = "http", .value = http}, {.key = "limit_rate", .value = rate}};
}

TEST(Reload, TakesWhatMayChangeAndTellsWhatNeedsARestart) {
  const auto started = settings("", "127.0.0.1:1");
  EXPECT_EQ(changes_of(started, started, started), OptionChanges{});
  const auto changed = settings("20M", "127.0.0.1:2");
  const OptionChanges first = changes_of(started, started, changed);
  EXPECT_EQ(first.taken, (std::vector<std::string>{"limit_rate: 20M (was: none)"}));
  EXPECT_EQ(first.need_restart, (std::vector<std::string>{"http"}));
  const OptionChanges again = changes_of(started, changed, changed);
  EXPECT_TRUE(again.taken.empty());
  EXPECT_EQ(again.need_restart, (std::vector<std::string>{"http"})) << "it still does";
}

TEST(Reload, LeavesAllAsItIsWhereTheOptionsCanNotBe) {
  cli::ServeOptions options;
  Result<cli::ServeOptions> next = fail(Code::kInvalid, "config.toml:1:1: no");
  options.reread = [&] { return next; };
  Reload reload{options};
  EXPECT_FALSE(reload.read().has_value());
  cli::ServeOptions good;
  good.log_level = "debug";
  next = good;
  ASSERT_TRUE(reload.read().has_value());
  EXPECT_EQ(reload.read()->log_level, "debug");
}

}  // namespace
}  // namespace pv::app
