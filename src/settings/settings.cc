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

const json::object* section(const json::value& document, std::string_view name) {
  const json::object* object = document.if_object();
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

Settings settings_of(const json::value& document) {
  Settings settings;
  take(section(document, "meta"), "appName", settings.app_name);
  take(section(document, "trustedProxy"), "headers", settings.trusted_proxy_headers);
  take(section(document, "trustedProxy"), "useLeftmostIP", settings.use_leftmost_ip);
  take(section(document, "s3"), "enabled", settings.files_in_s3);
  take(document.if_object(), "superuserIPs", settings.superuser_ips);
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
