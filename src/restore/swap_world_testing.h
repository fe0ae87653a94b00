// A data directory before a swap, for the tests of this room.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

#include "restore/layout.h"
#include "restore/restore_testing.h"

namespace pv::restore {

using Tree = std::map<std::string, std::string>;

// How much of the data is exchanged.
enum class Part {
  kEverything,
  kDatabases,    // auxiliary.db and data.db, with a WAL and an index in place
  kStorage,      // a folder, or what is mounted there
  kFolder,       // two, in a folder
  kFiles,        // some in folders that are there, some in new ones, some at the top
  kNewFile,      // in a folder that is not there: nothing is replaced
  kScattered,    // files in many folders
  kGrown,        // of two files one is new, in a folder that stays
  kGrownStorage  // a folder, or what is mounted there, with all that it had, and one more
};
constexpr int kFoldersOfScattered = 9;  // synced all together

inline std::vector<std::string> units_of(Part part) {
  switch (part) {
    case Part::kEverything: return {};
    case Part::kDatabases: return {"auxiliary.db", "data.db"};
    case Part::kStorage: return {"storage"};
    case Part::kFolder: return {"storage/a", "storage/x"};
    case Part::kFiles:
      return {"only-new", "storage/a/b.txt", "storage/fresh/d/e.txt", "storage/fresh/f.txt",
              "storage/new.txt"};
    case Part::kNewFile: return {"storage/fresh/d/e.txt"};
    case Part::kGrown: return {"storage/a/1", "storage/a/2"};
    case Part::kGrownStorage: return {"storage"};
    case Part::kScattered: {
      std::vector<std::string> units;
      for (int i = 0; i < kFoldersOfScattered; ++i) {
        units.push_back("storage/s" + std::to_string(i) + "/file");
      }
      return units;
    }
  }
  return {};
}

inline const WallTime kNow{std::chrono::seconds{1'795'000'000}};

// The sweeps make thousands of fsyncs whose cost on a disk is minutes and tells nothing.
struct InMemory {
  InMemory() {
    if (::access("/dev/shm", W_OK) == 0) { ::setenv("TMPDIR", "/dev/shm", 0); }
  }
};

// How the data directory lies on file systems.
enum class Lie {
  kPlain,
  kMadeUpMounts,   // storage, storage/c and deep/er/inner are mounts for MountedDisk
  kRealMounts,     // they are, in a mount namespace of this process
  kLinkedStorage,  // storage is a link to a folder outside
  kNoExchange      // on a file system that can't exchange two names at once
};
inline std::string name_of(Part part) {
  switch (part) {
    case Part::kEverything: return {};
    case Part::kDatabases: return "Databases";
    case Part::kStorage: return "Storage";
    case Part::kFolder: return "Folder";
    case Part::kFiles: return "Files";
    case Part::kNewFile: return "NewFile";
    case Part::kScattered: return "Scattered";
    case Part::kGrown: return "Grown";
    case Part::kGrownStorage: return "GrownStorage";
  }
  return {};
}
inline std::string name_of(Lie lie) {
  switch (lie) {
    case Lie::kPlain: return "Plain";
    case Lie::kMadeUpMounts: return "MadeUpMounts";
    case Lie::kRealMounts: return "RealMounts";
    case Lie::kLinkedStorage: return "LinkedStorage";
    case Lie::kNoExchange: return "NoExchange";
  }
  return {};
}

// Mounts made from now on are seen by nobody else, and end with this process. False: not allowed.
inline bool have_own_mounts() {
  static const bool has = ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return has;
}

// A world to make.
struct Setting {
  Lie lie = Lie::kPlain;
  Part part = Part::kEverything;
  Setting(Lie how, Part what = Part::kEverything) : lie{how}, part{what} {}  // NOLINT
};
inline std::string name_of(Setting setting) { return name_of(setting.lie) + name_of(setting.part); }

// What the sweeps go through, beside everything everywhere.
inline const std::vector<Setting>& parts_everywhere() {
  static const std::vector<Setting> settings{{Lie::kPlain, Part::kDatabases},
                                             {Lie::kPlain, Part::kStorage},
                                             {Lie::kPlain, Part::kFiles},
                                             {Lie::kPlain, Part::kNewFile},
                                             {Lie::kPlain, Part::kFolder},
                                             {Lie::kNoExchange, Part::kStorage},
                                             {Lie::kPlain, Part::kScattered},
                                             {Lie::kMadeUpMounts, Part::kStorage},
                                             {Lie::kPlain, Part::kGrown},
                                             {Lie::kNoExchange, Part::kGrown},
                                             {Lie::kMadeUpMounts, Part::kGrownStorage},
                                             {Lie::kLinkedStorage, Part::kFiles}};
  return settings;
}

// A tmpfs for as long as this lives.
class Mount {
 public:
  explicit Mount(fs::Path at) : at_{std::move(at)} {
    PV_ASSERT(have_own_mounts());
    PV_ASSERT(::mount("none", at_.c_str(), "tmpfs", 0, nullptr) == 0);
  }
  Mount(Mount&& other) noexcept : at_{std::exchange(other.at_, {})} {}
  Mount& operator=(Mount&&) = delete;
  ~Mount() {
    if (!at_.empty()) { PV_ASSERT(::umount2(at_.c_str(), MNT_DETACH) == 0); }
  }

 private:
  fs::Path at_;
};

// A directory with old data and, staged, new data that overlaps it in every way.
struct World : private InMemory {
  testing::TempFolder folder;
  testing::TempFolder elsewhere;
  std::vector<fs::Path> made_up;  // for MountedDisk
  bool can_exchange = true;       // likewise
  std::vector<Mount> mounts;
  Staged staged;
  Layout layout{std::string{kOwnVault}, {}};
  Tree old_tree;
  Tree new_tree;

  explicit World(Setting setting = Lie::kPlain) {
    const Lie lie = setting.lie == Lie::kNoExchange ? Lie::kPlain : setting.lie;
    can_exchange = setting.lie != Lie::kNoExchange;
    staged.units = units_of(setting.part);
    lay_out(lie);
    std::vector<std::string> old_names{"data.db",      "data.db-wal",      "data.db-shm",
                                       "auxiliary.db", "types.d.ts",       "storage/a/b.txt",
                                       "only-old/x",   "backups/kept.zip", ".notify/n"};
    std::vector<std::string> new_names{"data.db", "auxiliary.db", "storage/a/b.txt",
                                       "storage/new.txt", "only-new"};
    if (setting.part != Part::kEverything) {
      old_names.insert(old_names.end(),
                       {"storage/a/b.txt.attrs", "storage/a/other", "storage/x/y"});
      new_names.insert(new_names.end(), {"storage/fresh/d/e.txt", "storage/fresh/f.txt",
                                         "storage/fresh/f.txt.attrs", "storage/x/z"});
    }
    if (setting.part == Part::kScattered) {
      old_names.insert(old_names.end(), staged.units.begin(), staged.units.end());
      new_names.insert(new_names.end(), staged.units.begin(), staged.units.end());
    }
    if (setting.part == Part::kGrown) {
      old_names.push_back(staged.units.front());
      new_names.insert(new_names.end(), staged.units.begin(), staged.units.end());
    }
    if (lie != Lie::kPlain) {
      old_names.insert(old_names.end(), {"storage/c/old.txt", "storage/c/both", "deep/er/beside",
                                         "deep/er/inner/old", "deep/x"});
      new_names.insert(new_names.end(), {"storage/c/both", "storage/c/new.txt", "deep/new",
                                         "deep/er/inner/new", "deep/er/beside"});
    }
    if (setting.part == Part::kGrownStorage) {
      new_names = {"storage/more/file"};
      std::ranges::copy_if(old_names, std::back_inserter(new_names),
                           [](const std::string& name) { return name.starts_with("storage/"); });
    }
    for (const std::string& name : old_names) { testing::write_file(folder / name, "old " + name); }
    old_tree = tree_of(folder.path());
    for (const auto& [name, content] : old_tree) {
      if (!is_exchanged(name) && content != "DIR") { add(name, content); }
    }
    for (const std::string& name : new_names) {
      if (!is_exchanged(name)) { continue; }
      testing::write_file(folder.path() / staged_name(name), "new " + name);
      add(name, "new " + name);
    }
    inodes = inodes_of_others();
  }
  ~World() {
    while (!mounts.empty()) { mounts.pop_back(); }  // what is mounted inside a mount goes first
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] Tree tree() const { return tree_of(folder.path()); }
  [[nodiscard]] fs::Path staged_name(const std::string& name) const {
    return layout.inside("restore-" + staged.id, name);
  }
  [[nodiscard]] bool is_exchanged(std::string_view name) const {
    if (staged.units.empty()) { return !stays(name.substr(0, name.find('/'))); }
    return layout.is_whole(name) || layout.is_unit(main_of(name));
  }
  // Everything that is no part of the exchange is the very file that it was.
  [[nodiscard]] bool left_others_alone() const { return inodes == inodes_of_others(); }
  Result<Replaced> run(Disk& disk) const {
    return swap(folder.path(), staged, "nightly.zip", kNow, disk);
  }

 private:
  std::map<std::string, std::uint64_t> inodes;

  [[nodiscard]] std::map<std::string, std::uint64_t> inodes_of_others() const {
    std::map<std::string, std::uint64_t> found;
    for (const auto& [name, content] : tree()) {
      const bool is_new_folder = content == "DIR" && !old_tree.contains(name);
      if (!is_exchanged(name) && !is_new_folder) {
        found[name] = fs::stat(folder / name).value().inode;
      }
    }
    return found;
  }
  void lay_out(Lie lie) {
    staged.id = "abcdefghijklmno";
    staged.folder = folder / ".pocketvault" / ("restore-" + staged.id);
    if (lie == Lie::kLinkedStorage) {
      std::filesystem::create_directory_symlink(elsewhere.path(), folder / "storage");
      staged.volumes = {"storage"};
    } else if (lie != Lie::kPlain) {
      staged.volumes = {"deep/er/inner", "storage", "storage/c"};
    }
    for (const std::string& at : staged.volumes) {
      if (lie == Lie::kLinkedStorage) { continue; }
      std::filesystem::create_directories(folder / at);
      made_up.push_back(std::filesystem::canonical(folder / at));
      if (lie == Lie::kRealMounts) { mounts.emplace_back(made_up.back()); }
    }
    if (lie != Lie::kMadeUpMounts) { made_up.clear(); }
    if (!staged.units.empty()) {  // as Layout::of() leaves out what does not concern them
      std::erase_if(staged.volumes, [&](const std::string& at) {
        return std::none_of(staged.units.begin(), staged.units.end(), [&](const std::string& unit) {
          return is_at_or_below(at, unit) || is_at_or_below(unit, at);
        });
      });
    }
    layout = Layout{std::string{kOwnVault}, staged.volumes, staged.units};
    for (const Volume& volume : layout.volumes()) {
      std::filesystem::create_directories(folder.path() / volume.vault / ("restore-" + staged.id));
    }
  }
  // To the tree that is to come, with the folders on the way.
  void add(const std::string& name, const std::string& content) {
    new_tree[name] = content;
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
      new_tree[name.substr(0, at)] = "DIR";
    }
  }
};

// Believes in a world's made-up mounts: no rename crosses them, or moves one of them.
class MountedDisk : public Disk {
 public:
  MountedDisk() = default;
  explicit MountedDisk(const World& world)
      : made_up_{world.made_up}, can_exchange_{world.can_exchange} {}
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    if (is_mount(from) || is_mount(to)) { return fail(errno_error(EBUSY, "rename")); }
    if (mount_of(from) != mount_of(to)) { return fail(errno_error(EXDEV, "rename")); }
    return Disk::rename(from, to);
  }
  Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
    if (!can_exchange_) { return fail(Code::kUnsupported, "this file system can't"); }
    if (is_mount(one) || is_mount(other)) { return fail(errno_error(EBUSY, "exchange")); }
    if (mount_of(one) != mount_of(other)) { return fail(errno_error(EXDEV, "exchange")); }
    return Disk::exchange(one, other);
  }
  [[nodiscard]] std::vector<fs::Path> mounts() const override {
    return made_up_.empty() ? Disk::mounts() : made_up_;
  }

