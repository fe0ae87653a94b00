#include "http/server.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <fstream>

#include "fs/file.h"
#include "http/http_testing.h"
#include "http/ranges.h"

namespace pv::http {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

Response text_answer(std::string text) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body.emplace_back(std::move(text));
  return response;
}

// Method, path, query and the body's size, or how the body failed.
asio::awaitable<Response> echo(Request request, BodyReader& body) {
  std::string text = request.method + " " + request.path + " " + request.query;
  const Result<std::string> all = co_await read_all(body, 1 << 20);
  text += all.has_value() ? " " + *all : " " + std::string{code_name(all.error().code)};
  Response response = text_answer(text);
  response.omit_length = text.size() > 2048;
  co_return response;
}

asio::awaitable<Response> ignore_body(Request /*request*/, BodyReader& /*body*/) {
  co_return text_answer("no");
}

std::string ok(const std::string& text, const std::string& more = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n" + more + "\r\n" + text;
}

std::string get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

std::string post(const std::string& fields, const std::string& body) {
  return "POST /p HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

const std::string kClose = "Connection: close\r\n";

std::string exchange(std::uint16_t port, const std::string& text) {
  RawClient client{port};
  client.send(text);
  return without_date(client.read_to_end());
}

TEST(Server, AnswersAndKeepsTheConnection) {
  TestServer server{echo};
  RawClient client{server.port()};
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a%20b?c=d"));
    const std::string answer = client.read_past("GET /a%20b c=d ");
    EXPECT_EQ(without_date(answer), ok("GET /a%20b c=d "));
    EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
  }
  client.send(get("/x", kClose));
  EXPECT_EQ(without_date(client.read_to_end()), ok("GET /x  ", kClose));
}

TEST(Server, AnswersPipelinedRequestsInTurn) {
  TestServer server{echo};
  EXPECT_EQ(exchange(server.port(),
                     get("/1") + post("Content-Length: 2\r\n", "xy") + "\r\n" + get("/3", kClose)),
            ok("GET /1  ") + ok("POST /p  xy") + ok("GET /3  ", kClose));
}

TEST(Server, TakesARequestByteByByte) {
  TestServer server{echo};
  RawClient client{server.port()};
  const std::string text = post("Transfer-Encoding: chunked\r\n" + kClose, "3\r\nabc\r\n0\r\n\r\n");
  for (const char c : text) { ASSERT_TRUE(client.send(std::string_view{&c, 1})); }
  EXPECT_EQ(without_date(client.read_to_end()), ok("POST /p  abc", kClose));
}

