#include "http/multipart.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/media_type.h"

namespace pv::http {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{128} << 10;
constexpr std::size_t kLineBytesMax = 4096;  // where a boundary should be
constexpr std::size_t kSkipBytes = std::size_t{64} << 10;
constexpr std::size_t kHeaderBytesMax = std::size_t{64} << 10;
constexpr std::size_t kPartsMax = 1000;
// RFC 2046 allows 70. Longer ones are seen in no client, and the line must fit.
constexpr std::size_t kBoundaryBytesMax = 1000;

tl::unexpected<Error> broken(const char* why) {
  return fail(Code::kInvalid, std::string{"broken multipart body: "} + why);
}

// The last element, as Go's filepath.Base gives it.
std::string last_element(std::string_view path) {
  const std::size_t last = path.find_last_not_of('/');
  if (last == std::string_view::npos) { return "/"; }
  path = path.substr(0, last + 1);
  return std::string{path.substr(path.rfind('/') + 1)};  // npos + 1 is 0
}

bool is_name_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~ ";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_bad_in_value(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

Result<void> add_field(Headers& headers, std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) { return broken("a header without a name"); }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = line.substr(colon + 1);
  if (!std::all_of(name.begin(), name.end(), is_name_char) ||
      std::any_of(value.begin(), value.end(), is_bad_in_value)) {
    return broken("a header with control characters");
  }
  headers.add(std::string{name}, std::string{trim_blanks(value)});
  return {};
}

Part describe(const Headers& headers) {
  Part part;
  part.content_type = headers.find("Content-Type").value_or("");
  const auto disposition = parse_media_type(headers.find("Content-Disposition").value_or(""));
  if (!disposition) { return part; }
  const auto& parameters = disposition->parameters;
  if (const auto name = parameters.find("name");
      name != parameters.end() && disposition->type == "form-data") {
    part.name = name->second;
  }
  if (const auto file = parameters.find("filename");
      file != parameters.end() && !file->second.empty()) {
    part.filename = last_element(file->second);
  }
  return part;
}

// How a part's bytes go on: this many belong to it, and then it ends or more must be read.
struct Scan {
  std::size_t data = 0;
  bool ended = false;
};

class Reader final : public MultipartReader {
 public:
  Reader(std::string boundary, BodyReader& body)
      : body_{body}, delimiter_{"\r\n--" + std::move(boundary)}, buffer_(kBufferBytes) {}

  Task<std::optional<Part>> next() override;
  Task<std::size_t> read(MutableBytes into) override;

 private:
  // "--boundary" and "\r\n--boundary" (in a form with bare line feeds "\n--boundary").
  [[nodiscard]] std::string_view dashes() const { return std::string_view{delimiter_}.substr(2); }
  [[nodiscard]] std::string_view newline_dashes() const {
    return std::string_view{delimiter_}.substr(bare_newlines_ ? 1 : 0);
  }
  [[nodiscard]] std::string_view newline() const { return bare_newlines_ ? "\n" : "\r\n"; }
  [[nodiscard]] std::string_view text() const {
    return as_text(Bytes{buffer_}).substr(begin_, end_ - begin_);
  }

  Task<void> fill();
  Task<std::string> take_line(std::size_t bytes_max);
  Task<Headers> read_headers();
  [[nodiscard]] bool is_delimiter(std::string_view line);
  [[nodiscard]] bool is_last(std::string_view line) const;
  [[nodiscard]] Scan scan() const;
  [[nodiscard]] std::optional<bool> delimits(std::string_view after) const;

  BodyReader& body_;
  std::string delimiter_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;  // of the body
  bool bare_newlines_ = false;
  bool in_part_ = false;
  bool part_has_begun_ = false;  // a byte of it was given out
  bool over_ = false;
  std::size_t known_ = 0;  // bytes at the front that belong to the part
  std::size_t parts_ = 0;
};

// Reads more behind what is there, which never fills the buffer: lines and delimiters are shorter.
Task<void> Reader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  PV_ASSERT(end_ < buffer_.size());
  const MutableBytes room = MutableBytes{buffer_}.subspan(end_);
  PV_CO_TRY(const std::size_t count, co_await body_.read(room));
  end_ += count;
  at_end_ = count == 0;
  co_return Result<void>{};
}

// With its line end, which the last line of the body may lack.
Task<std::string> Reader::take_line(std::size_t bytes_max) {
  for (std::size_t searched = 0;;) {
    const std::size_t newline_at = text().find('\n', searched);
    if (newline_at != std::string_view::npos || (at_end_ && !text().empty())) {
      std::string line{text().substr(0, newline_at)};
      if (newline_at != std::string_view::npos) { line += '\n'; }
      if (line.size() > bytes_max) { co_return broken("a line is too long"); }
      begin_ += line.size();
      co_return line;
    }
    if (at_end_) { co_return broken("it ends before the closing boundary"); }
    if (text().size() > bytes_max) { co_return broken("a line is too long"); }
    searched = text().size();
    PV_CO_CHECK(co_await fill());
  }
}

bool Reader::is_delimiter(std::string_view line) {
  if (!line.starts_with(dashes())) { return false; }
  line.remove_prefix(dashes().size());
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  if (parts_ == 0 && line == "\n") { bare_newlines_ = true; }
  return line == newline();
}

