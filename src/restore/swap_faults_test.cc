// What the disk, the power and other programs can do to an exchange.
#include <gtest/gtest.h>

#include <random>

#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/record.h"
#include "restore/restore_testing.h"
#include "restore/swap_world_testing.h"

namespace pv::restore {
namespace {

using testing::write_file;

struct PowerCut {};

// A disk that forgets, when the power goes, some of what was not yet synced: each rename whose two
// folders were not both synced afterwards may be undone, each alone; so may the removal of a file.
class ForgetfulDisk final : public MountedDisk {
 public:
  ForgetfulDisk(const World& world, int cut_at) : MountedDisk{world}, cut_at_{cut_at} {}
  int calls = 0;
  int fail_at = 0;  // this change is refused, and from then on nothing can be written: it is full
  bool can_turn = true;  // else the journal can't be replaced either

  Result<void> make_folder(const fs::Path& path) override {
    PV_CHECK(step());
    return Disk::make_folder(path);
  }
  Result<void> make_folder_like(const fs::Path& path, const fs::Path& model) override {
    PV_CHECK(step());
    return Disk::make_folder_like(path, model);
  }
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    PV_CHECK(step());
    PV_CHECK(MountedDisk::rename(from, to));
    pending_.push_back({from, to, {}, {from.parent_path(), to.parent_path()}});
    return {};
  }
  Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
    PV_CHECK(step());
    PV_CHECK(MountedDisk::exchange(one, other));
    pending_.push_back({one, other, {}, {one.parent_path(), other.parent_path()}, true});
    return {};
  }
  Result<void> replace(const fs::Path& from, const fs::Path& to) override {
    PV_CHECK(step());
    if (!can_turn) { return fail(errno_error(EIO, "rename")); }
    const std::string before = fs::exists(to) ? testing::read_file(to) : "";
    const std::string after = testing::read_file(from);
    PV_CHECK(Disk::replace(from, to));
    pending_.push_back({from, to, before, {to.parent_path()}, false, after});
    return {};
  }
  Result<void> remove_file(const fs::Path& path) override {
    PV_CHECK(step());
    if (fs::exists(path)) {
      pending_.push_back({path, {}, testing::read_file(path), {path.parent_path()}});
    }
    return Disk::remove_file(path);
  }
  Result<void> remove_folder(const fs::Path& path) override {
    PV_CHECK(step());
    return Disk::remove_folder(path);
  }
  Result<void> write_file(const fs::Path& path, std::string_view content) override {
    PV_CHECK(step());
    if (fail_at != 0 && calls > fail_at) { return fail(errno_error(ENOSPC, "write")); }
    return Disk::write_file(path, content);
  }
  Result<void> sync_folder(const fs::Path& path) override {
    PV_CHECK(step());
    for (Change& change : pending_) { std::erase(change.unsynced, path); }
    std::erase_if(pending_, [](const Change& change) { return change.unsynced.empty(); });
    return Disk::sync_folder(path);
  }

  Result<void> sync_file_system(const fs::Path& path) override {
    PV_CHECK(step());
    const fs::Path mount = mount_of(path / "x");
    for (Change& change : pending_) {
      std::erase_if(change.unsynced,
                    [&](const fs::Path& folder) { return mount_of(folder / "x") == mount; });
    }
    std::erase_if(pending_, [](const Change& change) { return change.unsynced.empty(); });
    return Disk::sync_file_system(path);
  }

  // Undoes what `choose` says of what may be forgotten; returns how much might have been.
  std::size_t forget(std::mt19937& choose) {
    for (auto change = pending_.rbegin(); change != pending_.rend(); ++change) {
      if (choose() % 2 == 0) { continue; }
      if (change->to.empty()) {
        testing::write_file(change->from, change->content);
      } else if (!change->replacing.empty()) {
        testing::write_file(change->to, change->content);
        testing::write_file(change->from, change->replacing);
      } else if (change->is_exchange) {
        const bool are_there = fs::exists(change->from) && fs::exists(change->to);
        if (are_there) { PV_ASSERT(fs::exchange(change->from, change->to).has_value()); }
      } else if (fs::exists(change->to) && !fs::exists(change->from) &&
                 fs::exists(change->from.parent_path())) {
        PV_ASSERT(fs::rename(change->to, change->from).has_value());
      }
    }
    return pending_.size();
  }

