#include "http/ranges.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace pv::http {

namespace {

struct Range {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
};

enum class RangeFault { kNone, kInvalid, kNoOverlap };

struct Ranges {
  std::vector<Range> list;  // empty without a fault: the whole file
  RangeFault fault = RangeFault::kNone;
};

// ------------------------------------------------------------------- preconditions (RFC 9110 13)

enum class Condition { kNone, kTrue, kFalse };

// The first entity tag in `text`, which is moved behind it; empty: none there.
std::string_view take_tag(std::string_view& text) {
  const std::string_view all = trim_blanks(text);
  const std::size_t start = all.starts_with("W/") ? 2 : 0;
  if (all.size() < start + 2 || all[start] != '"') { return {}; }
  for (std::size_t i = start + 1; i < all.size(); ++i) {
    const auto c = static_cast<unsigned char>(all[i]);
    if (c == '"') {
      text = all.substr(i + 1);
      return all.substr(0, i + 1);
    }
    if (c != 0x21 && (c < 0x23 || c == 0x7F)) { return {}; }
  }
  return {};
}

bool strongly_equal(std::string_view a, std::string_view b) { return a == b && a.starts_with('"'); }

bool weakly_equal(std::string_view a, std::string_view b) {
  const auto opaque = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  return opaque(a) == opaque(b);
}

// Whether a list of entity tags names ours, or all ("*").
template <class Equal>
bool names(std::string_view list, std::string_view ours, Equal equal) {
  for (;;) {
    list = trim_blanks(list);
    if (list.empty()) { return false; }
    if (list.front() == ',') {
      list.remove_prefix(1);
      continue;
    }
    if (list.front() == '*') { return true; }
    const std::string_view tag = take_tag(list);
    if (tag.empty()) { return false; }
    if (equal(tag, ours)) { return true; }
  }
}

// The file as preconditions see it.
struct Version {
  std::string_view tag;  // empty: has none
  WallTime modified;     // whole seconds
  bool has_date = false;
};

std::string_view value_of(const Request& request, std::string_view name) {
  return request.headers.find(name).value_or("");
}

bool is_read(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

Condition if_match(const Request& request, const Version& version) {
  const std::string_view list = value_of(request, "If-Match");
  if (list.empty()) { return Condition::kNone; }
  return names(list, version.tag, strongly_equal) ? Condition::kTrue : Condition::kFalse;
}

Condition if_none_match(const Request& request, const Version& version) {
  const std::string_view list = value_of(request, "If-None-Match");
  if (list.empty()) { return Condition::kNone; }
  return names(list, version.tag, weakly_equal) ? Condition::kFalse : Condition::kTrue;
}

// Compares a date of the request with the file's; kNone: no usable date. kTrue: the file is newer.
Condition newer_than(const Request& request, std::string_view header, const Version& version) {
  const auto date = parse_http_date(value_of(request, header));
  if (!date || !version.has_date) { return Condition::kNone; }
  return version.modified > *date ? Condition::kTrue : Condition::kFalse;
}

// Whether a Range counts although the client has a part of perhaps another version.
bool range_holds(const Request& request, const Version& version) {
  std::string_view given = value_of(request, "If-Range");
  if (given.empty() || !is_read(request)) { return true; }
  const std::string_view tag = take_tag(given);
  if (!tag.empty()) { return strongly_equal(tag, version.tag); }
  const auto date = parse_http_date(given);
  return date && *date == version.modified;
}

// 304 or 412; 0: go on.
unsigned failed_precondition(const Request& request, const Version& version) {
  const Condition match = if_match(request, version);
  if (match == Condition::kFalse) { return 412; }
  if (match == Condition::kNone &&
      newer_than(request, "If-Unmodified-Since", version) == Condition::kTrue) {
    return 412;
  }
  const Condition none_match = if_none_match(request, version);
  if (none_match == Condition::kFalse) { return is_read(request) ? 304 : 412; }
  if (none_match == Condition::kNone && is_read(request) &&
      newer_than(request, "If-Modified-Since", version) == Condition::kFalse) {
    return 304;
  }
  return 0;
}

// ------------------------------------------------------------------------- ranges (RFC 9110 14)

std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.starts_with('+')) { text.remove_prefix(1); }  // as Go's ParseInt
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number);
}

// "0-9", "10-", "-5" put into `ranges`.
RangeFault add_range(std::string_view text, std::uint64_t size, std::vector<Range>& ranges) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) { return RangeFault::kInvalid; }
  const std::string_view first = trim_blanks(text.substr(0, dash));
  const std::string_view last = trim_blanks(text.substr(dash + 1));
  if (first.empty()) {
    const auto count = last.starts_with('-') ? std::nullopt : parse_number(last);
    if (!count) { return RangeFault::kInvalid; }
    const std::uint64_t length = std::min(*count, size);
    ranges.push_back({.start = size - length, .length = length});
    return RangeFault::kNone;
  }
  const auto start = parse_number(first);
  if (!start) { return RangeFault::kInvalid; }
  if (*start >= size) { return RangeFault::kNoOverlap; }
  std::uint64_t end = size - 1;
  if (!last.empty()) {
    const auto given = parse_number(last);
    if (!given || *given < *start) { return RangeFault::kInvalid; }
    end = std::min(*given, end);
  }
  ranges.push_back({.start = *start, .length = end - *start + 1});
  return RangeFault::kNone;
}

