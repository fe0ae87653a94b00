// multipart/form-data (RFC 7578), read as a stream by the rules of Go's mime/multipart: 128 KiB of
// memory whatever the parts' sizes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/message.h"

namespace pv::http {

struct Part {
  std::string name;  // of the form field; empty when the part does not say: Go skips such a part
  std::optional<std::string> filename;  // last "/"-separated element; filename* understood; never
                                        // empty. A part without it is not a file
  std::string content_type;
};

// Usage: while (next part) { while (read) ... }. Errors kInvalid: not multipart, cut off, a control
// character in a part's header, a header block over 64 KiB, more than 1000 parts, a
// quoted-printable part; and those of the body. After an error it is no use any more.
class MultipartReader {
 public:
  // nullopt-like kInvalid when `content_type` has no usable boundary. `body` outlives it.
  [[nodiscard]] static Result<std::unique_ptr<MultipartReader>> open(std::string_view content_type,
                                                                     BodyReader& body);
  virtual ~MultipartReader() = default;
  // Skips what is left of the part before. nullopt: the closing boundary was read.
  virtual Task<std::optional<Part>> next() = 0;
  virtual Task<std::size_t> read(MutableBytes into) = 0;  // of the current part; 0 at its end
};

}  // namespace pv::http