 private:
  struct Change {
    fs::Path from;
    fs::Path to;  // empty: removed
    std::string content;
    std::vector<fs::Path> unsynced;
    bool is_exchange = false;
    std::string replacing = {};  // what came in the place of `content`
  };
  Result<void> step() {
    if (++calls == cut_at_) { throw PowerCut{}; }
    return calls == fail_at ? fail(errno_error(ENOSPC, "change")) : Result<void>{};
  }
  int cut_at_;
  std::vector<Change> pending_;
};

using Work = std::function<void(World&, Disk&)>;

void cut_power_everywhere(Setting setting, const std::function<void(World&)>& prepare,
                          const Work& work, bool old_is_new) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 choose{seed};
  int calls = 0;
  {
    World world{setting};
    prepare(world);
    ForgetfulDisk whole{world, 0};
    work(world, whole);
    calls = whole.calls;
  }
  std::size_t forgettable = 0;
  for (int call = 1; call <= calls + 1; ++call) {
    for (int variant = 0; variant < 4; ++variant) {
      World world{setting};
      MountedDisk good{world};
      prepare(world);
      const Tree before = world.tree();
      ForgetfulDisk disk{world, call};
      try {
        work(world, disk);
      } catch (const PowerCut&) {  // the machine is off
      }
      forgettable += disk.forget(choose);
      const auto recovery = recover(world.folder.path(), good);
      ASSERT_TRUE(recovery.has_value()) << "call " << call << ": " << recovery.error().what;
      const Tree& done = old_is_new ? world.old_tree : world.new_tree;
      const Tree after = world.tree();
      ASSERT_TRUE(after == before || after == done) << "a mixture after call " << call;
      ASSERT_TRUE(world.left_others_alone()) << "call " << call;
      ASSERT_EQ(recover(world.folder.path(), good).value(), Recovery::kNothing);
      ASSERT_EQ(world.tree(), after) << "call " << call;
    }
  }
  EXPECT_GT(forgettable, 10U) << "nothing was ever forgotten: the test is blind";
}

class PowerCuts : public ::testing::TestWithParam<Setting> {};

INSTANTIATE_TEST_SUITE_P(Everywhere, PowerCuts,
                         ::testing::Values(Setting{Lie::kPlain}, Lie::kMadeUpMounts,
                                           Lie::kLinkedStorage),
                         [](const auto& sweep) { return name_of(sweep.param); });
INSTANTIATE_TEST_SUITE_P(Parts, PowerCuts, ::testing::ValuesIn(parts_everywhere()),
                         [](const auto& sweep) { return name_of(sweep.param); });

TEST_P(PowerCuts, ThatForgetWhatWasNotSyncedLeaveOldOrNew) {
  cut_power_everywhere(
      GetParam(), [](World&) {}, [](World& world, Disk& disk) { (void)world.run(disk); }, false);
}

TEST_P(PowerCuts, DoSoInAnUndoToo) {
  cut_power_everywhere(
      GetParam(),
      [](World& world) {
        MountedDisk disk{world};
        PV_ASSERT(world.run(disk).has_value());
      },
      [](World& world, Disk& disk) { (void)undo(world.folder.path(), "", kNow, disk); }, true);
}

// Cuts a swap off at its `call`th change.
void cut_off(World& world, int call) {
  ForgetfulDisk disk{world, call};
  try {
    (void)world.run(disk);
    FAIL() << "it has no " << call << " changes";
  } catch (const PowerCut&) {  // the process ended here
  }
}

// In the middle of the renames, with a part of the restored data gone: only the way back is left.
void cut_off_for_good(World& world) {
  cut_off(world, 20);
  ASSERT_FALSE(fs::exists(world.folder / "data.db"));
  ASSERT_TRUE(fs::exists(world.folder / "only-new"));
  ASSERT_TRUE(fs::exists(world.staged.folder / "auxiliary.db"));
  std::filesystem::remove(world.staged.folder / "auxiliary.db");
}

