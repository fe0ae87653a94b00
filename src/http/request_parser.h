// The head of a request, from its first line to the empty line, read as it comes.
//
// A parser of our own and not Boost.Beast's, because the answer to a malformed request must be the
// one of Go's net/http to the byte: which of several faults is reported, and after which line. What
// Go takes is taken (a lone LF ends a line, as RFC 9112 2.2 allows; the same Content-Length twice)
// except where two servers in a row could disagree about where a request ends: continued lines are
// refused, and Transfer-Encoding beside Content-Length ends the connection (RFC 9112 6.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace pv::http {

// The answer to a request that can't be served, after which the connection ends.
struct Refusal {
  unsigned status = 400;
  std::string detail;  // after the reason phrase: "missing required Host header"; may be empty
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// "HTTP/1.1 400 Bad Request..." with its body, as it goes on the wire.
[[nodiscard]] std::string to_wire(const Refusal& refusal);

class RequestParser {
 public:
  enum class State { kMore, kDone, kRefused };

  explicit RequestParser(std::size_t bytes_max) : bytes_max_{bytes_max} {}

  // Takes whole lines from the front of `bytes` (all that is not used up yet) and returns how many
  // bytes they had. At kDone and kRefused nothing more is taken.
  std::size_t feed(std::string_view bytes);

  // Refuses for a reason of the caller's.
  void refuse(unsigned status, std::string detail = {});

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }  // at kRefused
  [[nodiscard]] std::size_t bytes_used() const { return used_; }

  // At kDone, once.
  [[nodiscard]] Request take() { return std::move(request_); }
  [[nodiscard]] bool ambiguous_length() const { return ambiguous_length_; }
  [[nodiscard]] bool wants_close() const { return wants_close_; }  // RFC 9112 9.3

 private:
  void take_line(std::string_view line);
  void take_request_line(std::string_view line);
  bool take_target(std::string_view target);
  void take_field(std::string_view line);
  void finish();
  bool take_framing();
  bool check_host();

  std::size_t bytes_max_;
  std::size_t used_ = 0;      // of lines taken
  std::size_t searched_ = 0;  // of the line to come: no line end in there
  State state_ = State::kMore;
  Refusal refusal_;
  Request request_;
  std::string authority_;  // of an absolute-form target, which beats Host
  bool has_request_line_ = false;
  bool preface_ = false;  // "PRI * HTTP/2.0"
  int version_major_ = 1;
  bool ambiguous_length_ = false;
  bool wants_close_ = false;
};

}  // namespace pv::http
