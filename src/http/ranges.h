// Range and conditional requests (RFC 9110 13, 14) as Go's http.ServeContent answers them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"

namespace pv::http {

struct FileAnswer {
  std::shared_ptr<Source> source;
  std::string content_type;
  WallTime modified;
  Headers headers;  // more, such as Content-Disposition and Cache-Control
};

// 200, 206 (one range, or multipart/byteranges), 304, 412 or 416. `boundary`: 60 hex digits. For
// HEAD the same answer: the server leaves the body away.
[[nodiscard]] Response serve_file(const Request& request, FileAnswer answer,
                                  std::string_view boundary);

}  // namespace pv::http
