#include "http/request_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "http/url.h"

namespace pv::http {

namespace {

// 1 MiB of "a:" lines would become 20 times as much memory.
constexpr std::size_t kFieldsMax = 16'384;

bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_host_char(char c) {
  constexpr std::string_view kOthers = "!$%&()*+,-.:;=[']_~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_host(std::string_view text) { return std::all_of(text.begin(), text.end(), is_host_char); }

// "host", "host:80", "[::1]:80".
bool is_authority(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (!is_host(text) || bracket == std::string_view::npos) { return false; }
  const std::size_t colon = text.find(':', bracket);
  return colon == std::string_view::npos ||
         text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
}

struct Version {
  int major = 0;
  int minor = 0;
};

// "HTTP/" digit "." digit, nothing else.
std::optional<Version> parse_version(std::string_view text) {
  constexpr std::string_view kPrefix = "HTTP/";
  if (text.size() != kPrefix.size() + 3 || !text.starts_with(kPrefix)) { return std::nullopt; }
  const char major = text[5];
  const char minor = text[7];
  if (major < '0' || major > '9' || text[6] != '.' || minor < '0' || minor > '9') {
    return std::nullopt;
  }
  return Version{.major = major - '0', .minor = minor - '0'};
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size() || (length >> 63U) != 0) {
    return std::nullopt;
  }
  return length;
}

// Length of "scheme:" at the front of a target; 0 when there is none.
std::size_t scheme_length(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c == ':') { return i + 1; }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!letter && !(later && i > 0)) { return 0; }
  }
  return 0;
}

std::string status_line(const Refusal& refusal) {
  std::string text = std::to_string(refusal.status);
  text += ' ';
  text += reason_phrase(refusal.status);
  if (!refusal.detail.empty()) { text += ": " + refusal.detail; }
  return text;
}

}  // namespace

std::string to_wire(const Refusal& refusal) {
  const std::string line = status_line(refusal);
  // Go's words for 501 stand in the body alone.
  const bool transfer_encoding = refusal.status == 501;
  const std::string first = transfer_encoding ? status_line({.status = 501, .detail = {}}) : line;
  return "HTTP/1.1 " + first +
         "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
         (transfer_encoding ? refusal.detail : line);
}

std::size_t RequestParser::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (state_ == State::kMore) {
    const std::string_view rest = bytes.substr(taken);
    const std::size_t end = rest.find('\n', searched_);
    const std::size_t length = end == std::string_view::npos ? rest.size() : end + 1;
    if (used_ + length > bytes_max_) {
      refuse(431);
      break;
    }
    if (end == std::string_view::npos) {
      searched_ = rest.size();
      break;
    }
    searched_ = 0;
    used_ += length;
    taken += length;
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) { line.remove_suffix(1); }
    take_line(line);
  }
  return taken;
}

void RequestParser::take_line(std::string_view line) {
  if (!has_request_line_) {
    take_request_line(line);
  } else if (line.empty()) {
    finish();
  } else {
    take_field(line);
  }
}

void RequestParser::take_request_line(std::string_view line) {
  has_request_line_ = true;
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos) { return refuse(400); }
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) { return refuse(400); }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const auto version = parse_version(line.substr(second + 1));
  if (!is_token(method) || !version) { return refuse(400); }
  request_.method = method;
  version_major_ = version->major;
  request_.version = version->major == 1 && version->minor == 0 ? 10 : 11;
  preface_ = method == "PRI" && target == "*" && version->major == 2 && version->minor == 0;
  if (!take_target(target)) { refuse(400); }
}

