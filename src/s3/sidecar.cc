#include "s3/sidecar.h"

#include <boost/json.hpp>

#include "base/text.h"

namespace pv::s3 {
namespace {

namespace json = boost::json;

// "": it has no such text.
std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? printable(std::string_view{value->get_string()})
                                                : std::string{};
}

}  // namespace

std::string sidecar_of(const Attributes& attributes) {
  json::object metadata;
  if (!attributes.original_name.empty()) {
    metadata["original-filename"] = printable(attributes.original_name);
  }
  const json::object line{{"user.cache_control", ""},
                          {"user.content_disposition", ""},
                          {"user.content_encoding", ""},
                          {"user.content_language", ""},
                          {"user.content_type", printable(attributes.content_type)},
                          {"user.metadata", std::move(metadata)},
                          {"md5", nullptr}};
  return json::serialize(line) + "\n";
}

Attributes attributes_in(std::string_view sidecar) {
  Attributes attributes{std::string{kUnknownType}, {}};
  json::error_code error;
  const json::value value = json::parse(sidecar, error);
  if (error || !value.is_object()) { return attributes; }
  const json::object& line = value.get_object();
  if (std::string type = text_in(line, "user.content_type"); !type.empty()) {
    attributes.content_type = std::move(type);
  }
  const json::value* metadata = line.if_contains("user.metadata");
  if (metadata != nullptr && metadata->is_object()) {
    attributes.original_name = text_in(metadata->get_object(), "original-filename");
  }
  return attributes;
}

}  // namespace pv::s3
