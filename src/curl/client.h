// A blocking HTTP client over libcurl.
//
// Redirects are not followed; a path is sent as it is given. The whole of a transfer has a time
// limit only where the request says so; connecting and standing still always have. Nothing is
// logged; errors name method and address, without query or user, and never a header.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/io.h"

namespace pv::curl {

using Header = std::pair<std::string, std::string>;

// A part of a multipart/form-data body.
struct FormPart {
  std::string name;
  std::string filename;                        // empty: a plain field
  std::string content_type;                    // empty: libcurl's choice
  std::variant<std::string, Source*> content;  // a source outlives the request
};
using Form = std::vector<FormPart>;

struct Request {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<Header> headers{};
  // Nothing, bytes, a stream of known length (it outlives the request), or a form.
  std::variant<std::monostate, std::string, Source*, Form> body{};
  // Without a byte moving either way. nullopt: the client's; zero: no limit, for an answer that
  // comes when long work is done.
  std::optional<std::chrono::seconds> stall_timeout{};
  // For all of it, from the look-up of the name to the last byte. nullopt: no limit.
  std::optional<std::chrono::milliseconds> total_timeout{};
  // Once, before the first byte of a successful answer's body goes to a sink. An error ends it all.
  std::function<Result<void>(int status, const std::vector<Header>& headers)> on_answer{};
  // Bytes sent and received so far, of the bodies; from the calling thread, a few times a second.
  std::function<void(std::uint64_t sent, std::uint64_t received)> on_progress{};
};

struct Reply {
  int status = 0;
  std::vector<Header> headers;  // of the final answer, in order
  std::string body;             // empty where a sink took it

  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

struct ClientOptions {
  std::chrono::seconds connect_timeout{15};
  std::chrono::seconds stall_timeout{60};
  std::size_t body_bytes_max = 16 << 20;  // of an answer kept in memory; kInvalid past it
  std::string user_agent = "pocketvault";
  std::string ca_file{};  // PEM: whom to trust instead of the system's authorities; empty: those
};

// Keeps connections open between requests.
//
// Threads    One at a time; a stop may be requested from any.
// Errors     kUnavailable: no such host, refused, timed out, broken off. kDenied: the certificate
//            is not trusted. kInvalid: not an http(s) address, an answer that is no HTTP or too
//            large. kCancelled. What a source or a sink reports is passed on as it is. Any status
//            is a Reply, not an error.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] Result<Reply> send(const Request& request, std::stop_token stop = {});

  // A successful answer's body goes to `sink`, any other's to Reply::body.
  [[nodiscard]] Result<Reply> download(const Request& request, Sink& sink,
                                       std::stop_token stop = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The first value of `name`, whatever its case.
[[nodiscard]] std::optional<std::string_view> find_header(const std::vector<Header>& headers,
                                                          std::string_view name);

// "http://host/a b" for messages: without user, query and fragment.
[[nodiscard]] std::string url_for_people(std::string_view url);

// Percent-encodes all but RFC 3986's unreserved characters.
[[nodiscard]] std::string escape(std::string_view text);

}  // namespace pv::curl
