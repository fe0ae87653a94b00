#include "base/email.h"

#include <gtest/gtest.h>

#include <string>

namespace pv {
namespace {

struct EmailCase {
  std::string text;
  bool valid;
};

TEST(Email, FollowsPocketBasesRule) {
  const EmailCase cases[] = {
      // accepted and refused by PocketBase
      {"a@b.c", true},
      {"a@b.c.", true},
      {"é@example.com", true},
      {"a@c_d.ee", true},
      {"A.B+x@sub.example.co", true},
      {"a@b", false},
      {"a@127.0.0.1", false},
      {"a@[127.0.0.1]", false},
      {"a..b@c.d", false},
      {".a@b.cc", false},
      {"\"q\"@c.dd", false},
      {"a@-b.com", false},
      {"", false},
      {" a@b.cc", false},
      {"a@b.cc ", false},
      {"a b@c.dd", false},
      {"a@b .cc", false},
      // by its rule for labels
      {"a@b.c1", false},
      {"a@b.1c", false},
      {"a@b.d-", false},
      {"a@b.-d", false},
      {"a@b.d-e", true},
      {"a@b.xn--p1ai", true},
      {"a@b~c.dd", true},
      {"a@b_.dd", false},
      {"a@1.dd", true},
      {"a@b..cc", false},
      {"a@b.c..", false},
      {"a@.b.cc", false},
      {"a@", false},
      {"@b.cc", false},
      {"a", false},
      {"a@b@c.dd", false},
      {"a.@b.cc", false},
      {"!#$%&'*+-/=?^_`{|}~@b.cc", true},
      {"a,b@c.dd", false},
      {"a;b@c.dd", false},
      {"a(b)@c.dd", false},
      {"a\\b@c.dd", false},
      {"a\tb@c.dd", false},
      {"a@b.cc\n", false},
      {std::string("a\0b@c.dd", 8), false},
      {"a@日本.jp", true},
      {"日本@例え.テスト", true},
      {"a\xff@b.cc", false},
      {"a@b.c\xc3", false},
      {"a\xc2\x80@b.cc", false},  // a control character
      {"__pbinstaller@example.com", true},
  };
  for (const auto& [text, valid] : cases) { EXPECT_EQ(is_email(text), valid) << text; }
}

}  // namespace
}  // namespace pv
