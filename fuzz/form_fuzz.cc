// Form fields as JSON and XML: whatever the bytes, no crash, and the same fields in one piece as
// byte by byte.
#include <array>

#include "api/json_fields.h"
#include "api/xml_fields.h"
#include "base/error.h"
#include "base/text.h"

namespace {

constexpr std::array<std::string_view, 2> kNames{"name", "other"};

std::string outcome(std::string_view text, std::size_t piece) {
  using Progress = pv::api::JsonFields::Progress;
  pv::api::JsonFields json{kNames};
  Progress progress = Progress::kMore;
  while (!text.empty() && progress == Progress::kMore) {
    progress = json.feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  if (progress == Progress::kMore) { progress = json.finish(); }
  if (progress == Progress::kMalformed) { return "malformed"; }
  std::string all = "fine:";
  for (const auto& [name, value] : json.take_values()) {
    PV_ASSERT(pv::is_utf8(value));
    all += name + "=" + value + ";";
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  PV_ASSERT(outcome(text, size + 1) == outcome(text, 1));
  constexpr std::array<pv::api::XmlName, 1> kXml{{{"name", "Name"}}};
  if (const auto values = pv::api::read_xml_fields(text, kXml)) {
    for (const auto& [name, value] : *values) { PV_ASSERT(pv::is_utf8(value)); }
  }
  return 0;
}
