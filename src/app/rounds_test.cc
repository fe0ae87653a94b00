#include "app/rounds.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <latch>
#include <thread>

#include "base/clock.h"
#include "jobs/vault_rig_testing.h"
#include "state/schedule.h"
#include "testing/fixtures.h"

namespace pv::app {
namespace {

using namespace std::chrono_literals;

// A bucket that takes its time, when a backup is to begin.
TEST(Rounds, AStoreThatDoesNotAnswerHoldsUpTheTimetablesAlone) {
  const testing::TempFolder folder;
  const fs::Path pb_data = testing::unpack_pb_data("0.36.6", folder.path());
  std::latch open{1};
  std::latch asked{1};
  std::atomic<bool> is_asked = false;
  jobs::VaultRig rig{{.pb_data = pb_data, .hook = [&](std::string_view call) -> Result<void> {
                        if (call != "stat" && call != "list") { return {}; }
                        if (!is_asked.exchange(true)) { asked.count_down(); }
                        open.wait();
                        return {};
                      }}};
  jobs::LiveSettings settings{*rig.directory, "", system_clock(), system_random()};
  settings::VaultSettingsFile own{rig.directory->vault_folder()};
  schedule::Scheduler scheduler{*rig.vault, settings, own, system_clock(), system_random(), {}};
  jobs::RequestLog log{*rig.directory, settings, system_clock()};
  jobs::Reopening reopening{*rig.directory, {}};
  const auto change = [](jobs::LiveSettings& by, const char* what) {
    const auto changed =
        by.change({boost::json::parse(what).get_object()}, settings::Edition::k039);
    ASSERT_TRUE(changed.has_value() && changed->faults.empty());
  };
  change(settings, R"({"backups":{"cron":"@yearly"}})");
  ASSERT_TRUE(scheduler.run(state::kBackupCron).has_value());

  Rounds rounds{{reopening, settings, log, scheduler}};
  asked.wait();
  jobs::LiveSettings elsewhere{*rig.directory, "", system_clock(), system_random()};
  change(elsewhere, R"({"logs":{"maxDays":17}})");
  const Deadline limit = Deadline::after(20s);
  while (settings.now()->logs.days_max != 17 && !limit.passed()) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(settings.now()->logs.days_max, 17) << "the settings are not looked at any more";
  rounds.stop();
  open.count_down();
}

}  // namespace
}  // namespace pv::app
