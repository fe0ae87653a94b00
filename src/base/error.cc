#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace pv {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not_found";
    case Code::kExists: return "exists";
    case Code::kDenied: return "denied";
    case Code::kUnauthenticated: return "unauthenticated";
    case Code::kBusy: return "busy";
    case Code::kDamaged: return "damaged";
    case Code::kNoSpace: return "no_space";
    case Code::kUnavailable: return "unavailable";
    case Code::kUnsupported: return "unsupported";
    case Code::kCancelled: return "cancelled";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

Error Error::within(std::string_view context) const {
  // Said by the room below already.
  if (what.starts_with(std::string{context} + ": ")) { return *this; }
  return Error{code, std::string{context} + ": " + what};
}

namespace {

Code code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return Code::kNotFound;
    case EEXIST:
    case ENOTEMPTY: return Code::kExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kDenied;
    case ENOSPC:
    case EDQUOT: return Code::kNoSpace;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR: return Code::kInvalid;
    case EBUSY:
    case ETXTBSY: return Code::kBusy;
    case ENOTSUP:
    case ENOSYS: return Code::kUnsupported;
    case ECANCELED: return Code::kCancelled;
    default: return Code::kUnavailable;
  }
}

}  // namespace

Error errno_error(int error_number, std::string_view what) {
  return Error{code_of(error_number),
               std::string{what} + ": " + std::generic_category().message(error_number)};
}

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "pocketvault: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace pv
