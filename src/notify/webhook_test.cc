#include "notify/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/scripted_server.h"

namespace pv::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};  // 2026-11-21 00:54:47

Notice failed() {
  return {.id = "7",
          .kind = "failed",
          .app = "Acme",
          .title = "Backup failed",
          .text = "disk <full> & \"more\"",
          .at = kNow};
}

std::string body_of(const curl::Request& request) { return std::get<std::string>(request.body); }
std::string header_of(const curl::Request& request, std::string_view name) {
  return std::string{curl::find_header(request.headers, name).value_or("(none)")};
}

TEST(Webhook, IsSignedAsAnybodyCanCheck) {
  // printf '1795222487.{}' | openssl dgst -sha256 -hmac key
  EXPECT_EQ(signature("key", std::chrono::floor<std::chrono::seconds>(kNow), "{}"),
            "f8ee0a74943150c232f9e4e6768f1a2aad58fd35907c19ecd90f3f4485e07d96");
  Webhook webhook{.name = "a", .url = "https://h.example/x", .secret = "key"};
  const curl::Request request = request_of(webhook, failed(), kNow);
  const std::string header = header_of(request, "pocketvault-signature");
  EXPECT_EQ(header,
            "t=1795222487,v1=" +
                signature("key", std::chrono::floor<std::chrono::seconds>(kNow), body_of(request)));
  webhook.secret.clear();
  EXPECT_EQ(header_of(request_of(webhook, failed(), kNow), "pocketvault-signature"), "(none)");
}

struct PresetCase {
  Webhook webhook;
  std::string url;
  std::string body;
  curl::Header header = {"Content-Type", "application/json"};
};
const PresetCase kPresets[] = {
    {{.name = "a", .url = "https://h.example/x?y"},
     "https://h.example/x?y",
     R"({"id":"7","kind":"failed","good":false,"reminder":false,"app":"Acme","title":"Backup failed","text":"disk <full> & \"more\"","at":"2026-11-21 00:54:47.000Z"})"},
    {{.name = "a", .preset = Preset::kSlack, .url = "https://h.example/x"},
     "https://h.example/x",
     R"({"text":"*[Acme] Backup failed*\ndisk &lt;full&gt; &amp; \"more\""})"},
    {{.name = "a", .preset = Preset::kDiscord, .url = "https://h.example/x"},
     "https://h.example/x",
     R"({"content":"**[Acme] Backup failed**\ndisk <full> & \"more\"","allowed_mentions":{"parse":[]}})"},
    {{.name = "a", .preset = Preset::kTelegram, .token = "12:ab", .chat_id = "-5"},
     "https://api.telegram.org/bot12:ab/sendMessage",
     R"({"chat_id":"-5","text":"[Acme] Backup failed\ndisk <full> & \"more\"","disable_web_page_preview":true})"},
    {{.name = "a", .preset = Preset::kNtfy, .url = "https://ntfy.example/t", .token = "tk"},
     "https://ntfy.example/t",
     R"(disk <full> & "more")",
     {"Authorization", "Bearer tk"}},
    {{.name = "a", .preset = Preset::kNtfy, .url = "https://ntfy.example/t"},
     "https://ntfy.example/t",
     R"(disk <full> & "more")",
     {"Title", "[Acme] Backup failed"}},
    {{.name = "a", .preset = Preset::kGotify, .url = "https://g.example/base/", .token = "tk"},
     "https://g.example/base/message",
     R"({"title":"[Acme] Backup failed","message":"disk <full> & \"more\"","priority":8})",
     {"X-Gotify-Key", "tk"}},
    {{.name = "a", .preset = Preset::kPing, .url = "https://hc.example/uuid?a=b"},
     "https://hc.example/uuid/fail?a=b",
     "[Acme] Backup failed\ndisk <full> & \"more\"",
     {"Content-Type", "text/plain; charset=utf-8"}},
};
TEST(Webhook, AsksWhatEachServiceWants) {
  for (const PresetCase& row : kPresets) {
    const curl::Request request = request_of(row.webhook, failed(), kNow);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, row.url);
    EXPECT_EQ(body_of(request), row.body);
    EXPECT_EQ(header_of(request, row.header.first), row.header.second) << row.url;
  }
}