TEST(Server, HeadHasNoBody) {
  TestServer server{echo};
  EXPECT_EQ(exchange(server.port(), "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + get("/b", kClose)),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n" +
                ok("GET /b  ", kClose));
}

TEST(Server, SendsLongAnswersChunked) {
  TestServer server{echo};
  const std::string body(5000, 'z');
  EXPECT_EQ(exchange(server.port(), post("Content-Length: 5000\r\n" + kClose, body)),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            "Transfer-Encoding: chunked\r\n\r\n1391\r\nPOST /p  " +
                body + "\r\n0\r\n\r\n");
  EXPECT_EQ(
      exchange(server.port(),
               "POST /p HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5000\r\n\r\n" + body),
      "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nPOST /p  " + body);
}

TEST(Server, SpeaksHttp10) {
  TestServer server{echo};
  EXPECT_EQ(exchange(server.port(), "GET /a HTTP/1.0\r\n\r\n"),
            "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nGET /a  ");
  RawClient client{server.port()};
  for (int i = 0; i < 2; ++i) {
    client.send("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    EXPECT_EQ(without_date(client.read_past("GET /a  ")),
              "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n"
              "Connection: keep-alive\r\n\r\nGET /a  ");
  }
}

TEST(Server, AnswersAboutItself) {
  TestServer server{echo};
  EXPECT_EQ(exchange(server.port(), "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + get("*")),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST(Server, RefusesMalformedRequestsAtOnce) {
  TestServer server{echo};
  const std::string kind =
      "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
  const std::string bad = "HTTP/1.1 400 Bad Request" + kind + "400 Bad Request";
  EXPECT_EQ(exchange(server.port(), "GARBAGE\r\n"), bad);
  EXPECT_EQ(exchange(server.port(), get("/%zz")), bad);
  EXPECT_EQ(exchange(server.port(), get("/", "Content-Length: 1\r\nContent-Length: 2\r\n")), bad);
  EXPECT_EQ(exchange(server.port(), get("/ok") + "X\r\n" + get("/never")), ok("GET /ok  ") + bad);
  EXPECT_EQ(exchange(server.port(), "GET / HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 400 Bad Request: missing required Host header" + kind +
                "400 Bad Request: missing required Host header");
  EXPECT_EQ(exchange(server.port(), "GET / HTTP/3.0\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" + kind +
                "505 HTTP Version Not Supported: unsupported protocol version");
}

TEST(Server, AnswersHalfARequestThatEnds) {
  TestServer server{echo};
  for (const char* half : {"GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n"}) {
    RawClient client{server.port()};
    client.send(half);
    client.finish();
    EXPECT_EQ(client.read_to_end().substr(0, 24), "HTTP/1.1 400 Bad Request") << half;
  }
  RawClient silent{server.port()};
  silent.finish();
  EXPECT_EQ(silent.read_to_end(), "");
}

TEST(Server, RefusesHeadersOverAMebibyte) {
  TestServer server{echo};
  const std::string fits = get("/", "X: " + std::string(1 << 20, 'y') + "\r\n" + kClose);
  EXPECT_EQ(exchange(server.port(), fits), ok("GET /  ", kClose));
  const std::string refused =
      "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; "
      "charset=utf-8\r\nConnection: close\r\n\r\n431 Request Header Fields Too Large";
  EXPECT_EQ(exchange(server.port(), get("/", "X: " + std::string(3 << 20, 'y') + "\r\n")), refused);
  EXPECT_EQ(exchange(server.port(), get("/" + std::string(2 << 20, 'y'))), refused);
}

TEST(Server, BoundsLargeHeadersOfAllTogether) {
  ServerOptions options;
  options.header_bytes_total_max = 1 << 20;
  TestServer server{echo, options};
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(200'000, 'y'));
  }
  // Four fit, each in a buffer of 256 KiB; those who come too late hear it without sending more.
  std::vector<bool> refused(clients.size());
  for (int round = 0; round < 500 && std::count(refused.begin(), refused.end(), true) < 4;
       ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (!refused[i] && !clients[i]->is_silent(2ms)) { refused[i] = true; }
    }
  }
  const auto refused_count = std::count(refused.begin(), refused.end(), true);
  EXPECT_GE(refused_count, 4);
  EXPECT_LT(refused_count, 8);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i]->send("\r\n" + kClose + "\r\n");
    const std::string expected = refused[i] ? "HTTP/1.1 431 " : "HTTP/1.1 200 ";
    EXPECT_EQ(clients[i]->read_to_end().substr(0, expected.size()), expected) << i;
  }
  // Given back when the requests are over.
  EXPECT_EQ(exchange(server.port(), get("/", "X: " + std::string(200'000, 'y') + "\r\n" + kClose)),
            ok("GET /  ", kClose));
}

TEST(Server, ContinuesOnlyWhenTheBodyIsRead) {
  TestServer reading{echo};
  RawClient client{reading.port()};
  client.send(post("Expect: 100-continue\r\nContent-Length: 3\r\n", ""));
  EXPECT_EQ(client.read_past("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc" + get("/next", kClose));
  EXPECT_EQ(without_date(client.read_to_end()), ok("POST /p  abc") + ok("GET /next  ", kClose));

  TestServer ignoring{ignore_body};
  EXPECT_EQ(exchange(ignoring.port(), post("Expect: 100-continue\r\nContent-Length: 3\r\n", "")),
            ok("no", kClose));
  EXPECT_EQ(exchange(ignoring.port(), post("Expect: something\r\nContent-Length: 3\r\n", "")),
            "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST(Server, GoesOnAfterAnUnreadBody) {
  TestServer server{ignore_body};
  EXPECT_EQ(
      exchange(server.port(), post("Content-Length: 100000\r\n", std::string(100'000, 'x')) +
                                  post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n") +
                                  get("/", kClose)),
      ok("no") + ok("no") + ok("no", kClose));
}

// A client that sends all before it reads must not see a reset instead of the answer.
TEST(Server, LargeUnreadBodyDoesNotHideTheAnswer) {
  TestServer server{ignore_body};
  for (int i = 0; i < 5; ++i) {
    RawClient client{server.port()};
    const std::string body(20 << 20, 'x');
    EXPECT_TRUE(client.send(post("Content-Length: 20971520\r\n", body)));
    EXPECT_EQ(without_date(client.read_to_end()), ok("no", kClose));
    EXPECT_FALSE(client.was_reset());
  }
}

TEST(Server, NeverEndingBodyIsCutOff) {
  ServerOptions options;
  options.drain_bytes_max = 1 << 20;
  TestServer server{echo, options};  // reads 1 MiB and gives up
  RawClient client{server.port()};
  client.send(post("Transfer-Encoding: chunked\r\n", ""));
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  int chunks = 0;
  while (chunks < 4096 && client.send(chunk)) { ++chunks; }
  EXPECT_LT(chunks, 1000) << "of 64 KiB";
  EXPECT_TRUE(server.reaches(0));
}

TEST(Server, BrokenBodyFailsTheReadAndEndsTheConnection) {
  TestServer server{echo};
  EXPECT_EQ(exchange(server.port(), post("Transfer-Encoding: chunked\r\n", "zz\r\n" + get("/x"))),
            ok("POST /p  invalid", kClose));
  RawClient cut{server.port()};
  cut.send(post("Content-Length: 10\r\n", "abc"));
  cut.finish();
  EXPECT_EQ(without_date(cut.read_to_end()), ok("POST /p  unavailable", kClose));
}

// ------------------------------------------------------------------------------------ time limits

ServerOptions impatient() {
  ServerOptions options;
  options.header_timeout = 150ms;
  options.body_stall_timeout = 150ms;
  options.write_stall_timeout = 150ms;
  options.idle_timeout = 400ms;
  options.drain_timeout = 150ms;
  return options;
}

TEST(Server, ClosesSilentConnectionsWithoutAByte) {
  TestServer server{echo, impatient()};
  RawClient silent{server.port()};
  EXPECT_EQ(silent.read_to_end(), "");
}

TEST(Server, SlowHeadersEndAfterTheTimeForAllOfThem) {
  TestServer server{echo, impatient()};
  RawClient slow{server.port()};
  const auto start = std::chrono::steady_clock::now();
  bool open = true;
  for (int i = 0; open && i < 400; ++i) {  // a byte each 5 ms keeps no connection open
    slow.send(i == 0 ? "GET / HTTP/1.1\r\nX: " : "y");
    open = slow.is_silent(5ms);
  }
  EXPECT_FALSE(open);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1900ms);
  EXPECT_EQ(slow.read_to_end(), "");
}

TEST(Server, IdleConnectionsMayWaitLongerThanHeaders) {
  ServerOptions options;
  options.header_timeout = 500ms;
  options.idle_timeout = 1500ms;
  TestServer server{echo, options};
  RawClient client{server.port()};
  client.send(get("/1"));
  client.read_past("GET /1  ");
  EXPECT_TRUE(client.is_silent(900ms));
  client.send(get("/2"));
  client.read_past("GET /2  ");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(Server, StalledBodyFailsTheRead) {
  TestServer server{echo, impatient()};
  RawClient client{server.port()};
  client.send(post("Content-Length: 10\r\n", "abc"));
  EXPECT_EQ(without_date(client.read_to_end()), ok("POST /p  unavailable", kClose));
}

TEST(Server, SlowBodyThatGoesOnIsRead) {
  ServerOptions options;
  options.body_stall_timeout = 700ms;
  TestServer server{echo, options};
  RawClient client{server.port()};
  client.send(post("Content-Length: 8\r\n" + kClose, ""));
  for (int i = 0; i < 8; ++i) {  // 1.2 s in all
    client.send("z");
    std::this_thread::sleep_for(150ms);
  }
  EXPECT_EQ(without_date(client.read_to_end()), ok("POST /p  zzzzzzzz", kClose));
}

// ------------------------------------------------------------------------------------- files

class LargeFile {
 public:
  LargeFile() : path_{std::filesystem::temp_directory_path() / name()} {
    std::ofstream file{path_, std::ios::binary};
    std::uint64_t state = 88172645463325252ULL;
    content_.reserve(kSize);
    while (content_.size() < kSize) {
      state ^= state << 13U;
      state ^= state >> 7U;
      state ^= state << 17U;
      content_.append(reinterpret_cast<const char*>(&state), sizeof state);
    }
    file.write(content_.data(), static_cast<std::streamsize>(content_.size()));
  }
  ~LargeFile() { std::filesystem::remove(path_); }
  LargeFile(const LargeFile&) = delete;
  LargeFile& operator=(const LargeFile&) = delete;

  static constexpr std::size_t kSize = 24 << 20;
  [[nodiscard]] const std::string& content() const { return content_; }
  [[nodiscard]] std::shared_ptr<Source> open() const {
    return std::shared_ptr<Source>{fs::open_source(path_).value()};
  }
  void truncate(std::uintmax_t size) const { std::filesystem::resize_file(path_, size); }

 private:
  static std::string name() {
    return "pv-http-test-" + std::to_string(::getpid()) + "-" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  std::filesystem::path path_;
  std::string content_;
};

// The same bytes without a descriptor: read on the pool, sent through a buffer.
class NoDescriptor final : public Source {
 public:
  explicit NoDescriptor(std::shared_ptr<Source> inner) : inner_{std::move(inner)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return inner_->size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return inner_->read_at(offset, into);
  }

 private:
  std::shared_ptr<Source> inner_;
};

Handler serve(std::shared_ptr<Source> source) {
  return [source](Request request, BodyReader&) -> asio::awaitable<Response> {
    FileAnswer answer;
    answer.source = source;
    answer.content_type = "application/zip";
    answer.modified = WallTime{std::chrono::seconds{1'700'000'000}};
    co_return serve_file(request, std::move(answer), std::string(60, 'b'));
  };
}

std::string body_of(const std::string& answer) {
  return answer.substr(std::min(answer.find("\r\n\r\n") + 4, answer.size()));
}

TEST(Server, SendsLargeFilesWhole) {
  const LargeFile file;
  const std::shared_ptr<Source> plain = file.open();
  for (const auto& source : {plain, std::shared_ptr<Source>{new NoDescriptor{plain}}}) {
    TestServer server{serve(source)};
    EXPECT_TRUE(body_of(exchange(server.port(), get("/", kClose))) == file.content());
    EXPECT_TRUE(
        body_of(exchange(server.port(), get("/", "Range: bytes=1000-19999999\r\n" + kClose))) ==
        file.content().substr(1000, 19'999'000));
    const std::string parts =
        body_of(exchange(server.port(), get("/", "Range: bytes=5-6,3000000-8999999\r\n" + kClose)));
    EXPECT_TRUE(parts.find(file.content().substr(3'000'000, 6'000'000)) != std::string::npos);
    EXPECT_TRUE(parts.ends_with("--\r\n"));
    EXPECT_EQ(body_of(exchange(server.port(), "HEAD / HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n")),
              "");
  }
}

TEST(Server, OneSlowDownloadHoldsUpNobody) {
  const LargeFile file;
  ServerOptions options;
  options.transfer_threads = 1;
  TestServer server{serve(file.open()), options};
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 10; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port(), 4096));
    slow.back()->send(get("/"));
    slow.back()->read_past("\r\n\r\n");  // and not a byte more than came with it
  }
  EXPECT_TRUE(body_of(exchange(server.port(), get("/", kClose))) == file.content());
}

TEST(Server, ClientThatStopsReadingIsCutOff) {
  const LargeFile file;
  TestServer server{serve(file.open()), impatient()};
  RawClient client{server.port(), 4096};
  client.send(get("/"));
  client.read_past("\r\n\r\n");
  EXPECT_TRUE(server.reaches(0));
}

TEST(Server, SurvivesClientsThatGoAway) {
  const LargeFile file;
  TestServer server{serve(file.open())};
  for (int i = 0; i < 20; ++i) {
    RawClient client{server.port(), 4096};
    client.send(get("/"));
    client.read_past("\r\n\r\n");
    if (i % 2 == 0) {
      client.abort();
    } else {
      client.close();
    }
  }
  EXPECT_TRUE(server.reaches(0));
  TestServer reader{echo};
  for (int i = 0; i < 20; ++i) {
    RawClient client{reader.port()};
    client.send(post("Content-Length: 100000\r\n", std::string(50'000, 'x')));
    if (i % 2 == 0) { client.abort(); }
  }
  EXPECT_TRUE(reader.reaches(0));
  EXPECT_EQ(exchange(reader.port(), get("/", kClose)), ok("GET /  ", kClose));
}

TEST(Server, FileThatBecameShorterEndsTheConnection) {
  const LargeFile file;
  const auto source = file.open();
  file.truncate(1'000'000);
  TestServer server{serve(source)};
  const std::string answer = exchange(server.port(), get("/"));
  EXPECT_NE(answer.find("Content-Length: 25165824\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer).size(), 1'000'000U);
}

// A body whose length is not known before it ends.
class CountingStream final : public BodyReader {
 public:
  Task<std::size_t> read(MutableBytes into) override {
    asio::steady_timer timer{co_await asio::this_coro::executor, 1ms};
    co_await timer.async_wait(asio::use_awaitable);
    if (count_ == 3) { co_return 0; }
    into[0] = static_cast<std::byte>('a' + count_++);
    co_return 1;
  }

 private:
  int count_ = 0;
};

TEST(Server, SendsStreamsAsTheyCome) {
  TestServer server{[](Request, BodyReader&) -> asio::awaitable<Response> {
    Response response;
    response.body.emplace_back(std::make_shared<CountingStream>());
    co_return response;
  }};
  EXPECT_EQ(exchange(server.port(), get("/", kClose)),
            "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
  EXPECT_EQ(exchange(server.port(), "GET / HTTP/1.0\r\n\r\n"), "HTTP/1.0 200 OK\r\n\r\nabc");
}

// ------------------------------------------------------------------------------- handlers, ends

TEST(Server, HandlerThatThrowsIsABare500) {
  std::string trouble;
  ServerOptions options;
  options.on_trouble = [&](std::string_view text) { trouble = text; };
  TestServer server{[](Request, BodyReader&) -> asio::awaitable<Response> {
                      throw std::runtime_error{"oh"};
                      co_return Response{};
                    },
                    options};
  EXPECT_EQ(exchange(server.port(), get("/")),
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  server.stop(0ms);
  EXPECT_EQ(trouble, "a request handler threw: oh");
}

// A slow handler, told from outside when to go on.
struct Slow {
  std::optional<Event> go_on;
  std::atomic<int> started = 0;
  std::atomic<int> ended = 0;

  Handler handler() {
    return [this](Request, BodyReader&) -> asio::awaitable<Response> {
      go_on.emplace(co_await asio::this_coro::executor);
      ++started;
      co_await go_on->wait();
      ++ended;
      co_return text_answer("done");
    };
  }
  void await_start() const {
    for (int i = 0; i < 2000 && started == 0; ++i) { std::this_thread::sleep_for(5ms); }
    ASSERT_EQ(started, 1);
  }
};

TEST(Server, HandlerGoesOnWhenTheClientIsGone) {
  Slow slow;
  TestServer server{slow.handler()};
  {
    RawClient client{server.port()};
    client.send(get("/"));
    slow.await_start();
    client.abort();
  }
  EXPECT_EQ(server.connection_count(), 1U);
  slow.go_on->set();
  EXPECT_TRUE(server.reaches(0));
  EXPECT_EQ(slow.ended, 1);
}

TEST(Server, StopLetsAnswersInFlightFinish) {
  Slow slow;
  TestServer server{slow.handler()};
  RawClient idle{server.port()};
  RawClient client{server.port()};
  client.send(get("/"));
  slow.await_start();
  std::thread stopper{[&] { server.stop(10s); }};
  EXPECT_EQ(idle.read_to_end(), "") << "an idle connection ends at once";
  slow.go_on->set();
  EXPECT_EQ(without_date(client.read_to_end()), ok("done", kClose));
  stopper.join();
}

TEST(Server, StopCutsWhatOutlastsTheGrace) {
  const LargeFile file;
  TestServer server{serve(file.open())};
  RawClient client{server.port(), 4096};
  client.send(get("/"));
  client.read_past("\r\n\r\n");
  const auto start = std::chrono::steady_clock::now();
  server.stop(100ms);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(Server, StopWaitsForHandlersThatStillRun) {
  Slow slow;
  TestServer server{slow.handler()};
  RawClient client{server.port()};
  client.send(get("/"));
  slow.await_start();
  std::thread stopper{[&] { server.stop(0ms); }};
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(slow.ended, 0);
  slow.go_on->set();
  stopper.join();
  EXPECT_EQ(slow.ended, 1);
}

// A process that ends in a hurry: nobody called stop(), requests and downloads are under way.
TEST(Server, MayBeDestroyedWhenTheContextRunsNoMore) {
  const LargeFile file;
  auto context = std::make_unique<asio::io_context>();
  ServerOptions options;
  options.port = 0;
  auto files = std::make_unique<Server>(*context, options, serve(file.open()));
  Slow slow;
  auto waits = std::make_unique<Server>(*context, options, slow.handler());
  ASSERT_TRUE(files->listen().has_value());
  ASSERT_TRUE(waits->listen().has_value());
  const std::uint16_t files_port = files->port();
  const std::uint16_t waits_port = waits->port();
  std::thread thread{[&] { context->run(); }};
  RawClient idle{files_port};
  RawClient download{files_port};
  download.send(get("/"));
  download.read_past("\r\n\r\n");
  RawClient client{waits_port};
  client.send(get("/"));
  slow.await_start();
  context->stop();
  thread.join();
  files.reset();
  waits.reset();
  context.reset();
  EXPECT_EQ(slow.ended, 0);
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST(Server, SaysWhyItCannotListen) {
  TestServer first{echo};
  asio::io_context context;
  ServerOptions options;
  options.port = first.port();
  Server second{context, options, echo};
  EXPECT_EQ(second.listen().error().code, Code::kBusy);
  options.address = "localhost";
  Server third{context, options, echo};
  EXPECT_EQ(third.listen().error().code, Code::kInvalid);
}

TEST(Server, WaitsWithAcceptingAtItsLimit) {
  ServerOptions options;
  options.connections_max = 3;
  TestServer server{echo, options};
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/"));
  }
  for (int i = 0; i < 3; ++i) { clients[static_cast<std::size_t>(i)]->read_past("GET /  "); }
  EXPECT_TRUE(clients[3]->is_silent(100ms));
  clients[0]->close();
  clients[1]->close();
  clients[3]->read_past("GET /  ");
  clients[4]->read_past("GET /  ");
}

}  // namespace
}  // namespace pv::http