TEST(SwapFaults, ThatHoldsOnTheWayBackToo) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 choose{seed};
  int calls = 0;
  {
    World world;
    cut_off_for_good(world);
    ForgetfulDisk whole{world, 0};
    ASSERT_EQ(recover(world.folder.path(), whole).value(), Recovery::kTakenBack);
    ASSERT_EQ(world.tree(), world.old_tree);
    calls = whole.calls;
  }
  std::size_t forgettable = 0;
  for (int call = 1; call <= calls + 1; ++call) {
    for (int variant = 0; variant < 8; ++variant) {
      World world;
      cut_off_for_good(world);
      ForgetfulDisk disk{world, call};
      try {
        (void)recover(world.folder.path(), disk);
      } catch (const PowerCut&) {  // the machine is off again
      }
      forgettable += disk.forget(choose);
      const auto recovery = recover(world.folder.path(), real_disk());
      ASSERT_TRUE(recovery.has_value()) << "call " << call << ": " << recovery.error().what;
      ASSERT_EQ(world.tree(), world.old_tree) << "call " << call;
    }
  }
  EXPECT_GT(forgettable, 20U) << "nothing was ever forgotten: the test is blind";
}

class FullDisk : public ::testing::TestWithParam<Setting> {};

INSTANTIATE_TEST_SUITE_P(
    Everywhere, FullDisk,
    ::testing::Values(Setting{Lie::kPlain}, Setting{Lie::kPlain, Part::kStorage},
                      Setting{Lie::kPlain, Part::kFolder}, Setting{Lie::kPlain, Part::kFiles},
                      Setting{Lie::kPlain, Part::kGrown}, Setting{Lie::kNoExchange, Part::kFolder}),
    [](const auto& sweep) { return name_of(sweep.param); });

// The journal has to say then that the exchange is being taken back, without any room.
TEST_P(FullDisk, AWayBackThatIsCutOffLeavesOldOrNew) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 choose{seed};
  int cut_off = 0;
  // False: it has no such call.
  const auto is_put_in_order = [&](int fail_at, int cut_at) {
    const World world{GetParam()};
    ForgetfulDisk disk{world, cut_at};
    disk.fail_at = fail_at;
    try {
      (void)world.run(disk);
      return false;
    } catch (const PowerCut&) {  // the machine is off
    }
    disk.forget(choose);
    MountedDisk good{world};
    const Result<Recovery> recovery = recover(world.folder.path(), good);
    EXPECT_TRUE(recovery.has_value()) << recovery.error().what;
    const Tree after = world.tree();
    EXPECT_TRUE(after == world.old_tree || after == world.new_tree) << "a mixture";
    EXPECT_TRUE(world.left_others_alone());
    ++cut_off;
    return true;
  };
  const int calls =
      count_calls(GetParam(), [](World& world, Disk& disk) { (void)world.run(disk); });
  constexpr int kStep = 3;
  for (int fail_at = 1 + static_cast<int>(choose() % kStep); fail_at <= calls && !HasFailure();
       fail_at += kStep) {
    SCOPED_TRACE("full at call " + std::to_string(fail_at));
    bool is_cut_off = true;
    for (int cut_at = fail_at + 1; is_cut_off && !HasFailure(); ++cut_at) {
      SCOPED_TRACE("cut off at call " + std::to_string(cut_at));
      is_cut_off = is_put_in_order(fail_at, cut_at);
    }
  }
  EXPECT_GT(cut_off, 30);
}

// Nothing goes back before the journal says so: a recovery would not know it.
TEST_P(FullDisk, WithAJournalThatCannotBeTurnedIsLeftToTheNextStart) {
  int cut_off = 0;
  const int calls =
      count_calls(GetParam(), [](World& world, Disk& disk) { (void)world.run(disk); });
  for (int fail_at = 1; fail_at <= calls; ++fail_at) {
    const World world{GetParam()};
    ForgetfulDisk disk{world, 0};
    disk.fail_at = fail_at;
    disk.can_turn = false;
    const Result<Replaced> result = world.run(disk);
    const bool is_left = is_cut_off(world.folder.path());
    MountedDisk good{world};
    ASSERT_EQ(recover(world.folder.path(), good).value(),
              is_left ? Recovery::kFinished : Recovery::kNothing)
        << fail_at;
    const bool is_done = is_left || result.has_value();
    ASSERT_EQ(world.tree(), is_done ? world.new_tree : world.old_tree) << fail_at;
    cut_off += is_left ? 1 : 0;
  }
  EXPECT_GT(cut_off, 5);
}

