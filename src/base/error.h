// What can go wrong, as a value.
//
// What the world does to us (disk, network, user, another process) is a Result. What we did wrong
// is an assertion: PV_ASSERT is on in every build and stops the process. Never assert about bytes
// that came from a disk, a peer or a user.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace pv {

// What the caller can do about an error. The text says what happened.
enum class Code {
  kInvalid,          // the request makes no sense as given; another request might
  kNotFound,         // the thing is not there
  kExists,           // the name is taken
  kDenied,           // the operating system or a peer refuses this to us
  kUnauthenticated,  // who asks is unknown, or may not ask
  kBusy,             // another job, or another process, is at it; try again later
  kDamaged,          // bytes do not say what they should: checksum, structure, not a database
  kNoSpace,          // the disk or a quota is full
  kUnavailable,      // a disk, a peer or a service fails now; worth another try
  kUnsupported,      // understood, but this program can't do it
  kCancelled,        // somebody asked to stop
  kInternal,         // a fault of ours that could be reported instead of asserted
};

// "not_found", "no_space": stable names for logs and JSON.
[[nodiscard]] std::string_view code_name(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string what;  // for a person: what failed, why, with names; no secret, no trailing period

  // The same error with more context in front: "open data.db: permission denied".
  [[nodiscard]] Error within(std::string_view context) const;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>{std::move(other)} {}  // NOLINT
};

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string what) {
  return tl::unexpected<Error>{Error{code, std::move(what)}};
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>{std::move(error)};
}

// The Error for errno after a failed system call: "what: No such file or directory".
[[nodiscard]] Error errno_error(int error_number, std::string_view what);

// Stops the process after printing where; used by PV_ASSERT.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace pv

#define PV_CONCAT_INNER(a, b) a##b
#define PV_CONCAT(a, b) PV_CONCAT_INNER(a, b)

#define PV_TRY_INNER(result, declaration, expression)                        \
  auto result = (expression);                                                \
  if (!result.has_value()) { return ::pv::fail(std::move(result).error()); } \
  declaration = std::move(*result)

// PV_TRY(auto row, db.one(...)): the value, or return the error from this function. A statement;
// not for coroutines, which have PV_CO_TRY (http/task.h).
#define PV_TRY(declaration, expression) \
  PV_TRY_INNER(PV_CONCAT(pv_result_, __LINE__), declaration, expression)

// PV_CHECK(sink.write(bytes)): return the error, if there is one, from this function.
#define PV_CHECK(expression)                                               \
  if (auto PV_CONCAT(pv_result_, __LINE__) = (expression);                 \
      !PV_CONCAT(pv_result_, __LINE__).has_value()) {                      \
    return ::pv::fail(std::move(PV_CONCAT(pv_result_, __LINE__)).error()); \
  }                                                                        \
  static_assert(true, "so that a semicolon must follow")

#define PV_ASSERT(expression) \
  ((expression) ? void() : ::pv::assertion_failed(#expression, __FILE__, __LINE__))
