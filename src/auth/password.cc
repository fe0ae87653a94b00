#include "auth/password.h"

#include <crypt.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace pv::auth {
namespace {

// "$2b$" cost "$", 22 characters of salt, 31 of digest.
constexpr std::size_t kSettingChars = 29;
constexpr std::size_t kHashChars = 60;
constexpr std::size_t kKeyBytesMax = 72;
constexpr std::string_view kSaltOfNobody = "PocketvaultHasNoUsers.";

// libcrypt's working memory, 32 KiB, wiped when it goes: keys and blocks of the cipher are in it.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { ::explicit_bzero(data_.get(), sizeof(crypt_data)); }

  // The 60 characters; empty when libcrypt refuses.
  [[nodiscard]] std::string crypt(std::string_view password, const std::string& setting) {
    std::string phrase{password};
    const char* hash = ::crypt_rn(phrase.c_str(), setting.c_str(), data_.get(), sizeof(crypt_data));
    ::explicit_bzero(phrase.data(), phrase.size());
    return hash != nullptr && std::strlen(hash) == kHashChars ? hash : "";
  }

 private:
  std::unique_ptr<crypt_data> data_ = std::make_unique<crypt_data>();
};

// $2a$, $2b$ and $2y$ name one algorithm in PocketBase. In libcrypt $2a$ does not: for a few
// passwords with bytes above 0x7F it differs on purpose, to keep away from the results of an old
// bug of its own. So libcrypt is always asked for $2b$.
std::string as_2b(std::string_view setting) {
  std::string result{setting};
  result[2] = 'b';
  return result;
}

bool is_bcrypt_letter(char letter) {
  return kAlphanumeric.find(letter) != std::string_view::npos || letter == '.' || letter == '/';
}

// The cost, or 0 when this is no hash we know.
int cost_of(std::string_view hash) {
  if (hash.size() != kHashChars || !hash.starts_with("$2") || hash[3] != '$' || hash[6] != '$') {
    return 0;
  }
  if (hash[2] != 'a' && hash[2] != 'b' && hash[2] != 'y') { return 0; }
  for (const char letter : hash.substr(7)) {
    if (!is_bcrypt_letter(letter)) { return 0; }
  }
  int cost = 0;
  const auto [end, error] = std::from_chars(&hash[4], &hash[6], cost);
  const bool valid = error == std::errc{} && end == &hash[6] && cost >= 4 && cost <= kCostMax;
  return valid ? cost : 0;
}

std::string setting_of(int cost, std::string_view salt) {
  std::string digits = std::to_string(cost);
  if (digits.size() < 2) { digits.insert(0, "0"); }
  return "$2b$" + digits + "$" + std::string{salt};
}

}  // namespace

Result<std::string> hash_password(std::string_view password, Random& random, int cost) {
  if (password.size() > kKeyBytesMax) {
    return fail(Code::kInvalid, "bcrypt: password length exceeds 72 bytes.");
  }
  if (password.find('\0') != std::string_view::npos) {
    return fail(Code::kInvalid, "Must not contain a NUL character.");
  }
  if (cost < 4 || cost > kCostMax) {
    return fail(Code::kInvalid, "bcrypt: cost " + std::to_string(cost) + " is outside 4 to " +
                                    std::to_string(kCostMax));
  }
  std::array<std::byte, 16> seed{};
  random.fill(seed);
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (::crypt_gensalt_rn("$2b$", static_cast<unsigned long>(cost),
                         reinterpret_cast<const char*>(seed.data()), static_cast<int>(seed.size()),
                         setting.data(), static_cast<int>(setting.size())) == nullptr) {
    return fail(Code::kInternal, "libcrypt makes no bcrypt salt");
  }
  std::string hash = Scratch{}.crypt(password, setting.data());
  if (hash.empty()) { return fail(Code::kInternal, "libcrypt makes no bcrypt hash"); }
  hash[2] = 'a';
  return hash;
}

bool verify_password(std::string_view password, std::string_view hash) {
  const std::string_view key = password.substr(0, kKeyBytesMax);
  const int cost = cost_of(hash);
  if (cost == 0 || key.find('\0') != std::string_view::npos) {
    verify_nothing(password, cost == 0 ? kDefaultCost : cost);
    return false;
  }
  const std::string computed = Scratch{}.crypt(key, as_2b(hash.substr(0, kSettingChars)));
  // The digest alone: libcrypt may spell the unused low bits of the salt's last letter otherwise.
  return !computed.empty() && equals_constant_time(std::string_view{computed}.substr(kSettingChars),
                                                   hash.substr(kSettingChars));
}

void verify_nothing(std::string_view password, int cost) {
  const int bounded = cost < 4 || cost > kCostMax ? kDefaultCost : cost;
  // As many bytes as a verify would take in; a NUL only shortens the key, which costs the same.
  const std::string hash =
      Scratch{}.crypt(password.substr(0, kKeyBytesMax), setting_of(bounded, kSaltOfNobody));
  PV_ASSERT(hash.size() == kHashChars);
}

}  // namespace pv::auth
