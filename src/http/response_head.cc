#include "http/response_head.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace pv::http {

namespace {

using Field = std::pair<std::string, std::string>;

bool status_has_body(unsigned status) { return status >= 200 && status != 204 && status != 304; }

bool is_token(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

// nullopt: a stream is among the parts.
std::optional<std::uint64_t> body_length(const std::vector<BodyPart>& body) {
  std::uint64_t length = 0;
  for (const BodyPart& part : body) {
    if (const auto* const text = std::get_if<std::string>(&part)) {
      length += text->size();
    } else if (const auto* const slice = std::get_if<FileSlice>(&part)) {
      length += slice->length;
    } else {
      return std::nullopt;
    }
  }
  return length;
}

void write_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  const std::size_t start = out.size();
  out += trim_blanks(value);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
      [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out += "\r\n";
}

// The headers of the response that are sent, in the order of their names.
std::vector<const Field*> sorted_fields(const Response& response, bool hide_length) {
  std::vector<const Field*> fields;
  for (const Field& field : response.headers.list()) {
    const bool hidden =
        equals_ignoring_case(field.first, "Transfer-Encoding") ||
        (hide_length && equals_ignoring_case(field.first, "Content-Length")) ||
        (response.status == 304 && equals_ignoring_case(field.first, "Content-Type"));
    if (!hidden && is_token(field.first)) { fields.push_back(&field); }
  }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const Field* a, const Field* b) { return a->first < b->first; });
  return fields;
}

Framing choose_framing(const Response& response, const HeadContext& context, bool length_known) {
  if (context.is_head || !status_has_body(response.status)) { return Framing::kNone; }
  if (length_known && !response.omit_length) { return Framing::kLength; }
  return context.version >= 11 ? Framing::kChunked : Framing::kUntilClose;
}

}  // namespace

ResponseHead make_head(const Response& response, const HeadContext& context) {
  const auto length = body_length(response.body);
  const Framing framing = choose_framing(response, context, length.has_value());
  const bool given_length = response.headers.find("Content-Length").has_value();
  const bool may_have_length = status_has_body(response.status) && !response.omit_length;
  // HEAD with no body: whether the body of GET is empty or was left away can't be told.
  const bool adds_length =
      may_have_length && length.has_value() && !given_length && (!context.is_head || *length > 0);

  ResponseHead head;
  head.framing = framing;
  head.close = context.must_close || response.close || framing == Framing::kUntilClose ||
               response.headers.has_token("Connection", "close");
  std::string& out = head.text;
  out.reserve(512);
  out = context.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  for (const Field* field : sorted_fields(response, !may_have_length)) {
    write_field(out, field->first, field->second);
  }
  if (!response.headers.find("Date")) { write_field(out, "Date", format_http_date(context.now)); }
  if (adds_length) { write_field(out, "Content-Length", std::to_string(*length)); }
  if (!response.headers.find("Connection")) {
    if (head.close && context.version >= 11) { write_field(out, "Connection", "close"); }
    if (!head.close && context.version == 10 && context.keep_alive_asked) {
      write_field(out, "Connection", "keep-alive");
    }
  }
  if (framing == Framing::kChunked) { write_field(out, "Transfer-Encoding", "chunked"); }
  out += "\r\n";
  return head;
}

}  // namespace pv::http