// A call may have had its effect and report an error all the same, an fsync first of all.
TEST(SwapFaults, AnErrorAfterTheDeedPutsTheOldDataBackToo) {
  const int calls =
      count_calls(Lie::kPlain, [](World& world, Disk& disk) { (void)world.run(disk); });
  int failures = 0;
  for (int call = 1; call <= calls; ++call) {
    const World world;
    CountingDisk disk{world};
    disk.fail_after = call;
    const Result<Replaced> result = world.run(disk);
    ASSERT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kNothing) << call;
    if (result.has_value()) {
      EXPECT_EQ(world.tree(), world.new_tree) << "call " << call;
      EXPECT_GT(call, calls - 4) << "only when the journal is gone, and clearing away";
      continue;
    }
    ++failures;
    EXPECT_EQ(world.tree(), world.old_tree) << "call " << call;
    EXPECT_TRUE(world.run(real_disk()).has_value()) << "call " << call;
    EXPECT_EQ(world.tree(), world.new_tree);
  }
  EXPECT_GE(failures, calls - 4);
}

// The second error comes while the first is being made good.
TEST(SwapFaults, TwoErrorsLeaveAMixtureThatTheNextStartPutsInOrder) {
  const int calls =
      count_calls(Lie::kPlain, [](World& world, Disk& disk) { (void)world.run(disk); });
  int left_to_recovery = 0;
  for (int first = 1; first <= calls; ++first) {
    for (int second = first + 1; second <= first + 12; ++second) {
      const World world;
      CountingDisk disk{world};
      disk.fail_at = first;
      disk.fail_again_at = second;
      const Result<Replaced> result = world.run(disk);
      if (fs::exists(journal_path(world.folder.path()))) {
        ++left_to_recovery;
        ASSERT_FALSE(result.has_value());
        EXPECT_NE(result.error().what.find("The next start"), std::string::npos);
      }
      ASSERT_TRUE(recover(world.folder.path(), real_disk()).has_value());
      const Tree after = world.tree();
      ASSERT_TRUE(after == world.old_tree || after == world.new_tree) << first << ", " << second;
      ASSERT_TRUE(!result.has_value() || after == world.new_tree) << first << ", " << second;
    }
  }
  EXPECT_GT(left_to_recovery, 10);
}

TEST(SwapFaults, AProgramStartedBeforeTheRecoveryLeavesNoTraceInTheData) {
  int strays = 0;
  const int calls =
      count_calls(Lie::kPlain, [](World& world, Disk& disk) { (void)world.run(disk); });
  for (int call = 1; call <= calls; ++call) {
    World world;
    cut_off(world, call);
    if (!fs::exists(journal_path(world.folder.path()))) { continue; }
    const bool mixture = world.tree() != world.old_tree && world.tree() != world.new_tree;
    if (!mixture) { continue; }
    // As PocketBase does that finds no data: databases of its own, with WALs.
    for (const char* name :
         {"data.db", "data.db-wal", "auxiliary.db", "auxiliary.db-wal", "fresh"}) {
      if (!fs::exists(world.folder / name)) { write_file(world.folder / name, "foreign"); }
    }
    ASSERT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kFinished);
    EXPECT_EQ(world.tree(), world.new_tree) << "call " << call;
    const Replaced replaced = list_replaced(world.folder.path())->front();
    strays += static_cast<int>(tree_of(replaced.folder / kReplacedStray).size());
    ASSERT_TRUE(undo(world.folder.path(), "", kNow, real_disk()).has_value());
    EXPECT_EQ(world.tree(), world.old_tree) << "call " << call;
  }
  EXPECT_GT(strays, 20);
}

