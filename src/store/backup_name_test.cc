#include <gtest/gtest.h>

#include "store/backup_store.h"

namespace pv::store {
namespace {

struct NameCase {
  const char* label;
  std::string given;
  bool valid;
};

const NameCase kNames[] = {
    {"plain", "nightly.zip", true},
    {"upper case and blanks", "UP 6 (x).ZIP", true},
    {"no extension", "blob", true},
    {"hidden", ".zip", true},
    {"in a folder", "sub/n.zip", true},
    {"beyond ASCII", "日本.zip", true},
    {"backslashes are letters", "C:\\dir\\old.zip", true},
    {"dots that are no step up", "..zip", true},
    {"longest", std::string(1024, 'a'), true},
    {"too long", std::string(1025, 'a'), false},
    {"empty", "", false},
    {"step up", "../data.db", false},
    {"step up in the middle", "a/../b.zip", false},
    {"step up at the end", "a/..", false},
    {"only a step up", "..", false},
    {"here", ".", false},
    {"here in the middle", "a/./b", false},
    {"absolute", "/etc/passwd", false},
    {"double slash", "a//b", false},
    {"slash at the end", "a/", false},
    {"side file", "a.zip.attrs", false},
    {"NUL", std::string{"a\0b", 3}, false},
    {"newline", "a\nb", false},
    {"delete", "a\x7f", false},
    {"not UTF-8", "\xff.zip", false},
    {"overlong slash", "..\xc0\xaf", false},
};

TEST(BackupName, TakesKeysThatStayInsideAndNothingElse) {
  for (const NameCase& given : kNames) {
    const auto name = BackupName::parse(given.given);
    EXPECT_EQ(name.has_value(), given.valid) << given.label;
    if (name.has_value()) {
      EXPECT_EQ(name->text(), given.given) << given.label;
    } else {
      EXPECT_EQ(name.error().code, Code::kInvalid) << given.label;
      EXPECT_LT(name.error().what.size(), 300U) << given.label;
    }
  }
}

TEST(BackupName, LastPartIsTheFileName) {
  EXPECT_EQ(BackupName::parse("a/b/c.zip").value().last_part(), "c.zip");
  EXPECT_EQ(BackupName::parse("c.zip").value().last_part(), "c.zip");
}

}  // namespace
}  // namespace pv::store
