#include "curl/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "curl/resume.h"
#include "testing/scripted_server.h"

namespace pv::curl {
namespace {

using namespace std::chrono_literals;
using testing::http_answer;
using testing::ScriptedServer;

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text, std::uint64_t promised = 0)
      : text_{std::move(text)}, promised_{promised == 0 ? text_.size() : promised} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return promised_; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    const std::size_t start = std::min<std::size_t>(offset, text_.size());
    const std::size_t count = std::min(into.size(), text_.size() - start);
    std::copy_n(as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(start), count, into.begin());
    return count;
  }

 private:
  std::string text_;
  std::uint64_t promised_;
};

class TextSink final : public Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    if (text.size() + bytes.size() > bytes_max) { return fail(Code::kNoSpace, "the sink is full"); }
    text += as_text(bytes);
    return {};
  }
  std::string text;
  std::size_t bytes_max = ~std::size_t{0};
};

Request get(const std::string& url) {
  Request request;
  request.url = url;
  return request;
}

TEST(Client, SendsWhatItIsGivenAndReturnsTheAnswer) {
  ScriptedServer server{[](const auto&) { return http_answer(404, "gone", "X-Y: z\r\n"); }};
  Client client;
  Request request = get(server.url() + "/a?b=c");
  request.method = "DELETE";
  request.headers = {{"Authorization", "secret"}, {"X-Empty", ""}};
  const Reply reply = client.send(request).value();
  EXPECT_EQ(reply.status, 404);
  EXPECT_FALSE(reply.is_success());
  EXPECT_EQ(reply.body, "gone");
  EXPECT_EQ(find_header(reply.headers, "x-y"), "z");
  EXPECT_EQ(find_header(reply.headers, "none"), std::nullopt);
  const std::string sent = server.requests().at(0);
  EXPECT_TRUE(sent.starts_with("DELETE /a?b=c HTTP/1.1\r\n")) << sent;
  EXPECT_NE(sent.find("Authorization: secret\r\n"), std::string::npos);
  EXPECT_NE(sent.find("X-Empty:\r\n"), std::string::npos);
}

TEST(Client, PostsBytesAndEmptyBodies) {
  ScriptedServer server{[](const auto&) { return http_answer(204, ""); }};
  Client client;
  Request request = get(server.url());
  request.method = "POST";
  EXPECT_EQ(client.send(request).value().status, 204);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::string{"{\"a\":\0}", 7};
  EXPECT_EQ(client.send(request).value().status, 204);
  const auto sent = server.requests();
  EXPECT_NE(sent[0].find("Content-Length: 0\r\n"), std::string::npos) << sent[0];
  EXPECT_EQ(sent[0].find("Content-Type"), std::string::npos) << sent[0];
  EXPECT_TRUE(sent[1].ends_with(std::string_view{"\r\n\r\n{\"a\":\0}", 11})) << sent[1];
}

TEST(Client, StreamsABodyAndAForm) {
  ScriptedServer server{[](const auto&) { return http_answer(200, "ok"); }};
  Client client;
  TextSource source{std::string(3 << 20, 'x')};
  Request put = get(server.url());
  put.method = "PUT";
  put.body = &source;
  std::uint64_t sent_last = 0;
  put.on_progress = [&](std::uint64_t sent, std::uint64_t) { sent_last = sent; };
  EXPECT_EQ(client.send(put).value().status, 200);
  EXPECT_EQ(sent_last, 3U << 20);

  Request post = get(server.url());
  post.method = "POST";
  post.body = Form{{"name", "", "", std::string{"plain"}},
                   {"file", "a \"b\".zip", "application/zip", &source}};
  EXPECT_EQ(client.send(post).value().status, 200);
  const auto sent = server.requests();
  EXPECT_NE(sent[0].find("Content-Length: 3145728\r\n"), std::string::npos);
  EXPECT_TRUE(sent[0].ends_with(std::string(3 << 20, 'x')));
  EXPECT_NE(sent[1].find("Content-Type: multipart/form-data; boundary="), std::string::npos);
  EXPECT_NE(sent[1].find("name=\"file\"; filename=\"a %22b%22.zip\"\r\n"
                         "Content-Type: application/zip\r\n"),
            std::string::npos)
      << sent[1].substr(0, 1000);
  EXPECT_NE(sent[1].find(std::string(3 << 20, 'x') + "\r\n--"), std::string::npos);
}