TEST(Webhook, TellsInChineseWhatPeopleRead) {
  Notice notice = failed();
  notice.language = Language::kChinese;
  notice.title = "备份失败";
  notice.text = "没有可靠的备份。";
  EXPECT_EQ(subject_of(notice), "[Acme] 备份失败");
  notice.is_reminder = true;
  EXPECT_EQ(subject_of(notice), "[Acme] 提醒：备份失败");
  const Webhook json{.name = "a", .url = "https://h.example"};
  EXPECT_EQ(
      body_of(request_of(json, notice, kNow)),
      R"({"id":"7","kind":"failed","good":false,"reminder":true,"app":"Acme","title":"备份失败","text":"没有可靠的备份。","at":"2026-11-21 00:54:47.000Z"})");
  const Webhook ntfy{.name = "a", .preset = Preset::kNtfy, .url = "https://h.example"};
  EXPECT_EQ(header_of(request_of(ntfy, notice, kNow), "Title"),
            "=?UTF-8?B?W0FjbWVdIOaPkOmGku+8muWkh+S7veWksei0pQ==?=");
}

TEST(Webhook, PingsTheAddressItselfWhenAllIsWell) {
  Notice good = failed();
  good.is_good = true;
  const Webhook ping{.name = "a", .preset = Preset::kPing, .url = "https://hc.example/uuid"};
  EXPECT_EQ(request_of(ping, good, kNow).url, "https://hc.example/uuid");
}

TEST(Webhook, CutsWhatServicesRefuseForItsLength) {
  Notice notice = failed();
  notice.text.clear();
  while (notice.text.size() < 10'000) { notice.text += "ä"; }
  const Webhook discord{.name = "a", .preset = Preset::kDiscord, .url = "https://h.example"};
  const std::string body = body_of(request_of(discord, notice, kNow));
  EXPECT_LT(body.size(), 2100U);
  EXPECT_THAT(body, HasSubstr("ä...\""));
}

TEST(Webhook, NoTextBecomesAHeader) {
  Notice notice = failed();
  notice.app = "a\r\nX-Evil: 1 " + std::string(300, 'x');
  const Webhook ntfy{.name = "a", .preset = Preset::kNtfy, .url = "https://h.example"};
  EXPECT_THAT(header_of(request_of(ntfy, notice, kNow), "Title"), Not(HasSubstr("\n")));
}

TEST(Webhook, TellsOfAnAddressTheHostAlone) {
  const std::pair<std::string, std::string> rows[] = {
      {"https://hooks.example.com/services/T0/B0/secret", "https://hooks.example.com"},
      {"http://user:password@h.example:8080/x", "http://h.example:8080"},
      {"https://h.example?token=secret", "https://h.example"},
      {"", ""},
  };
  for (const auto& [url, place] : rows) {
    EXPECT_EQ(place_of(Webhook{.name = "a", .url = url}), place);
  }
}

std::string post_to(const std::string& url) {
  const Webhook webhook{.name = "a", .url = url + "/secret-path?token=secret"};
  const auto sent = post(webhook, failed(), kNow, "", 5s, {});
  return sent.has_value() ? "sent" : sent.error().what;
}

TEST(Webhook, FailsWithWhatIsNoSecret) {
  testing::ScriptedServer good{[](const auto&) { return testing::http_answer(204, ""); }};
  EXPECT_EQ(post_to(good.url()), "sent");
  EXPECT_THAT(good.requests().front(), HasSubstr("POST /secret-path?token=secret HTTP/1.1\r\n"));
  testing::ScriptedServer refusing{[](const auto&) { return testing::http_answer(404, "gone"); }};
  EXPECT_EQ(post_to(refusing.url()), refusing.url() + " answered with status 404");
  testing::ScriptedServer cut{[](const auto&) { return std::string{}; }};
  EXPECT_THAT(post_to(cut.url()), HasSubstr(cut.url() + ": "));
  EXPECT_THAT(post_to(cut.url()), Not(HasSubstr("secret")));
}

TEST(Webhook, FollowsNoRedirect) {
  testing::ScriptedServer elsewhere{[](const auto&) { return testing::http_answer(200, ""); }};
  testing::ScriptedServer server{[&](const auto&) {
    return testing::http_answer(302, "", "Location: " + elsewhere.url() + "/\r\n");
  }};
  EXPECT_EQ(post_to(server.url()), server.url() + " answered with status 302, a redirect");
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST(Webhook, TakesNoAnswerWithoutEnd) {
  testing::ScriptedServer server{
      [](const auto&) { return testing::http_answer(200, std::string(1 << 20, 'x')); }};
  EXPECT_THAT(post_to(server.url()), HasSubstr("the answer is longer than"));
}

}  // namespace
}  // namespace pv::notify
