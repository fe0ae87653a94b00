// Somebody removes the journal of an exchange that was cut off, or copies the directory, or the
// journal is damaged: what is cleared away afterwards is never the only copy of anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "restore/journal.h"
#include "restore/replaced.h"
#include "restore/swap_world_testing.h"

namespace pv::restore {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

using Contents = std::multiset<std::string>;

// Of every file in the directory, wherever it lies.
Contents contents_in(const fs::Path& directory) {
  Contents contents;
  constexpr auto kFollow = std::filesystem::directory_options::follow_directory_symlink;
  for (const auto& item : std::filesystem::recursive_directory_iterator{directory, kFollow}) {
    if (item.is_regular_file()) { contents.insert(testing::read_file(item.path())); }
  }
  return contents;
}

void add_files(const Tree& tree, Contents& contents) {
  for (const auto& [name, content] : tree) {
    if (content != "DIR" && !contents.contains(content)) { contents.insert(content); }
  }
}

// What of `valuable` is nowhere in the directory any more.
std::string lost(const Contents& valuable, const fs::Path& directory) {
  const Contents found = contents_in(directory);
  std::string text;
  for (const std::string& content : valuable) {
    if (!found.contains(content)) { text += content + "; "; }
  }
  return text;
}

// What starts, servers and other restores clear away, the first of them long afterwards.
void clear_away(const fs::Path& directory, Disk& disk) {
  constexpr auto kLater = 24h * 30;
  ASSERT_TRUE(remove_abandoned(directory, disk).has_value());
  for (const auto later : {kLater, kLater + 23h}) {
    ASSERT_TRUE(prune_replaced(directory, kNow + later, 0s, disk).has_value());
  }
  for (const std::string_view vault : kOwnVaults) {
    const std::vector<std::string> names = names_if_any(directory / vault).value();
    for (const std::string& name : names) {
      EXPECT_FALSE(name.starts_with(kStagedPrefix)) << name << " is still there";
    }
  }
}

struct Case {
  Setting setting;
  bool is_undo = false;
};

std::vector<Case> all_cases() {
  const std::vector<Setting> settings{{Lie::kPlain},
                                      {Lie::kMadeUpMounts},
                                      {Lie::kPlain, Part::kStorage},
                                      {Lie::kPlain, Part::kFolder},
                                      {Lie::kPlain, Part::kFiles},
                                      {Lie::kNoExchange, Part::kStorage},
                                      {Lie::kMadeUpMounts, Part::kStorage},
                                      {Lie::kLinkedStorage, Part::kFiles}};
  std::vector<Case> cases;
  for (const Setting& setting : settings) {
    cases.push_back({setting, false});
    cases.push_back({setting, true});
  }
  return cases;
}
std::string name_of(const Case& one) {
  return name_of(one.setting) + (one.is_undo ? "Undo" : "Swap");
}

class HandRepair : public ::testing::TestWithParam<Case> {
 protected:
  // In each world in which the exchange was cut off. `valuable`: what there is no other copy of, as
  // there is an archive of what a swap brings.
  void wherever_cut_off(
      const std::function<void(World&, Disk&, const Contents& valuable)>& repair) const {
    int cut_off = 0;
    for (int call = 1;; ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      World world{GetParam().setting};
      MountedDisk disk{world};
      Contents valuable;
      add_files(world.old_tree, valuable);
      if (GetParam().is_undo) {
        ASSERT_TRUE(world.run(disk).has_value());
        add_files(world.new_tree, valuable);
      }
      const bool killed = killed_at(world, call, [&](Disk& dying) {
        const fs::Path& directory = world.folder.path();
        (void)(GetParam().is_undo ? undo(directory, "", kNow, dying) : world.run(dying));
      });
      if (!killed) { break; }
      if (!is_cut_off(world.folder.path())) { continue; }
      ++cut_off;
      repair(world, disk, valuable);
      if (HasFailure()) { return; }
    }
    EXPECT_GT(cut_off, 5);
  }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, HandRepair, ::testing::ValuesIn(all_cases()),
                         [](const auto& one) { return name_of(one.param); });

TEST_P(HandRepair, WithoutTheJournalNothingIsClearedAwayThatHasNoOtherCopy) {
  wherever_cut_off([](World& world, Disk& disk, const Contents& valuable) {
    const fs::Path& directory = world.folder.path();
    testing::write_file(journal_path(directory), "torn");
    const Contents before = contents_in(directory);
    const Result<Recovery> recovery = recover(directory, disk);
    ASSERT_FALSE(recovery.has_value());
    EXPECT_THAT(recovery.error().what, HasSubstr("then remove the journal"));
    ASSERT_TRUE(remove_abandoned(directory, disk).has_value());
    ASSERT_TRUE(prune_replaced(directory, kNow + 24h * 30, 0s, disk).has_value());
    EXPECT_EQ(contents_in(directory), before) << "until then nothing is";

    std::filesystem::remove(journal_path(directory));
    clear_away(directory, disk);
    EXPECT_EQ(lost(valuable, directory), "");
    // What is not in place is told of.
    Contents in_place;
    add_files(world.tree(), in_place);
    const bool is_all_there =
        std::includes(in_place.begin(), in_place.end(), valuable.begin(), valuable.end());
    EXPECT_TRUE(is_all_there || !list_replaced(directory)->empty());
  });
}

TEST_P(HandRepair, NorOfADirectoryThatWasCopiedMeanwhile) {
  wherever_cut_off([](World& world, Disk&, const Contents& valuable) {
    const testing::TempFolder elsewhere;
    const fs::Path copy = elsewhere / "copy";
    using Options = std::filesystem::copy_options;
    std::filesystem::copy(world.folder.path(), copy, Options::recursive);  // links are followed
    EXPECT_EQ(lost(valuable, copy), "");
    const Result<Recovery> recovery = recover(copy, real_disk());
    if (!recovery.has_value()) {
      EXPECT_TRUE(recovery.error().code == Code::kDamaged ||
                  recovery.error().code == Code::kUnsupported)
          << recovery.error().what;
      std::filesystem::remove(journal_path(copy));
    }
    clear_away(copy, real_disk());
    EXPECT_EQ(lost(valuable, copy), "");
  });
}

}  // namespace
}  // namespace pv::restore