bool RequestParser::take_target(std::string_view target) {
  if (target.empty() || std::any_of(target.begin(), target.end(), is_control)) { return false; }
  if (target == "*") {
    request_.target = request_.path = target;
    return true;
  }
  std::string_view rest = target;
  if (request_.method == "CONNECT" && !rest.starts_with('/')) {
    if (!is_authority(rest)) { return false; }
    authority_ = rest;
    rest = {};
  } else if (const std::size_t scheme = scheme_length(rest); scheme > 0) {
    rest.remove_prefix(scheme);
    if (!rest.starts_with("//")) { return false; }
    const std::size_t end = std::min(rest.find_first_of("/?", 2), rest.size());
    std::string_view authority = rest.substr(2, end - 2);
    authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 is 0
    if (!is_authority(authority)) { return false; }
    authority_ = authority;
    rest.remove_prefix(end);
  } else if (!rest.starts_with('/')) {
    return false;
  }
  const std::size_t question = std::min(rest.find('?'), rest.size());
  request_.path = rest.substr(0, question);
  request_.query = rest.substr(std::min(question + 1, rest.size()));
  if (request_.path.empty()) { request_.path = "/"; }
  request_.target = request_.path;
  request_.target += rest.substr(question);
  return decode_path_segment(request_.path).has_value();
}

void RequestParser::take_field(std::string_view line) {
  // A line that begins with a blank continues the one before (obs-fold), or hides the first one.
  const std::size_t colon = line.find(':');
  if (line.front() == ' ' || line.front() == '\t' || colon == std::string_view::npos) {
    return refuse(400);
  }
  if (request_.headers.list().size() >= kFieldsMax) { return refuse(431); }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  const auto is_bad = [](char c) { return is_control(c) && c != '\t'; };
  if (std::any_of(value.begin(), value.end(), is_bad)) { return refuse(400); }
  if (!is_token(name)) {
    // Go takes blanks in a name, reads on, and refuses it in other words at the end.
    const bool blanks_only = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return c == ' ' || is_token_char(c);
    });
    return blanks_only ? refuse(400, "invalid header name") : refuse(400);
  }
  request_.headers.add(std::string{name}, std::string{value});
}

void RequestParser::finish() {
  if (request_.headers.all("Host").size() > 1) { return refuse(400); }
  if (!take_framing()) { return; }
  if (version_major_ != 1 && !preface_) { return refuse(505, "unsupported protocol version"); }
  if (!check_host()) { return; }
  const bool close = request_.headers.has_token("Connection", "close");
  const bool keep = request_.headers.has_token("Connection", "keep-alive");
  wants_close_ = close || preface_ || (request_.version == 10 && !keep);
  state_ = State::kDone;
}

bool RequestParser::take_framing() {
  const auto codings = request_.headers.all("Transfer-Encoding");
  // HTTP/1.0 knows no transfer codings, so there the field means nothing.
  if (!codings.empty() && request_.version >= 11) {
    if (codings.size() != 1 || !equals_ignoring_case(codings.front(), "chunked")) {
      refuse(501, "Unsupported transfer encoding");
      return false;
    }
    request_.chunked = true;
  }
  const auto lengths = request_.headers.all("Content-Length");
  for (const std::string_view text : lengths) {
    const auto length = parse_length(text);
    if (!length || text != lengths.front()) {
      refuse(400);
      return false;
    }
    request_.content_length = length;
  }
  ambiguous_length_ = !codings.empty() && (!lengths.empty() || request_.version < 11);
  if (request_.chunked) {
    request_.content_length.reset();
    request_.headers.remove("Content-Length");
  }
  return true;
}

bool RequestParser::check_host() {
  const auto host = request_.headers.find("Host");
  if (!host && request_.version >= 11 && request_.method != "CONNECT" && !preface_) {
    refuse(400, "missing required Host header");
    return false;
  }
  if (host && !is_host(*host)) {
    refuse(400, "malformed Host header");
    return false;
  }
  if (!authority_.empty()) { request_.headers.set("Host", authority_); }
  return true;
}

void RequestParser::refuse(unsigned status, std::string detail) {
  state_ = State::kRefused;
  refusal_ = Refusal{.status = status, .detail = std::move(detail)};
}

}  // namespace pv::http