 protected:
  // On which the entry `path` of a folder lies.
  [[nodiscard]] fs::Path mount_of(fs::Path path) const {
    for (path = path.parent_path(); path != "/" && !is_mount(path);) { path = path.parent_path(); }
    return path;
  }

 private:
  [[nodiscard]] bool is_mount(const fs::Path& path) const {
    return std::find(made_up_.begin(), made_up_.end(), path) != made_up_.end();
  }
  std::vector<fs::Path> made_up_;
  bool can_exchange_ = true;
};

// Counts the calls that change something, and fails or ends the process at one of them.
class CountingDisk final : public MountedDisk {
 public:
  CountingDisk() = default;
  explicit CountingDisk(const World& world) : MountedDisk{world} {}
  enum class At { kBefore, kAfter };
  int calls = 0;
  int fail_at = 0;        // this call is refused
  int fail_again_at = 0;  // and this one
  int fail_after = 0;     // this one is carried out, and reports an error
  int die_at = 0;         // the process ends at this call
  At die = At::kBefore;

  Result<void> make_folder(const fs::Path& path) override {
    return call([&] { return Disk::make_folder(path); });
  }
  Result<void> make_folder_like(const fs::Path& path, const fs::Path& model) override {
    return call([&] { return Disk::make_folder_like(path, model); });
  }
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    return call([&] { return MountedDisk::rename(from, to); });
  }
  Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
    return call([&] { return MountedDisk::exchange(one, other); });
  }
  Result<void> replace(const fs::Path& from, const fs::Path& to) override {
    return call([&] { return Disk::replace(from, to); });
  }
  Result<void> remove_file(const fs::Path& path) override {
    return call([&] { return Disk::remove_file(path); });
  }
  Result<void> remove_folder(const fs::Path& path) override {
    return call([&] { return Disk::remove_folder(path); });
  }
  Result<void> remove_tree(const fs::Path& path) override {
    return call([&] { return Disk::remove_tree(path); });
  }
  Result<void> sync_folder(const fs::Path& path) override {
    return call([&] { return Disk::sync_folder(path); });
  }
  Result<void> sync_file_system(const fs::Path& path) override {
    return call([&] { return Disk::sync_file_system(path); });
  }
  Result<void> write_file(const fs::Path& path, std::string_view content) override {
    return call([&] { return Disk::write_file(path, content); });
  }
  Result<void> set_permissions(const fs::Path& path, std::uint32_t mode) override {
    return call([&] { return Disk::set_permissions(path, mode); });
  }

 private:
  template <class Work>
  Result<void> call(const Work& work) {
    ++calls;
    if (calls == die_at && die == At::kBefore) { ::_exit(42); }
    if (calls == fail_at || calls == fail_again_at) {
      return fail(Code::kUnavailable, "the disk says no");
    }
    Result<void> result = work();
    if (calls == die_at) { ::_exit(42); }
    if (calls == fail_after) { return fail(Code::kUnavailable, "the disk says no"); }
    return result;
  }
};

// The changing calls of an undisturbed run.
inline int count_calls(Setting setting, const std::function<void(World&, Disk&)>& work) {
  World world{setting};
  CountingDisk disk{world};
  work(world, disk);
  return disk.calls;
}

// `work` by a process that dies at its `call`th change. False: it has fewer, and was done.
inline bool killed_at(const World& world, int call, const std::function<void(Disk&)>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    CountingDisk disk{world};
    disk.die_at = call;
    work(disk);
    ::_exit(0);
  }
  int status = 0;
  PV_ASSERT(::waitpid(child, &status, 0) == child);
  return WEXITSTATUS(status) == 42;
}
// A swap.
inline bool killed_at(const World& world, int call) {
  return killed_at(world, call, [&](Disk& disk) { (void)world.run(disk); });
}

}  // namespace pv::restore