TEST(Client, PassesOnWhatSourceAndSinkReport) {
  ScriptedServer server{[](const auto&) { return http_answer(200, std::string(100'000, 'x')); }};
  Client client;
  TextSource cut_short{"abc", 1000};
  Request put = get(server.url());
  put.method = "PUT";
  put.body = &cut_short;
  EXPECT_EQ(client.send(put).error().code, Code::kDamaged);
  TextSink full;
  full.bytes_max = 10;
  EXPECT_EQ(client.download(get(server.url()), full).error(),
            (Error{Code::kNoSpace, "the sink is full"}));
}

TEST(Client, DownloadsOnlyASuccessIntoTheSink) {
  int status = 200;
  ScriptedServer server{[&](const auto&) { return http_answer(status, "content"); }};
  Client client;
  TextSink sink;
  EXPECT_EQ(client.download(get(server.url()), sink).value().body, "");
  EXPECT_EQ(sink.text, "content");
  status = 403;
  EXPECT_EQ(client.download(get(server.url()), sink).value().body, "content");
  EXPECT_EQ(sink.text, "content");
}

TEST(Client, FollowsNoRedirect) {
  ScriptedServer server{
      [](const auto&) { return http_answer(307, "", "Location: http://127.0.0.1:1/\r\n"); }};
  Client client;
  EXPECT_EQ(client.send(get(server.url())).value().status, 307);
}

TEST(Client, SaysWhyAServerCantBeReachedAndKeepsSecrets) {
  Client client{{.connect_timeout = 2s}};
  const Error refused = client.send(get("http://user:pass@127.0.0.1:1/x?token=secret")).error();
  EXPECT_EQ(refused.code, Code::kUnavailable);
  EXPECT_TRUE(refused.what.starts_with("GET http://127.0.0.1:1/x: ")) << refused.what;
  EXPECT_EQ(refused.what.find("secret"), std::string::npos) << refused.what;
  EXPECT_EQ(refused.what.find("pass"), std::string::npos) << refused.what;
  for (const char* url :
       {"file:///etc/passwd", "gopher://127.0.0.1/", "", "http://", "nonsense:x"}) {
    EXPECT_EQ(client.send(get(url)).error().code, Code::kInvalid) << url;
  }
}

TEST(Client, GivesUpOnlyWhenNothingMoves) {
  ScriptedServer server{[](const auto&) { return std::string{ScriptedServer::kHang}; }};
  Client client{{.stall_timeout = 1s}};
  EXPECT_EQ(client.send(get(server.url())).error().code, Code::kUnavailable);
}

TEST(Client, StopsAtOnceWhenAsked) {
  ScriptedServer server{[](const auto&) { return std::string{ScriptedServer::kHang}; }};
  Client client;
  std::stop_source stop;
  std::thread asker{[&] {
    while (server.requests().empty()) { std::this_thread::sleep_for(1ms); }
    stop.request_stop();
  }};
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(client.send(get(server.url()), stop.get_token()).error().code, Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  asker.join();
}

TEST(Client, BoundsAnswersInMemoryAndRefusesNonsense) {
  std::string answer = http_answer(200, std::string(2000, 'x'));
  ScriptedServer server{[&](const auto&) { return answer; }};
  Client client{{.body_bytes_max = 1000}};
  EXPECT_EQ(client.send(get(server.url())).error().code, Code::kInvalid);
  answer = "SSH-2.0-OpenSSH\r\n";
  EXPECT_FALSE(client.send(get(server.url())).has_value());
  Request split = get(server.url());
  split.headers = {{"X", "a\r\nAuthorization: b"}};
  EXPECT_EQ(client.send(split).error().code, Code::kInvalid);
}

constexpr ResumeOptions kAtOnce{.tries_max = 3, .wait_first = 1ms, .wait_max = 1ms};

// Answers from `content` by the Range asked for, at most `step` bytes before it breaks off.
std::string ranged(const std::string& request, const std::string& content, std::size_t step) {
  std::size_t offset = 0;
  const std::size_t at = request.find("Range: bytes=");
  if (at != std::string::npos) { offset = std::stoul(request.substr(at + 13)); }
  const std::string rest = content.substr(offset);
  std::string head = offset == 0
                         ? "HTTP/1.1 200 OK\r\n"
                         : "HTTP/1.1 206 Partial\r\nContent-Range: bytes " +
                               std::to_string(offset) + "-" + std::to_string(content.size() - 1) +
                               "/" + std::to_string(content.size()) + "\r\n";
  head += "Last-Modified: Sat, 21 Nov 2026 00:54:47 GMT\r\nContent-Length: " +
          std::to_string(rest.size()) + "\r\n\r\n";
  return head + rest.substr(0, step);
}

TEST(DownloadResuming, GoesOnWhereItBrokeOff) {
  const std::string content = "0123456789";
  ScriptedServer server{[&](const std::string& request) { return ranged(request, content, 4); }};
  Client client;
  TextSink sink;
  int asked = 0;
  const auto make = [&]() -> Result<Request> {
    ++asked;
    return get(server.url());
  };
  ASSERT_TRUE(download_resuming(client, make, sink, kAtOnce).has_value());
  EXPECT_EQ(sink.text, content);
  EXPECT_EQ(asked, 3);
  const auto sent = server.requests();
  EXPECT_EQ(sent[0].find("Range:"), std::string::npos);
  EXPECT_NE(sent[1].find("Range: bytes=4-\r\n"), std::string::npos);
  EXPECT_NE(sent[1].find("If-Range: Sat, 21 Nov 2026 00:54:47 GMT\r\n"), std::string::npos);
  EXPECT_NE(sent[2].find("Range: bytes=8-\r\n"), std::string::npos);
}

TEST(DownloadResuming, NeverMixesTwoFiles) {
  int asked = 0;
  ScriptedServer server{[&](const std::string&) {
    return ++asked == 1 ? ranged("", "0123456789", 4) : http_answer(200, "a new file");
  }};
  Client client;
  TextSink sink;
  const auto make = [&]() -> Result<Request> { return get(server.url()); };
  EXPECT_EQ(download_resuming(client, make, sink, kAtOnce).error().code, Code::kDamaged);
  EXPECT_EQ(sink.text, "0123");
}

TEST(DownloadResuming, GivesUpAfterTriesThatBringNothing) {
  ScriptedServer server{[&](const std::string&) { return std::string{}; }};
  Client client;
  TextSink sink;
  const auto make = [&]() -> Result<Request> { return get(server.url()); };
  EXPECT_EQ(download_resuming(client, make, sink, kAtOnce).error().code, Code::kUnavailable);
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST(Escape, KeepsOnlyWhatNeedsNoEscape) {
  EXPECT_EQ(escape("a-z_0.~/ @日"), "a-z_0.~%2F%20%40%E6%97%A5");
}

}  // namespace
}  // namespace pv::curl
