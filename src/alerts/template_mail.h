// The mails of PocketBase's collections, filled in for nobody: to see how they look and arrive.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "alerts/mailer.h"
#include "auth/auth.h"

namespace pv::alerts {

enum class MailTemplate { kVerification, kPasswordReset, kEmailChange, kOtp, kLoginAlert };
// "verification", "password-reset", "email-change", "otp", "login-alert".
[[nodiscard]] std::optional<MailTemplate> mail_template_of(std::string_view name);

// The template of `collection`, as PocketBase fills it in for a test: {APP_NAME} and {APP_URL} of
// the settings, {RECORD:field} of a record that there is not, {OTP}, {OTP_ID}, {ALERT_INFO}, and
// {TOKEN}, which has the form of one and opens nothing: it is signed with a key made up for it.
[[nodiscard]] notify::Mail fill_template(const auth::Collection& collection, MailTemplate which,
                                         const std::string& email,
                                         const settings::Settings& settings, WallTime now,
                                         Random& random);

}  // namespace pv::alerts