// Makes a WAL for the database that is about to come, as a program does that is started in the gap.
class Intruder final : public Disk {
 public:
  explicit Intruder(const World& world) : world_{world} {}
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    if (to == world_.folder / "only-new") {
      testing::write_file(world_.folder / "data.db-wal", "foreign");
      testing::write_file(world_.folder / "data.db-journal", "foreign");
    }
    return Disk::rename(from, to);
  }

 private:
  const World& world_;
};

TEST(SwapFaults, AWalMadeInTheGapIsNotLeftBesideTheRestoredDatabase) {
  const World world;
  Intruder disk{world};
  const Result<Replaced> replaced = world.run(disk);
  ASSERT_TRUE(replaced.has_value()) << replaced.error().what;
  EXPECT_EQ(world.tree(), world.new_tree);
  EXPECT_EQ(testing::read_file(replaced->folder / "stray/data.db-wal"), "foreign");
}

TEST(SwapFaults, StraysAreKeptAsLongAsReplacedData) {
  World world;
  cut_off(world, 10);
  ASSERT_FALSE(fs::exists(world.folder / "data.db"));
  write_file(world.folder / "data.db", "foreign");
  write_file(world.folder / "other.db-wal", "foreign");
  // Some of the restored data vanishes as well: only the way back is left.
  std::filesystem::remove(world.staged.folder / "only-new");
  ASSERT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kTakenBack);
  EXPECT_EQ(world.tree(), world.old_tree);
  const std::chrono::hours day{24};
  const fs::Path stray =
      vault_folder(world.folder.path()) / ("replaced-" + world.staged.id) / "stray/data.db";
  EXPECT_TRUE(has_strays(world.folder.path(), world.staged.id));
  EXPECT_FALSE(has_strays(world.folder.path(), "another"));
  const std::vector<Replaced> listed = list_replaced(world.folder.path()).value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].strays, 2U);
  EXPECT_FALSE(listed[0].can_undo);
  for (const std::string& id : {std::string{}, world.staged.id}) {
    EXPECT_EQ(undo(world.folder.path(), id, kNow, real_disk()).error().code, Code::kNotFound);
  }
  ASSERT_TRUE(prune_replaced(world.folder.path(), kNow, day).has_value());
  EXPECT_EQ(testing::read_file(stray), "foreign");
  ASSERT_TRUE(prune_replaced(world.folder.path(), kNow + day, day).has_value());
  EXPECT_FALSE(fs::exists(stray));
}

class Keeping final : public Disk {
 public:
  std::map<fs::Path, std::string> removed;
  bool syncs_fail = false;
  Result<void> remove_file(const fs::Path& path) override {
    if (fs::exists(path)) { removed[path] = testing::read_file(path); }
    return Disk::remove_file(path);
  }
  Result<void> sync_folder(const fs::Path& path) override {
    if (syncs_fail) { return fail(Code::kUnavailable, "the disk says no"); }
    return Disk::sync_folder(path);
  }
};

// A power cut brings the journal back after the app has worked with the new data for a while.
TEST(SwapFaults, AJournalThatComesBackChangesNothing) {
  const World world;
  Keeping disk;
  ASSERT_TRUE(world.run(disk).has_value());
  const fs::Path path = journal_path(world.folder.path());
  write_file(world.folder / "data.db-wal", "what the app has written since");
  write_file(world.folder / "data.db", "new and grown");
  std::filesystem::remove(world.folder / "only-new");
  const Tree before = world.tree();
  write_file(path, disk.removed.at(path));
  // Not even a disk that fails sends the app's work back to where the restored data came from.
  disk.syncs_fail = true;
  EXPECT_EQ(recover(world.folder.path(), disk).error().what, "the disk says no");
  EXPECT_EQ(world.tree(), before);
  disk.syncs_fail = false;
  EXPECT_EQ(recover(world.folder.path(), disk).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), before);

  // And after an undo, whose journal comes back likewise.
  ASSERT_TRUE(undo(world.folder.path(), "", kNow, disk).has_value());
  write_file(world.folder / "data.db-wal", "of the old data, grown");
  write_file(world.folder / "more", "x");
  const Tree after_undo = world.tree();
  write_file(path, disk.removed.at(path));
  EXPECT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), after_undo);
}

