// One connection: requests in, answers out, in turn.
#pragma once

#include <memory>
#include <vector>

#include "http/chunked.h"
#include "http/request_parser.h"
#include "http/response_head.h"
#include "http/server.h"
#include "http/wire.h"

namespace pv::http {

// What all connections of a server share.
struct ConnectionContext {
  ServerOptions options;
  Handler handler;
  bool stopping = false;         // each connection ends with its answer
  std::size_t header_bytes = 0;  // held by requests now, beyond the small ones

  WorkPool& pool();  // for files; started at the first call
  void report(std::string_view trouble) const;
  std::unique_ptr<WorkPool> threads;
};

// Bytes read and not used yet. Costs nothing while it is empty.
class InputBuffer {
 public:
  [[nodiscard]] Bytes bytes() const { return Bytes{storage_}.subspan(begin_, end_ - begin_); }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const { return storage_.size(); }
  void consume(std::size_t count) { begin_ += count; }
  [[nodiscard]] MutableBytes room(std::size_t at_least);  // grows where needed
  void added(std::size_t count) { end_ += count; }
  void shrink();  // gives back what is not needed

 private:
  std::vector<std::byte> storage_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class Connection {
 public:
  Connection(boost::asio::ip::tcp::socket socket, ConnectionContext& context);

  boost::asio::awaitable<void> run();  // to the end of the connection

  void expire(Wire::TimePoint now) { wire_.expire(now); }
  void cut() { wire_.cut(); }
  [[nodiscard]] bool is_idle() const { return idle_; }  // no byte of a request has come

  std::size_t index = 0;  // the server's: where it is in the list

 private:
  class Body;
  class HeaderLoan;

  // One request; whether another may follow.
  boost::asio::awaitable<bool> serve_one(Wire::TimePoint deadline);
  Task<void> read_head(RequestParser& parser, HeaderLoan& loan, Wire::TimePoint deadline);
  boost::asio::awaitable<bool> refuse(const Refusal& refusal);
  boost::asio::awaitable<bool> answer(RequestParser& parser);
  boost::asio::awaitable<Response> handle(Request request, Body& body);
  boost::asio::awaitable<bool> end_request(Body& body, bool close);
  boost::asio::awaitable<void> linger();

  Task<std::size_t> fill(std::size_t at_least, Wire::TimePoint deadline);
  Task<void> send(std::string head, Framing framing, std::vector<BodyPart> body);
  Task<void> send_text(std::string& pending, const std::string& text);
  Task<void> send_slice(std::string& pending, FileSlice slice);
  Task<void> send_stream(std::string& pending, BodyReader& stream, Framing framing);
  Task<void> flush(std::string& pending, bool more);

  ConnectionContext& context_;
  Wire wire_;
  InputBuffer input_;
  std::string remote_ip_;
  bool idle_ = false;
  bool after_post_ = false;
};

}  // namespace pv::http
