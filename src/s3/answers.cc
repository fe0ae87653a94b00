#include "s3/answers.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "s3/date.h"
#include "s3/xml.h"

namespace pv::s3 {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
  return value;
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') { return letter - '0'; }
  if (letter >= 'a' && letter <= 'f') { return letter - 'a' + 10; }
  if (letter >= 'A' && letter <= 'F') { return letter - 'A' + 10; }
  return -1;
}

Result<Element> parse_answer(std::string_view body, std::string_view root) {
  PV_TRY(Element element, parse_xml(body));
  if (element.name != root) {
    return fail(Code::kInvalid, "the server answers " + printable(element.name.substr(0, 100)) +
                                    " where S3 answers " + std::string{root});
  }
  return element;
}

Result<Object> object_of(const Element& contents, bool is_encoded) {
  Object object;
  const std::string_view key = contents.text_of("Key");
  object.key = is_encoded ? decode_key(key) : std::string{key};
  const auto size = parse_number(contents.text_of("Size"));
  const auto modified = parse_iso_date(contents.text_of("LastModified"));
  if (object.key.empty() || !size.has_value() || !modified.has_value()) {
    return fail(Code::kInvalid, "the server lists an object without key, size or date");
  }
  object.size_bytes = *size;
  object.modified = *modified;
  object.etag = contents.text_of("ETag");
  return object;
}

// Percent-decoded; bad escapes stay.
std::string decode(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
    const bool is_escape = text[at] == '%' && high >= 0 && low >= 0;
    result += is_escape ? static_cast<char>(high * 16 + low) : text[at];
    if (is_escape) { at += 2; }
  }
  return result;
}

}  // namespace

std::string decode_key(std::string_view text) {
  std::string blanks{text};
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  return decode(blanks);
}

Result<ListPage> parse_list(std::string_view body) {
  PV_TRY(const Element root, parse_answer(body, "ListBucketResult"));
  const bool is_encoded = root.text_of("EncodingType") == "url";
  ListPage page;
  for (const Element& child : root.children) {
    if (child.name != "Contents") { continue; }
    PV_TRY(Object object, object_of(child, is_encoded));
    page.objects.push_back(std::move(object));
  }
  if (root.text_of("IsTruncated") == "true") {
    page.next = root.text_of("NextContinuationToken");
    if (page.next.empty()) {
      return fail(Code::kInvalid, "the server says that there is more, but not where");
    }
  }
  return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
  PV_TRY(const Element root, parse_answer(body, "InitiateMultipartUploadResult"));
  std::string id{root.text_of("UploadId")};
  if (id.empty()) { return fail(Code::kInvalid, "the server started an upload without an id"); }
  return id;
}

Result<Part> parse_copied_part(std::string_view body) {
  PV_TRY(const Element root, parse_answer(body, "CopyPartResult"));
  Part part;
  part.etag = root.text_of("ETag");
  part.crc32c = root.text_of("ChecksumCRC32C");
  if (part.etag.empty()) { return fail(Code::kInvalid, "the server copied a part without ETag"); }
  return part;
}

Result<Completed> parse_completed(std::string_view body) {
  PV_TRY(const Element root, parse_answer(body, "CompleteMultipartUploadResult"));
  return Completed{std::string{root.text_of("ChecksumCRC32C")}, std::string{root.text_of("ETag")}};
}

Attributes attributes_of_headers(const std::vector<curl::Header>& headers) {
  return {std::string{curl::find_header(headers, "Content-Type").value_or("")},
          decode(curl::find_header(headers, kOriginalNameHeader).value_or(""))};
}

Result<Object> object_of_headers(const std::string& key, const std::vector<curl::Header>& headers) {
  const auto text = [&](std::string_view name) {
    return std::string{curl::find_header(headers, name).value_or("")};
  };
  const auto size = parse_number(text("Content-Length"));
  const auto modified = parse_http_date(text("Last-Modified"));
  if (!size.has_value() || !modified.has_value() || text("ETag").empty()) {
    return fail(Code::kInvalid, "the server describes " + printable(key) +
                                    " without Content-Length, Last-Modified or ETag");
  }
  return Object{key,
                *size,
                *modified,
                text("ETag"),
                attributes_of_headers(headers),
                text("x-amz-meta-pocketvault-upload")};
}

std::string completion_of(const std::vector<Part>& parts) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const Part& part : parts) {
    body += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
            escape_xml(part.etag) + "</ETag>";
    if (!part.crc32c.empty()) {
      body += "<ChecksumCRC32C>" + escape_xml(part.crc32c) + "</ChecksumCRC32C>";
    }
    body += "</Part>";
  }
  return body + "</CompleteMultipartUpload>";
}

}  // namespace pv::s3
