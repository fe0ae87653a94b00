#include "fs/give.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "fs/mounts.h"
#include "testing/fixtures.h"

namespace pv::fs {
namespace {

constexpr ::uid_t kNobody = 65'534;

TEST(Give, WhatRootMakesBelongsToTheOwnerOfItsFolder) {
  if (::geteuid() != 0) { GTEST_SKIP() << "only root can give files away"; }
  const testing::TempFolder temp;
  const Path folder = temp / "app's";
  ASSERT_TRUE(make_folder(folder).has_value());
  ASSERT_EQ(::chown(folder.c_str(), kNobody, kNobody), 0);
  const auto owner_of = [](const Path& path) { return link_stat(path).value().owner; };

  ASSERT_TRUE(make_folder(folder / "inner").has_value());
  EXPECT_EQ(owner_of(folder / "inner"), 0U);
  give_like(folder, folder / "inner");
  EXPECT_EQ(owner_of(folder / "inner"), kNobody);
  const Fd file = create_new(folder / "file").value();
  give_like(open_for_reading(folder).value(), file);
  EXPECT_EQ(owner_of(folder / "file"), kNobody);
  EXPECT_EQ(link_stat(folder / "file").value().group, kNobody);

  testing::write_file(temp / "root's", "");
  std::filesystem::create_symlink(temp / "root's", folder / "link");
  give_like(folder, folder / "link");
  EXPECT_EQ(owner_of(temp / "root's"), 0U) << "a link is not followed";
  give_like(folder / "missing", temp / "root's");
  EXPECT_EQ(owner_of(temp / "root's"), 0U);
}

TEST(Give, ALockFileIsOfTheFoldersOwnerAndWhatIsThereIsLeft) {
  if (::geteuid() != 0) { GTEST_SKIP() << "only root can give files away"; }
  const testing::TempFolder temp;
  ASSERT_EQ(::chown(temp.path().c_str(), kNobody, kNobody), 0);
  testing::write_file(temp / "old", "");
  ASSERT_TRUE(FileLock::try_take(temp / "new").has_value());
  ASSERT_TRUE(FileLock::try_take(temp / "old").has_value());
  EXPECT_EQ(link_stat(temp / "new").value().owner, kNobody);
  EXPECT_EQ(link_stat(temp / "old").value().owner, 0U) << "it may be anything";
}

TEST(DiskPlace, FollowsWhereAFolderIsMounted) {
  const testing::TempFolder temp;
  const Path folder = std::filesystem::canonical(temp.path());
  const auto place = disk_place(folder);
  const auto inner = disk_place(folder / "not/there yet");
  ASSERT_TRUE(place.has_value() && inner.has_value());
  EXPECT_EQ(inner->device, place->device);
  EXPECT_EQ(inner->path, place->path / "not/there yet");
  const auto other = disk_place("/proc/self");
  ASSERT_TRUE(other.has_value());
  EXPECT_NE(other->device, place->device);
}

}  // namespace
}  // namespace pv::fs
