#include "store/sidecar.h"

#include <boost/json.hpp>

#include "base/text.h"

namespace pv::store {

std::string sidecar_for_zip(std::string_view original_name) {
  const boost::json::object line{
      {"user.cache_control", ""},
      {"user.content_disposition", ""},
      {"user.content_encoding", ""},
      {"user.content_language", ""},
      {"user.content_type", kZipType},
      {"user.metadata", {{"original-filename", printable(original_name)}}},
      {"md5", nullptr}};
  return boost::json::serialize(line) + "\n";
}

std::string content_type_in(std::string_view sidecar) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(sidecar, error);
  if (error || !value.is_object()) { return std::string{kUnknownType}; }
  const boost::json::value* type = value.get_object().if_contains("user.content_type");
  if (type == nullptr || !type->is_string() || type->get_string().empty()) {
    return std::string{kUnknownType};
  }
  return printable(std::string_view{type->get_string()});
}

}  // namespace pv::store
