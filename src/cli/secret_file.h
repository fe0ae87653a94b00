// Secrets that are kept in files of their own, so that no process list and no environment has them.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "fs/file.h"

namespace pv::cli {

// Of a pipe or a terminal: a program behind it may ask a person first, as `pass` does.
struct SecretWait {
  std::stop_token stop = {};
  std::chrono::milliseconds patience{60'000};
};

// The first line, without blanks around it. kInvalid: it is empty; the rest as fs::read_file() or,
// of what is no file, fs::read_first_line(). No error holds anything of it. What is no file is read
// once: who asks for it again in this process gets what was read.
[[nodiscard]] Result<std::string> read_secret(const fs::Path& file, const SecretWait& wait = {});

}  // namespace pv::cli
