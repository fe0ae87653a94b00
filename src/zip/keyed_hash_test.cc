#include "zip/keyed_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace pv::zip {
namespace {

constexpr HashKey kKey{std::byte{7}, std::byte{1}};

Hash128 mixed(const Hash128& a, const Hash128& b) {
  Hash128 result{};
  for (std::size_t i = 0; i < result.size(); ++i) { result[i] = a[i] ^ b[i]; }
  return result;
}

std::string mixed(const std::string& a, const std::string& b) {
  std::string result = a;
  for (std::size_t i = 0; i < result.size(); ++i) { result[i] = static_cast<char>(a[i] ^ b[i]); }
  return result;
}

TEST(KeyedHash, IsOfContentKeyAndUse) {
  const auto hash = [](std::string_view text, const HashKey& key = kKey,
                       KeyedHasher::Use use = KeyedHasher::Use::kContent) {
    return KeyedHasher{key, use}.hash(as_bytes(text));
  };
  EXPECT_EQ(hash("a"), hash("a"));
  EXPECT_NE(hash("a"), hash("b"));
  EXPECT_NE(hash(""), hash(std::string_view{"\0", 1}));
  EXPECT_NE(hash("a"), hash("a", HashKey{std::byte{8}}));
  EXPECT_NE(hash("a"), hash("a", kKey, KeyedHasher::Use::kBlock));
  KeyedHasher again{kKey, KeyedHasher::Use::kContent};
  std::ignore = again.hash(as_bytes(std::string_view{"something before"}));
  EXPECT_EQ(again.hash(as_bytes(std::string_view{"a"})), hash("a"));
}

// Bare GMAC with a fixed nonce is linear: of contents of one block the hashes of a, b and c, mixed,
// are that of a, b and c mixed. From such sums its secret follows, and with it every signature.
TEST(KeyedHash, TellsNothingOfItsKey) {
  for (const auto use : {KeyedHasher::Use::kContent, KeyedHasher::Use::kBlock}) {
    KeyedHasher hasher{kKey, use};
    const std::string a = "0123456789abcdef";
    const std::string b = "SECRET-original!";
    const std::string c = "something other.";
    const auto hash = [&](const std::string& text) { return hasher.hash(as_bytes(text)); };
    EXPECT_NE(mixed(mixed(hash(a), hash(b)), hash(c)), hash(mixed(mixed(a, b), c)));
  }
}

}  // namespace
}  // namespace pv::zip
