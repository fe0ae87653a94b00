#include "zip/keyed_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"

namespace pv::zip {
namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kNonceBytes = 12;

struct Keys {
  std::array<unsigned char, kKeyBytes> gmac{};
  std::array<unsigned char, kKeyBytes> cover{};
};

Keys keys_of(const HashKey& key, KeyedHasher::Use use) {
  const std::string_view label =
      use == KeyedHasher::Use::kContent ? "pocketvault content" : "pocketvault block";
  std::array<unsigned char, 2 * kKeyBytes> made{};
  unsigned int size = 0;
  PV_ASSERT(::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                   reinterpret_cast<const unsigned char*>(label.data()), label.size(), made.data(),
                   &size) != nullptr &&
            size == made.size());
  Keys keys;
  std::copy_n(made.begin(), kKeyBytes, keys.gmac.begin());
  std::copy_n(made.begin() + kKeyBytes, kKeyBytes, keys.cover.begin());
  return keys;
}

}  // namespace

struct KeyedHasher::State {
  explicit State(const Keys& with) : gmac_key{with.gmac} {
    EVP_MAC* const algorithm = ::EVP_MAC_fetch(nullptr, "GMAC", nullptr);
    PV_ASSERT(algorithm != nullptr);
    gmac = ::EVP_MAC_CTX_new(algorithm);
    ::EVP_MAC_free(algorithm);  // the context keeps it
    cover = ::EVP_CIPHER_CTX_new();
    PV_ASSERT(gmac != nullptr && cover != nullptr);
    PV_ASSERT(
        ::EVP_EncryptInit_ex(cover, ::EVP_aes_128_ecb(), nullptr, with.cover.data(), nullptr) == 1);
    ::EVP_CIPHER_CTX_set_padding(cover, 0);
  }
  ~State() {
    ::EVP_MAC_CTX_free(gmac);
    ::EVP_CIPHER_CTX_free(cover);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const std::array<unsigned char, kKeyBytes> gmac_key;
  EVP_MAC_CTX* gmac = nullptr;
  EVP_CIPHER_CTX* cover = nullptr;
};

KeyedHasher::KeyedHasher(const HashKey& key, Use use)
    : state_{std::make_unique<State>(keys_of(key, use))} {}

KeyedHasher::~KeyedHasher() = default;

Hash128 KeyedHasher::hash(Bytes bytes) {
  std::array<std::uint8_t, kNonceBytes> nonce{};
  char cipher[] = "AES-128-GCM";
  const std::array<OSSL_PARAM, 3> parameters{
      ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
      ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, nonce.data(), nonce.size()),
      ::OSSL_PARAM_construct_end()};
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  Hash128 bare{};
  Hash128 covered{};
  std::size_t made = 0;
  int encrypted = 0;
  const bool done =
      ::EVP_MAC_init(state_->gmac, state_->gmac_key.data(), state_->gmac_key.size(),
                     parameters.data()) == 1 &&
      ::EVP_MAC_update(state_->gmac, data, bytes.size()) == 1 &&
      ::EVP_MAC_final(state_->gmac, reinterpret_cast<unsigned char*>(bare.data()), &made,
                      bare.size()) == 1 &&
      ::EVP_EncryptUpdate(state_->cover, reinterpret_cast<unsigned char*>(covered.data()),
                          &encrypted, reinterpret_cast<const unsigned char*>(bare.data()),
                          static_cast<int>(bare.size())) == 1;
  PV_ASSERT(done && made == bare.size() && encrypted == static_cast<int>(covered.size()));
  return covered;
}

}  // namespace pv::zip
