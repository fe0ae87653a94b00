// What the files of this room share.
#pragma once

#include <cerrno>
#include <string>

#include "base/text.h"
#include "fs/file.h"

namespace pv::fs {

// Calls again while a signal interrupts it. close(2) is not for this: the descriptor is gone.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) { result = call(); }
  return result;
}

// "open /srv/pb_data/data.db: Permission denied", from errno.
[[nodiscard]] inline Error path_error(const char* action, const Path& path) {
  const int error_number = errno;
  return errno_error(error_number, std::string{action} + " " + printable(path.native()));
}

[[nodiscard]] Stat stat_of(const struct ::stat& raw);

}  // namespace pv::fs
