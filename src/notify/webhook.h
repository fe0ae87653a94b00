// Notices to services of the net: a signed POST of JSON, or what a known service wants.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/phrase.h"
#include "curl/client.h"

namespace pv::notify {

// What is to be told, whoever is told.
struct Notice {
  std::string id;    // the same when it is sent again
  std::string kind;  // "failed", "recovered", "test"
  bool is_good = false;
  bool is_reminder = false;
  std::string app;                         // whose data it is about
  std::string title;                       // "Backup failed"
  std::string text;                        // lines
  WallTime at{};                           // when it was found
  Language language = Language::kEnglish;  // of title and text
  friend bool operator==(const Notice&, const Notice&) = default;
};
// "[Acme] Reminder: Backup failed".
[[nodiscard]] std::string subject_of(const Notice& notice);

enum class Preset { kJson, kSlack, kDiscord, kTelegram, kNtfy, kGotify, kPing };
inline constexpr std::array<std::string_view, 7> kPresetNames{
    "json", "slack", "discord", "telegram", "ntfy", "gotify", "ping"};  // in the order of Preset
[[nodiscard]] std::optional<Preset> preset_of(std::string_view name);   // "": json

// All of it but preset and name may let a stranger in; none of it reaches an error.
struct Webhook {
  std::string name;
  Preset preset = Preset::kJson;
  std::string url{};      // http or https; Telegram's own where it is empty
  std::string secret{};   // signs the body; empty: it is not signed
  std::string token{};    // Telegram's bot, Gotify's app, ntfy's access token
  std::string chat_id{};  // Telegram's
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

// What is asked of the service. With a secret it has the header
// "Pocketvault-Signature: t=<seconds since 1970>,v1=<hex>", see signature().
[[nodiscard]] curl::Request request_of(const Webhook& webhook, const Notice& notice, WallTime now);

// HMAC-SHA256 of "<seconds since 1970>.<body>", in lower-case hexadecimal.
[[nodiscard]] std::string signature(std::string_view secret, std::chrono::sys_seconds at,
                                    std::string_view body);

// "https://hooks.example.com": all of the address that may be told.
[[nodiscard]] std::string place_of(const Webhook& webhook);

// Blocks, for `patience` at most. Redirects are not followed, and a status beside 2xx is a failure.
// Errors     As curl::Client::send(); kUnavailable for a status.
[[nodiscard]] Result<void> post(const Webhook& webhook, const Notice& notice, WallTime now,
                                const std::string& ca_file, std::chrono::milliseconds patience,
                                const std::stop_token& stop);

}  // namespace pv::notify
