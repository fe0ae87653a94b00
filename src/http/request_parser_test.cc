#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/fuzz_corpus.h"

namespace pv::http {
namespace {

using State = RequestParser::State;

constexpr std::size_t kMax = 1 << 20;

RequestParser parse(std::string_view text) {
  RequestParser parser{kMax};
  parser.feed(text);
  return parser;
}

struct Refused {
  const char* label;
  std::string text;
  unsigned status;
  const char* detail;
};

std::string get(const std::string& fields, const std::string& target = "/") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

// Each was sent to a server made with Go's net/http, which answered so (but for "folded").
TEST(RequestParser, RefusesAsGoDoes) {
  const Refused cases[] = {
      {"one word", "GARBAGE\r\n", 400, ""},
      {"two words", "GET /\r\n\r\n", 400, ""},
      {"TLS", "\x16\x03\x01\x02\n", 400, ""},
      {"empty first line", "\r\nGET / HTTP/1.1\r\n", 400, ""},
      {"method", "G(T / HTTP/1.1\r\n", 400, ""},
      {"two blanks", "GET  / HTTP/1.1\r\n", 400, ""},
      {"blank at the end", "GET / HTTP/1.1 \r\n", 400, ""},
      {"blank in target", "GET /a b HTTP/1.1\r\n", 400, ""},
      {"control in target", "GET /a\x01 HTTP/1.1\r\n", 400, ""},
      {"tab in target", "GET /a\t HTTP/1.1\r\n", 400, ""},
      {"broken escape", "GET /%zz HTTP/1.1\r\n", 400, ""},
      {"cut escape", "GET /a%2 HTTP/1.1\r\n", 400, ""},
      {"target without slash", "GET a HTTP/1.1\r\n", 400, ""},
      {"query alone", "GET ?a HTTP/1.1\r\n", 400, ""},
      {"port", "GET http://h:abc/p HTTP/1.1\r\n", 400, ""},
      {"version letters", "GET / http/1.1\r\n", 400, ""},
      {"version digits", "GET / HTTP/1.10\r\n", 400, ""},
      {"version 2", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "unsupported protocol version"},
      {"version 0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505, "unsupported protocol version"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
      {"two hosts", get("Host: x\r\n"), 400, ""},
      {"host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed Host header"},
      {"no colon", get("XYZ\r\n"), 400, ""},
      {"no name", get(": a\r\n"), 400, ""},
      {"blank before colon", get("X : a\r\n"), 400, "invalid header name"},
      {"tab before colon", get("X\t: a\r\n"), 400, ""},
      {"name", get("X(: a\r\n"), 400, ""},
      {"first line folded", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, ""},
      {"folded", get("X: a\r\n b\r\n"), 400, ""},
      {"NUL", get(std::string("X: a\0b\r\n", 8)), 400, ""},
      {"CR", get("X: a\rb\r\n"), 400, ""},
      {"DEL", get("X: a\x7f\r\n"), 400, ""},
      {"two lengths", get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400, ""},
      {"length list", get("Content-Length: 5, 5\r\n"), 400, ""},
      {"length sign", get("Content-Length: +5\r\n"), 400, ""},
      {"negative length", get("Content-Length: -5\r\n"), 400, ""},
      {"hex length", get("Content-Length: 0x5\r\n"), 400, ""},
      {"no length", get("Content-Length:\r\n"), 400, ""},
      {"length of 2^63", get("Content-Length: 9223372036854775808\r\n"), 400, ""},
      {"coding", get("Transfer-Encoding: gzip, chunked\r\n"), 501, "Unsupported transfer encoding"},
      {"identity", get("Transfer-Encoding: identity\r\n"), 501, "Unsupported transfer encoding"},
      {"two codings", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501,
       "Unsupported transfer encoding"},
      {"chunked and bad length", get("Transfer-Encoding: chunked\r\nContent-Length: x\r\n"), 400,
       ""},
  };
  for (const Refused& it : cases) {
    const RequestParser parser = parse(it.text);
    ASSERT_EQ(parser.state(), State::kRefused) << it.label;
    EXPECT_EQ(parser.refusal(), (Refusal{it.status, it.detail})) << it.label;
  }
}

TEST(RequestParser, SaysRefusalsInGosWords) {
  const std::string kind =
      "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(to_wire({400, ""}), "HTTP/1.1 400 Bad Request" + kind + "400 Bad Request");
  EXPECT_EQ(to_wire({431, ""}), "HTTP/1.1 431 Request Header Fields Too Large" + kind +
                                    "431 Request Header Fields Too Large");
  EXPECT_EQ(to_wire({400, "missing required Host header"}),
            "HTTP/1.1 400 Bad Request: missing required Host header" + kind +
                "400 Bad Request: missing required Host header");
  EXPECT_EQ(to_wire({505, "unsupported protocol version"}),
            "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" + kind +
                "505 HTTP Version Not Supported: unsupported protocol version");
  EXPECT_EQ(to_wire({501, "Unsupported transfer encoding"}),
            "HTTP/1.1 501 Not Implemented" + kind + "Unsupported transfer encoding");
}

TEST(RequestParser, TakesARequestHoweverItIsCut) {
  const std::string text =
      "POST /a%20b/c?x=1&y=? HTTP/1.1\r\nHost: h:80\r\nX-A:  one\t \r\nx-a: \xff two\r\n"
      "Content-Length: 005\r\nContent-Length: 005\r\n\r\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    RequestParser parser{kMax};
    const std::size_t taken = parser.feed(std::string_view{text}.substr(0, cut));
    if (cut < text.size()) { EXPECT_EQ(parser.state(), State::kMore) << cut; }
    const std::string rest = text.substr(taken) + "hello";
    EXPECT_EQ(taken + parser.feed(rest), text.size()) << "the body is left alone";
    ASSERT_EQ(parser.state(), State::kDone);
    const Request request = parser.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/a%20b/c?x=1&y=?");
    EXPECT_EQ(request.path, "/a%20b/c");
    EXPECT_EQ(request.query, "x=1&y=?");
    EXPECT_EQ(request.headers.all("x-a"), (std::vector<std::string_view>{"one", "\xff two"}));
    EXPECT_EQ(request.content_length, 5U);
    EXPECT_FALSE(request.chunked);
    EXPECT_FALSE(parser.ambiguous_length());
    EXPECT_FALSE(parser.wants_close());
  }
}

TEST(RequestParser, TakesLoneLineFeeds) {
  RequestParser parser = parse("GET /a HTTP/1.1\nHost: x\n\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.take().headers.find("Host"), "x");
}

struct TargetCase {
  const char* line;
  const char* target;
  const char* path;
  const char* query;
  const char* host;
};

TEST(RequestParser, ReducesTargets) {
  constexpr TargetCase kCases[] = {
      {"GET /p?q#f HTTP/1.1", "/p?q#f", "/p", "q#f", "x"},
      {"GET /p? HTTP/1.1", "/p?", "/p", "", "x"},
      {"GET //h/p HTTP/1.1", "//h/p", "//h/p", "", "x"},
      {"GET http://h.example:80/p?q HTTP/1.1", "/p?q", "/p", "q", "h.example:80"},
      {"GET HTTP://u:p@h/p HTTP/1.1", "/p", "/p", "", "h"},
      {"GET http://[::1]:80/p HTTP/1.1", "/p", "/p", "", "[::1]:80"},
      {"GET http://h?x=/y HTTP/1.1", "/?x=/y", "/", "x=/y", "h"},
      {"GET http://h HTTP/1.1", "/", "/", "", "h"},
      {"CONNECT h:443 HTTP/1.1", "/", "/", "", "h:443"},
      {"OPTIONS * HTTP/1.1", "*", "*", "", "x"},
  };
  for (const TargetCase& it : kCases) {
    RequestParser parser = parse(std::string{it.line} + "\r\nHost: x\r\n\r\n");
    ASSERT_EQ(parser.state(), State::kDone) << it.line;
    const Request request = parser.take();
    EXPECT_EQ(request.target, it.target) << it.line;
    EXPECT_EQ(request.path, it.path) << it.line;
    EXPECT_EQ(request.query, it.query) << it.line;
    EXPECT_EQ(request.headers.find("Host"), it.host) << it.line;
  }
}

TEST(RequestParser, EndsTheConnectionWhereLengthsAreAmbiguous) {
  RequestParser both = parse(get("Content-Length: 3\r\nTransfer-Encoding: Chunked\r\n"));
  ASSERT_EQ(both.state(), State::kDone);
  EXPECT_TRUE(both.ambiguous_length());
  const Request request = both.take();
  EXPECT_TRUE(request.chunked);
  EXPECT_EQ(request.content_length, std::nullopt);
  EXPECT_EQ(request.headers.find("Content-Length"), std::nullopt);
  // HTTP/1.0 has no transfer codings; somebody before us may think otherwise.
  RequestParser old = parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_EQ(old.state(), State::kDone);
  EXPECT_TRUE(old.ambiguous_length());
  EXPECT_FALSE(old.take().chunked);
}

TEST(RequestParser, KnowsWhenTheConnectionEnds) {
  EXPECT_FALSE(parse(get("")).wants_close());
  EXPECT_TRUE(parse(get("Connection: x, CLOSE\r\n")).wants_close());
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n").wants_close());
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").wants_close());
}

TEST(RequestParser, BoundsTheHead) {
  RequestParser parser{100};
  const std::string text = "GET / HTTP/1.1\r\nX: " + std::string(100, 'y');
  std::size_t fed = 0;
  while (parser.state() == State::kMore && fed < text.size()) {
    ++fed;
    parser.feed(std::string_view{text}.substr(parser.bytes_used(), fed - parser.bytes_used()));
  }
  EXPECT_EQ(fed, 101U);
  EXPECT_EQ(parser.refusal(), (Refusal{431, ""}));
}

TEST(RequestParser, BoundsTheNumberOfFields) {
  std::string text = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 17'000; ++i) { text += "a:\r\n"; }
  EXPECT_EQ(parse(text).refusal(), (Refusal{431, ""}));
}

// Whatever the bytes and however they are cut, the outcome is the same.
TEST(RequestParser, FuzzCorpusIsReadTheSameInPieces) {
  for (const auto& [name, text] : testing::fuzz_corpus("request_head")) {
    const RequestParser whole = parse(text);
    RequestParser pieces{kMax};
    std::size_t used = 0;
    for (std::size_t size = 1; size <= text.size(); ++size) {
      used += pieces.feed(std::string_view{text}.substr(used, size - used));
    }
    EXPECT_EQ(pieces.state(), whole.state()) << name;
    EXPECT_EQ(used, whole.bytes_used()) << name;
  }
}

}  // namespace
}  // namespace pv::http
