#include "objects/put_back.h"

#include <gtest/gtest.h>

#include <random>

#include "objects/objects_testing.h"
#include "s3/checksum.h"
#include "testing/scripted_server.h"

namespace pv::objects {
namespace {

using testing::http_answer;
using testing::S3Gateway;
using testing::ScriptedServer;

constexpr std::size_t kPartBytes = 5 << 20;  // the least that S3 takes
const PutOptions kOptions{.at_once = 3, .part_bytes = kPartBytes};

// Files in memory.
class Made final : public Incoming {
 public:
  std::map<std::string, std::string> files;
  std::string broken;  // the key of one that can't be extracted

  [[nodiscard]] std::size_t count() const override { return files.size(); }
  [[nodiscard]] File at(std::size_t number) const override {
    const auto& [key, content] = file(number);
    return {key, content.size(), sum(as_bytes(content), 0)};
  }
  [[nodiscard]] Result<s3::Attributes> attributes_of(std::size_t /*number*/) const override {
    return s3::Attributes{"image/png", "Näme.png"};
  }
  [[nodiscard]] Result<void> extract(std::size_t number, Sink& sink,
                                     std::stop_token /*stop*/) const override {
    const auto& [key, content] = file(number);
    for (std::size_t at = 0; at < content.size(); at += 777'777) {
      PV_CHECK(sink.write(as_bytes(std::string_view{content}.substr(at, 777'777))));
    }
    return key == broken ? Result<void>{fail(Code::kDamaged, "its checksum is wrong")}
                         : Result<void>{};
  }
  [[nodiscard]] std::uint32_t checksum(Bytes bytes, std::uint32_t before) const override {
    return sum(bytes, before);
  }

 private:
  static std::uint32_t sum(Bytes bytes, std::uint32_t before) {
    for (const std::byte byte : bytes) { before = before * 31 + std::to_integer<unsigned>(byte); }
    return before;
  }
  [[nodiscard]] const std::pair<const std::string, std::string>& file(std::size_t number) const {
    return *std::next(files.begin(), static_cast<std::ptrdiff_t>(number));
  }
};

class PutBack : public ::testing::Test {
 protected:
  void SetUp() override {
    if (S3Gateway::is_missing()) { GTEST_SKIP() << S3Gateway::kMissing; }
    gateway_.emplace();
    client_.emplace(options_at("http://" + gateway_->host()));
    made_.files = {{"c/r/empty.txt", ""},
                   {"c/r/part.bin", noise(kPartBytes)},
                   {"c/r/large.bin", noise(2 * kPartBytes + 5)},
                   {"c/r/small.txt", "small"},
                   {"c/s/ünï cöde.txt", "letters"}};
  }
  PutOutcome put(const Incoming& incoming) {
    auto outcome = put_missing(*client_, incoming, kOptions, {});
    EXPECT_TRUE(outcome.has_value()) << outcome.error().what;
    return outcome.value_or(PutOutcome{});
  }
  std::optional<S3Gateway> gateway_;
  std::optional<s3::Client> client_;
  Made made_;
};

TEST_F(PutBack, PutsWhatIsMissingAndFindsItAgain) {
  const PutOutcome first = put(made_);
  EXPECT_EQ(first.added_files, 5U);
  EXPECT_EQ(first.added_bytes, 3 * kPartBytes + 5 + 5 + 7);
  for (const auto& [key, content] : made_.files) {
    EXPECT_TRUE(content_of(*client_, key) == content) << key;
    EXPECT_EQ(client_->head(key)->attributes, (s3::Attributes{"image/png", "Näme.png"})) << key;
  }
  const PutOutcome second = put(made_);
  EXPECT_EQ(second.added_files, 0U);
  EXPECT_EQ(second.same_files, 5U);
  EXPECT_TRUE(second.differing.empty());
}

TEST_F(PutBack, WhatIsThereIsReplacedOnlyWhenAskedAndNothingIsRemoved) {
  ASSERT_TRUE(
      client_->put("c/r/small.txt", as_bytes("SMALL"), {}, s3::IfTaken::kReplace).has_value());
  ASSERT_TRUE(client_->put("other/x", as_bytes("x"), {}, s3::IfTaken::kReplace).has_value());
  const PutOutcome outcome = put(made_);
  EXPECT_EQ(outcome.added_files, 4U);
  ASSERT_EQ(outcome.differing.size(), 1U);
  EXPECT_EQ(made_.at(outcome.differing[0]).key, "c/r/small.txt");
  EXPECT_EQ(content_of(*client_, "c/r/small.txt"), "SMALL");
  ASSERT_TRUE(put_over(*client_, made_, outcome.differing, kOptions, {}).has_value());
  EXPECT_EQ(content_of(*client_, "c/r/small.txt"), "small");
  EXPECT_EQ(content_of(*client_, "other/x"), "x");
}

TEST_F(PutBack, ReadsWhereTheEtagTellsNothing) {
  // Put in other parts than ours.
  const std::string& content = made_.files["c/r/large.bin"];
  const auto upload = client_->start("c/r/large.bin", {});
  std::vector<s3::Part> parts;
  std::uint32_t crc = 0;
  for (int part = 0; part < 2; ++part) {
    const auto bytes = std::string_view{content}.substr(part == 0 ? 0 : kPartBytes + 9,
                                                        part == 0 ? kPartBytes + 9 : kPartBytes);
    parts.push_back(client_->put_part(*upload, part + 1, as_bytes(bytes)).value());
  }
  crc = s3::crc32c(as_bytes(content));
  ASSERT_TRUE(client_->complete(*upload, parts, {content.size(), crc}, {}, s3::IfTaken::kReplace)
                  .has_value());
  EXPECT_EQ(put(made_).same_files, 1U);
  made_.files["c/r/large.bin"][kPartBytes] ^= 1;
  EXPECT_EQ(put(made_).differing.size(), 1U);
}

TEST_F(PutBack, ADamagedFileIsNotPut) {
  for (const auto& [key, content] : std::map<std::string, std::string>{
           {"c/r/large.bin", noise(kPartBytes + 5)}, {"c/r/small.txt", "small"}}) {
    made_.files = {{key, content}};
    made_.broken = key;
    const auto outcome = put_missing(*client_, made_, kOptions, {});
    EXPECT_EQ(outcome.error().code, Code::kDamaged);
    EXPECT_NE(outcome.error().what.find(key), std::string::npos);
    EXPECT_EQ(client_->head(key).error().code, Code::kNotFound);
  }
  for (const std::string& left : gateway_->leftovers()) {
    EXPECT_EQ(left.find("large"), std::string::npos) << left;
    EXPECT_EQ(left.find("multipart/"), std::string::npos) << left;
  }
}

TEST_F(PutBack, OneFailureInTwentyLosesNothing) {
  std::mt19937 random{4711};
  ScriptedServer proxy{[&](const std::string& request) -> std::string {
    if (random() % 20 != 0) { return gateway_->forward(request); }
    switch (random() % 4) {
      case 0: return http_answer(500, "");
      case 1: return http_answer(503, "<Error><Code>SlowDown</Code></Error>");
      case 2: (void)gateway_->forward(request); return {};  // the reply is lost
      default: return {};
    }
  }};
  s3::Client through{options_at(proxy.url())};
  for (int i = 0; i < 60; ++i) { made_.files["n/" + std::to_string(i)] = noise(100); }
  const auto outcome = put_missing(through, made_, kOptions, {});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().what;
  EXPECT_EQ(outcome->added_files, made_.files.size());
  for (const auto& [key, content] : made_.files) {
    EXPECT_TRUE(content_of(*client_, key) == content) << key;
  }
}

TEST_F(PutBack, ABucketThatGoesAwayEndsIt) {
  int count = 0;
  ScriptedServer proxy{[&](const std::string& request) -> std::string {
    return ++count > 4 ? std::string{} : gateway_->forward(request);
  }};
  s3::Client through{options_at(proxy.url())};
  EXPECT_EQ(put_missing(through, made_, kOptions, {}).error().code, Code::kUnavailable);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(put_missing(*client_, made_, kOptions, stop.get_token()).error().code,
            Code::kCancelled);
}

}  // namespace
}  // namespace pv::objects
