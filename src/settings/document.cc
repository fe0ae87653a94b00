#include "settings/document.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "settings/cipher.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

// Of PocketBase v0.39, in its order.
constexpr std::string_view kDefaults = R"({"superuserIPs":[],
"smtp":{"enabled":false,"port":587,"host":"smtp.example.com","username":"","password":"",
  "authMethod":"","tls":false,"localName":""},
"backups":{"cron":"","cronMaxKeep":3,"s3":{"enabled":false,"bucket":"","region":"","endpoint":"",
  "accessKey":"","secret":"","forcePathStyle":false}},
"s3":{"enabled":false,"bucket":"","region":"","endpoint":"","accessKey":"","secret":"",
  "forcePathStyle":false},
"meta":{"accentColor":"#1055c9","appName":"Acme","appURL":"http://localhost:8090",
  "senderName":"Support","senderAddress":"support@example.com","hideControls":false},
"rateLimits":{"rules":[{"label":"*:auth","audience":"","duration":3,"maxRequests":2},
    {"label":"*:create","audience":"","duration":5,"maxRequests":20},
    {"label":"/api/batch","audience":"","duration":1,"maxRequests":3},
    {"label":"/api/","audience":"","duration":10,"maxRequests":300}],
  "excludedIPs":[],"enabled":false},
"trustedProxy":{"headers":[],"useLeftmostIP":false},
"batch":{"enabled":false,"maxRequests":50,"timeout":3,"maxBodySize":0},
"logs":{"maxDays":5,"minLevel":0,"logIP":true,"logAuthId":false}})";

constexpr std::string_view kRow = "settings row of data.db";

const json::object& defaults() {
  static const json::object object = json::parse(kDefaults).get_object();
  return object;
}

// Calls `visit` with each object that has a secret member, and its name.
template <class Object, class Visit>
void visit_secrets(Object& root, const Visit& visit) {
  visit(root.at("smtp").get_object(), "password");
  visit(root.at("s3").get_object(), "secret");
  visit(root.at("backups").get_object().at("s3").get_object(), "secret");
}

void remove_newer(json::object& root) {
  root.stable_erase("superuserIPs");
  root.at("meta").get_object().stable_erase("accentColor");
  root.at("rateLimits").get_object().stable_erase("excludedIPs");
}

json::object make_shape(Edition edition, bool with_secrets) {
  json::object shape = defaults();
  if (edition == Edition::k036) { remove_newer(shape); }
  if (!with_secrets) {
    visit_secrets(shape, [](json::object& of, const char* name) { of.stable_erase(name); });
  }
  return shape;
}

const json::object& shown_shape(Edition edition) {
  static const json::object k036 = make_shape(Edition::k036, false);
  static const json::object k039 = make_shape(Edition::k039, false);
  return edition == Edition::k036 ? k036 : k039;
}

Result<json::value> parse_text(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) { return fail(Code::kDamaged, "not JSON: " + error.message()); }
  return value;
}

// Plain first, whatever the key: so PocketBase reads it, and encrypts at the next save.
Result<Document> decode(std::string_view text, std::string_view encryption_key) {
  if (const auto plain = parse_text(text)) { return Document::of(*plain); }
  if (encryption_key.empty()) {
    if (!looks_encrypted(text)) { return fail(Code::kDamaged, "not JSON"); }
    return fail(Code::kUnauthenticated,
                "encrypted, and no key is given (--encryptionEnv NAME, with the key in NAME)");
  }
  PV_TRY(const std::string plain, decrypt(text, encryption_key));
  return Document::parse(plain);
}

// Readers of a complete document: the members are there, and of the right type.
class Section {
 public:
  explicit Section(const json::object& object) : object_{object} {}
  [[nodiscard]] Section section(std::string_view name) const {
    return Section{object_.at(name).get_object()};
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    return std::string{object_.at(name).get_string()};
  }
  [[nodiscard]] bool flag(std::string_view name) const { return object_.at(name).get_bool(); }
  [[nodiscard]] std::int64_t number(std::string_view name) const {
    return object_.at(name).get_int64();
  }
  [[nodiscard]] const json::array& list(std::string_view name) const {
    return object_.at(name).get_array();
  }
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> texts;
    for (const json::value& one : list(name)) { texts.emplace_back(one.get_string()); }
    return texts;
  }

 private:
  const json::object& object_;
};

S3 s3_of(const Section& section) {
  return {.enabled = section.flag("enabled"),
          .bucket = section.text("bucket"),
          .region = section.text("region"),
          .endpoint = section.text("endpoint"),
          .access_key = section.text("accessKey"),
          .secret = section.text("secret"),
          .force_path_style = section.flag("forcePathStyle")};
}

Smtp smtp_of(const Section& section) {
  return {.enabled = section.flag("enabled"),
          .host = section.text("host"),
          .port = section.number("port"),
          .username = section.text("username"),
          .password = section.text("password"),
          .auth_method = section.text("authMethod"),
          .tls = section.flag("tls"),
          .local_name = section.text("localName")};
}

// So that sums with it stay within bounds, whatever was saved.
std::chrono::seconds span_of(std::int64_t seconds) {
  constexpr std::chrono::seconds kMost = std::chrono::years{10};
  return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, kMost.count())};
}

