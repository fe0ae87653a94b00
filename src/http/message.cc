#include "http/message.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pv::http {

void Headers::add(std::string name, std::string value) {
  list_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(list_, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [key, value] : list_) {
    if (equals_ignoring_case(key, name)) { return value; }
  }
  return std::nullopt;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : list_) {
    if (equals_ignoring_case(key, name)) { values.emplace_back(value); }
  }
  return values;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [key, value] : list_) {
    if (!equals_ignoring_case(key, name)) { continue; }
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (equals_ignoring_case(trim_blanks(rest.substr(0, comma)), token)) { return true; }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

Task<std::string> read_all(BodyReader& body, std::size_t bytes_max) {
  std::string text;
  for (;;) {
    // A step at a time, so that a small body costs little; one byte past the limit shows that
    // there is more.
    const std::size_t have = text.size();
    const std::size_t step = std::clamp<std::size_t>(have, 4096, std::size_t{64} << 10);
    text.resize(have + std::min(step, bytes_max - have + 1));
    const MutableBytes room = std::as_writable_bytes(std::span{text}).subspan(have);
    PV_CO_TRY(const std::size_t count, co_await body.read(room));
    text.resize(have + count);
    if (count == 0) { co_return text; }
    if (text.size() > bytes_max) {
      co_return fail(Code::kInvalid,
                     "request body has more than " + std::to_string(bytes_max) + " bytes");
    }
  }
}

std::string_view reason_phrase(unsigned status) {
  struct Phrase {
    unsigned status;
    std::string_view text;
  };
  static constexpr std::array<Phrase, 40> kPhrases{{
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {203, "Non-Authoritative Information"},
      {204, "No Content"},
      {205, "Reset Content"},
      {206, "Partial Content"},
      {300, "Multiple Choices"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Request Entity Too Large"},
      {415, "Unsupported Media Type"},
      {416, "Requested Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Entity"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  const auto* const found = std::find_if(kPhrases.begin(), kPhrases.end(),
                                         [&](const Phrase& it) { return it.status == status; });
  return found == kPhrases.end() ? std::string_view{} : found->text;
}

}  // namespace pv::http
