#include "auth/password.h"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <string>

namespace pv::auth {
namespace {

using namespace std::string_literals;

// Hashes that PocketBase stored (tests/fixtures).
constexpr std::string_view kAdminHash =
    "$2a$10$G6hxptzH.YZqvYu2Nt7lFO0kiMwWBVuXZoDS6jWEhSRm/vMtCEQMG";
constexpr std::string_view kUserHash =
    "$2a$10$96y7yuMAhlchPo9vU/wkIeGMeez0MzYfdOqzOoTQvNdqIx3Y7YZsS";

double processor_seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  const double start = now();
  work();
  return now() - start;
}

TEST(Password, VerifiesWhatPocketBaseHashed) {
  EXPECT_TRUE(verify_password("correct horse battery", kAdminHash));
  EXPECT_TRUE(verify_password("wobbly table leg", kUserHash));
  EXPECT_FALSE(verify_password("correct horse batterz", kAdminHash));
  EXPECT_FALSE(verify_password("", kAdminHash));
  EXPECT_FALSE(verify_password("wobbly table leg", kAdminHash));
}

TEST(Password, TakesTheThreePrefixesAsOneAlgorithm) {
  for (const char letter : {'a', 'b', 'y'}) {
    std::string hash{kAdminHash};
    hash[2] = letter;
    EXPECT_TRUE(verify_password("correct horse battery", hash)) << letter;
  }
  for (const char letter : {'x', 'c', '$'}) {
    std::string hash{kAdminHash};
    hash[2] = letter;
    EXPECT_FALSE(verify_password("correct horse battery", hash)) << letter;
  }
}

// From the test suite of crypt_blowfish. The last is one where libcrypt's own $2a$ goes a different
// way on purpose, and Go's (PocketBase's) does not.
struct Vector {
  std::string_view password;
  std::string_view hash;
};
constexpr Vector kVectors[] = {
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
    {"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},
    {"\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"},
    {"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
};
TEST(Password, MatchesPublishedVectorsUnderEachPrefix) {
  for (const Vector& vector : kVectors) {
    for (const char letter : {'a', 'b', 'y'}) {
      std::string hash{vector.hash};
      hash[2] = letter;
      EXPECT_TRUE(verify_password(vector.password, hash)) << hash;
    }
  }
}

TEST(Password, HashesSoThatItVerifies) {
  const auto hash = hash_password("pässwörd 12", system_random(), 4);
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(hash->size(), 60U);
  EXPECT_TRUE(hash->starts_with("$2a$04$"));
  EXPECT_TRUE(verify_password("pässwörd 12", *hash));
  EXPECT_FALSE(verify_password("pässwörd 13", *hash));
  EXPECT_NE(*hash, *hash_password("pässwörd 12", system_random(), 4)) << "salted";
}

TEST(Password, UsesCostTenUnlessTold) {
  const auto hash = hash_password("correct horse", system_random());
  ASSERT_TRUE(hash.has_value());
  EXPECT_TRUE(hash->starts_with("$2a$10$"));
}

TEST(Password, RefusesToHashMoreThan72Bytes) {
  EXPECT_TRUE(hash_password(std::string(72, 'x'), system_random(), 4).has_value());
  const auto refused = hash_password(std::string(73, 'x'), system_random(), 4);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().what, "bcrypt: password length exceeds 72 bytes.");
}

TEST(Password, IgnoresBytesPastThe72ndWhenVerifying) {
  const std::string key(72, 'k');
  const auto hash = hash_password(key, system_random(), 4);
  ASSERT_TRUE(hash.has_value());
  EXPECT_TRUE(verify_password(key + "more", *hash));
  EXPECT_TRUE(verify_password(key + std::string(10'000, 'm'), *hash)) << "libcrypt ends at 512";
  EXPECT_TRUE(verify_password(key + "\0"s, *hash)) << "a NUL past the 72nd does not count either";
  EXPECT_FALSE(verify_password(key.substr(1), *hash));
}

TEST(Password, NeverTakesANulForTheEnd) {
  const auto hash = hash_password("abc", system_random(), 4);
  ASSERT_TRUE(hash.has_value());
  EXPECT_FALSE(verify_password("abc\0def"s, *hash));
  EXPECT_FALSE(verify_password("abc\0"s, *hash));
  EXPECT_FALSE(hash_password("abc\0def"s, system_random(), 4).has_value());
}

TEST(Password, NothingVerifiesAgainstWhatIsNoHash) {
  std::string bad_letter{kAdminHash};
  bad_letter[40] = '!';
  std::string hopeless_cost{kAdminHash};
  hopeless_cost[4] = '3';
  hopeless_cost[5] = '1';
  std::string cost_zero{kAdminHash};
  cost_zero[4] = '0';
  for (const std::string& hash :
       {""s, "correct horse battery"s, std::string{kAdminHash.substr(0, 59)},
        std::string{kAdminHash} + "x", bad_letter, hopeless_cost, cost_zero, "$1$abc$def"s,
        std::string(60, '\0')}) {
    EXPECT_FALSE(verify_password("correct horse battery", hash)) << hash;
    EXPECT_FALSE(verify_password("", hash)) << hash;
  }
}

TEST(Password, WorksAsLongForNobodyAsForAWrongPassword) {
  const double wrong = processor_seconds([] { EXPECT_FALSE(verify_password("no", kAdminHash)); });
  EXPECT_GT(processor_seconds([] { verify_nothing("no"); }), wrong / 4);
  EXPECT_GT(processor_seconds([] { EXPECT_FALSE(verify_password("no", "")); }), wrong / 4);
  EXPECT_GT(processor_seconds([] { EXPECT_FALSE(verify_password("n\0o"s, kAdminHash)); }),
            wrong / 4);
}

}  // namespace
}  // namespace pv::auth
