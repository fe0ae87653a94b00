#include "settings/alert_settings.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>

#include "base/email.h"
#include "base/text.h"
#include "settings/formats.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

constexpr std::string_view kMask = "******";
constexpr std::array<std::string_view, 3> kSecrets{"url", "secret", "token"};
constexpr std::array<std::string_view, 8> kPresets{"",         "json", "slack",  "discord",
                                                   "telegram", "ntfy", "gotify", "ping"};
constexpr std::size_t kMailsMax = 20;
constexpr std::size_t kWebhooksMax = 20;
constexpr std::size_t kTextMax = 255;
constexpr std::size_t kUrlMax = 2000;
constexpr std::size_t kNameMax = 64;

constexpr std::array<std::string_view, 2> kLanguages{"en", "zh"};

std::string_view text_of(const json::object& object, std::string_view name) {
  return object.at(name).get_string();
}

bool is_name(std::string_view name) {
  return name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  std::string_view{" _.-"}.find(c) != std::string_view::npos;
         });
}

bool is_web_address(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) && is_url(url) &&
         url.size() <= kUrlMax;
}

// It becomes part of an address or of a header.
bool is_token(std::string_view token) {
  return token.size() <= kTextMax && std::ranges::all_of(token, [](char c) {
           return c > ' ' && c <= '~' &&
                  std::string_view{"/?#\\%"}.find(c) == std::string_view::npos;
         });
}

class Check {
 public:
  explicit Check(const json::object& section) : section_{section} {}

  std::vector<Fault> run() && {
    constexpr std::int64_t kYearOfHours = 24L * 366;
    constexpr std::int64_t kWeekOfMinutes = 7L * 24 * 60;
    constexpr std::int64_t kDaysMax = 3660;
    constexpr std::int64_t kPercentMax = 10'000;
    constexpr std::int64_t kBytesMax = std::int64_t{1} << 60;
    mails();
    between("remindAfterHours", 0, kYearOfHours);
    between("missedGraceMinutes", 1, kWeekOfMinutes);
    between("unverifiedAfterDays", 0, kDaysMax);
    between("spaceLowPercent", 0, kPercentMax);
    between("spaceLowBytes", 0, kBytesMax);
    language();
    webhooks();
    return std::move(faults_);
  }

 private:
  void fault(const std::string& field, std::string code, std::string message,
             json::object params = {}) {
    faults_.push_back({"alerts." + field, std::move(code), std::move(message), std::move(params)});
  }
  void required(const std::string& field) {
    fault(field, "validation_required", "Cannot be blank.");
  }
  void bad_form(const std::string& field) {
    fault(field, "validation_match_invalid", "Must be in a valid format.");
  }

  void between(const char* name, std::int64_t least, std::int64_t most) {
    require_between(section_, "alerts.", name, least, most, faults_);
  }

  // Whether there are no more than that.
  bool is_short(const char* name, std::size_t most) {
    if (section_.at(name).get_array().size() <= most) { return true; }
    fault(name, "validation_length_out_of_range",
          "The length must be between 0 and " + std::to_string(most) + ".",
          {{"min", 0}, {"max", most}});
    return false;
  }

  void mails() {
    if (!is_short("mailTo", kMailsMax)) { return; }
    const json::array& mails = section_.at("mailTo").get_array();
    for (std::size_t i = 0; i < mails.size(); ++i) {
      const std::string_view mail = mails[i].get_string();
      if (mail.size() > kTextMax || !is_email(mail)) {
        fault("mailTo." + std::to_string(i), "validation_is_email",
              "Must be a valid email address.");
      }
    }
  }

  void language() {
    if (std::ranges::find(kLanguages, text_of(section_, "language")) == kLanguages.end()) {
      fault("language", "validation_in_invalid", "Must be a valid value.");
    }
  }

  void webhooks() {
    if (!is_short("webhooks", kWebhooksMax)) { return; }
    std::set<std::string, std::less<>> names;
    const json::array& hooks = section_.at("webhooks").get_array();
    for (std::size_t i = 0; i < hooks.size(); ++i) {
      const std::string path = "webhooks." + std::to_string(i) + ".";
      const json::object& hook = hooks[i].get_object();
      const std::string_view name = text_of(hook, "name");
      if (name.empty()) {
        required(path + "name");
      } else if (!is_name(name)) {
        bad_form(path + "name");
      } else if (!names.emplace(name).second) {
        fault(path + "name", "validation_not_unique", "There is another one of this name.");
      }
      access(hook, path);
      kinds(hook, path);
    }
  }