// It may have been read from memory alone.
TEST(SwapFaults, ARecoveryMovesNothingBeforeItsJournalIsOnDisk) {
  World world;
  cut_off(world, 10);
  const Tree before = world.tree();
  Keeping disk;
  disk.syncs_fail = true;
  EXPECT_EQ(recover(world.folder.path(), disk).error().what, "the disk says no");
  EXPECT_EQ(world.tree(), before);
  disk.syncs_fail = false;
  EXPECT_EQ(recover(world.folder.path(), disk).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST(SwapFaults, OldDataThatHasVanishedIsReportedAndNothingIsMoved) {
  World world;
  cut_off(world, 10);
  ASSERT_FALSE(fs::exists(world.folder / "data.db"));
  std::filesystem::remove_all(world.staged.folder);
  const fs::Path aside =
      vault_folder(world.folder.path()) / ("replaced-" + world.staged.id) / kReplacedData;
  ASSERT_TRUE(
      fs::rename(aside / "data.db", world.folder.path().parent_path() / "pv-taken").has_value());
  const Tree before = world.tree();
  for (int run = 0; run < 2; ++run) {
    const Result<Recovery> recovery = recover(world.folder.path(), real_disk());
    ASSERT_FALSE(recovery.has_value());
    EXPECT_EQ(recovery.error().code, Code::kDamaged);
    EXPECT_NE(recovery.error().what.find("data.db"), std::string::npos);
    EXPECT_EQ(world.tree(), before);
  }
  ASSERT_TRUE(
      fs::rename(world.folder.path().parent_path() / "pv-taken", aside / "data.db").has_value());
  EXPECT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kTakenBack);
  EXPECT_EQ(world.tree(), world.old_tree);
}

TEST(SwapFaults, AJournalOfANewerVersionIsLeftToIt) {
  World world;
  cut_off(world, 12);
  const fs::Path path = journal_path(world.folder.path());
  const auto record = decode_record("pocketvault restore journal 2", testing::read_file(path));
  ASSERT_TRUE(record.has_value());
  write_file(path, encode_record("pocketvault restore journal 6", *record));
  const Tree before = world.tree();
  const Result<Recovery> recovery = recover(world.folder.path(), real_disk());
  ASSERT_FALSE(recovery.has_value());
  EXPECT_EQ(recovery.error().code, Code::kUnsupported);
  EXPECT_EQ(world.tree(), before);
  EXPECT_FALSE(world.run(real_disk()).has_value()) << "no second swap on top";
}

// As the version before this one wrote it, with one place and folders relative to .pocketvault.
TEST(SwapFaults, AJournalOfTheVersionBeforeIsFinished) {
  World world;
  cut_off(world, 12);
  ASSERT_NE(world.tree(), world.old_tree);
  const fs::Path path = journal_path(world.folder.path());
  const auto record = decode_record("pocketvault restore journal 2", testing::read_file(path));
  ASSERT_TRUE(record.has_value());
  Record old;
  for (const auto& [word, value] : *record) {
    if (word != "vault" && word != "place") { old.emplace_back(word, value); }
  }
  write_file(path, encode_record("pocketvault restore journal 1", old));
  EXPECT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST(SwapFaults, AJournalOfAnyLengthCostsNoMemory) {
  const World world;
  const fs::Path path = journal_path(world.folder.path());
  write_file(path, "x");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40U);  // sparse
  EXPECT_EQ(recover(world.folder.path(), real_disk()).error().code, Code::kDamaged);
}

// Only the entries at the top are moved.
TEST(SwapFaults, TheCallsOfASwapDoNotDependOnHowMuchThereIs) {
  const auto calls_with = [](int files) {
    const World world;
    for (int i = 0; i < files; ++i) {
      const std::string name = "storage/c/" + std::to_string(i);
      write_file(world.folder / name, "old");
      write_file(world.staged.folder / name, "new");
    }
    CountingDisk disk{world};
    EXPECT_TRUE(world.run(disk).has_value());
    return disk.calls;
  };
  EXPECT_EQ(calls_with(0), calls_with(2000));
}

}  // namespace
}  // namespace pv::restore
