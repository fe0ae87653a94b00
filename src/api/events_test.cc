#include "api/events.h"

#include <gtest/gtest.h>

#include <future>

#include "api/server_testing.h"

namespace pv::api {
namespace {

using namespace std::chrono_literals;

constexpr EventTimes kFast{.look_every = 1ms, .heartbeat = 1h, .life = 1h};

boost::asio::awaitable<void> take(EventStream& stream, std::string& into, bool& ended) {
  std::vector<std::byte> block(100);  // smaller than an event
  const Result<std::size_t> count = co_await stream.read(block);
  PV_ASSERT(count.has_value());
  into += as_text(Bytes{block}.first(*count));
  ended = *count == 0;
}

// A client that reads what it needs, and no more.
class Client {
 public:
  Client(jobs::Vault& vault, EventTimes times, Language language = Language::kEnglish)
      : stream_{vault, pool_, times, nullptr, language} {}

  // Reads until `wanted` was said, or the stream ends (false).
  bool read_until(std::string_view wanted) {
    while (text_.find(wanted) == std::string::npos && !ended_) {
      context_.restart();
      boost::asio::co_spawn(context_, take(stream_, text_, ended_), boost::asio::detached);
      context_.run();
    }
    return !ended_;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  // The data of all events, in order.
  [[nodiscard]] std::vector<boost::json::value> events() const {
    constexpr std::string_view kData = "\ndata: ";
    std::vector<boost::json::value> all;
    for (std::size_t at = text_.find(kData); at != std::string::npos;
         at = text_.find(kData, at + 1)) {
      const std::size_t end = text_.find("\n\n", at + 1);
      if (end == std::string::npos) { break; }
      all.push_back(boost::json::parse(
          std::string_view{text_}.substr(at + kData.size(), end - at - kData.size())));
    }
    return all;
  }

 private:
  WorkPool pool_{1};
  boost::asio::io_context context_{1};
  EventStream stream_;
  std::string text_;
  bool ended_ = false;
};

TEST(Events, TellARunningJobAtOnceAndItsEnd) {
  TestServer server;
  ASSERT_EQ(server.admin_json("POST", "/api/backups", R"({"name":"old.zip"})").status, 204U);
  std::promise<void> opened;
  std::shared_future<void> gate{opened.get_future()};
  server.store().hook = [&](std::string_view method) {
    if (method == "write") { gate.wait(); }
    return Result<void>{};
  };
  const auto job = server.vault().start_backup({.name = "a.zip"}).value();
  Client client{server.vault(), kFast};
  ASSERT_TRUE(client.read_until(R"("phase":"pack")"));
  EXPECT_EQ(client.text().find("retry: 2000\n\nevent: job\ndata: {"), 0U) << client.text();
  EXPECT_EQ(client.text().find("old.zip"), std::string::npos) << "ended before the client came";
  opened.set_value();
  ASSERT_TRUE(client.read_until("\"state\":\"succeeded\""));
  job->wait();
  std::uint64_t done = 0;
  const auto events = client.events();
  ASSERT_GE(events.size(), 1U);
  for (const boost::json::value& event : events) {
    EXPECT_EQ(event.at("id").as_string(), job->id());
    EXPECT_FALSE(event.as_object().contains("warnings"));
    const auto now = event.at("bytesDone").to_number<std::uint64_t>();
    EXPECT_GE(now, done);
    done = now;
  }
}

TEST(Events, TellAJobThatStartsLaterAndThenStaySilent) {
  TestServer server;
  EventTimes times = kFast;
  times.heartbeat = 20ms;
  Client client{server.vault(), times};
  ASSERT_TRUE(client.read_until("retry"));
  server.vault().start_backup({.name = "a.zip"}).value()->wait();
  ASSERT_TRUE(client.read_until("\"state\":\"succeeded\""));
  ASSERT_TRUE(client.read_until(": still here\n\n")) << "nothing else to say";
  const auto events = client.events();
  ASSERT_FALSE(events.empty());
  const boost::json::value& last = events.back();
  EXPECT_EQ(last.at("state").as_string(), "succeeded");
  EXPECT_EQ(last.at("bytesDone"), last.at("bytesTotal")) << "100 %";
  EXPECT_GT(last.at("bytesTotal").to_number<std::uint64_t>(), 0U);
  EXPECT_EQ(last.at("warningCount").to_number<int>(), 0);
}

TEST(Events, SayInTheLanguageThatIsAskedForWhyAJobFailed) {
  TestServer server;
  const fs::Path folder = server.path() / "backups";
  std::filesystem::create_directories(folder);
  testing::write_file(folder / "bad.zip", tiny_zip());
  Client client{server.vault(), kFast, Language::kChinese};
  ASSERT_TRUE(client.read_until("retry"));
  EXPECT_EQ(server.admin_call("POST", "/api/backups/bad.zip/restore").status, 400U);
  ASSERT_TRUE(client.read_until("\"collections\":[]}"));  // how the event ends, but for a count
  ASSERT_TRUE(client.read_until("\"warningCount\":0}\n\n"));
  const Got stream = server.admin_call("GET", "/api/vault/events", {{"Accept-Language", "zh"}});
  EXPECT_EQ(stream.header("Content-Language"), "zh-Hans");
  const boost::json::value last = client.events().back();
  EXPECT_EQ(last.at_pointer("/error/code").as_string(), "damaged");
  EXPECT_EQ(last.at_pointer("/error/message").as_string(),
            "压缩包不是 PocketBase 的备份：data.db 文件缺失或无效：顶层没有 data.db");
}

TEST(Events, EndWithTheServerAndWithTheirTime) {
  TestServer server;
  Client client{server.vault(), kFast};
  server.vault().shut_down();
  EXPECT_FALSE(client.read_until("never said"));

  TestServer other;
  EventTimes times = kFast;
  times.life = 5ms;
  Client old{other.vault(), times};
  EXPECT_FALSE(old.read_until("never said"));
}

TEST(Events, AreForSuperusersInTheDefaultMannerAndNotForTooMany) {
  TestServer server;
  EXPECT_EQ(server.call({.target = "/api/vault/events"}).status, 401U);
  EXPECT_EQ(
      server.call({.target = "/api/vault/events", .headers = {{"Authorization", server.user()}}})
          .status,
      403U);
  std::vector<Got> open;
  for (std::size_t i = 0; i < kEventStreamsMax; ++i) {
    open.push_back(server.admin_call("GET", "/api/vault/events"));
    ASSERT_EQ(open.back().status, 200U) << i;
    EXPECT_EQ(open.back().header("Content-Type"), "text/event-stream");
    ASSERT_EQ(open.back().streams.size(), 1U);
  }
  EXPECT_EQ(server.admin_call("GET", "/api/vault/events").status, 429U);
  open.pop_back();
  EXPECT_EQ(server.admin_call("GET", "/api/vault/events").status, 200U) << "a place is free again";

  Options strict;
  strict.strict = true;
  server.start(strict);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/events").status, 404U);
}

}  // namespace
}  // namespace pv::api
