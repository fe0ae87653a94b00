#include "notify/sendmail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "testing/fixtures.h"

namespace pv::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A sendmail that is a script of the test.
class SendmailTest : public ::testing::Test {
 protected:
  Result<void> run(const std::string& script, const std::stop_token& stop = {}) {
    testing::write_file(program_, "#!/bin/sh\n" + script);
    std::filesystem::permissions(program_, std::filesystem::perms::owner_all);
    return run_sendmail({"/nowhere/sendmail", program_.string()}, "ops@example.org",
                        "a\r\n.\r\nb\r\n", std::chrono::seconds{20}, stop);
  }
  static std::string error_of(const Result<void>& outcome) {
    return outcome.has_value() ? "sent" : outcome.error().what;
  }

  testing::TempFolder folder_;
  std::filesystem::path program_ = folder_ / "sendmail";
  std::filesystem::path got_ = folder_ / "got";
};

TEST_F(SendmailTest, GetsTheMessageAndTheAddress) {
  const auto sent = run("{ echo \"$@\"; cat; } > '" + got_.string() + "'\n");
  EXPECT_EQ(error_of(sent), "sent");
  EXPECT_EQ(testing::read_file(got_), "-i -- ops@example.org\na\n.\nb\n");
}

TEST_F(SendmailTest, SaysWhatItComplainedOf) {
  EXPECT_THAT(error_of(run("echo 'no such user' >&2\nexit 67\n")),
              HasSubstr("ended with status 67: no such user"));
  EXPECT_THAT(error_of(run("kill -9 $$\n")), HasSubstr("was killed"));
}

TEST_F(SendmailTest, GetsNoKeysOfThisProcess) {
  ::setenv("PV_TEST_SECRET", "hunter2", 1);
  EXPECT_EQ(error_of(run("env > '" + got_.string() + "'\n")), "sent");
  ::unsetenv("PV_TEST_SECRET");
  EXPECT_THAT(testing::read_file(got_), Not(HasSubstr("hunter2")));
}

TEST_F(SendmailTest, IsEndedWithWhoWaitsForIt) {
  std::stop_source stop;
  stop.request_stop();
  const auto sent = run("sleep 1000\n", stop.get_token());
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Code::kCancelled);
}

TEST(Sendmail, IsLookedForWherePocketBaseLooks) {
  EXPECT_THAT(sendmail_places("/a:b::/c/d"), ElementsAre("/usr/sbin/sendmail", "/usr/bin/sendmail",
                                                         "/a/sendmail", "/c/d/sendmail"));
  const auto sent = run_sendmail({"/nowhere/sendmail"}, "a@b.cd", "", std::chrono::seconds{1}, {});
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().what, "failed to locate a sendmail executable path");
}

}  // namespace
}  // namespace pv::notify
