// Form fields sent as XML: <x><Name>a.zip</Name></x>.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "api/json_fields.h"

namespace pv::api {

// A wanted field: what the form calls it, and what its element is called (case counts).
struct XmlName {
  std::string_view field;
  std::string_view element;
};

// Text of the wanted elements directly below the root, the last of several counting. What follows
// the root is not looked at. nullopt: not well-formed, or no root. Comments, processing
// instructions, CDATA and the five named and all numeric character references are understood;
// document types are skipped, so no entity of theirs is.
[[nodiscard]] std::optional<FormValues> read_xml_fields(std::string_view xml,
                                                        std::span<const XmlName> names);

}  // namespace pv::api
