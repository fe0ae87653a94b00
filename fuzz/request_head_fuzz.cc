// The head of a request: whatever the bytes, no crash, and the same outcome in one piece as byte by
// byte.
#include "http/request_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  pv::http::RequestParser whole{4096};
  whole.feed(text);
  pv::http::RequestParser pieces{4096};
  std::size_t used = 0;
  for (std::size_t have = 1; have <= size; ++have) {
    used += pieces.feed(text.substr(used, have - used));
  }
  PV_ASSERT(pieces.state() == whole.state());
  PV_ASSERT(used == whole.bytes_used());
  if (whole.state() == pv::http::RequestParser::State::kDone) {
    const pv::http::Request request = whole.take();
    PV_ASSERT(!request.path.empty() && !request.method.empty());
    PV_ASSERT(!(request.chunked && request.content_length.has_value()));
  }
  return 0;
}
