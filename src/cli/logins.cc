#include "cli/logins.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "base/wall_time.h"

namespace pv::cli {
namespace {

namespace json = boost::json;

json::object read_object(const fs::Path& file) {
  constexpr std::uint64_t kFileBytesMax = 1 << 20;
  const auto text = fs::read_file(file, kFileBytesMax);
  if (!text.has_value()) { return {}; }
  json::error_code error;
  const json::value value = json::parse(*text, error);
  return !error && value.is_object() ? value.get_object() : json::object{};
}

std::string text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

Result<void> write_object(const fs::Path& file, const json::object& object) {
  PV_CHECK(fs::make_folders(file.parent_path(), 0700));
  return fs::write_file_atomically(file, json::serialize(object) + "\n", 0600);
}

}  // namespace

std::optional<Login> Logins::find(const std::string& url) const {
  const json::object all = read_object(file_);
  const json::value* entry = all.if_contains(url);
  if (entry == nullptr || !entry->is_object()) { return std::nullopt; }
  Login login{text_member(entry->get_object(), "email"), text_member(entry->get_object(), "token")};
  if (login.token.empty()) { return std::nullopt; }
  return login;
}

Result<void> Logins::keep(const std::string& url, const Login& login) {
  json::object all = read_object(file_);
  all[url] = json::object{{"email", login.email}, {"token", login.token}};
  return write_object(file_, all);
}

Result<void> Logins::forget(const std::string& url) {
  json::object all = read_object(file_);
  if (all.erase(url) == 0) { return fail(Code::kNotFound, "there is no login for " + url); }
  return write_object(file_, all);
}

std::optional<WallTime> token_end(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) { return std::nullopt; }
  const std::size_t second = token.find('.', first + 1);
  const auto claims = from_base64url(token.substr(first + 1, second - first - 1));
  if (second == std::string_view::npos || !claims) { return std::nullopt; }
  json::error_code error;
  const json::value value = json::parse(*claims, error);
  if (error || !value.is_object()) { return std::nullopt; }
  const json::value* end = value.get_object().if_contains("exp");
  if (end == nullptr || !end->is_int64()) { return std::nullopt; }
  if (end->get_int64() < 0) { return std::nullopt; }
  return wall_time(std::chrono::seconds{end->get_int64()});
}

}  // namespace pv::cli
