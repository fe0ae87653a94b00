// What a server's refusal means.
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/remote_backups.h"

namespace pv::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMessageBytesMax = 1000;

std::string text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) { return {}; }
  const std::string_view text{value->get_string()};
  return printable(text.substr(0, kMessageBytesMax));
}

// The first field that validation refuses: {"data":{"name":{"code","message"}}}.
struct Refused {
  std::string field;
  std::string code;
  std::string message;
};
std::optional<Refused> refused_field(const json::object& answer) {
  const json::value* data = answer.if_contains("data");
  if (data == nullptr || !data->is_object() || data->get_object().empty()) { return std::nullopt; }
  const auto& [field, value] = *data->get_object().begin();
  if (!value.is_object()) { return std::nullopt; }
  return Refused{printable(std::string_view{field}), text_member(value.get_object(), "code"),
                 text_member(value.get_object(), "message")};
}

bool has(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

// PocketBase says 400 for most things; the words tell them apart.
Code code_of_bad_request(const std::string& message) {
  if (has(message, "Try again later") || has(message, "currently being used")) {
    return Code::kBusy;
  }
  if (has(message, "Missing or invalid backup file") || has(message, "no such file") ||
      has(message, "resource not found")) {
    return Code::kNotFound;
  }
  if (has(message, "Failed to load backups filesystem") ||
      has(message, "Failed to retrieve backup items") ||
      has(message, "settings of the data directory can't be read")) {
    return Code::kUnavailable;
  }
  return Code::kInvalid;
}

Code code_of_status(int status, const std::string& message) {
  switch (status) {
    case 400: return code_of_bad_request(message);
    case 401:
    case 403: return Code::kUnauthenticated;
    case 404: return Code::kNotFound;
    case 409:
    case 423:
    case 429: return Code::kBusy;
    case 413: return Code::kInvalid;
    case 422: return Code::kDamaged;
    case 501: return Code::kUnsupported;
    case 507: return Code::kNoSpace;
    default: return status >= 500 ? Code::kUnavailable : Code::kInvalid;
  }
}

}  // namespace

Error error_of(const curl::Reply& reply) {
  json::error_code error;
  const json::value value = json::parse(reply.body, error);
  const std::string status = std::to_string(reply.status);
  if (error || !value.is_object() || !value.get_object().contains("message")) {
    const bool redirects = reply.status >= 300 && reply.status < 400;
    return Error{code_of_status(reply.status, ""),
                 "the server answered " + status +
                     (redirects ? ", a redirect: is this the right address?"
                                : " and not in PocketBase's way: is this the right address?")};
  }
  const json::object& answer = value.get_object();
  const std::string message = text_member(answer, "message");
  if (const auto refused = refused_field(answer)) {
    const bool taken = has(refused->code, "exists");
    return Error{taken ? Code::kExists : Code::kInvalid,
                 "the server refused: " + refused->field + ": " + refused->message};
  }
  return Error{code_of_status(reply.status, message),
               "the server answered " + status + ": " + message};
}

}  // namespace pv::cli
