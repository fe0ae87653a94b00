#include "settings/settings.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "settings/cipher.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

constexpr std::string_view kRow = "settings row of data.db";

Result<json::value> parse(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) { return fail(Code::kDamaged, "not JSON: " + error.message()); }
  return value;
}

// Plain first, whatever the key: so PocketBase reads it, and encrypts at the next save.
Result<json::value> decode(std::string_view text, std::string_view encryption_key) {
  if (auto plain = parse(text)) { return plain; }
  if (encryption_key.empty()) {
    if (!looks_encrypted(text)) { return fail(Code::kDamaged, "not JSON"); }
    return fail(Code::kUnauthenticated,
                "encrypted, and no key is given (--encryptionEnv NAME, with the key in NAME)");
  }
  PV_TRY(const std::string plain, decrypt(text, encryption_key));
  return parse(plain);
}

const json::object* section(const json::object* object, std::string_view name) {
  const json::value* value = object == nullptr ? nullptr : object->if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

// Each of these leaves the default where the member is absent or of another type.
void take(const json::object* object, std::string_view name, std::string& into) {
  const json::value* value = object == nullptr ? nullptr : object->if_contains(name);
  if (value != nullptr && value->is_string()) { into = value->get_string(); }
}
void take(const json::object* object, std::string_view name, bool& into) {
  const json::value* value = object == nullptr ? nullptr : object->if_contains(name);
  if (value != nullptr && value->is_bool()) { into = value->get_bool(); }
}
void take(const json::object* object, std::string_view name, std::vector<std::string>& into) {
  const json::value* value = object == nullptr ? nullptr : object->if_contains(name);
  if (value == nullptr || !value->is_array()) { return; }
  into.clear();
  for (const json::value& one : value->get_array()) {
    if (one.is_string()) { into.emplace_back(one.get_string()); }
  }
}

S3 s3_of(const json::object* object) {
  S3 s3;
  take(object, "enabled", s3.enabled);
  take(object, "bucket", s3.bucket);
  take(object, "region", s3.region);
  take(object, "endpoint", s3.endpoint);
  take(object, "accessKey", s3.access_key);
  take(object, "secret", s3.secret);
  take(object, "forcePathStyle", s3.force_path_style);
  return s3;
}

Settings settings_of(const json::value& document) {
  const json::object* root = document.if_object();
  Settings settings;
  take(section(root, "meta"), "appName", settings.app_name);
  take(section(root, "trustedProxy"), "headers", settings.trusted_proxy_headers);
  take(section(root, "trustedProxy"), "useLeftmostIP", settings.use_leftmost_ip);
  settings.storage_s3 = s3_of(section(root, "s3"));
  settings.backups_s3 = s3_of(section(section(root, "backups"), "s3"));
  take(root, "superuserIPs", settings.superuser_ips);
  return settings;
}

}  // namespace

Result<Settings> read(sqlite::Connection& data, std::string_view encryption_key) {
  PV_TRY(const auto row, data.one("SELECT value FROM _params WHERE id = 'settings'"));
  if (!row) { return Settings{}; }
  const auto document = decode(sqlite::to_text((*row)[0]), encryption_key);
  if (!document) { return fail(document.error().within(kRow)); }
  return settings_of(*document);
}

}  // namespace pv::settings
