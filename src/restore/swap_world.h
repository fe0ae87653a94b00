// A data directory before a swap, for the tests of this room.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

#include "restore/restore_testing.h"

namespace pv::restore {

using Tree = std::map<std::string, std::string>;

inline const WallTime kNow{std::chrono::seconds{1'795'000'000}};

// The sweeps make thousands of fsyncs whose cost on a disk is minutes and tells nothing.
struct InMemory {
  InMemory() {
    if (::access("/dev/shm", W_OK) == 0) { ::setenv("TMPDIR", "/dev/shm", 0); }
  }
};

// A directory with old data and, staged, new data that overlaps it in every way.
struct World : private InMemory {
  testing::TempFolder folder;
  Staged staged;
  Tree old_tree;
  Tree new_tree;

  World() {
    const auto& path = folder.path();
    for (const char* name : {"data.db", "data.db-wal", "data.db-shm", "auxiliary.db", "types.d.ts",
                             "storage/a/b.txt", "only-old/x", "backups/kept.zip", ".notify/n"}) {
      testing::write_file(path / name, std::string{"old "} + name);
    }
    old_tree = tree_of(path);
    staged.id = "abcdefghijklmno";
    staged.folder = path / ".pocketvault" / ("restore-" + staged.id);
    for (const char* name :
         {"data.db", "auxiliary.db", "storage/a/b.txt", "storage/new.txt", "only-new"}) {
      testing::write_file(staged.folder / name, std::string{"new "} + name);
    }
    new_tree = tree_of(staged.folder);
    for (const char* name : {"backups/kept.zip", ".notify/n"}) {
      new_tree[name] = old_tree.at(name);
    }
    for (const char* name : {"backups", ".notify"}) { new_tree[name] = "DIR"; }
  }
  [[nodiscard]] Tree tree() const { return tree_of(folder.path()); }
  Result<Replaced> run(Disk& disk) const {
    return swap(folder.path(), staged, "nightly.zip", kNow, disk);
  }
  // The changing calls of an undisturbed run.
  static int count(const std::function<void(World&, Disk&)>& work) {
    World world;
    CountingDisk disk;
    work(world, disk);
    return disk.calls;
  }
};

}  // namespace pv::restore