Ranges parse_ranges(std::string_view text, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  Ranges ranges;
  if (text.empty()) { return ranges; }
  if (!text.starts_with(kUnit)) { return {.list = {}, .fault = RangeFault::kInvalid}; }
  bool beyond = false;
  std::uint64_t sum = 0;
  for (std::size_t at = kUnit.size(); at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view one = trim_blanks(text.substr(at, comma - at));
    at = comma + 1;
    if (one.empty()) { continue; }
    const RangeFault fault = add_range(one, size, ranges.list);
    if (fault == RangeFault::kInvalid) { return {.list = {}, .fault = fault}; }
    beyond = beyond || fault == RangeFault::kNoOverlap;
  }
  if (ranges.list.empty() && beyond && size > 0) {
    return {.list = {}, .fault = RangeFault::kNoOverlap};
  }
  for (const Range& range : ranges.list) { sum += range.length; }
  // More than the file: an attack or a confused client, which gets the file once.
  if (sum > size) { ranges.list.clear(); }
  return ranges;
}

std::string content_range(const Range& range, std::uint64_t size) {
  // Of an empty range the last byte is the one before the first: "113-112/113".
  const std::string last =
      range.start + range.length == 0 ? "-1" : std::to_string(range.start + range.length - 1);
  return "bytes " + std::to_string(range.start) + "-" + last + "/" + std::to_string(size);
}

// ---------------------------------------------------------------------------------- the answers

Response refuse(Response response, const char* text) {
  response.status = 416;
  for (const char* name : {"Cache-Control", "Content-Encoding", "Etag", "Last-Modified"}) {
    response.headers.remove(name);
  }
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.body.emplace_back(std::string{text} + "\n");
  return response;
}

void add_slice(Response& response, const std::shared_ptr<Source>& source, const Range& range) {
  FileSlice slice;
  slice.source = source;
  slice.offset = range.start;
  slice.length = range.length;
  response.body.emplace_back(std::move(slice));
}

// multipart/byteranges; returns its length.
std::uint64_t add_parts(Response& response, const FileAnswer& answer,
                        const std::vector<Range>& ranges, std::string_view boundary) {
  const std::uint64_t size = answer.source->size_bytes();
  const std::string dashes = "--" + std::string{boundary};
  std::uint64_t length = 0;
  std::string before = dashes;
  for (const Range& range : ranges) {
    before += "\r\nContent-Range: " + content_range(range, size) +
              "\r\nContent-Type: " + answer.content_type + "\r\n\r\n";
    length += before.size() + range.length;
    response.body.emplace_back(std::move(before));
    add_slice(response, answer.source, range);
    before = "\r\n" + dashes;
  }
  before += "--\r\n";
  length += before.size();
  response.body.emplace_back(std::move(before));
  return length;
}

}  // namespace

Response serve_file(const Request& request, FileAnswer answer, std::string_view boundary) {
  Response response;
  response.headers = std::move(answer.headers);
  response.headers.set("Content-Type", answer.content_type);
  Version version;
  version.modified = std::chrono::floor<std::chrono::seconds>(answer.modified);
  version.has_date = answer.modified != WallTime{};
  if (version.has_date) {
    response.headers.set("Last-Modified", format_http_date(version.modified));
  }
  const std::string tag{response.headers.find("Etag").value_or("")};
  version.tag = tag;

  response.status = failed_precondition(request, version);
  if (response.status == 304) {
    response.headers.remove("Content-Type");
    response.headers.remove("Content-Encoding");
    if (!tag.empty()) { response.headers.remove("Last-Modified"); }
  }
  if (response.status != 0) { return response; }

  const std::uint64_t size = answer.source->size_bytes();
  const bool wants_range = range_holds(request, version);
  const Ranges ranges = parse_ranges(wants_range ? value_of(request, "Range") : "", size);
  if (ranges.fault == RangeFault::kInvalid) { return refuse(std::move(response), "invalid range"); }
  if (ranges.fault == RangeFault::kNoOverlap) {
    response.headers.set("Content-Range", "bytes */" + std::to_string(size));
    return refuse(std::move(response), "invalid range: failed to overlap");
  }
  response.status = ranges.list.empty() ? 200 : 206;
  response.headers.set("Accept-Ranges", "bytes");
  std::uint64_t length = size;
  if (ranges.list.size() > 1) {
    response.headers.set("Content-Type", "multipart/byteranges; boundary=" + std::string{boundary});
    length = add_parts(response, answer, ranges.list, boundary);
  } else if (ranges.list.size() == 1) {
    response.headers.set("Content-Range", content_range(ranges.list.front(), size));
    length = ranges.list.front().length;
    add_slice(response, answer.source, ranges.list.front());
  } else {
    add_slice(response, answer.source, {.start = 0, .length = size});
  }
  response.headers.set("Content-Length", std::to_string(length));
  return response;
}

}  // namespace pv::http
