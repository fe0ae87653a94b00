// What stands before a body: status line, headers, framing.
#pragma once

#include <string>

#include "base/clock.h"
#include "http/message.h"

namespace pv::http {

enum class Framing {
  kNone,        // no body follows
  kLength,      // as many bytes as the head says
  kChunked,     // chunks
  kUntilClose,  // to the end of the connection
};

// What of the request and of the connection decides about the head.
struct HeadContext {
  bool is_head = false;  // the method is HEAD
  unsigned version = 11;
  bool keep_alive_asked = false;  // HTTP/1.0 with "Connection: keep-alive"
  bool must_close = false;        // the client wants it, or the server
  WallTime now;
};

struct ResponseHead {
  std::string text;  // with the empty line
  Framing framing = Framing::kNone;
  bool close = false;  // the connection ends after the answer
};

// Blanks around a value go, a line break in it becomes a blank, a header whose name is not a token
// is left out.
[[nodiscard]] ResponseHead make_head(const Response& response, const HeadContext& context);

}  // namespace pv::http
