#include "http/ranges.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/text.h"
#include "http/response_head.h"

namespace pv::http {
namespace {

constexpr std::size_t kSize = 113;
const std::string kDate = "Tue, 14 Nov 2023 22:13:20 GMT";
const std::string kOlder = "Tue, 14 Nov 2023 22:13:19 GMT";
const std::string kNewer = "Tue, 14 Nov 2023 22:13:21 GMT";
const std::string kBoundary(60, 'b');

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_{std::move(text)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return text_.size(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    const std::size_t count = std::min<std::size_t>(into.size(), text_.size() - offset);
    std::memcpy(into.data(), text_.data() + offset, count);
    return count;
  }

 private:
  std::string text_;
};

std::string file_text() {
  std::string text(kSize, ' ');
  for (std::size_t i = 0; i < kSize; ++i) { text[i] = static_cast<char>(' ' + i % 90); }
  return text;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

Response ask(const Fields& fields, const std::string& method = "GET", std::size_t size = kSize) {
  Request request;
  request.method = method;
  for (const auto& [name, value] : fields) { request.headers.add(name, value); }
  FileAnswer answer;
  answer.source = std::make_shared<TextSource>(file_text().substr(0, size));
  answer.content_type = "application/zip";
  // Parts of a second are cut off, as in Last-Modified.
  answer.modified = *parse_http_date(kDate) + std::chrono::milliseconds{750};
  answer.headers.add("Cache-Control", "max-age=2592000");
  answer.headers.add("Content-Disposition", "attachment; filename=dl.zip");
  answer.headers.add("Content-Security-Policy", "sandbox");
  return serve_file(request, std::move(answer), kBoundary);
}

std::string body_of(const Response& response) {
  std::string body;
  for (const BodyPart& part : response.body) {
    if (const auto* const text = std::get_if<std::string>(&part)) {
      body += *text;
    } else {
      const auto& slice = std::get<FileSlice>(part);
      std::string piece(slice.length, '\0');
      const auto room = std::as_writable_bytes(std::span{piece});
      EXPECT_EQ(slice.source->read_at(slice.offset, room).value(), slice.length);
      body += piece;
    }
  }
  return body;
}

std::string header(const Response& response, std::string_view name) {
  return std::string{response.headers.find(name).value_or("(none)")};
}

TEST(Ranges, WholeFileOnTheWire) {
  const Response response = ask({});
  HeadContext context;
  context.now = *parse_http_date(kNewer);
  EXPECT_EQ(make_head(response, context).text,
            "HTTP/1.1 200 OK\r\n"
            "Accept-Ranges: bytes\r\n"
            "Cache-Control: max-age=2592000\r\n"
            "Content-Disposition: attachment; filename=dl.zip\r\n"
            "Content-Length: 113\r\n"
            "Content-Security-Policy: sandbox\r\n"
            "Content-Type: application/zip\r\n"
            "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
            "Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n\r\n");
  EXPECT_EQ(body_of(response), file_text());
}

struct OneRange {
  const char* range;
  const char* content_range;
  std::size_t start;
  std::size_t length;
};

TEST(Ranges, OneRange) {
  constexpr OneRange kCases[] = {
      {"bytes=0-9", "bytes 0-9/113", 0, 10},
      {"bytes=10-", "bytes 10-112/113", 10, 103},
      {"bytes=-5", "bytes 108-112/113", 108, 5},
      {"bytes=0-0", "bytes 0-0/113", 0, 1},
      {"bytes=112-112", "bytes 112-112/113", 112, 1},
      {"bytes=100-500", "bytes 100-112/113", 100, 13},
      {"bytes=-500", "bytes 0-112/113", 0, 113},
      {"bytes= 3 - 4 ", "bytes 3-4/113", 3, 2},
      {"bytes=,0-1,,", "bytes 0-1/113", 0, 2},
      {"bytes=0-1,200-300", "bytes 0-1/113", 0, 2},
      {"bytes=-0", "bytes 113-112/113", 113, 0},
  };
  for (const OneRange& it : kCases) {
    for (const char* method : {"GET", "HEAD"}) {
      const Response response = ask({{"Range", it.range}}, method);
      EXPECT_EQ(response.status, 206U) << it.range;
      EXPECT_EQ(header(response, "Content-Range"), it.content_range) << it.range;
      EXPECT_EQ(header(response, "Content-Length"), std::to_string(it.length)) << it.range;
      EXPECT_EQ(header(response, "Content-Type"), "application/zip") << it.range;
      EXPECT_EQ(header(response, "Accept-Ranges"), "bytes") << it.range;
      EXPECT_EQ(body_of(response), file_text().substr(it.start, it.length)) << it.range;
    }
  }
}

TEST(Ranges, SeveralRangesAreParts) {
  const Response response = ask({{"Range", "bytes=5-6,0-1,-2"}});
  EXPECT_EQ(response.status, 206U);
  EXPECT_EQ(header(response, "Content-Type"), "multipart/byteranges; boundary=" + kBoundary);
  EXPECT_EQ(header(response, "Content-Range"), "(none)");
  const std::string text = file_text();
  const std::string expected =
      "--" + kBoundary +
      "\r\nContent-Range: bytes 5-6/113\r\nContent-Type: application/zip\r\n\r\n" +
      text.substr(5, 2) + "\r\n--" + kBoundary +
      "\r\nContent-Range: bytes 0-1/113\r\nContent-Type: application/zip\r\n\r\n" +
      text.substr(0, 2) + "\r\n--" + kBoundary +
      "\r\nContent-Range: bytes 111-112/113\r\nContent-Type: application/zip\r\n\r\n" +
      text.substr(111, 2) + "\r\n--" + kBoundary + "--\r\n";
  EXPECT_EQ(body_of(response), expected);
  EXPECT_EQ(header(response, "Content-Length"), std::to_string(expected.size()));
}

TEST(Ranges, WholeFileInstead) {
  for (const char* range : {"bytes=0-100,0-100", "bytes=", "bytes=,,", ""}) {
    const Response response = ask({{"Range", range}});
    EXPECT_EQ(response.status, 200U) << range;
    EXPECT_EQ(body_of(response), file_text()) << range;
    EXPECT_EQ(header(response, "Content-Range"), "(none)") << range;
  }
}

TEST(Ranges, UpToTheSizeOfTheFileAreServed) {
  EXPECT_EQ(ask({{"Range", "bytes=0-99,100-112"}}).status, 206U);
  EXPECT_EQ(ask({{"Range", "bytes=0-99,99-112"}}).status, 200U);
}

TEST(Ranges, RefusesWhatIsBeyondTheEnd) {
  for (const char* range : {"bytes=113-", "bytes=200-300", "bytes=200-300,400-"}) {
    const Response response = ask({{"Range", range}});
    EXPECT_EQ(response.status, 416U) << range;
    EXPECT_EQ(header(response, "Content-Range"), "bytes */113") << range;
    EXPECT_EQ(body_of(response), "invalid range: failed to overlap\n") << range;
  }
}

TEST(Ranges, RefusesWhatIsNoRange) {
  for (const char* range : {"bytes=5-2", "bytes=abc", "items=0-1", "BYTES=0-1", "bytes=--5",
                            "bytes=-", "bytes=1", "bytes=0-1,x", "bytes=0x1-2", "bytes=1-2-3",
                            "bytes=99999999999999999999-", "bytes=0-99999999999999999999"}) {
    const Response response = ask({{"Range", range}});
    EXPECT_EQ(response.status, 416U) << range;
    EXPECT_EQ(header(response, "Content-Range"), "(none)") << range;
    EXPECT_EQ(body_of(response), "invalid range\n") << range;
    EXPECT_EQ(header(response, "Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(header(response, "Content-Disposition"), "attachment; filename=dl.zip");
    EXPECT_EQ(header(response, "Content-Security-Policy"), "sandbox");
    for (const char* lost : {"Cache-Control", "Last-Modified", "Accept-Ranges", "Content-Length"}) {
      EXPECT_EQ(header(response, lost), "(none)") << lost;
    }
  }
}

TEST(Ranges, EmptyFileIsNeverOutOfRange) {
  EXPECT_EQ(ask({{"Range", "bytes=0-9"}}, "GET", 0).status, 200U);
  EXPECT_EQ(header(ask({{"Range", "bytes=-1"}}, "GET", 0), "Content-Range"), "bytes 0--1/0");
}

struct ConditionCase {
  const char* label;
  Fields fields;
  unsigned status;
};

TEST(Ranges, Preconditions) {
  const ConditionCase cases[] = {
      {"same date", {{"If-Modified-Since", kDate}}, 304},
      {"newer date", {{"If-Modified-Since", kNewer}}, 304},
      {"older date", {{"If-Modified-Since", kOlder}}, 200},
      {"RFC 850 date", {{"If-Modified-Since", "Tuesday, 14-Nov-23 22:13:20 GMT"}}, 304},
      {"asctime date", {{"If-Modified-Since", "Tue Nov 14 22:13:20 2023"}}, 304},
      {"no date", {{"If-Modified-Since", "yesterday"}}, 200},
      {"any tag", {{"If-None-Match", "*"}}, 304},
      {"a tag", {{"If-None-Match", "\"x\""}}, 200},
      {"a tag beats the date", {{"If-None-Match", "\"x\""}, {"If-Modified-Since", kNewer}}, 200},
      {"a weak tag, then any", {{"If-None-Match", "W/\"x\" , , *"}}, 304},
      {"broken tags", {{"If-None-Match", "x, *"}}, 200},
      {"not changed since", {{"If-Unmodified-Since", kDate}}, 200},
      {"changed since", {{"If-Unmodified-Since", kOlder}}, 412},
      {"another tag", {{"If-Match", "\"x\""}}, 412},
      {"match any", {{"If-Match", "*"}}, 200},
      {"match beats the date", {{"If-Match", "*"}, {"If-Unmodified-Since", kOlder}}, 200},
      {"304 beats the range", {{"If-None-Match", "*"}, {"Range", "bytes=0-9"}}, 304},
      {"range of this version", {{"If-Range", kDate}, {"Range", "bytes=0-9"}}, 206},
      {"range of an older version", {{"If-Range", kOlder}, {"Range", "bytes=0-9"}}, 200},
      {"range of a newer version", {{"If-Range", kNewer}, {"Range", "bytes=0-9"}}, 200},
      {"range of a tag", {{"If-Range", "\"x\""}, {"Range", "bytes=0-9"}}, 200},
      {"range of nothing", {{"If-Range", "x"}, {"Range", "bytes=0-9"}}, 200},
      {"broken range of another version", {{"If-Range", kOlder}, {"Range", "bytes=x"}}, 200},
  };
  for (const ConditionCase& it : cases) {
    EXPECT_EQ(ask(it.fields).status, it.status) << it.label;
    EXPECT_EQ(ask(it.fields, "HEAD").status, it.status) << it.label;
  }
}

TEST(Ranges, HeadersOf304And412) {
  const Response unchanged = ask({{"If-None-Match", "*"}});
  EXPECT_EQ(header(unchanged, "Content-Type"), "(none)");
  EXPECT_EQ(header(unchanged, "Content-Length"), "(none)");
  EXPECT_EQ(header(unchanged, "Last-Modified"), kDate);
  EXPECT_EQ(header(unchanged, "Cache-Control"), "max-age=2592000");
  EXPECT_EQ(header(unchanged, "Content-Disposition"), "attachment; filename=dl.zip");
  EXPECT_EQ(body_of(unchanged), "");
  const Response failed = ask({{"If-Match", "\"x\""}});
  EXPECT_EQ(body_of(failed), "");
  EXPECT_EQ(header(failed, "Last-Modified"), kDate);
  EXPECT_EQ(header(failed, "Accept-Ranges"), "(none)");
}

}  // namespace
}  // namespace pv::http
