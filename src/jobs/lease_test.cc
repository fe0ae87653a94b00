#include "jobs/lease.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/wall_time.h"
#include "testing/fixtures.h"
#include "testing/forked_holder.h"

namespace pv::jobs {
namespace {

using testing::ForkedHolder;
using testing::TempFolder;

LeaseNote note_of(const std::string& kind, const std::string& name) {
  return {.pid = ::getpid(),
          .kind = kind,
          .name = name,
          .since = WallTime{std::chrono::milliseconds{1'795'222'487'907}}};
}

TEST(Lease, IsHeldByOneAtATime) {
  const TempFolder folder;
  {
    const auto first = Lease::take(folder.path(), note_of("backup", "a.zip"));
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(Lease::held(folder.path()));
    const auto second = Lease::take(folder.path(), note_of("restore", "b.zip"));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error(), (Error{Code::kBusy,
                                     "a backup (a.zip) is at work on this directory, "
                                     "since 2026-11-21 00:54:47.907Z"}));
  }
  EXPECT_FALSE(Lease::held(folder.path()));
  EXPECT_TRUE(Lease::take(folder.path(), note_of("restore", "b.zip")).has_value());
}

TEST(Lease, MovesWithItsNote) {
  const TempFolder folder;
  auto first = Lease::take(folder.path(), note_of("backup", "a.zip"));
  ASSERT_TRUE(first.has_value());
  {
    const Lease moved = std::move(*first);
    EXPECT_EQ(Lease::holder(folder.path()), note_of("backup", "a.zip"));
  }
  EXPECT_EQ(Lease::holder(folder.path()), std::nullopt);
}

TEST(Lease, NamesTheOtherProcessAndOutlivesNoHolder) {
  const TempFolder folder;
  ForkedHolder other{[&] { return Lease::take(folder.path(), note_of("restore", "x y\n.zip")); }};
  ASSERT_TRUE(other.holds());
  const auto refused = Lease::take(folder.path(), note_of("backup", ""));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().what, "a restore (x y .zip) is at work on this directory, in process " +
                                      std::to_string(other.pid()) +
                                      ", since 2026-11-21 00:54:47.907Z");
  other.end();
  EXPECT_FALSE(Lease::held(folder.path()));
  EXPECT_EQ(Lease::holder(folder.path()), std::nullopt) << "the note that was left says nothing";
  EXPECT_TRUE(Lease::take(folder.path(), note_of("backup", "")).has_value());
}

TEST(Lease, KnowsThatItsFolderWasMovedAway) {
  const TempFolder folder;
  const fs::Path vault = folder.path() / "v";
  ASSERT_TRUE(fs::make_folder(vault, 0700).has_value());
  {
    const auto lease = Lease::take(vault, note_of("backup", "a.zip"));
    ASSERT_TRUE(lease.has_value());
    EXPECT_TRUE(lease->check_in_place().has_value());
    ASSERT_TRUE(fs::rename(vault, folder.path() / "away").has_value());
    EXPECT_EQ(lease->check_in_place().error().code, Code::kUnavailable);
    ASSERT_TRUE(fs::make_folder(vault, 0700).has_value());
    const ForkedHolder other{[&] { return Lease::take(vault, note_of("restore", "b.zip")); }};
    EXPECT_TRUE(other.holds());
    EXPECT_EQ(lease->check_in_place().error().code, Code::kUnavailable);
    ASSERT_TRUE(Lease::holder(vault).has_value());
  }
  EXPECT_TRUE(fs::exists(vault / "lock.json")) << "the note is the other's";
}

TEST(Lease, DoesNotNeedAReadableNote) {
  const TempFolder folder;
  const auto lease = Lease::take(folder.path(), note_of("backup", "a.zip"));
  ASSERT_TRUE(lease.has_value());
  for (const char* note : {"", "{", "[]", "{\"pid\":\"x\",\"kind\":7}"}) {
    testing::write_file(folder / "lock.json", note);
    const auto refused = Lease::take(folder.path(), note_of("restore", ""));
    ASSERT_FALSE(refused.has_value()) << note;
    EXPECT_EQ(refused.error().code, Code::kBusy) << note;
  }
}

TEST(Lease, BearsANoteOfAnotherCentury) {
  const TempFolder folder;
  const auto lease = Lease::take(folder.path(), note_of("backup", "a.zip"));
  ASSERT_TRUE(lease.has_value());
  testing::write_file(folder / "lock.json",
                      R"({"pid":1,"kind":"backup","since_ms":9223372036854775807})");
  EXPECT_EQ(Lease::holder(folder.path())->since, kLatestTime);
}

TEST(WorkFolder, IsSweptOnlyWhenItsJobIsDead) {
  const TempFolder folder;
  auto mine = WorkFolder::create(folder.path(), system_random());
  ASSERT_TRUE(mine.has_value());
  testing::write_file(mine->path() / "deep" / "file", "x");
  ForkedHolder other{[&] { return WorkFolder::create(folder.path(), system_random()); }};
  ASSERT_TRUE(other.holds());
  EXPECT_EQ(sweep_work_folders(folder.path()).value(), 0U);
  EXPECT_TRUE(std::filesystem::exists(mine->path() / "deep" / "file"));
  other.end();  // dies with its folder left behind
  EXPECT_EQ(sweep_work_folders(folder.path()).value(), 1U);
  EXPECT_TRUE(std::filesystem::exists(mine->path() / "deep" / "file"));
  { const WorkFolder gone = std::move(*mine); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace pv::jobs
