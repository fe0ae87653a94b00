#include "http/connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace pv::http {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kFirstReadBytes = 4096;
constexpr std::size_t kBodyReadBytes = std::size_t{64} << 10;
// Headers up to here are not counted against the total of all connections.
constexpr std::size_t kSmallHeaderBytes = 16384;
constexpr std::size_t kHeaderGraceBytes = 4096;
// More than this unread, and Go ends the connection instead of reading on.
constexpr std::uint64_t kReuseDrainBytes = std::uint64_t{256} << 10;
// A client that has stopped sending has read the answer by now, or never will.
constexpr std::chrono::seconds kLingerStall{2};
// Texts up to here are copied next to the head, so that one call sends both.
constexpr std::size_t kCopyBytes = std::size_t{16} << 10;
constexpr std::size_t kStreamBytes = std::size_t{64} << 10;

void append_chunk_size(std::string& out, std::uint64_t size) {
  std::array<char, 16> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16);
  out.append(digits.data(), end);
  out += "\r\n";
}

Response bare(unsigned status) {
  Response response;
  response.status = status;
  return response;
}

// "OPTIONS *" asks about the server as a whole; nothing else may name "*".
Response answer_about_server(const Request& request) {
  if (request.method == "OPTIONS") {
    Response response = bare(200);
    response.headers.add("Content-Length", "0");
    return response;
  }
  Response response = bare(400);
  if (request.version >= 11) { response.headers.add("Connection", "close"); }
  return response;
}

}  // namespace

WorkPool& ConnectionContext::pool() {
  if (!threads) { threads = std::make_unique<WorkPool>(options.transfer_threads); }
  return *threads;
}

void ConnectionContext::report(std::string_view trouble) const {
  if (options.on_trouble) { options.on_trouble(trouble); }
}

