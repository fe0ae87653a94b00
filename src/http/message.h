// What comes in and what goes out, free of sockets and of Beast.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/io.h"
#include "http/task.h"

namespace pv::http {

// In order; names compare without case and are sent as they were added.
class Headers {
 public:
  void add(std::string name, std::string value);
  void set(std::string name, std::string value);  // replaces all of that name
  void remove(std::string_view name);
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;  // the first
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  // Whether one of the comma-separated words of `name` is `token`, compared without case.
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& list() const {
    return list_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> list_;
};

struct Request {
  std::string method;  // as sent: "GET", "FOO"
  std::string target;  // as sent; absolute form is reduced to path and query
  std::string path;    // still percent-encoded, starts with '/'
  std::string query;   // after the first '?', without it; still encoded
  Headers headers;
  unsigned version = 11;                        // 10 or 11
  std::string remote_ip;                        // of the peer; IPv4-mapped addresses as IPv4
  std::optional<std::uint64_t> content_length;  // declared
  bool chunked = false;
  [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// The request's body, read as it comes. Only while the handler runs. "100 Continue" is sent at the
// first read when the client asked for it.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // At least one byte, or 0 at the end. kUnavailable: the client is gone or too slow; kInvalid: the
  // chunked coding is broken.
  virtual Task<std::size_t> read(MutableBytes into) = 0;
};

// All of the body; kInvalid past `bytes_max`.
Task<std::string> read_all(BodyReader& body, std::size_t bytes_max);

struct FileSlice {
  std::shared_ptr<Source> source;  // sendfile is used when it has a descriptor
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// Bytes whose number nobody knows yet (events, another server's answer), sent as they come. It is
// read on the server's thread until it says 0, which must not take longer than the client's
// patience: the connection is not watched meanwhile.
using BodyStream = std::shared_ptr<BodyReader>;
using BodyPart = std::variant<std::string, FileSlice, BodyStream>;

// What a handler answers. The server sends the headers sorted by name, then adds Date and the
// framing (Content-Length, Transfer-Encoding, Connection) as Go's server does: a length for any
// body whose length is known; none for 204 and 304, nor for HEAD with an empty body.
// A Content-Length among the headers keeps its sorted place, and must be right.
// HEAD: give the body that GET would have; it is measured and not sent.
struct Response {
  unsigned status = 200;
  Headers headers;
  std::vector<BodyPart> body;  // in order
  bool close = false;          // the connection ends after it
  // Send chunked (HTTP/1.1), or until the connection closes (1.0), although the length is known, as
  // PocketBase does for long JSON; HEAD then has neither Content-Length nor Transfer-Encoding.
  bool omit_length = false;
};

[[nodiscard]] std::string_view reason_phrase(unsigned status);

}  // namespace pv::http
