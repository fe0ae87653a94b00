// What the fuzz targets do with one input; a test replays their corpora through it.
#pragma once

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <string>
#include <string_view>

#include "api/fields.h"
#include "api/json.h"
#include "api/json_fields.h"
#include "api/xml_fields.h"
#include "base/error.h"
#include "base/text.h"

namespace pv::api {

// The fields of a JSON body that is fed in pieces of `piece_bytes`, as one line.
inline std::string json_fields_of(std::string_view text, std::size_t piece_bytes) {
  using Progress = JsonFields::Progress;
  constexpr std::array<JsonField, 4> kFields{
      {{"name"}, {"other"}, {"flag", FieldKind::kFlag}, {"list", FieldKind::kList}}};
  JsonFields json{kFields};
  Progress progress = Progress::kMore;
  while (!text.empty() && progress == Progress::kMore) {
    progress = json.feed(text.substr(0, piece_bytes));
    text.remove_prefix(std::min(piece_bytes, text.size()));
  }
  if (progress == Progress::kMore) { progress = json.finish(); }
  if (progress == Progress::kMalformed) { return "malformed"; }
  std::string all = "fine:";
  for (const auto& [name, value] : json.take_values()) {
    PV_ASSERT(is_utf8(value));
    all += name + "=" + value + ";";
  }
  return all;
}

// Form fields as JSON and XML: no crash, and the same fields in one piece as byte by byte.
inline void fuzz_form(std::string_view text) {
  PV_ASSERT(json_fields_of(text, text.size() + 1) == json_fields_of(text, 1));
  constexpr std::array<XmlName, 1> kXml{{{"name", "Name"}}};
  if (const auto values = read_xml_fields(text, kXml)) {
    for (const auto& [name, value] : *values) { PV_ASSERT(is_utf8(value)); }
  }
}

// The `fields` parameter and HTML: the first line is an expression, the rest a text that it cuts.
inline void fuzz_fields(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view html = text.substr(std::min(line + 1, text.size()));
  const boost::json::object object{{"b", {{"c", html}, {"d", {1, "x"}}}}, {"a", html}};
  const boost::json::array list{object, object};
  const auto fields = Fields::parse(text.substr(0, line));
  if (!fields.has_value()) { return; }
  const boost::json::value parsed = boost::json::parse(to_json(fields->apply(list)));
  PV_ASSERT(parsed.as_array().size() == 2);
}

}  // namespace pv::api
