// Files and folders, by system calls, with errors as values.
//
// Names inside a directory tree are bytes (std::string), "/"-separated, relative, as on disk; they
// need not be UTF-8.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io.h"

namespace pv::fs {

using Path = std::filesystem::path;

// An open descriptor; closed when it goes. Moves, never copies.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_{number} {}
  Fd(Fd&& other) noexcept : number_{other.release()} {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  int release();

  // Closes now and reports what close(2) says (a network file system may say ENOSPC here).
  [[nodiscard]] Result<void> close();

 private:
  int number_ = -1;
};

struct Stat {
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;  // type and permissions, as st_mode
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  WallTime modified;
  WallTime changed;                   // ctime
  std::uint64_t allocated_bytes = 0;  // what it takes on disk; less than size when sparse
  std::uint32_t owner = 0;
  std::uint32_t group = 0;

  [[nodiscard]] bool is_file() const { return S_ISREG(mode); }
  [[nodiscard]] bool is_folder() const { return S_ISDIR(mode); }
  [[nodiscard]] bool is_link() const { return S_ISLNK(mode); }
  friend bool operator==(const Stat&, const Stat&) = default;
};

[[nodiscard]] Result<Stat> stat(const Path& path);       // follows links
[[nodiscard]] Result<Stat> link_stat(const Path& path);  // does not
[[nodiscard]] Result<Stat> stat(const Fd& fd, const Path& name_for_errors);
[[nodiscard]] bool exists(const Path& path);  // lstat succeeds
// Whether `path` is the file that is open: it may have been moved away, removed or replaced.
[[nodiscard]] bool lies_at(const Fd& fd, const Path& path);

[[nodiscard]] Result<Fd> open_for_reading(
    const Path& path);  // O_CLOEXEC|O_NOCTTY|O_NONBLOCK: never hangs on a FIFO
[[nodiscard]] Result<Fd> create_new(const Path& path,
                                    std::uint32_t mode = 0644);  // O_EXCL; kExists
[[nodiscard]] Result<std::size_t> read_some(const Fd& fd, std::uint64_t offset,
                                            MutableBytes into);  // full but at the end
[[nodiscard]] Result<void> write_all(const Fd& fd, Bytes bytes);
[[nodiscard]] Result<void> write_all_at(const Fd& fd, std::uint64_t offset, Bytes bytes);
[[nodiscard]] Result<void> sync(const Fd& fd);  // fsync
// Sends these bytes to the disk without waiting: a later sync has less left to do. Only a hint.
void start_sync(const Fd& fd, std::uint64_t offset, std::uint64_t count);
[[nodiscard]] Result<void> sync_folder(
    const Path& folder);  // makes renames and creations in it durable

// syncfs: all that was written to the file system of `fd` is on disk. One call for many files,
// where an fsync of each costs a journal commit each. It reports what failed since `fd` was opened,
// so open it (any file or folder there) before the first write.
[[nodiscard]] Result<void> sync_file_system(const Fd& fd);

// The whole file; kInvalid when it has more than `bytes_max`.
[[nodiscard]] Result<std::string> read_file(const Path& path, std::uint64_t bytes_max);

// Durable and all at once: temporary name beside it, fsync, rename, fsync of the folder.
[[nodiscard]] Result<void> write_file_atomically(const Path& path, std::string_view content,
                                                 std::uint32_t mode = 0644);

[[nodiscard]] Result<void> make_folder(const Path& path, std::uint32_t mode = 0777);  // kExists
[[nodiscard]] Result<void> make_folders(const Path& path,
                                        std::uint32_t mode = 0777);          // fine when there
[[nodiscard]] Result<void> rename(const Path& from, const Path& to);         // replaces a file
[[nodiscard]] Result<void> rename_to_new(const Path& from, const Path& to);  // kExists instead
// As rename_to_new(), and in one step on every file system: no crash leaves two names. Where the
// file system can't look and rename at once, what is made at `to` in between is replaced.
[[nodiscard]] Result<void> rename_to_new_in_one_step(const Path& from, const Path& to);
// The two change places at once: neither name is free or means anything else for a moment.
// kUnsupported where the file system can't do that; nothing has happened then.
[[nodiscard]] Result<void> exchange(const Path& one, const Path& other);
[[nodiscard]] Result<void> remove_file(const Path& path);  // kNotFound
[[nodiscard]] Result<void> remove_empty_folder(const Path& path);
[[nodiscard]] Result<void> set_permissions(const Path& path, std::uint32_t mode);
[[nodiscard]] Result<void> remove_tree(
    const Path& path);  // links are removed, not followed; fine when absent

struct Space {
  std::uint64_t free_bytes = 0;  // for us, not root's reserve
  std::uint64_t total_bytes = 0;
};
[[nodiscard]] Result<Space> space(const Path& path);

// Where something is mounted, as this process sees it: absolute, without links, from
// /proc/self/mountinfo. Some may be hidden below others, one may come twice. Empty without /proc.
[[nodiscard]] std::vector<Path> mount_points();

// A regular file as a Source; descriptor() is its own. It keeps the file open.
// Meant to be read once: a file that was not in the page cache is not left there.
[[nodiscard]] Result<std::unique_ptr<Source>> open_source(const Path& path);
[[nodiscard]] Result<std::unique_ptr<Source>> source_of(Fd fd, const Path& name_for_errors);

// Writes to `fd` from its current offset on, patches with pwrite. Not buffered: write big blocks.
class FileSink final : public Sink {
 public:
  FileSink(Fd fd, Path name_for_errors);
  [[nodiscard]] Result<void> write(Bytes bytes) override;
  [[nodiscard]] bool can_patch() const override { return true; }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override;
  [[nodiscard]] Result<void> sync();  // what was written is on disk
  [[nodiscard]] Result<void> close();
  [[nodiscard]] const Fd& fd() const { return fd_; }

