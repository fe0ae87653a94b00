// Decodes the bodies of requests that carry a few text fields, whatever their type.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_fields.h"
#include "api/problem.h"
#include "http/message.h"

namespace pv::api {

// Of every route but upload; from Content-Length before a byte is read, and while reading a chunked
// body.
inline constexpr std::uint64_t kBodyBytesMax = 32 << 20;

enum class FormFault {
  kMalformed,        // does not decode, or the client went away
  kUnsupportedType,  // its Content-Type is none that is decoded
  kXml,              // XML, and the route's fields have no elements
  kMisspelled,       // a list in a form, under another spelling of its name
  kTooLarge,         // a chunked body past kBodyBytesMax
};

struct Form {
  std::optional<FormFault> fault;
  FormValues values;                       // by the names asked for; what was not sent is absent
  std::vector<std::string> payloads = {};  // each "@jsonPayload", already applied to the values
};

// One field: its name in JSON and forms, and its element in XML.
struct FormField {
  std::string_view name;
  std::string_view xml = {};
  FieldKind kind = FieldKind::kText;
};

// How PocketBase refuses a form that it can't read, where a route has no words of its own for that.
[[nodiscard]] Problem unreadable(FormFault fault);

// Whether `sent` is meant for `name`, as others write it: in another case, or "name[]", "name[0]".
[[nodiscard]] bool is_another_spelling(std::string_view sent, std::string_view name);

// A flag as JSON or a form says it: "true" and "1", "false", "0" and nothing; nullopt: neither.
[[nodiscard]] std::optional<bool> flag_of(const FormValues& values, std::string_view name);

// The type is chosen by the prefix of Content-Type, case counting: application/json,
// multipart/form-data, application/x-www-form-urlencoded, text/xml and application/xml. For the two
// form types the URL's query holds fields too, after those of the body, and "@jsonPayload" a JSON
// object that is applied last. No body: no fields. Memory: a few MiB at most.
// `fields` is not empty.
[[nodiscard]] boost::asio::awaitable<Form> read_form(const http::Request& request,
                                                     http::BodyReader& body,
                                                     std::span<const FormField> fields);

}  // namespace pv::api
