// The section `alerts` of the settings of our own: whom to tell what.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/phrase.h"
#include "settings/shape.h"

namespace pv::settings {

// Of alerts, as they stand in settings, answers and vault.db.
inline constexpr std::array<std::string_view, 6> kAlertKinds{"failed",     "missed",   "recovered",
                                                             "unverified", "spaceLow", "behind"};

struct AlertSettings {
  // Services of the net. All but `name`, `preset`, `chat_id` and `on` is secret.
  struct Webhook {
    std::string name;    // unique
    std::string preset;  // "" and "json", "slack", "discord", "telegram", "ntfy", "gotify", "ping"
    std::string url;
    std::string secret;
    std::string token;
    std::string chat_id;
    std::vector<std::string> on;  // kinds; empty: those of AlertSettings::on
    friend bool operator==(const Webhook&, const Webhook&) = default;
  };
  std::vector<std::string> mail_to;
  bool mail_superusers = true;  // while mail_to is empty and SMTP is enabled
  std::vector<std::string> on{kAlertKinds.begin(), kAlertKinds.end()};
  std::chrono::hours remind_after{24};  // 0: never
  std::chrono::minutes missed_grace{60};
  std::chrono::days unverified_after{0};   // 0: whether anything was verified is not looked at
  std::int64_t space_low_percent = 120;    // of the newest backup; 0: not looked at
  std::int64_t space_low_bytes = 0;        // 0: not looked at
  Language language = Language::kEnglish;  // of what people read; "en", "zh"
  std::vector<Webhook> webhooks;
  friend bool operator==(const AlertSettings&, const AlertSettings&) = default;
};

// As of vault_shape(): with one webhook that shows what one may hold.
inline constexpr std::string_view kAlertShape =
    R"({"mailTo":[],"mailSuperusers":true,"on":{"failed":true,"missed":true,"recovered":true,)"
    R"("unverified":true,"spaceLow":true,"behind":true},"remindAfterHours":24,)"
    R"("missedGraceMinutes":60,"unverifiedAfterDays":0,"spaceLowPercent":120,"spaceLowBytes":0,"language":"en",)"
    R"("webhooks":[{"name":"","preset":"","url":"","secret":"","token":"","chatId":"","on":[]}]})";

[[nodiscard]] AlertSettings alert_settings_of(const boost::json::object& section);

// What may not be so; paths begin with "alerts.".
[[nodiscard]] std::vector<Fault> check_alerts(const boost::json::object& section);

// Before a change of all settings is merged: each webhook that it lists is put where its namesake
// is to be, for lists are merged by place, and one hook must not get another's secrets. What is
// masked in the change is taken out of it, so that it stays. Faults: a hook gets another receiver,
// and the change does not give its secret and its token; they don't stay then.
[[nodiscard]] std::vector<Fault> prepare_alerts(boost::json::object& section,
                                                boost::json::object& change);

// In an answer: secrets that are set are "******".
void mask_alerts(boost::json::object& section);

}  // namespace pv::settings
