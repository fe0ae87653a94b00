// The `fields` parameter and HTML: the first line is an expression, the rest a text that it cuts.
#include <boost/json/parse.hpp>

#include "api/fields.h"
#include "api/json.h"
#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view html = text.substr(std::min(line + 1, text.size()));
  boost::json::object object{{"b", {{"c", html}, {"d", {1, "x"}}}}, {"a", html}};
  const boost::json::array list{object, object};
  const auto fields = pv::api::Fields::parse(text.substr(0, line));
  if (!fields.has_value()) { return 0; }
  const std::string answer = pv::api::to_json(fields->apply(list));
  const boost::json::value parsed = boost::json::parse(answer);
  PV_ASSERT(parsed.as_array().size() == 2);
  return 0;
}
