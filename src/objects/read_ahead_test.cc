#include "objects/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/work_pool.h"
#include "objects/objects_testing.h"
#include "s3/sidecar.h"
#include "testing/scripted_server.h"

namespace pv::objects {
namespace {

using testing::http_answer;
using testing::S3Gateway;
using testing::ScriptedServer;
using Ahead = ReadAhead::Ahead;

constexpr ReadAheadLimits kSmall{
    .at_once = 4, .whole_bytes_max = 100, .span_bytes = 64, .waiting_bytes_max = 1000};

// Answers ranges of one content, whatever is asked for.
class Objects {
 public:
  std::string answer(const std::string& request) {
    ++requests;
    if (fails > 0 && requests >= fails) {
      return http_answer(403, "<Error><Code>AccessDenied</Code></Error>");
    }
    if (request.starts_with("HEAD")) {
      return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) +
             "\r\nETag: \"e\"\r\nLast-Modified: Sat, 21 Nov 2026 00:54:47 GMT\r\n" + headers +
             "\r\n";
    }
    const std::size_t at = request.find("Range: bytes=") + 13;
    std::size_t dash = 0;
    const std::size_t first = std::stoul(request.substr(at), &dash);
    const std::size_t last = std::stoul(request.substr(at + dash + 1));
    return http_answer(206, content.substr(first, last - first + 1),
                       "Content-Range: bytes " + std::to_string(first) + "-" +
                           std::to_string(last) + "/" + std::to_string(content.size()) + "\r\n" +
                           headers);
  }
  std::string content;
  std::string headers = "Content-Type: image/png\r\nx-amz-meta-original-filename: a%20b.png\r\n";
  int requests = 0;
  int fails = 0;  // from this request on
};

s3::Object object_of(const std::string& content) {
  return {.key = "c/r/f.png", .size_bytes = content.size(), .modified = {}, .etag = "\"e\""};
}

std::string all_of(const Result<std::unique_ptr<Source>>& source, std::size_t step) {
  if (!source.has_value()) { return "(" + source.error().what + ")"; }
  std::string content;
  std::string block(step, '\0');
  for (;;) {
    const auto count = (*source)->read_at(content.size(), std::as_writable_bytes(std::span{block}));
    if (!count.has_value()) { return "(" + count.error().what + ")"; }
    content.append(block, 0, *count);
    if (*count < step) { return content; }
  }
}

TEST(ReadAhead, GivesContentAndWhatIsKeptWithIt) {
  for (const std::size_t size : {0U, 1U, 100U, 101U, 1000U}) {
    for (const Ahead ahead : {Ahead::kYes, Ahead::kNo}) {
      Objects objects{.content = noise(size)};
      ScriptedServer server{[&](const std::string& request) { return objects.answer(request); }};
      s3::Client client{options_at(server.url())};
      ReadAhead read_ahead{client, kSmall, {}};
      const auto openers = read_ahead.add(object_of(objects.content), ahead);
      EXPECT_TRUE(all_of(openers.content(), 64) == objects.content) << size;
      EXPECT_EQ(all_of(openers.sidecar(), 1000), s3::sidecar_of({"image/png", "a b.png"}));
    }
  }
}

TEST(ReadAhead, FetchesBeforeItIsAskedAndNoByteTwice) {
  Objects objects{.content = noise(640)};
  ScriptedServer server{[&](const std::string& request) { return objects.answer(request); }};
  s3::Client client{options_at(server.url())};
  ReadAhead read_ahead{client, kSmall, {}};
  const auto large = read_ahead.add(object_of(objects.content), Ahead::kYes);
  EXPECT_TRUE(all_of(large.content(), 64) == objects.content);
  EXPECT_EQ(server.requests().size(), 10U);
  objects.content = noise(100);
  const auto small = read_ahead.add(object_of(objects.content), Ahead::kYes);
  while (server.requests().size() < 11) { std::this_thread::yield(); }  // nobody has asked yet
  EXPECT_TRUE(all_of(small.content(), 64) == objects.content);
  EXPECT_EQ(server.requests().size(), 11U);
}

TEST(ReadAhead, WhatNobodyWillAskForIsNotFetched) {
  Objects objects{.content = noise(100)};
  ScriptedServer server{[&](const std::string& request) { return objects.answer(request); }};
  s3::Client client{options_at(server.url())};
  ReadAhead read_ahead{client, kSmall, {}};
  for (int i = 0; i < 5; ++i) {
    std::ignore = read_ahead.add(object_of(objects.content), Ahead::kNo);
  }
  // More than may wait is fetched when it is asked for.
  std::vector<ReadAhead::Openers> openers;
  for (int i = 0; i < 30; ++i) {
    openers.push_back(read_ahead.add(object_of(objects.content), Ahead::kYes));
  }
  while (server.requests().size() < 10) { std::this_thread::yield(); }
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  EXPECT_EQ(server.requests().size(), 10U);
  for (const auto& one : openers) { EXPECT_TRUE(all_of(one.content(), 64) == objects.content); }
  EXPECT_EQ(server.requests().size(), 30U);
}

TEST(ReadAhead, ManyThreadsReadOneLargeObject) {
  Objects objects{.content = noise(64 * 50 + 7)};
  ScriptedServer server{[&](const std::string& request) { return objects.answer(request); }};
  s3::Client client{options_at(server.url())};
  ReadAhead read_ahead{client, kSmall, {}};
  const auto source = read_ahead.add(object_of(objects.content), Ahead::kYes).content().value();
  WorkPool pool{4};
  const auto read = for_each_index(pool, 51, 4, [&](std::size_t i) -> Result<void> {
    std::string block(64, '\0');
    PV_TRY(const std::size_t count,
           source->read_at(i * 64, std::as_writable_bytes(std::span{block})));
    return block.substr(0, count) == objects.content.substr(i * 64, 64)
               ? Result<void>{}
               : fail(Code::kDamaged, std::to_string(i));
  });
  EXPECT_TRUE(read.has_value()) << read.error().what;
}

TEST(ReadAhead, ARefusalIsThatObjectsAlone) {
  Objects objects{.content = noise(50), .fails = 1};
  ScriptedServer server{[&](const std::string& request) { return objects.answer(request); }};
  s3::Client client{options_at(server.url())};
  ReadAhead read_ahead{client, kSmall, {}};
  const auto first = read_ahead.add(object_of(objects.content), Ahead::kYes);
  EXPECT_EQ(first.content().error().code, Code::kDenied);
  EXPECT_EQ(first.sidecar().error().code, Code::kDenied);
  objects.fails = 0;
  EXPECT_TRUE(read_ahead.add(object_of(objects.content), Ahead::kYes).content().has_value());
}

TEST(ReadAhead, AnObjectThatNoMemoryHoldsFailsAlone) {
  Objects objects{.content = noise(50)};
  ScriptedServer server{[&](const std::string& request) { return objects.answer(request); }};
  s3::Client client{options_at(server.url())};
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  ReadAhead read_ahead{
      client, {.at_once = 2, .whole_bytes_max = kMost, .waiting_bytes_max = kMost}, {}};
  s3::Object huge = object_of(objects.content);
  huge.size_bytes = kMost / 2;
  const auto openers = read_ahead.add(huge, Ahead::kYes);
  EXPECT_EQ(openers.content().error().code, Code::kInternal);
  EXPECT_TRUE(all_of(read_ahead.add(object_of(objects.content), Ahead::kNo).content(), 64) ==
              objects.content);
}

TEST(ReadAhead, ABucketThatIsAwayIsWaitedForOnce) {
  const std::string content = noise(50);
  ScriptedServer server{[&](const std::string&) { return std::string{}; }};
  s3::Client client{options_at(server.url())};
  ReadAhead read_ahead{client, kSmall, {}};
  EXPECT_EQ(read_ahead.add(object_of(content), Ahead::kNo).content().error().code,
            Code::kUnavailable);
  const std::size_t before = server.requests().size();
  for (int i = 0; i < 20; ++i) {
    const auto more = read_ahead.add(object_of(content), Ahead::kYes);
    EXPECT_EQ(more.content().error().code, Code::kUnavailable);
    EXPECT_EQ(more.sidecar().error().code, Code::kUnavailable);
  }
  EXPECT_EQ(server.requests().size(), before);
}

TEST(ReadAhead, AStopEndsWhatIsOnItsWay) {
  ScriptedServer server{[&](const std::string&) { return std::string{ScriptedServer::kHang}; }};
  s3::Client client{options_at(server.url())};
  std::stop_source stop;
  ReadAhead read_ahead{client, kSmall, stop.get_token()};
  const auto openers = read_ahead.add(object_of(noise(50)), Ahead::kYes);
  const std::jthread stopper{[&] {
    while (server.requests().empty()) { std::this_thread::yield(); }
    stop.request_stop();
  }};
  EXPECT_EQ(openers.content().error().code, Code::kCancelled);
}

}  // namespace
}  // namespace pv::objects