  void access(const json::object& hook, const std::string& path) {
    const std::string_view preset = text_of(hook, "preset");
    if (std::ranges::find(kPresets, preset) == kPresets.end()) {
      fault(path + "preset", "validation_in_invalid", "Must be a valid value.");
    }
    const bool is_telegram = preset == "telegram";
    const std::string_view url = text_of(hook, "url");
    if (url.empty() && !is_telegram) { required(path + "url"); }
    if (!url.empty() && !is_web_address(url)) {
      fault(path + "url", "validation_is_url", "Must be a valid URL.");
    }
    const std::string_view token = text_of(hook, "token");
    if (token.empty() && (is_telegram || preset == "gotify")) { required(path + "token"); }
    if (!is_token(token)) { bad_form(path + "token"); }
    if (text_of(hook, "chatId").empty() && is_telegram) { required(path + "chatId"); }
    for (const char* name : {"chatId", "secret"}) {
      if (text_of(hook, name).size() > kTextMax) { bad_form(path + name); }
    }
  }

  void kinds(const json::object& hook, const std::string& path) {
    const json::array& kinds = hook.at("on").get_array();
    const bool is_known = std::ranges::all_of(kinds, [](const json::value& kind) {
      return std::ranges::find(kAlertKinds, std::string_view{kind.get_string()}) !=
             kAlertKinds.end();
    });
    if (!is_known || kinds.size() > kAlertKinds.size()) {
      fault(path + "on", "validation_in_invalid", "Must be a valid value.");
    }
  }

  const json::object& section_;
  std::vector<Fault> faults_;
};

json::object blank_webhook() {
  json::object hook{{"name", ""},  {"preset", ""}, {"url", ""},          {"secret", ""},
                    {"token", ""}, {"chatId", ""}, {"on", json::array{}}};
  return hook;
}

// The last, as it would count.
std::string_view name_in(const json::value& hook) {
  std::string_view name;
  if (const json::object* object = hook.if_object()) {
    for (const auto& [key, value] : *object) {
      if (equals_ignoring_case(key, "name") && value.is_string()) { name = value.get_string(); }
    }
  }
  return name;
}

void take_out_masks(json::value& hook) {
  json::object* object = hook.if_object();
  if (object == nullptr) { return; }
  json::object kept;
  for (auto& [key, value] : *object) {
    const bool is_secret = std::ranges::any_of(kSecrets, [&key = key](std::string_view secret) {
      return equals_ignoring_case(secret, key);
    });
    const bool is_mask = value.is_string() && value.get_string() == kMask;
    if (!is_secret || !is_mask) { kept[key] = value; }
  }
  *object = std::move(kept);
}

// Where a hook sends its secrets: scheme, host and port, and the preset, which says how.
std::string destination_of(const json::object& hook) {
  std::string_view preset = text_of(hook, "preset");
  if (preset.empty()) { preset = "json"; }
  const std::string url = to_lower_ascii(text_of(hook, "url"));
  const std::size_t scheme = std::min(url.find("://"), url.size());
  std::string place = url.substr(0, url.find_first_of("/?#\\", std::min(scheme + 3, url.size())));
  if (const std::size_t at = place.rfind('@'); at != std::string::npos) {
    place = url.substr(0, scheme) + "://" + place.substr(at + 1);
  }
  for (const auto& [begin, port] : {std::pair{"https://", ":443"}, std::pair{"http://", ":80"}}) {
    if (place.starts_with(begin) && place.ends_with(port)) {
      place.resize(place.size() - std::string_view{port}.size());
    }
  }
  return std::string{preset} + " " + place;
}

bool gives(const json::object& hook, std::string_view secret) {
  return std::ranges::any_of(hook, [&](const json::key_value_pair& member) {
    return equals_ignoring_case(member.key(), secret) && member.value().is_string();
  });
}

// Takes what goes elsewhere with the change out of `there`: who may change a hook does not know its
// secrets, and must not get them by naming another receiver. An address is told to itself alone.
void forget_secrets(json::object& there, const json::object& change, const std::string& path,
                    std::vector<Fault>& faults) {
  json::object next = there;
  std::ignore = merge(blank_webhook(), next, change, Unknown::kIgnore);
  if (destination_of(next) == destination_of(there)) { return; }
  for (const char* secret : {"secret", "token"}) {
    if (!text_of(there, secret).empty() && !gives(change, secret)) {
      faults.push_back({path + secret, "validation_required",
                        "Must be given anew, for the address or the preset is another."});
    }
    there[secret] = "";
  }
}

