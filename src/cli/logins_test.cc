#include "cli/logins.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wall_time.h"
#include "cli/interrupt.h"
#include "cli/server_note.h"
#include "testing/fixtures.h"

namespace pv::cli {
namespace {

using testing::TempFolder;

TEST(Logins, AreKeptPerServerForTheirOwnerAlone) {
  const TempFolder temp;
  Logins logins{temp / "config/pocketvault/logins.json"};
  EXPECT_EQ(logins.find("http://a"), std::nullopt);
  ASSERT_TRUE(logins.keep("http://a", {"x@y.zz", "token a"}).has_value());
  ASSERT_TRUE(logins.keep("http://b", {"x@y.zz", "token b"}).has_value());
  EXPECT_EQ(logins.find("http://a"), (Login{"x@y.zz", "token a"}));
  EXPECT_EQ(fs::stat(logins.file()).value().mode & 07777U, 0600U);
  EXPECT_EQ(fs::stat(logins.file().parent_path()).value().mode & 07777U, 0700U);
  EXPECT_TRUE(logins.forget("http://a").has_value());
  EXPECT_EQ(logins.forget("http://a").error().code, Code::kNotFound);
  EXPECT_EQ(logins.find("http://b"), (Login{"x@y.zz", "token b"}));
}

TEST(Logins, BearAFileThatMakesNoSense) {
  const TempFolder temp;
  for (const char* text : {"", "[", "[]", R"({"http://a":5})", R"({"http://a":{"token":5}})"}) {
    testing::write_file(temp / "logins.json", text);
    EXPECT_EQ(Logins{temp / "logins.json"}.find("http://a"), std::nullopt) << text;
  }
  EXPECT_TRUE(Logins{temp / "logins.json"}.keep("http://a", {"", "t"}).has_value());
}

TEST(TokenEnd, IsReadAndNotBelieved) {
  // {"exp":1795308843}
  EXPECT_EQ(token_end("e30.eyJleHAiOjE3OTUzMDg4NDN9.x"),
            WallTime{std::chrono::seconds{1795308843}});
  // {"exp":253402300799}, of the year 9999
  EXPECT_EQ(token_end("e30.eyJleHAiOjI1MzQwMjMwMDc5OX0.x"), kLatestTime);
  for (const char* token : {"", "a.b", "a.b.c", "e30.e30.x", "e30.eyJleHAiOi0xfQ.x"}) {
    EXPECT_EQ(token_end(token), std::nullopt) << token;
  }
}

TEST(ServerNote, IsFoundWhileItsProcessLives) {
  const TempFolder temp;
  EXPECT_EQ(read_server_note(temp.path()), std::nullopt);
  const ServerNote note{::getpid(), "http://127.0.0.1:8090"};
  ASSERT_TRUE(write_server_note(temp.path(), note).has_value());
  EXPECT_EQ(fs::stat(temp / "server.json").value().mode & 07777U, 0600U);
  EXPECT_EQ(read_server_note(temp.path()), note);
  const pid_t child = ::fork();
  if (child == 0) { ::_exit(0); }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_TRUE(write_server_note(temp.path(), {child, note.url}).has_value());
  EXPECT_EQ(read_server_note(temp.path()), std::nullopt) << "left by a crash";
  remove_server_note(temp.path());
  EXPECT_FALSE(fs::exists(temp / "server.json"));
}

TEST(ServerNote, BearsNonsense) {
  const TempFolder temp;
  for (const char* text : {"", "{", "[]", R"({"pid":0,"url":"x"})", R"({"pid":-1,"url":"x"})",
                           R"({"pid":1e99,"url":"x"})", R"({"pid":1})", R"({"pid":1,"url":2})"}) {
    testing::write_file(temp / "server.json", text);
    EXPECT_EQ(read_server_note(temp.path()), std::nullopt) << text;
  }
}

TEST(Interrupt, TheFirstSignalAsksAndALaterOneEnds) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Interrupt interrupt;
    ::raise(SIGINT);
    ::raise(SIGINT);  // the same once more, as timeout(1) sends it
    while (!interrupt.token().stop_requested()) { ::usleep(1000); }
    constexpr int kTriesMax = 10'000;
    for (int i = 0; i < kTriesMax; ++i) {
      ::raise(SIGINT);
      ::usleep(1000);
    }
    ::_exit(1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

TEST(Interrupt, PutsBackWhatWasThere) {
  struct ::sigaction before {};
  struct ::sigaction after {};
  ::sigaction(SIGINT, nullptr, &before);
  { const Interrupt interrupt; }
  { const Interrupt interrupt; }
  ::sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

}  // namespace
}  // namespace pv::cli
