// Where finished backups are kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io.h"

namespace pv::store {

// The key of a backup: "nightly.zip", perhaps "sub/nightly.zip". Never absolute, no empty, "." or
// ".." part, no NUL or control character, valid UTF-8, does not end in ".attrs", at most 1024
// bytes.
class BackupName {
 public:
  [[nodiscard]] static Result<BackupName> parse(std::string_view key);  // kInvalid
  [[nodiscard]] static bool is_one(std::string_view key);               // whether parse() takes it
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view last_part() const;
  friend bool operator==(const BackupName&, const BackupName&) = default;
  friend auto operator<=>(const BackupName&, const BackupName&) = default;

 private:
  explicit BackupName(std::string text) : text_{std::move(text)} {}
  std::string text_;
};

struct Backup {
  BackupName name;
  std::uint64_t size_bytes = 0;
  WallTime modified;         // by the store's clock, which may differ from ours
  std::string content_type;  // "application/zip", or octet-stream for what was copied in by hand;
                             // filled by stat()
  bool is_waiting = false;   // not there yet: in a spool, to be sent (places/spooled_store.h)
};

// One backup being written. Dropped before commit(), it discards what was sent; after a crash at
// most an invisible part remains, which BackupStore::sweep() removes.
class Upload : public Sink {
 public:
  // Makes the backup durable, then visible. kExists when the name was taken meanwhile (that one
  // stays as it is). At most once; write() is over afterwards.
  [[nodiscard]] virtual Result<Backup> commit() = 0;

  // After commit(): bytes of the backup that were not sent, since the store had them in the one
  // that it repeats (UploadOptions::repeats).
  [[nodiscard]] virtual std::uint64_t repeated_bytes() const { return 0; }
};

// A place that keeps finished backups: a folder, an S3 bucket, or memory in tests. A backup appears
// under its name all at once, never changes, and may later be removed.
//
// Threads    Any method, from any thread.
// Errors     kNotFound, kExists, kDenied, kNoSpace, kInvalid (a name this store can't keep);
//            kUnavailable is worth another try.
// Lifetime   A Source or an Upload keeps alive what it needs of its store.
class BackupStore {
 public:
  virtual ~BackupStore() = default;

  // Ascending by the bytes of the name. Temporary and hidden files are no backups.
  [[nodiscard]] virtual Result<std::vector<Backup>> list() = 0;
  // Calls `take` with the name of each, in no order, where the rest is what takes the time of a
  // list; false: it is not, and it was not called. One that was removed a moment ago, or became
  // something else than a file, may be among them.
  using TakeName = std::function<void(std::string_view name)>;  // the name is there for the call
  [[nodiscard]] virtual Result<bool> each_name(const TakeName& /*take*/) { return false; }
  [[nodiscard]] virtual Result<Backup> stat(const BackupName& name) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Source>> open(const BackupName& name) = 0;

  struct UploadOptions {
    std::string original_name;  // what the client called it; kept beside it where the store can
    // A backup of this store that may have much of the same bytes: repeat() tells where.
    std::optional<BackupName> repeats = std::nullopt;
  };
  // kExists when the name is taken now. Does not reserve it: see Upload::commit.
  [[nodiscard]] virtual Result<std::unique_ptr<Upload>> create(const BackupName& name,
                                                               const UploadOptions& options) = 0;

  [[nodiscard]] virtual Result<void> remove(const BackupName& name) = 0;

  // Removes parts that a crash left behind and nobody writes any more; returns how many.
  [[nodiscard]] virtual Result<std::size_t> sweep() = 0;

  // Free bytes where backups go; nullopt when the store can't say.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> free_bytes() = 0;

  // Whether it is reached over a network, so that any call may take its time.
  [[nodiscard]] virtual bool is_remote() { return false; }

  // The same place, in which every wait ends with kCancelled when a stop is requested: of its
  // calls, and of the sources and uploads that come from it. An upload dropped then takes a second
  // at most to discard what was sent. nullptr: no call waits for anything but a disk.
  [[nodiscard]] virtual std::unique_ptr<BackupStore> until(std::stop_token /*stop*/) {
    return nullptr;
  }

  // Where its backups lie: everything below a path without links, or with keys that start so.
  struct Extent {
    std::string bucket;  // its endpoint's host and its name; empty: a folder
    std::string start;
    friend bool operator==(const Extent&, const Extent&) = default;
  };
  // nullopt: in no place that another store could share, or not known now.
  [[nodiscard]] virtual std::optional<Extent> extent() { return std::nullopt; }

  // "folder /srv/pb_data/backups", for messages.
  [[nodiscard]] virtual std::string describe() const = 0;
};

// until(), of whichever store: the store itself where that waits for nothing.
[[nodiscard]] inline std::shared_ptr<BackupStore> stoppable(std::shared_ptr<BackupStore> store,
                                                            std::stop_token stop) {
  const std::shared_ptr<BackupStore> until = store->until(std::move(stop));
  return until == nullptr ? store : until;
}

}  // namespace pv::store