RateLimits rate_limits_of(const Section& section) {
  RateLimits limits{.enabled = section.flag("enabled"),
                    .rules = {},
                    .excluded_ips = section.texts("excludedIPs")};
  for (const json::value& one : section.list("rules")) {
    const Section rule{one.get_object()};
    limits.rules.push_back({.label = rule.text("label"),
                            .audience = rule.text("audience"),
                            .duration = span_of(rule.number("duration")),
                            .requests_max = rule.number("maxRequests")});
  }
  return limits;
}

Logs logs_of(const Section& section) {
  return {.days_max = section.number("maxDays"),
          .level_min = section.number("minLevel"),
          .with_ip = section.flag("logIP"),
          .with_auth_id = section.flag("logAuthId")};
}

}  // namespace

Document::Document() : root_{defaults()} {}

Result<Document> Document::parse(std::string_view text) {
  PV_TRY(const json::value value, parse_text(text));
  return of(value);
}

Result<Document> Document::of(const json::value& stored) {
  Document document;
  if (stored.is_null()) { return document; }
  const json::object* object = stored.if_object();
  if (object == nullptr) { return fail(Code::kDamaged, "Must be an object"); }
  const std::vector<Fault> faults = merge(defaults(), document.root_, *object, Unknown::kKeep);
  if (!faults.empty()) {
    // A default in its place may open what was closed, and the next save would make it stay.
    std::string why = faults.front().message;
    if (why.ends_with('.')) { why.pop_back(); }  // a sentence of an answer
    return fail(Code::kDamaged, faults.front().field + ": " + why);
  }
  const json::value* smtp = object->if_contains("smtp");
  document.has_stored_password_ =
      smtp != nullptr && smtp->is_object() && smtp->get_object().contains("password");
  return document;
}

std::vector<Fault> Document::apply(const json::object& change, Edition edition) {
  json::object changed = root_;
  std::vector<Fault> faults = merge(shape_of(edition), changed, change, Unknown::kIgnore);
  if (faults.empty()) { root_ = std::move(changed); }
  return faults;
}

json::object Document::shown(Edition edition) const { return project(shown_shape(edition), root_); }

std::string Document::stored() const {
  json::object stored = root_;
  visit_secrets(stored, [this](json::object& of, std::string_view name) {
    const bool stays = name == "password" && has_stored_password_;
    if (!stays && of.at(name).get_string().empty()) { of.stable_erase(name); }
  });
  return json::serialize(stored);
}

Settings Document::settings() const {
  const Section root{root_};
  const Section proxy = root.section("trustedProxy");
  const Section backups = root.section("backups");
  Settings settings;
  const Section meta = root.section("meta");
  settings.app_name = meta.text("appName");
  settings.app_url = meta.text("appURL");
  settings.sender_name = meta.text("senderName");
  settings.sender_address = meta.text("senderAddress");
  settings.smtp = smtp_of(root.section("smtp"));
  settings.trusted_proxy_headers = proxy.texts("headers");
  settings.use_leftmost_ip = proxy.flag("useLeftmostIP");
  settings.storage_s3 = s3_of(root.section("s3"));
  settings.backups_s3 = s3_of(backups.section("s3"));
  settings.backups_cron = backups.text("cron");
  settings.backups_kept_max = backups.number("cronMaxKeep");
  settings.superuser_ips = root.texts("superuserIPs");
  settings.rate_limits = rate_limits_of(root.section("rateLimits"));
  settings.logs = logs_of(root.section("logs"));
  return settings;
}

const json::object& shape_of(Edition edition) {
  static const json::object k036 = make_shape(Edition::k036, true);
  static const json::object k039 = make_shape(Edition::k039, true);
  return edition == Edition::k036 ? k036 : k039;
}

Result<Document> read_document(sqlite::Connection& data, std::string_view encryption_key) {
  PV_TRY(const auto row, data.one("SELECT value FROM _params WHERE id = 'settings'"));
  if (!row) { return Document{}; }
  auto document = decode(sqlite::to_text((*row)[0]), encryption_key);
  if (!document.has_value()) { return fail(document.error().within(kRow)); }
  return document;
}

Result<void> save_document(sqlite::Connection& data, const Document& document,
                           std::string_view encryption_key, const Clock& clock, Random& random) {
  sqlite::Value value = sqlite::Blob{document.stored()};
  if (!encryption_key.empty()) {
    PV_TRY(value, encrypt(document.stored(), encryption_key, random));
  }
  const std::array<sqlite::Value, 2> parameters{std::move(value),
                                                format_pocketbase_date(clock.now())};
  PV_TRY(
      std::ignore,
      data.run("INSERT INTO _params (id, value, created, updated) VALUES ('settings', ?1, ?2, ?2)"
               " ON CONFLICT (id) DO UPDATE SET value = ?1, updated = ?2",
               parameters));
  return {};
}

Result<Settings> read(sqlite::Connection& data, std::string_view encryption_key) {
  PV_TRY(const Document document, read_document(data, encryption_key));
  return document.settings();
}

}  // namespace pv::settings
