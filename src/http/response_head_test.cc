#include "http/response_head.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace pv::http {
namespace {

HeadContext at_noon() {
  HeadContext context;
  context.now = *parse_http_date("Sat, 21 Nov 2026 00:53:02 GMT");
  return context;
}

const std::string kDate = "Date: Sat, 21 Nov 2026 00:53:02 GMT\r\n";

Response json(std::string text) {
  Response response;
  response.headers.add("X-Xss-Protection", "1; mode=block");
  response.headers.add("Vary", "Origin");
  response.headers.add("Content-Type", "application/json");
  response.headers.add("X-Frame-Options", "SAMEORIGIN");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body.emplace_back(std::move(text));
  return response;
}

const std::string kJsonHeaders =
    "Content-Type: application/json\r\nVary: Origin\r\nX-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: SAMEORIGIN\r\nX-Xss-Protection: 1; mode=block\r\n";

TEST(ResponseHead, IsInGosOrder) {
  const ResponseHead head = make_head(json(std::string(51, 'x')), at_noon());
  EXPECT_EQ(head.text, "HTTP/1.1 200 OK\r\n" + kJsonHeaders + kDate + "Content-Length: 51\r\n\r\n");
  EXPECT_EQ(head.framing, Framing::kLength);
  EXPECT_FALSE(head.close);
}

TEST(ResponseHead, KeepsTheOrderOfOneName) {
  Response response;
  response.status = 204;
  for (const char* value : {"Origin", "Access-Control-Request-Method", "A"}) {
    response.headers.add("Vary", value);
  }
  EXPECT_EQ(make_head(response, at_noon()).text,
            "HTTP/1.1 204 No Content\r\nVary: Origin\r\nVary: Access-Control-Request-Method\r\n"
            "Vary: A\r\n" +
                kDate + "\r\n");
}

TEST(ResponseHead, LongJsonIsChunked) {
  Response response = json(std::string(3000, 'x'));
  response.omit_length = true;
  HeadContext context = at_noon();
  const ResponseHead chunked = make_head(response, context);
  EXPECT_EQ(chunked.text,
            "HTTP/1.1 200 OK\r\n" + kJsonHeaders + kDate + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(chunked.framing, Framing::kChunked);
  context.is_head = true;
  EXPECT_EQ(make_head(response, context).text,
            "HTTP/1.1 200 OK\r\n" + kJsonHeaders + kDate + "\r\n")
      << "HEAD has neither header";
  context.is_head = false;
  context.version = 10;
  context.keep_alive_asked = true;
  const ResponseHead old = make_head(response, context);
  EXPECT_EQ(old.text, "HTTP/1.0 200 OK\r\n" + kJsonHeaders + kDate + "\r\n");
  EXPECT_EQ(old.framing, Framing::kUntilClose);
  EXPECT_TRUE(old.close);
}

TEST(ResponseHead, HeadIsMeasured) {
  HeadContext context = at_noon();
  context.is_head = true;
  const ResponseHead full = make_head(json("{}\n"), context);
  EXPECT_NE(full.text.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_EQ(full.framing, Framing::kNone);
  const ResponseHead empty = make_head(json(""), context);
  EXPECT_EQ(empty.text.find("Content-Length"), std::string::npos);
}

TEST(ResponseHead, EmptyAnswersSayZero) {
  Response response;
  response.status = 412;
  EXPECT_EQ(make_head(response, at_noon()).text,
            "HTTP/1.1 412 Precondition Failed\r\n" + kDate + "Content-Length: 0\r\n\r\n");
}

TEST(ResponseHead, NotModifiedHasNeitherTypeNorLength) {
  Response response = json("");
  response.status = 304;
  response.headers.add("Content-Length", "5");
  const ResponseHead head = make_head(response, at_noon());
  EXPECT_EQ(head.text.find("Content-"), head.text.find("Content-Type-Options"));
  EXPECT_EQ(head.text.find("Content-Type:"), std::string::npos);
  EXPECT_EQ(head.framing, Framing::kNone);
}

TEST(ResponseHead, SaysWhenTheConnectionEnds) {
  HeadContext context = at_noon();
  context.must_close = true;
  EXPECT_EQ(make_head({}, context).text,
            "HTTP/1.1 200 OK\r\n" + kDate + "Content-Length: 0\r\nConnection: close\r\n\r\n");
  Response response;
  response.headers.add("Connection", "close");
  const ResponseHead head = make_head(response, at_noon());
  EXPECT_TRUE(head.close);
  EXPECT_EQ(head.text,
            "HTTP/1.1 200 OK\r\nConnection: close\r\n" + kDate + "Content-Length: 0\r\n\r\n");
  context.version = 10;
  EXPECT_EQ(make_head({}, context).text.find("Connection"), std::string::npos);
  context.must_close = false;
  context.keep_alive_asked = true;
  EXPECT_NE(make_head({}, context).text.find("Connection: keep-alive\r\n"), std::string::npos);
}

TEST(ResponseHead, CannotBeSplitByAValue) {
  Response response;
  response.headers.add("Content-Disposition", " attachment; filename=a\r\nSet-Cookie: x\n ");
  response.headers.add("Bad Name", "x");
  response.headers.add("", "x");
  EXPECT_EQ(make_head(response, at_noon()).text,
            "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=a  Set-Cookie: x \r\n" +
                kDate + "Content-Length: 0\r\n\r\n");
}

}  // namespace
}  // namespace pv::http
