#include "base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

namespace pv {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(MutableBytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
      if (count < 0 && errno == EINTR) { continue; }
      PV_ASSERT(count > 0);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }
};

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

std::string random_text(Random& random, std::string_view alphabet, std::size_t length) {
  PV_ASSERT(alphabet.size() >= 2 && alphabet.size() <= 256);
  // Bytes at or above the largest multiple of the alphabet's size are thrown away, or else the
  // first letters would come more often: with 62 letters, 248 to 255 are.
  const std::size_t usable = 256 - 256 % alphabet.size();
  std::string text;
  text.reserve(length);
  std::array<std::byte, 64> bytes{};
  while (text.size() < length) {
    random.fill(bytes);
    for (const std::byte byte : bytes) {
      const auto value = std::to_integer<std::size_t>(byte);
      if (value < usable && text.size() < length) { text += alphabet[value % alphabet.size()]; }
    }
  }
  return text;
}

}  // namespace pv