bool Reader::is_last(std::string_view line) const {
  if (!line.starts_with(dashes())) { return false; }
  line.remove_prefix(dashes().size());
  if (!line.starts_with("--")) { return false; }
  line.remove_prefix(2);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.empty() || line == newline();
}

Task<std::optional<Part>> Reader::next() {
  if (in_part_) {
    std::vector<std::byte> waste(kSkipBytes);
    for (std::size_t count = 1; count > 0;) { PV_CO_TRY(count, co_await read(waste)); }
  }
  in_part_ = false;
  for (bool after_newline = false; !over_;) {
    PV_CO_TRY(const std::string line, co_await take_line(kLineBytesMax));
    if (is_delimiter(line)) {
      if (++parts_ > kPartsMax) { co_return broken("it has more than 1000 parts"); }
      PV_CO_TRY(const Headers headers, co_await read_headers());
      const auto coding = headers.find("Content-Transfer-Encoding");
      if (coding && equals_ignoring_case(*coding, "quoted-printable")) {
        co_return broken("quoted-printable parts are not understood");
      }
      in_part_ = true;
      part_has_begun_ = false;
      known_ = 0;
      co_return describe(headers);
    }
    if (is_last(line)) {
      over_ = true;
    } else if (parts_ > 0) {
      if (after_newline || line != newline()) { co_return broken("a boundary is missing"); }
      after_newline = true;
    }
  }
  co_return std::nullopt;
}

Task<Headers> Reader::read_headers() {
  Headers headers;
  std::string field;  // may go on in the next line
  for (std::size_t bytes = 0;;) {
    PV_CO_TRY(std::string line, co_await take_line(kHeaderBytesMax));
    bytes += line.size();
    if (bytes > kHeaderBytesMax) { co_return broken("the headers of a part are too long"); }
    if (!line.ends_with('\n')) { co_return broken("it ends in the headers of a part"); }
    line.pop_back();
    if (line.ends_with('\r')) { line.pop_back(); }
    if (line.starts_with(' ') || line.starts_with('\t')) {
      if (field.empty()) { co_return broken("a header begins with a blank"); }
      field += ' ';
      field += trim_blanks(line);
      continue;
    }
    if (!field.empty()) { PV_CO_CHECK(add_field(headers, field)); }
    if (line.empty()) { co_return headers; }
    if (line.find(':') == std::string::npos) { co_return broken("a header without a name"); }
    field = trim_blanks(line);
  }
}

// Whether what follows "--boundary" makes it a delimiter; nullopt: more must be read to know.
std::optional<bool> Reader::delimits(std::string_view after) const {
  if (after.empty()) { return at_end_ ? std::optional{true} : std::nullopt; }
  if (after.front() == '-') {
    if (after.size() == 1) { return at_end_ ? std::optional{false} : std::nullopt; }
    return after[1] == '-';
  }
  return std::string_view{" \t\r\n"}.find(after.front()) != std::string_view::npos;
}

Scan Reader::scan() const {
  const std::string_view have = text();
  if (!part_has_begun_) {
    // An empty part: the delimiter comes without the line end before it.
    if (have.starts_with(dashes())) {
      const auto yes = delimits(have.substr(dashes().size()));
      if (!yes) { return {}; }
      return {.data = *yes ? 0 : dashes().size(), .ended = *yes};
    }
    if (dashes().starts_with(have)) { return {}; }
  }
  const std::string_view mark = newline_dashes();
  if (const void* const found = ::memmem(have.data(), have.size(), mark.data(), mark.size())) {
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - have.data());
    const auto yes = delimits(have.substr(at + mark.size()));
    if (!yes) { return {.data = at, .ended = false}; }
    return {.data = *yes ? at : at + mark.size(), .ended = *yes};
  }
  // The end of what is there may be the beginning of a delimiter.
  const std::size_t tail = std::min(have.size(), mark.size() - 1);
  for (std::size_t at = have.size() - tail; at < have.size(); ++at) {
    if (mark.starts_with(have.substr(at))) { return {.data = at, .ended = false}; }
  }
  return {.data = have.size(), .ended = false};
}

Task<std::size_t> Reader::read(MutableBytes into) {
  PV_ASSERT(!into.empty());
  if (!in_part_) { co_return 0; }
  while (known_ == 0) {
    const Scan seen = scan();
    known_ = seen.data;
    if (known_ > 0) { break; }
    if (seen.ended) {
      in_part_ = false;
      co_return 0;
    }
    if (at_end_) { co_return broken("it ends inside a part"); }
    PV_CO_CHECK(co_await fill());
  }
  const std::size_t count = std::min(known_, into.size());
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), count, into.begin());
  begin_ += count;
  known_ -= count;
  part_has_begun_ = true;
  co_return count;
}

}  // namespace

Result<std::unique_ptr<MultipartReader>> MultipartReader::open(std::string_view content_type,
                                                               BodyReader& body) {
  const auto media = parse_media_type(content_type);
  if (!media || media->type != "multipart/form-data") {
    return fail(Code::kInvalid, "not multipart/form-data");
  }
  const auto boundary = media->parameters.find("boundary");
  if (boundary == media->parameters.end() || boundary->second.empty() ||
      boundary->second.size() > kBoundaryBytesMax) {
    return fail(Code::kInvalid, "multipart/form-data without a usable boundary");
  }
  return std::make_unique<Reader>(boundary->second, body);
}

}  // namespace pv::http
