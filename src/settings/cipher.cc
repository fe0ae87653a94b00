#include "settings/cipher.h"

#include <openssl/evp.h>

#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "base/text.h"

namespace pv::settings {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Result<const EVP_CIPHER*> cipher_for(std::string_view key) {
  switch (key.size()) {
    case 16: return ::EVP_aes_128_gcm();
    case 24: return ::EVP_aes_192_gcm();
    case 32: return ::EVP_aes_256_gcm();
    default:
      return fail(Code::kUnauthenticated, "the encryption key has " + std::to_string(key.size()) +
                                              " bytes, it must have 16, 24 or 32");
  }
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct Sealed {
  std::string nonce;
  std::string ciphertext;
  std::string tag;
};

std::optional<Sealed> split(std::string_view text) {
  const auto bytes = from_base64(text);
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) { return std::nullopt; }
  const std::size_t middle = bytes->size() - kNonceBytes - kTagBytes;
  if (middle > std::numeric_limits<int>::max() / 2) { return std::nullopt; }
  return Sealed{.nonce = bytes->substr(0, kNonceBytes),
                .ciphertext = bytes->substr(kNonceBytes, middle),
                .tag = bytes->substr(kNonceBytes + middle)};
}

}  // namespace

bool looks_encrypted(std::string_view text) { return split(text).has_value(); }

Result<std::string> decrypt(std::string_view text, std::string_view key) {
  auto sealed = split(text);
  if (!sealed) { return fail(Code::kDamaged, "neither JSON nor encrypted"); }
  PV_TRY(const EVP_CIPHER* cipher, cipher_for(key));
  const Context context{::EVP_CIPHER_CTX_new()};
  std::string plain(sealed->ciphertext.size(), '\0');
  auto* out = reinterpret_cast<unsigned char*>(plain.data());
  int written = 0;
  int rest = 0;
  const bool opened =
      context != nullptr &&
      ::EVP_DecryptInit_ex(context.get(), cipher, nullptr, bytes_of(key),
                           bytes_of(sealed->nonce)) == 1 &&
      ::EVP_DecryptUpdate(context.get(), out, &written, bytes_of(sealed->ciphertext),
                          static_cast<int>(sealed->ciphertext.size())) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes),
                            sealed->tag.data()) == 1 &&
      ::EVP_DecryptFinal_ex(context.get(), out + written, &rest) == 1;
  if (!opened) { return fail(Code::kUnauthenticated, "wrong encryption key, or altered since"); }
  plain.resize(static_cast<std::size_t>(written) + static_cast<std::size_t>(rest));
  return plain;
}

Result<std::string> encrypt(std::string_view plain, std::string_view key, Random& random) {
  PV_TRY(const EVP_CIPHER* cipher, cipher_for(key));
  if (plain.size() > std::numeric_limits<int>::max() / 2) {
    return fail(Code::kInvalid, "too long to be encrypted");
  }
  // Nonce, ciphertext and tag, one behind the other.
  std::string sealed(kNonceBytes + plain.size() + kTagBytes, '\0');
  random.fill(std::as_writable_bytes(std::span{sealed}.first(kNonceBytes)));
  auto* nonce = reinterpret_cast<unsigned char*>(sealed.data());
  unsigned char* out = nonce + kNonceBytes;
  const Context context{::EVP_CIPHER_CTX_new()};
  int written = 0;
  int rest = 0;
  const bool done =
      context != nullptr &&
      ::EVP_EncryptInit_ex(context.get(), cipher, nullptr, bytes_of(key), nonce) == 1 &&
      ::EVP_EncryptUpdate(context.get(), out, &written, bytes_of(plain),
                          static_cast<int>(plain.size())) == 1 &&
      ::EVP_EncryptFinal_ex(context.get(), out + written, &rest) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                            out + plain.size()) == 1;
  if (!done) { return fail(Code::kInternal, "could not encrypt"); }
  return to_base64(std::as_bytes(std::span{sealed}));
}

}  // namespace pv::settings
