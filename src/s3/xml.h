// The XML that S3 servers answer with, read within bounds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pv::s3 {

struct Element {
  std::string name;  // as written; S3 uses no prefixes
  std::string text;  // of this element alone, without that of its children
  std::vector<Element> children;

  [[nodiscard]] const Element* find(std::string_view child) const;       // the first; nullptr: none
  [[nodiscard]] std::string_view text_of(std::string_view child) const;  // "" where there is none
};

// Attributes are passed over. kInvalid: not well-formed, a DOCTYPE (so no entities but the five of
// XML), more than 8 levels or 50,000 elements. The caller bounds the size.
[[nodiscard]] Result<Element> parse_xml(std::string_view text);

// For what we send: & < > and quotes as entities.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace pv::s3
