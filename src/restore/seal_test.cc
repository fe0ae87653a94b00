#include "restore/seal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "testing/fixtures.h"

namespace pv::restore {
namespace {

using testing::write_file;

TEST(Seal, IsBrokenByWhateverAProgramDoesInside) {
  const testing::TempFolder folder;
  const testing::TempFolder elsewhere;
  write_file(elsewhere / "old/x", "moved in with its old times");
  const fs::Path sealed = folder / "sealed";
  write_file(sealed / "a/b/file", "content");
  write_file(sealed / "other", "x");
  std::uint64_t before = seal_of(sealed).value();
  struct Deed {
    const char* what;
    std::function<void()> carry_out;
  };
  const fs::Path file = sealed / "a/b/file";
  const std::vector<Deed> deeds{
      {"makes a file", [&] { write_file(sealed / "a/b/upload", "theirs"); }},
      {"makes a folder", [&] { std::filesystem::create_directory(sealed / "a/c"); }},
      {"appends", [&] { write_file(file, "contents"); }},
      {"changes in place, and puts the time back",
       [&] {
         struct ::stat found {};
         PV_ASSERT(::stat(file.c_str(), &found) == 0);
         write_file(file, "CONTENTS");
         const std::array<struct ::timespec, 2> times{found.st_atim, found.st_mtim};
         PV_ASSERT(::utimensat(AT_FDCWD, file.c_str(), times.data(), 0) == 0);
       }},
      {"replaces a file",
       [&] {
         write_file(elsewhere / "new", "contents");
         std::filesystem::rename(elsewhere / "new", file);
       }},
      {"moves a folder in", [&] { std::filesystem::rename(elsewhere / "old", sealed / "old"); }},
      {"renames", [&] { std::filesystem::rename(sealed / "other", sealed / "another"); }},
      {"removes", [&] { std::filesystem::remove(sealed / "another"); }}};
  for (const Deed& deed : deeds) {
    deed.carry_out();
    const std::uint64_t after = seal_of(sealed).value();
    EXPECT_NE(after, before) << deed.what;
    before = after;
  }
}

TEST(Seal, OutlivesTheMovesOfTheEntryItself) {
  const testing::TempFolder folder;
  write_file(folder / "from/sealed/a/file", "content");
  write_file(folder / "from/file", "content");
  write_file(folder / "to/other", "x");
  for (const char* name : {"sealed", "file"}) {
    const std::uint64_t before = seal_of(folder / "from" / name).value();
    ASSERT_TRUE(fs::rename(folder / "from" / name, folder / "to" / name).has_value());
    EXPECT_EQ(seal_of(folder / "to" / name).value(), before);
    ASSERT_TRUE(fs::exchange(folder / "to" / name, folder / "to/other").has_value());
    EXPECT_EQ(seal_of(folder / "to/other").value(), before);
    ASSERT_TRUE(fs::exchange(folder / "to" / name, folder / "to/other").has_value());
    ASSERT_TRUE(fs::set_permissions(folder / "to" / name, 0700).has_value());
    EXPECT_EQ(seal_of(folder / "to" / name).value(), before);
  }
  write_file(folder / "to/file", "another");
  EXPECT_EQ(seal_of(folder / "none").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace pv::restore