MutableBytes InputBuffer::room(std::size_t at_least) {
  if (begin_ > 0 && storage_.size() - end_ < at_least) {
    std::copy(storage_.begin() + static_cast<std::ptrdiff_t>(begin_),
              storage_.begin() + static_cast<std::ptrdiff_t>(end_), storage_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (storage_.size() - end_ < at_least) {
    storage_.resize(std::max(storage_.size() * 2, end_ + at_least));
  }
  return MutableBytes{storage_}.subspan(end_);
}

void InputBuffer::shrink() {
  if (size() == storage_.size()) { return; }
  std::vector<std::byte> rest(bytes().begin(), bytes().end());
  storage_ = std::move(rest);
  begin_ = 0;
  end_ = storage_.size();
}

// A request's share of header_bytes, given back when the request is over.
class Connection::HeaderLoan {
 public:
  explicit HeaderLoan(ConnectionContext& context) : context_{context} {}
  ~HeaderLoan() { give_back(); }
  HeaderLoan(const HeaderLoan&) = delete;
  HeaderLoan& operator=(const HeaderLoan&) = delete;

  [[nodiscard]] bool hold(std::size_t bytes) {
    if (bytes <= kSmallHeaderBytes || bytes <= held_) { return true; }
    const std::size_t all = context_.header_bytes - held_ + bytes;
    if (all > context_.options.header_bytes_total_max) { return false; }
    context_.header_bytes = all;
    held_ = bytes;
    return true;
  }
  void give_back() { context_.header_bytes -= std::exchange(held_, 0); }

 private:
  ConnectionContext& context_;
  std::size_t held_ = 0;
};

// The body of the request being served.
class Connection::Body final : public BodyReader {
 public:
  Body(Connection& connection, const Request& request, bool expects_continue)
      : connection_{connection},
        chunked_{request.chunked},
        left_{request.content_length.value_or(0)},
        continue_pending_{expects_continue} {}

  Task<std::size_t> read(MutableBytes into) override {
    PV_ASSERT(!into.empty());
    if (done()) { co_return 0; }
    if (broken_) { co_return fail(Code::kUnavailable, "the request body broke off"); }
    Result<std::size_t> got = co_await read_part(into);
    broken_ = !got.has_value();
    co_return got;
  }

  [[nodiscard]] bool done() const { return chunked_ ? decoder_.done() : left_ == 0; }

  // Whether it makes sense to read the rest only to reach the next request.
  [[nodiscard]] bool worth_draining() const {
    return done() || (!broken_ && !continue_pending_ && !continued_ &&
                      (chunked_ || left_ <= kReuseDrainBytes));
  }

 private:
  Task<std::size_t> read_part(MutableBytes into) {
    if (continue_pending_) {
      continue_pending_ = false;
      continued_ = true;
      std::string text = "HTTP/1.1 100 Continue\r\n\r\n";
      PV_CO_CHECK(co_await connection_.flush(text, false));
    }
    if (chunked_) { co_return co_await read_chunked(into); }
    into = into.first(std::min<std::uint64_t>(into.size(), left_));
    InputBuffer& input = connection_.input_;
    if (input.empty()) {
      PV_CO_TRY(const std::size_t count, co_await connection_.wire_.read_some(into, deadline()));
      if (count == 0) { co_return cut_short(); }
      left_ -= count;
      co_return count;
    }
    const std::size_t count = std::min(into.size(), input.size());
    std::copy_n(input.bytes().begin(), count, into.begin());
    input.consume(count);
    left_ -= count;
    co_return count;
  }

  Task<std::size_t> read_chunked(MutableBytes into) {
    InputBuffer& input = connection_.input_;
    for (;;) {
      PV_CO_TRY(const ChunkDecoder::Step step, decoder_.decode(input.bytes(), into));
      input.consume(step.used);
      if (step.made > 0 || decoder_.done()) { co_return step.made; }
      PV_CO_TRY(const std::size_t count, co_await connection_.fill(kBodyReadBytes, deadline()));
      if (count == 0) { co_return cut_short(); }
    }
  }

  static tl::unexpected<Error> cut_short() {
    return fail(Code::kUnavailable, "the client went away in the middle of the request body");
  }

  [[nodiscard]] Wire::TimePoint deadline() const {
    return Clock::now() + connection_.context_.options.body_stall_timeout;
  }

  Connection& connection_;
  bool chunked_;
  std::uint64_t left_;     // of a body with a length
  ChunkDecoder decoder_;   // of a chunked one
  bool continue_pending_;  // the client waits for "100 Continue"
  bool continued_ = false;
  bool broken_ = false;
};

Connection::Connection(asio::ip::tcp::socket socket, ConnectionContext& context)
    : context_{context}, wire_{std::move(socket)}, remote_ip_{wire_.remote_ip()} {}

asio::awaitable<void> Connection::run() {
  Wire::TimePoint deadline = Clock::now() + context_.options.header_timeout;
  for (bool first = true;; first = false) {
    if (input_.empty()) {
      idle_ = true;
      const Result<void> readable = co_await wire_.wait_readable(deadline);
      idle_ = false;
      if (!readable.has_value()) { break; }
    }
    if (!first) { deadline = Clock::now() + context_.options.header_timeout; }
    const bool goes_on = co_await serve_one(deadline);
    if (!goes_on || context_.stopping) { break; }
    input_.shrink();
    deadline = Clock::now() + context_.options.idle_timeout;
  }
}

asio::awaitable<bool> Connection::serve_one(Wire::TimePoint deadline) {
  HeaderLoan loan{context_};
  RequestParser parser{context_.options.header_bytes_max + kHeaderGraceBytes};
  const Result<void> read = co_await read_head(parser, loan, deadline);
  if (!read.has_value()) { co_return false; }
  if (parser.state() == RequestParser::State::kRefused) {
    input_ = {};
    loan.give_back();
    co_return co_await refuse(parser.refusal());
  }
  co_return co_await answer(parser);
}

Task<void> Connection::read_head(RequestParser& parser, HeaderLoan& loan,
                                 Wire::TimePoint deadline) {
  // Old clients send a CRLF after a form's body that its length does not count.
  std::size_t blanks_left = after_post_ ? 4 : 0;
  for (;;) {
    while (
        blanks_left > 0 && !input_.empty() &&
        (input_.bytes().front() == std::byte{'\r'} || input_.bytes().front() == std::byte{'\n'})) {
      input_.consume(1);
      --blanks_left;
    }
    if (!input_.empty()) { blanks_left = 0; }
    input_.consume(parser.feed(as_text(input_.bytes())));
    if (parser.state() != RequestParser::State::kMore) { co_return Result<void>{}; }
    if (!loan.hold(parser.bytes_used() + input_.capacity())) {
      context_.report("too many large request headers at one time");
      parser.refuse(431);
      co_return Result<void>{};
    }
    PV_CO_TRY(const std::size_t count, co_await fill(kFirstReadBytes, deadline));
    if (count == 0) {
      if (parser.bytes_used() == 0 && input_.empty()) { co_return fail(Code::kUnavailable, "end"); }
      parser.refuse(400);
      co_return Result<void>{};
    }
  }
}

asio::awaitable<bool> Connection::refuse(const Refusal& refusal) {
  std::string text = to_wire(refusal);
  const Result<void> sent = co_await flush(text, false);
  if (sent.has_value()) { co_await linger(); }
  co_return false;
}

asio::awaitable<bool> Connection::answer(RequestParser& parser) {
  Request request = parser.take();
  request.remote_ip = remote_ip_;
  HeadContext head_context;
  head_context.is_head = request.method == "HEAD";
  head_context.version = request.version;
  head_context.keep_alive_asked = !parser.wants_close();
  after_post_ = request.method == "POST";
  const bool expects_continue = request.headers.has_token("Expect", "100-continue");
  Body body{*this, request, expects_continue && request.version >= 11 && request.has_body()};

  Response response;
  if (!expects_continue && !request.headers.find("Expect").value_or("").empty()) {
    response = bare(417);
    response.headers.add("Connection", "close");
  } else if (request.target == "*") {
    response = answer_about_server(request);
  } else {
    response = co_await handle(std::move(request), body);
  }
  head_context.must_close = parser.wants_close() || parser.ambiguous_length() ||
                            context_.stopping || !body.worth_draining();
  head_context.now = system_clock().now();
  ResponseHead head = make_head(response, head_context);
  Task<void> sending = send(std::move(head.text), head.framing, std::move(response.body));
  const Result<void> sent = co_await std::move(sending);
  if (!sent.has_value()) { co_return false; }
  co_return co_await end_request(body, head.close);
}

asio::awaitable<Response> Connection::handle(Request request, Body& body) {
  std::string trouble;
  try {
    asio::awaitable<Response> running = context_.handler(std::move(request), body);
    Response response = co_await std::move(running);
    co_return response;
  } catch (const std::exception& error) { trouble = error.what(); } catch (...) {
    trouble = "unknown exception";
  }
  context_.report("a request handler threw: " + trouble);
  Response response = bare(500);
  response.close = true;
  co_return response;
}

// What is left of the request's body must not be taken for the next request.
asio::awaitable<bool> Connection::end_request(Body& body, bool close) {
  if (!close && !body.done()) {
    std::vector<std::byte> waste(kBodyReadBytes);
    std::uint64_t read = 0;
    while (!body.done() && read <= kReuseDrainBytes) {
      const Result<std::size_t> count = co_await body.read(waste);
      if (!count.has_value()) { break; }
      read += *count;
    }
  }
  if (!close && body.done()) { co_return true; }
  if (!body.done() || !input_.empty()) { co_await linger(); }
  co_return false;
}

// Closing while bytes of the client are unread makes the kernel send a reset, which may reach the
// client before it has read the answer.
asio::awaitable<void> Connection::linger() {
  wire_.shutdown_send();
  input_ = {};
  std::vector<std::byte> waste(kBodyReadBytes);
  const Wire::TimePoint end = Clock::now() + context_.options.drain_timeout;
  std::uint64_t read = 0;
  while (read < context_.options.drain_bytes_max) {
    const Wire::TimePoint now = Clock::now();
    if (now >= end) { break; }
    const Wire::TimePoint deadline = std::min(end, now + kLingerStall);
    const Result<std::size_t> count = co_await wire_.read_some(waste, deadline);
    if (!count.has_value() || *count == 0) { break; }
    read += *count;
  }
}

Task<std::size_t> Connection::fill(std::size_t at_least, Wire::TimePoint deadline) {
  PV_CO_TRY(const std::size_t count, co_await wire_.read_some(input_.room(at_least), deadline));
  input_.added(count);
  co_return count;
}

Task<void> Connection::send(std::string head, Framing framing, std::vector<BodyPart> body) {
  std::string pending = std::move(head);
  const bool chunked = framing == Framing::kChunked;
  if (framing != Framing::kNone) {
    for (BodyPart& part : body) {
      if (auto* const stream = std::get_if<BodyStream>(&part)) {
        PV_CO_CHECK(co_await send_stream(pending, **stream, framing));
        continue;
      }
      auto* const text = std::get_if<std::string>(&part);
      auto* const slice = std::get_if<FileSlice>(&part);
      const std::uint64_t size = text != nullptr ? text->size() : slice->length;
      if (size == 0) { continue; }
      if (chunked) { append_chunk_size(pending, size); }
      if (text != nullptr) {
        PV_CO_CHECK(co_await send_text(pending, *text));
      } else {
        FileSlice taken = std::move(*slice);
        PV_CO_CHECK(co_await send_slice(pending, std::move(taken)));
      }
      if (chunked) { pending += "\r\n"; }
    }
    if (chunked) { pending += "0\r\n\r\n"; }
  }
  co_return co_await flush(pending, false);
}

Task<void> Connection::send_text(std::string& pending, const std::string& text) {
  if (text.size() <= kCopyBytes) {
    pending += text;
    if (pending.size() > kCopyBytes) { PV_CO_CHECK(co_await flush(pending, true)); }
    co_return Result<void>{};
  }
  const std::array<Bytes, 2> pieces{as_bytes(pending), as_bytes(text)};
  const Wire::WriteOptions options{.stall = context_.options.write_stall_timeout};
  PV_CO_CHECK(co_await wire_.write(pieces, options));
  pending.clear();
  co_return Result<void>{};
}

Task<void> Connection::send_slice(std::string& pending, FileSlice slice) {
  PV_CO_CHECK(co_await flush(pending, true));
  const Wire::WriteOptions options{.stall = context_.options.write_stall_timeout};
  co_return co_await wire_.send_file(context_.pool(), std::move(slice), options);
}

Task<void> Connection::send_stream(std::string& pending, BodyReader& stream, Framing framing) {
  PV_CO_CHECK(co_await flush(pending, false));
  std::vector<std::byte> buffer(kStreamBytes);
  const Wire::WriteOptions options{.stall = context_.options.write_stall_timeout};
  for (;;) {
    PV_CO_TRY(const std::size_t count, co_await stream.read(buffer));
    if (count == 0) { co_return Result<void>{}; }
    std::string size;
    std::string_view end;
    if (framing == Framing::kChunked) {
      append_chunk_size(size, count);
      end = "\r\n";
    }
    const std::array<Bytes, 3> pieces{as_bytes(size), Bytes{buffer}.first(count), as_bytes(end)};
    PV_CO_CHECK(co_await wire_.write(pieces, options));
  }
}

Task<void> Connection::flush(std::string& pending, bool more) {
  if (pending.empty()) { co_return Result<void>{}; }
  const Bytes piece = as_bytes(pending);
  const std::span<const Bytes> pieces{&piece, 1};
  const Wire::WriteOptions options{.stall = context_.options.write_stall_timeout, .more = more};
  PV_CO_CHECK(co_await wire_.write(pieces, options));
  pending.clear();
  co_return Result<void>{};
}

}  // namespace pv::http
