#include "notify/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "base/translate.h"
#include "notify/mail.h"

namespace pv::notify {
namespace {

namespace json = boost::json;

constexpr std::string_view kTelegram = "https://api.telegram.org";

// At most so many bytes, of whole characters: services refuse what is longer.
std::string cut(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) { return text; }
  return text.substr(0, whole_characters(text, bytes_max - 3)) + "...";
}

std::string escape_slack(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      default: escaped += letter;
    }
  }
  return escaped;
}

// "https://host/a?b" and "/c": "https://host/a/c?b".
std::string below(std::string_view url, std::string_view more) {
  const std::size_t end = std::min(url.find_first_of("?#"), url.size());
  std::string path{url.substr(0, end)};
  while (path.ends_with('/')) { path.pop_back(); }
  return path + std::string{more} + std::string{url.substr(end)};
}

std::string json_body(const Notice& notice) {
  return json::serialize(json::object{{"id", notice.id},
                                      {"kind", notice.kind},
                                      {"good", notice.is_good},
                                      {"reminder", notice.is_reminder},
                                      {"app", notice.app},
                                      {"title", notice.title},
                                      {"text", notice.text},
                                      {"at", format_pocketbase_date(notice.at)}});
}

struct Asked {
  std::string url;
  std::string body;
  std::vector<curl::Header> headers = {{"Content-Type", "application/json"}};
};

Asked ask(const Webhook& webhook, const Notice& notice) {
  constexpr std::size_t kSlackMax = 3000;
  constexpr std::size_t kDiscordMax = 1900;
  constexpr std::size_t kOthersMax = 4000;
  const std::string subject = subject_of(notice);
  switch (webhook.preset) {
    case Preset::kJson: break;
    case Preset::kSlack:
      return {
          webhook.url,
          json::serialize(json::object{{"text", "*" + escape_slack(subject) + "*\n" +
                                                    escape_slack(cut(notice.text, kSlackMax))}})};
    case Preset::kDiscord:
      return {webhook.url, json::serialize(json::object{
                               {"content", "**" + subject + "**\n" + cut(notice.text, kDiscordMax)},
                               // Nobody is called by what stands in a name or an error.
                               {"allowed_mentions", json::object{{"parse", json::array{}}}}})};
    case Preset::kTelegram:
      return {below(webhook.url.empty() ? kTelegram : webhook.url,
                    "/bot" + webhook.token + "/sendMessage"),
              json::serialize(json::object{{"chat_id", webhook.chat_id},
                                           {"text", subject + "\n" + cut(notice.text, kOthersMax)},
                                           {"disable_web_page_preview", true}})};
    case Preset::kNtfy: {
      Asked asked{webhook.url,
                  cut(notice.text, kOthersMax),
                  {{"Content-Type", "text/plain; charset=utf-8"},
                   {"Priority", notice.is_good ? "default" : "high"},
                   {"Tags", notice.is_good ? "white_check_mark" : "warning"}}};
      std::string title = encode_header(subject);  // RFC 2047, which ntfy reads
      std::erase_if(title, [](char letter) { return letter == '\r' || letter == '\n'; });
      asked.headers.emplace_back("Title", std::move(title));
      if (!webhook.token.empty()) {
        asked.headers.emplace_back("Authorization", "Bearer " + webhook.token);
      }
      return asked;
    }
    case Preset::kGotify: {
      constexpr int kLoud = 8;
      constexpr int kQuiet = 4;
      Asked asked{below(webhook.url, "/message"),
                  json::serialize(json::object{{"title", subject},
                                               {"message", cut(notice.text, kOthersMax)},
                                               {"priority", notice.is_good ? kQuiet : kLoud}})};
      asked.headers.emplace_back("X-Gotify-Key", webhook.token);
      return asked;
    }
    case Preset::kPing:
      return {notice.is_good ? webhook.url : below(webhook.url, "/fail"),
              subject + "\n" + cut(notice.text, kOthersMax),
              {{"Content-Type", "text/plain; charset=utf-8"}}};
  }
  return {webhook.url, json_body(notice)};
}

}  // namespace

std::string subject_of(const Notice& notice) {
  const std::string title =
      notice.is_reminder ? told(notice.language, "Reminder: " + notice.title) : notice.title;
  return "[" + notice.app + "] " + title;
}

std::optional<Preset> preset_of(std::string_view name) {
  if (name.empty()) { return Preset::kJson; }
  const auto found = std::ranges::find(kPresetNames, name);
  if (found == kPresetNames.end()) { return std::nullopt; }
  return static_cast<Preset>(found - kPresetNames.begin());
}

std::string signature(std::string_view secret, std::chrono::sys_seconds at, std::string_view body) {
  const std::string text = std::to_string(at.time_since_epoch().count()) + "." + std::string{body};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  PV_ASSERT(::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest,
                   &length) != nullptr);
  return to_hex(Bytes{reinterpret_cast<const std::byte*>(digest), length});
}

curl::Request request_of(const Webhook& webhook, const Notice& notice, WallTime now) {
  Asked asked = ask(webhook, notice);
  if (!webhook.secret.empty()) {
    const auto at = std::chrono::floor<std::chrono::seconds>(now);
    asked.headers.emplace_back("Pocketvault-Signature",
                               "t=" + std::to_string(at.time_since_epoch().count()) +
                                   ",v1=" + signature(webhook.secret, at, asked.body));
  }
  return {.method = "POST",
          .url = std::move(asked.url),
          .headers = std::move(asked.headers),
          .body = std::move(asked.body)};
}

std::string place_of(const Webhook& webhook) {
  std::string_view url = webhook.url;
  if (url.empty() && webhook.preset == Preset::kTelegram) { url = kTelegram; }
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) { return {}; }
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  return printable(std::string{url.substr(0, scheme + 3)} + std::string{authority});
}

Result<void> post(const Webhook& webhook, const Notice& notice, WallTime now,
                  const std::string& ca_file, std::chrono::milliseconds patience,
                  const std::stop_token& stop) {
  constexpr std::chrono::seconds kConnectTimeout{10};
  constexpr std::size_t kAnswerMax = 64 << 10;
  curl::Client client{
      {.connect_timeout = kConnectTimeout, .body_bytes_max = kAnswerMax, .ca_file = ca_file}};
  curl::Request request = request_of(webhook, notice, now);
  request.total_timeout = patience;
  const std::string where = place_of(webhook);
  const auto reply = client.send(request, stop);
  if (!reply.has_value()) {
    // Its text names the path of the address, which may be all that lets one in.
    Error error = reply.error();
    const std::string told = "POST " + curl::url_for_people(request.url);
    if (error.what.starts_with(told)) { error.what.replace(0, told.size(), where); }
    return fail(std::move(error));
  }
  if (!reply->is_success()) {
    return fail(Code::kUnavailable, where + " answered with status " +
                                        std::to_string(reply->status) +
                                        (reply->status / 100 == 3 ? ", a redirect" : ""));
  }
  return {};
}

}  // namespace pv::notify