void prepare_webhooks(json::object& section, json::array& change, std::vector<Fault>& faults) {
  json::array aligned;
  const json::array& there = section.at("webhooks").get_array();
  for (std::size_t i = 0; i < change.size(); ++i) {
    json::value& hook = change[i];
    const std::string_view name = name_in(hook);
    const auto namesake = std::ranges::find_if(
        there, [&](const json::value& one) { return text_of(one.get_object(), "name") == name; });
    take_out_masks(hook);
    json::object base =
        name.empty() || namesake == there.end() ? blank_webhook() : namesake->get_object();
    if (hook.is_object()) {
      forget_secrets(base, hook.get_object(), "alerts.webhooks." + std::to_string(i) + ".", faults);
    }
    aligned.emplace_back(std::move(base));
  }
  section["webhooks"] = std::move(aligned);
}

// The last list, as it would count; those before it, by another spelling of the name, are taken
// out: each would be merged into hooks that were put in order for the last.
json::array* only_list_of(json::object& change) {
  std::vector<std::pair<json::object*, std::string>> lists;
  for (auto& [name, value] : change) {
    if (!equals_ignoring_case(name, "alerts") || !value.is_object()) { continue; }
    for (const auto& [inner, list] : value.get_object()) {
      if (equals_ignoring_case(inner, "webhooks") && list.is_array()) {
        lists.emplace_back(&value.get_object(), inner);
      }
    }
  }
  if (lists.empty()) { return nullptr; }
  const auto [holder, name] = std::move(lists.back());
  lists.pop_back();
  for (const auto& [other, spelling] : lists) { other->stable_erase(spelling); }
  return &holder->at(name).get_array();
}

}  // namespace

AlertSettings alert_settings_of(const json::object& section) {
  const auto number = [&](std::string_view name) { return section.at(name).get_int64(); };
  AlertSettings settings;
  for (const json::value& mail : section.at("mailTo").get_array()) {
    settings.mail_to.emplace_back(mail.get_string());
  }
  settings.mail_superusers = section.at("mailSuperusers").get_bool();
  settings.on.clear();
  for (const std::string_view kind : kAlertKinds) {
    if (section.at("on").get_object().at(kind).get_bool()) { settings.on.emplace_back(kind); }
  }
  settings.remind_after = std::chrono::hours{number("remindAfterHours")};
  settings.missed_grace = std::chrono::minutes{number("missedGraceMinutes")};
  settings.unverified_after = std::chrono::days{number("unverifiedAfterDays")};
  settings.space_low_percent = number("spaceLowPercent");
  settings.space_low_bytes = number("spaceLowBytes");
  settings.language =
      text_of(section, "language") == "zh" ? Language::kChinese : Language::kEnglish;
  for (const json::value& one : section.at("webhooks").get_array()) {
    const json::object& hook = one.get_object();
    const auto text = [&](std::string_view name) { return std::string{text_of(hook, name)}; };
    AlertSettings::Webhook webhook{.name = text("name"),
                                   .preset = text("preset"),
                                   .url = text("url"),
                                   .secret = text("secret"),
                                   .token = text("token"),
                                   .chat_id = text("chatId"),
                                   .on = {}};
    for (const json::value& kind : hook.at("on").get_array()) {
      webhook.on.emplace_back(kind.get_string());
    }
    settings.webhooks.push_back(std::move(webhook));
  }
  return settings;
}

std::vector<Fault> check_alerts(const json::object& section) { return Check{section}.run(); }

std::vector<Fault> prepare_alerts(json::object& section, json::object& change) {
  std::vector<Fault> faults;
  if (json::array* list = only_list_of(change)) { prepare_webhooks(section, *list, faults); }
  return faults;
}

void mask_alerts(json::object& section) {
  for (json::value& hook : section.at("webhooks").get_array()) {
    for (const std::string_view secret : kSecrets) {
      json::string& text = hook.get_object().at(secret).get_string();
      if (!text.empty()) { text = kMask; }
    }
  }
}

}  // namespace pv::settings
