// SIGKILL before each system call of a swap that changes the file system, and each made to fail:
// the real calls of the real code, seen by ptrace.
#include <gtest/gtest.h>

#include <cerrno>

#include "restore/journal.h"
#include "restore/swap_world_testing.h"
#include "restore/traced_testing.h"

namespace pv::restore {
namespace {

constexpr const char* kNoPtrace = "ptrace is not allowed here";

int swap_in(const World& world, Disk& disk) { return world.run(disk).has_value() ? 0 : 1; }
int undo_in(const World& world, Disk& disk) {
  return undo(world.folder.path(), "", kNow, disk).has_value() ? 0 : 1;
}

// One of the two exchanges, what comes before it, and the data that it is to bring.
struct Exchange {
  bool is_undo = false;
  void prepare(World& world) const {
    MountedDisk disk{world};
    if (is_undo) { PV_ASSERT(world.run(disk).has_value()); }
  }
  [[nodiscard]] int carry_out(const World& world, Disk& disk) const {
    return is_undo ? undo_in(world, disk) : swap_in(world, disk);
  }
  [[nodiscard]] const Tree& goal(const World& world) const {
    return is_undo ? world.old_tree : world.new_tree;
  }
};

struct Case {
  Setting setting;
  Exchange exchange;
};

// Both exchanges of each.
std::vector<Case> both_of(const std::vector<Setting>& settings) {
  std::vector<Case> cases;
  for (const Setting& setting : settings) {
    cases.push_back({setting, {}});
    cases.push_back({setting, {true}});
  }
  return cases;
}
std::string name_of(const Case& one) {
  return name_of(one.setting) + (one.exchange.is_undo ? "Undo" : "Swap");
}

class SystemCalls : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().setting.lie == Lie::kRealMounts && !have_own_mounts()) {
      GTEST_SKIP() << "not allowed to mount here";
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, SystemCalls,
                         ::testing::ValuesIn(both_of({Lie::kPlain, Lie::kRealMounts,
                                                      Lie::kMadeUpMounts, Lie::kLinkedStorage})),
                         [](const auto& sweep) { return name_of(sweep.param); });
INSTANTIATE_TEST_SUITE_P(Parts, SystemCalls, ::testing::ValuesIn(both_of(parts_everywhere())),
                         [](const auto& sweep) { return name_of(sweep.param); });

// What the next start finds after the exchange ended somehow, and what a second one would.
bool recovers_to_goal(const World& world, const Tree& before, const Tree& goal) {
  MountedDisk disk{world};
  const auto recovery = recover(world.folder.path(), disk);
  EXPECT_TRUE(recovery.has_value()) << recovery.error().what;
  const Tree after = world.tree();
  EXPECT_TRUE(after == before || after == goal) << "a mixture";
  EXPECT_TRUE(world.left_others_alone());
  EXPECT_EQ(recover(world.folder.path(), disk).value(), Recovery::kNothing);
  EXPECT_EQ(world.tree(), after) << "a second run changed something";
  return after == goal;
}

TEST_P(SystemCalls, KilledBeforeAnyOneOfThemLeavesOldOrNew) {
  const Exchange& exchange = GetParam().exchange;
  int before_it = 0;
  int done_with_it = 0;
  for (int call = 1;; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world{GetParam().setting};
    exchange.prepare(world);
    const Tree before = world.tree();
    MountedDisk disk{world};
    const Trace end =
        trace({.at = call, .deed = Deed::kKill}, [&] { return exchange.carry_out(world, disk); });
    if (end.end == Trace::End::kImpossible) { GTEST_SKIP() << kNoPtrace; }
    const bool is_done = recovers_to_goal(world, before, exchange.goal(world));
    if (HasFailure()) { return; }
    (is_done ? done_with_it : before_it) += 1;
    ASSERT_TRUE(prune_replaced(world.folder.path(), kNow, std::chrono::hours{1}, disk).has_value());
    // An undo always has data beside it; a swap that did not happen has none.
    const std::size_t kept = is_done || exchange.is_undo ? 1 : 0;
    EXPECT_EQ(list_replaced(world.folder.path())->size(), kept);
    if (end.end == Trace::End::kExited) { break; }
  }
  EXPECT_GT(before_it, 5);
  EXPECT_GT(done_with_it, 10);
}

TEST_P(SystemCalls, FailingAnyOneOfThemLeavesTheOldDataInPlaceOrTheNewComplete) {
  const Exchange& exchange = GetParam().exchange;
  int failures = 0;
  // Which error it is matters to what comes before the renames: the same for a part, and wherever
  // things lie.
  const bool is_part = GetParam().setting.part != Part::kEverything;
  std::vector<int> error_numbers{EIO};
  if (!is_part) { error_numbers.push_back(ENOSPC); }
  if (!is_part && GetParam().setting.lie == Lie::kPlain) {
    error_numbers.insert(error_numbers.end(), {EACCES, EMFILE});
  }
  for (const int error_number : error_numbers) {
    for (int call = 1;; ++call) {
      SCOPED_TRACE("call " + std::to_string(call) + ", error " + std::to_string(error_number));
      World world{GetParam().setting};
      exchange.prepare(world);
      const Tree before = world.tree();
      MountedDisk disk{world};
      const Trace end = trace(
          {.counted = Calls::kAll, .at = call, .deed = Deed::kFail, .error_number = error_number},
          [&] { return exchange.carry_out(world, disk); });
      if (end.end == Trace::End::kImpossible) { GTEST_SKIP() << kNoPtrace; }
      ASSERT_EQ(end.end, Trace::End::kExited);
      // Not by the next start: at once.
      ASSERT_FALSE(is_cut_off(world.folder.path()));
      const Tree after = world.tree();
      ASSERT_EQ(after, end.status == 0 ? exchange.goal(world) : before);
      ASSERT_TRUE(world.left_others_alone());
      failures += end.status;
      if (end.calls < call) { break; }
    }
  }
  EXPECT_GT(failures, 50 * static_cast<int>(error_numbers.size()));
}

// Tells ptrace which calls it makes, so that others can be seen.
class MarkingDisk final : public MountedDisk {
 public:
  using MountedDisk::MountedDisk;
  Result<void> make_folder(const fs::Path& path) override {
    return marked([&] { return Disk::make_folder(path); });
  }
  Result<void> make_folder_like(const fs::Path& path, const fs::Path& model) override {
    return marked([&] { return Disk::make_folder_like(path, model); });
  }
  void give_like(const fs::Path& model, const fs::Path& made) override {
    std::ignore = marked([&]() -> Result<void> {
      Disk::give_like(model, made);
      return {};
    });
  }
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    return marked([&] { return MountedDisk::rename(from, to); });
  }
  Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
    return marked([&] { return MountedDisk::exchange(one, other); });
  }
  Result<void> remove_file(const fs::Path& path) override {
    return marked([&] { return Disk::remove_file(path); });
  }
  Result<void> remove_folder(const fs::Path& path) override {
    return marked([&] { return Disk::remove_folder(path); });
  }
  Result<void> remove_tree(const fs::Path& path) override {
    return marked([&] { return Disk::remove_tree(path); });
  }
  Result<void> sync_folder(const fs::Path& path) override {
    return marked([&] { return Disk::sync_folder(path); });
  }
  Result<void> sync_file_system(const fs::Path& path) override {
    return marked([&] { return Disk::sync_file_system(path); });
  }
  Result<void> write_file(const fs::Path& path, std::string_view content) override {
    return marked([&] { return Disk::write_file(path, content); });
  }
  Result<void> set_permissions(const fs::Path& path, std::uint32_t mode) override {
    return marked([&] { return Disk::set_permissions(path, mode); });
  }

 private:
  template <class Work>
  static Result<void> marked(const Work& work) {
    begin_marked();
    Result<void> result = work();
    end_marked();
    return result;
  }
};

// Else the sweeps by Disk, power cuts among them, would miss what they do not see.
TEST_P(SystemCalls, ThatChangeFilesAreAllMadeByTheDisk) {
  const Exchange& exchange = GetParam().exchange;
  World world{GetParam().setting};
  std::filesystem::permissions(world.folder / "only-old", std::filesystem::perms::owner_read);
  exchange.prepare(world);
  MarkingDisk disk{world};
  const Trace end = trace({}, [&] { return exchange.carry_out(world, disk); });
  if (end.end == Trace::End::kImpossible) { GTEST_SKIP() << kNoPtrace; }
  EXPECT_EQ(end.status, 0);
  EXPECT_GT(end.calls, 20);
  EXPECT_EQ(end.unmarked, 0);
}

}  // namespace
}  // namespace pv::restore