 private:
  Fd fd_;
  Path name_;
};

// Sends what is written to a file to the disk while more is written, so that at most two windows of
// it are dirty at any time. An fsync at the end has then little left to do; a single big one makes
// every other fsync of the file system wait for it, those of an app's commits among them. What is
// on the disk leaves the page cache, where it would take the place of what the app reads; and the
// pages are used again for what comes next, which on many a virtual machine is much cheaper than
// new ones.
class WriteBehind {
 public:
  // `count` more bytes were written to `fd`, behind those before.
  void wrote(const Fd& fd, std::uint64_t count);

 private:
  static constexpr std::uint64_t kWindowBytes = std::uint64_t{8} << 20U;
  std::uint64_t written_ = 0;
  std::uint64_t started_ = 0;  // windows up to here are on their way
};

// One thing found by walk().
struct Found {
  std::string name;  // relative to the walk's root
  Stat stat;         // of the thing itself: links are not followed
};

// What could not be read or entered.
struct Unread {
  std::string name;
  Error error;
};

struct Walked {
  std::vector<Found> found;  // everything but folders, in byte order of the names per folder
  std::vector<Unread> unread;
};

// Walks `root` (at most `depth_max` levels) without following links. `enter(relative name)` says
// whether to look at an entry at all; a folder refused is not entered. Fails only when `root`
// itself can't be read.
using Enter = std::function<bool(const std::string&, const Stat&)>;
inline constexpr std::size_t kWalkDepthMax = 128;
[[nodiscard]] Result<Walked> walk(const Path& root, const Enter& enter,
                                  std::size_t depth_max = kWalkDepthMax);

// The same for trees of any size: what is found is given to `take` and not kept.
[[nodiscard]] Result<std::vector<Unread>> walk(const Path& root, const Enter& enter,
                                               const std::function<void(Found)>& take,
                                               std::size_t depth_max = kWalkDepthMax);

// A process that holds an advisory lock on a file (from /proc/locks).
struct LockHolder {
  int pid = 0;
  std::string program;  // from /proc/PID/comm; may be empty
  friend bool operator==(const LockHolder&, const LockHolder&) = default;
};

// Other processes that hold a POSIX lock on any of these files; each process once. Does not open
// the files (that would drop our own locks on them). Empty where /proc tells nothing.
[[nodiscard]] std::vector<LockHolder> other_lock_holders(const std::vector<Path>& files);

// Other processes that have any of these files open (from /proc/PID/fd; only what we may see).
[[nodiscard]] std::vector<LockHolder> other_openers(const std::vector<Path>& files);

// An exclusive lock on a file of its own (flock, so that it belongs to the descriptor, not to the
// process), created when absent. Freed when it goes, or when the process dies.
class FileLock {
 public:
  // kBusy when another holds it.
  [[nodiscard]] static Result<FileLock> try_take(const Path& path);
  // The same, but only after it has been tried for `wait`.
  [[nodiscard]] static Result<FileLock> take(const Path& path, std::chrono::milliseconds wait);
  // Whether anybody holds it. Others who ask are not taken for a holder, and whoever tries for a
  // while to take it is not hindered.
  [[nodiscard]] static bool is_held(const Path& path);

  // Whether the file still lies where it was taken: one that was moved away, removed or replaced
  // keeps nobody out.
  [[nodiscard]] bool is_in_place() const;

 private:
  FileLock(Fd fd, Path path) : fd_{std::move(fd)}, path_{std::move(path)} {}
  Fd fd_;
  Path path_;
};

}  // namespace pv::fs
