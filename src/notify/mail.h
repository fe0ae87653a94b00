// One mail as it is sent: headers and a MIME body.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

namespace pv::notify {

struct Address {
  std::string email;
  std::string name = {};  // of a person; may be empty
  friend bool operator==(const Address&, const Address&) = default;
};

// Any text may stand in it, of a client of the API too: no line of it becomes a header.
struct Mail {
  Address from;
  Address to;
  std::string subject;
  std::string text;
  std::string html = {};      // the same for programs that show it; empty: there is none
  bool is_automatic = false;  // no answer is wanted (RFC 3834)
};

// RFC 5322 and MIME: lines end with CRLF and are 998 bytes at most, all is ASCII but for addresses
// that are not. kInvalid: an address that is none.
[[nodiscard]] Result<std::string> compose(const Mail& mail, WallTime now, Random& random);

// A text as the value of a header: as it is where it can stand there, else in words of RFC 2047.
[[nodiscard]] std::string encode_header(std::string_view text);

// RFC 2045 6.7, of lines that end as they like; the lines of the result end with CRLF.
[[nodiscard]] std::string to_quoted_printable(std::string_view text);

// What is left of a page without its tags: for the plain half of a mail.
[[nodiscard]] std::string text_of_html(std::string_view html);

}  // namespace pv::notify
