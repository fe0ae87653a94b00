#include "alerts/template_mail.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "auth/jwt.h"
#include "base/text.h"

namespace pv::alerts {
namespace {

namespace json = boost::json;

using Placeholders = std::vector<std::pair<std::string, std::string>>;

constexpr std::array<std::string_view, 5> kNames{"verification", "password-reset", "email-change",
                                                 "otp", "login-alert"};

const json::object* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

// {subject, body}, wherever the collection's options have it.
json::object template_in(const json::object& options, MailTemplate which) {
  const json::object* found = nullptr;
  const auto inner = [&](std::string_view section) {
    const json::object* object = member(options, section);
    return object == nullptr ? nullptr : member(*object, "emailTemplate");
  };
  switch (which) {
    case MailTemplate::kVerification: found = member(options, "verificationTemplate"); break;
    case MailTemplate::kPasswordReset: found = member(options, "resetPasswordTemplate"); break;
    case MailTemplate::kEmailChange: found = member(options, "confirmEmailChangeTemplate"); break;
    case MailTemplate::kOtp: found = inner("otp"); break;
    case MailTemplate::kLoginAlert: found = inner("authAlert"); break;
  }
  return found == nullptr ? json::object{} : *found;
}

std::string token_for_nobody(const auth::Collection& collection, MailTemplate which,
                             const std::string& email, WallTime now, Random& random) {
  constexpr std::size_t kKeyLength = 50;
  constexpr std::int64_t kDuration = 1800;
  json::object claims{{"collectionId", collection.id}, {"email", email}};
  claims["exp"] =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() + kDuration;
  claims["id"] = "__pb_test_id__";
  if (which == MailTemplate::kEmailChange) { claims["newEmail"] = email; }
  claims["type"] = which == MailTemplate::kVerification    ? "verification"
                   : which == MailTemplate::kPasswordReset ? "passwordReset"
                                                           : "emailChange";
  return auth::sign_jwt(claims, random_text(random, kAlphanumeric, kKeyLength));
}

Placeholders placeholders_of(const auth::Collection& collection, MailTemplate which,
                             const std::string& email, const settings::Settings& settings,
                             WallTime now, Random& random) {
  Placeholders all{{"{APP_NAME}", settings.app_name}, {"{APP_URL}", settings.app_url}};
  if (which == MailTemplate::kOtp) {
    all.emplace_back("{OTP}", "123456");
    all.emplace_back("{OTP_ID}", "_PB_TEST_OTP_ID_");
  } else if (which == MailTemplate::kLoginAlert) {
    all.emplace_back("{ALERT_INFO}", format_pocketbase_date(now) + " - 127.0.0.1 TEST_USER_AGENT");
  } else {
    all.emplace_back("{TOKEN}", token_for_nobody(collection, which, email, now, random));
  }
  for (const json::value& one : collection.fields) {
    const json::object* field = one.if_object();
    const std::string name = field == nullptr ? std::string{} : text_of(*field, "name");
    if (name.empty() ||
        std::ranges::find(collection.hidden_fields, name) != collection.hidden_fields.end()) {
      continue;
    }
    all.emplace_back("{RECORD:" + name + "}",
                     escape_html(name == "email" ? email : "__pb_test_" + name + "__"));
  }
  return all;
}

// What stands for a placeholder is not looked through again, so that its length is bounded.
std::string fill(std::string_view text, const Placeholders& placeholders) {
  std::string filled;
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find('{'), text.size());
    filled += text.substr(0, brace);
    text.remove_prefix(brace);
    const auto found = std::ranges::find_if(
        placeholders, [&](const auto& one) { return text.starts_with(one.first); });
    if (found != placeholders.end()) {
      filled += found->second;
      text.remove_prefix(found->first.size());
    } else if (!text.empty()) {
      filled += text.front();
      text.remove_prefix(1);
    }
  }
  return filled;
}

}  // namespace

std::optional<MailTemplate> mail_template_of(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) { return std::nullopt; }
  return static_cast<MailTemplate>(found - kNames.begin());
}

notify::Mail fill_template(const auth::Collection& collection, MailTemplate which,
                           const std::string& email, const settings::Settings& settings,
                           WallTime now, Random& random) {
  const json::object found = template_in(collection.options, which);
  const Placeholders placeholders =
      placeholders_of(collection, which, email, settings, now, random);
  const std::string body = fill(text_of(found, "body"), placeholders);
  return {.from = {},
          .to = {.email = email},
          .subject = fill(text_of(found, "subject"), placeholders),
          .text = notify::text_of_html(body),
          .html = "<!DOCTYPE html>\n<html>\n<head><meta charset=\"UTF-8\"></head>\n<body>\n" +
                  body + "\n</body>\n</html>\n"};
}

}  // namespace pv::alerts
