// Randomness, passed in so that tests decide what it is.
#pragma once

#include <string>
#include <string_view>

#include "base/io.h"

namespace pv {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes bytes) = 0;  // any thread; never fails: stops the process instead
};

// The kernel's (getrandom): fit for secrets. Lives as long as the process.
[[nodiscard]] Random& system_random();

inline constexpr std::string_view kAlphanumeric =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
inline constexpr std::string_view kLowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";

// `length` characters, each of `alphabet` (2 to 256 of them) equally likely.
[[nodiscard]] std::string random_text(Random& random, std::string_view alphabet,
                                      std::size_t length);

}  // namespace pv
