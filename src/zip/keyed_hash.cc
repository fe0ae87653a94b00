#include "zip/keyed_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/error.h"

namespace pv::zip {
namespace {

constexpr std::size_t kNonceBytes = 12;

}  // namespace

struct KeyedHasher::State {
  explicit State(const HashKey& with) : key{with} {
    EVP_MAC* const gmac = ::EVP_MAC_fetch(nullptr, "GMAC", nullptr);
    PV_ASSERT(gmac != nullptr);
    context = ::EVP_MAC_CTX_new(gmac);
    ::EVP_MAC_free(gmac);  // the context keeps it
    PV_ASSERT(context != nullptr);
  }
  ~State() { ::EVP_MAC_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const HashKey key;
  EVP_MAC_CTX* context = nullptr;
};

KeyedHasher::KeyedHasher(const HashKey& key) : state_{std::make_unique<State>(key)} {}

KeyedHasher::~KeyedHasher() = default;

Hash128 KeyedHasher::hash(Bytes bytes, Use use) {
  std::array<std::uint8_t, kNonceBytes> nonce{static_cast<std::uint8_t>(use)};
  char cipher[] = "AES-128-GCM";
  const std::array<OSSL_PARAM, 3> parameters{
      ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
      ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, nonce.data(), nonce.size()),
      ::OSSL_PARAM_construct_end()};
  const auto* key = reinterpret_cast<const unsigned char*>(state_->key.data());
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  Hash128 result{};
  std::size_t made = 0;
  const bool done =
      ::EVP_MAC_init(state_->context, key, state_->key.size(), parameters.data()) == 1 &&
      ::EVP_MAC_update(state_->context, data, bytes.size()) == 1 &&
      ::EVP_MAC_final(state_->context, reinterpret_cast<unsigned char*>(result.data()), &made,
                      result.size()) == 1;
  PV_ASSERT(done && made == result.size());
  return result;
}

}  // namespace pv::zip
