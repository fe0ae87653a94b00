// Puts the content of an archive in the place of a data directory's, and can take it back.
//
//     check    names, kinds, sizes, free space: nothing is touched
//     stage    extract to .pocketvault/restore-ID/, CRCs, databases opened and checked, fsync
//     swap     journal (fsynced), renames: current -> replaced-ID/, staged -> directory, journal
//     done undo     the same renames, backwards
//
// After a crash at any point recover() finishes or takes back: the directory is wholly the old data
// or wholly the new, never a mixture. docs/formats/restore-journal.md draws the journal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/io.h"
#include "base/random.h"
#include "base/work_pool.h"
#include "fs/file.h"
#include "restore/scope.h"

namespace pv::restore {

struct ArchiveEntry {
  std::string_view name;  // as it stands in the archive, which keeps it: hostile until checked
  std::uint64_t raw_bytes = 0;
  std::uint32_t mode = 0;  // Unix mode, 0 when the archive has none
  bool is_folder = false;
  // Why the archive itself says it can't be extracted: encrypted, unknown method. Most often null.
  std::shared_ptr<const Error> refused = nullptr;
  std::uint32_t checksum = 0;                       // as Archive::checksum() makes it
  std::optional<WallTime> modified = std::nullopt;  // to two seconds or better
  bool is_object = false;  // made of an object of a bucket, as far as the archive tells
};

// The parts of one entry that can be extracted each alone. They cover it, in order.
//
// Threads    All methods from any thread at once.
// Lifetime   The archive outlives it.
class ArchivePieces {
 public:
  struct Piece {
    std::uint64_t offset = 0;  // in the extracted file
    std::size_t bytes = 0;     // at most 16 MiB
  };
  virtual ~ArchivePieces() = default;
  [[nodiscard]] virtual std::size_t count() const = 0;
  [[nodiscard]] virtual Piece at(std::size_t number) const = 0;
  // Into the first at(number).bytes of `into`. All of them extracted are the whole entry, its
  // checksum proved. kDamaged: what tells of the pieces may be wrong; Archive::extract() decides.
  [[nodiscard]] virtual Result<void> extract(std::size_t number, MutableBytes into) const = 0;
};

// An archive as restore sees it; jobs/ adapts zip::ZipReader to it.
class Archive {
 public:
  virtual ~Archive() = default;
  [[nodiscard]] virtual const std::vector<ArchiveEntry>& entries() const = 0;
  // The whole entry; kDamaged when CRC or size is wrong. Any thread, several at once.
  [[nodiscard]] virtual Result<void> extract(std::size_t index, Sink& sink,
                                             std::stop_token stop) const = 0;
  // Null where the entry can be extracted as a whole only.
  [[nodiscard]] virtual std::unique_ptr<ArchivePieces> pieces_of(std::size_t index) const = 0;
  // Of `bytes`, when `before` is that of what came before them (0 at the start).
  [[nodiscard]] virtual std::uint32_t checksum(Bytes bytes, std::uint32_t before) const = 0;
};

// One file that will be made.
struct PlannedFile {
  std::size_t index = 0;  // into Archive::entries()
  std::string name;       // safe, relative, cleaned as PocketBase does
  std::uint64_t raw_bytes = 0;
  std::uint32_t mode = 0644;
};

struct Plan {
  std::vector<PlannedFile> files;
  // Stored files that are not made on disk but belong into a bucket; their names begin with
  // "storage/". Whoever restores sees to them.
  std::vector<PlannedFile> objects = {};
  std::vector<std::string> folders;  // that stand in the archive as entries of their own
  std::vector<std::string> dropped;  // left out: links, devices, backups/, our own folder
  std::uint64_t raw_bytes = 0;       // of `files`
  std::uint64_t object_bytes = 0;
  std::uint64_t folder_count = 0;  // that will be made, or somewhat more
  // What of the data directory it takes the place of, each as a whole: those of its scope that the
  // archive has, in byte order. Empty: everything; or, of a scope that is not everything, nothing:
  // all of it belongs into a bucket.
  std::vector<std::string> units = {};
  // Those of its scope that `objects` have, wholly or in part.
  std::vector<std::string> object_units = {};
};

// The units of a part on disk and in the bucket.
[[nodiscard]] std::vector<std::string> touched_by(const Plan& plan);

// Where the files below storage/ go: to disk; into a bucket; or, those that the archive says were
// objects of one, into a bucket, and the others to disk.
enum class FilesTo { kDisk, kBucket, kOrigin };
// "disk", "s3"; "" of kOrigin.
[[nodiscard]] std::string_view files_to_name(FilesTo files_to);
[[nodiscard]] Result<FilesTo> parse_files_to(std::string_view name);  // kInvalid

// Decides what an archive would put where (docs/restore.md): names that escape, duplicates of one
// name, a name as file and as folder, no data.db, more than declared, encrypted entries and unknown
// methods are kInvalid, kDamaged or kUnsupported before anything is touched. With a `scope` only
// what belongs to it is looked at, but for names that escape; kNotFound: the archive lacks a unit
// of it.
[[nodiscard]] Result<Plan> plan(const Archive& archive, const Scope& scope = {},
                                FilesTo files_to = FilesTo::kDisk);

// Whether a database is among `units`: such an exchange wants the databases closed, by everybody.
[[nodiscard]] bool involves_databases(const std::vector<std::string>& units);

// What `plan` takes on disk while it is staged, beside what lies there now, on all file systems.
[[nodiscard]] std::uint64_t bytes_needed(const Plan& plan);
// kNoSpace, saying how much is missing and where, when `plan` does not fit into `directory`; each
// file system in it counts for itself. kUnsupported as stage().
[[nodiscard]] Result<void> check_space(const Plan& plan, const fs::Path& directory);

class StagingFolder;

// An extracted archive, ready to be swapped in.
struct Staged {
  std::string id;   // names restore-ID and replaced-ID
  fs::Path folder;  // directory/.pocketvault/restore-ID, with the databases
  // Folders in the directory, by relative names, that are volumes of their own: what belongs there
  // was extracted there, to FOLDER/.pocketvault-restore/restore-ID.
  std::vector<std::string> volumes;
  std::vector<std::string> units;  // as Plan::units
  std::vector<std::string> warnings;
  std::uint64_t unchanged_files = 0;  // taken from the directory, see Delta
  std::uint64_t unchanged_bytes = 0;
  // Keeps prune_replaced() of every process away from the folder, and removes it when it goes,
  // unless it was swapped in or a journal names it.
  std::shared_ptr<const StagingFolder> hold;
};

struct Progress {
  std::function<void(std::uint64_t raw_bytes)>
      on_extracted;  // extracted or found unchanged since the last call; any thread
};

// Whether a file below storage/ that is in place already is taken as it is: a regular file with one
// link, of the archive's size, mode and time of change (to two seconds), whose content has the
// archive's checksum. The staged tree then shares its blocks (reflink), or where the file system
// can't do that is another name of it (hard link): PocketBase never changes a stored file, it
// writes a new one. What may be a database is never taken: one that is empty, has SQLite's header,
// or has a -wal, -shm or -journal beside it.
enum class Delta { kOn, kOff };

// What is looked for in each database: quick_check; or integrity_check, which also looks whether
// indexes agree with their tables, and foreign_key_check, whose findings are warnings.
enum class DatabaseCheck { kQuick, kFull };

struct StageOptions {
  Delta delta = Delta::kOn;
  DatabaseCheck databases = DatabaseCheck::kQuick;
  bool lasting = true;  // on disk when stage() returns; false: it is only looked at, then removed
};

// Extracts and checks. A WAL in the archive is applied to its database as SQLite would when it
// opens it, then gone; -shm files are dropped. Each database must open and pass its check (rows
// that break a NOT NULL are a warning only; CHECK constraints, which are code of the archive's, are
// not evaluated); data.db, if it is planned, must pass `check_data`. All of it is on disk when this
// returns, if it is to last. When root restores, the files get the owner that the data has now;
// those outside the root get the time of change that the archive has. On an error nothing is left
// behind. kUnsupported, saying what to do: the directory lies on file systems in a way that can't
// be restored to (a database that is a link, a single file that is mounted, a link `storage` that
// leads nowhere, a volume that nothing can be made on, a unit in what is no folder).
[[nodiscard]] Result<Staged> stage(
    const Archive& archive, const Plan& plan, const fs::Path& directory, WorkPool& pool,
    Random& random, const Progress& progress,
    const std::function<Result<void>(const fs::Path& data_db)>& check_data,
    const std::stop_token& stop, const StageOptions& options = {});

// The calls that change the file system during a swap, so that tests can fail, count or stop at
// each of them.
class Disk {
 public:
  virtual ~Disk() = default;
  [[nodiscard]] virtual Result<void> make_folder(const fs::Path& path);
  // With owner and mode of `model`, but writable for its owner.
  [[nodiscard]] virtual Result<void> make_folder_like(const fs::Path& path, const fs::Path& model);
  // fs::give_like()
  virtual void give_like(const fs::Path& model, const fs::Path& made);
  // fs::rename_to_new_in_one_step()
  [[nodiscard]] virtual Result<void> rename(const fs::Path& from, const fs::Path& to);
  // fs::rename(): in the place of what is there
  [[nodiscard]] virtual Result<void> replace(const fs::Path& from, const fs::Path& to);
  // fs::exchange()
  [[nodiscard]] virtual Result<void> exchange(const fs::Path& one, const fs::Path& other);
  [[nodiscard]] virtual Result<void> remove_file(const fs::Path& path);
  [[nodiscard]] virtual Result<void> remove_folder(const fs::Path& path);  // an empty one
  [[nodiscard]] virtual Result<void> remove_tree(const fs::Path& path);
  [[nodiscard]] virtual Result<void> sync_folder(const fs::Path& path);
  // All that was done on the file system of `path`, a folder, is on disk: one call for many
  // folders.
  [[nodiscard]] virtual Result<void> sync_file_system(const fs::Path& path);
  [[nodiscard]] virtual Result<void> write_file(const fs::Path& path,
                                                std::string_view content);  // durable, all at once
  [[nodiscard]] virtual Result<void> set_permissions(const fs::Path& path, std::uint32_t mode);

  // fs::mount_points(), so that tests can make up mounts.
  [[nodiscard]] virtual std::vector<fs::Path> mounts() const;
};
[[nodiscard]] Disk& real_disk();

// What a swap put aside.
struct Replaced {
  std::string id;
  fs::Path folder;  // directory/.pocketvault/replaced-ID; volumes have one as well
  WallTime at;
  std::string restored_from;            // name of the archive, for people
  std::vector<std::string> units = {};  // as Plan::units
  // As note_kept() wrote them; nullopt where it did not come to that.
  std::optional<std::chrono::seconds> keep = std::nullopt;  // from `at` on
  std::optional<std::uint64_t> bytes = std::nullopt;        // on disk, that removing it would free
  // What lay in the way of the exchange: what programs made meanwhile. It is in folders `stray` of
  // replaced-ID; an undo does not bring it back, and leaves it there.
  std::uint64_t strays = 0;  // files and folders; as list_replaced() counts them
  bool can_undo = true;      // false: of data there is nothing (left), only strays
};

// Whether there are strays.
[[nodiscard]] bool has_strays(const fs::Path& directory, std::string_view id);

// Exchanges directory's entries for the staged ones; where only units were staged, nothing else is
// touched. The caller has closed every connection, if that involves databases. On an error what was
// moved is moved back (and the error says so if that failed too: then recover()).
// kUnsupported, before anything is moved: as stage(), or the mounts are others than then. kBusy: a
// program made a file just now where one of the archive belongs and none was before.
// Stay where they are: backups, .pocketvault, .pb_temp_to_delete, .autocert_cache, lost+found,
// .notify; and folders that are mounts, the link `storage`, and the folders on the way to a mount:
// what is in them is exchanged.
[[nodiscard]] Result<Replaced> swap(const fs::Path& directory, const Staged& staged,
                                    std::string_view restored_from, WallTime now, Disk& disk);

// Takes a swap back, with no `id` the newest: the replaced data in place again, what had been
// restored goes into its folder, so that an undo can be undone. Of a swap of units only these;
// those that were not there before are taken away, with the folders that came with them unless
// others use these by now. kNotFound when nothing is kept. kUnsupported, before anything is moved:
// the volumes are not the ones on which the data was replaced. kDamaged: what was replaced can't be
// known.
[[nodiscard]] Result<Replaced> undo(const fs::Path& directory, std::string_view id, WallTime now,
                                    Disk& disk);

// What undo() of `id` would find out only in the middle. kUnsupported, saying what to do: a folder
// must not be written to. kNoSpace, saying so, when there is not even room for the notes and
// folders that it makes before it moves anything, and for what SQLite makes when it opens the
// databases then: takes that room and frees it again; anybody may be quicker to fill it. kNotFound
// as undo().
[[nodiscard]] Result<void> check_undo(const fs::Path& directory, std::string_view id);

// Newest first, with those of which only strays are kept.
[[nodiscard]] Result<std::vector<Replaced>> list_replaced(const fs::Path& directory);

// Writes beside replaced data how long it is to be kept, and measures what it takes on disk: files
// that the data in place shares by a hard link don't count. Reads no file, only their sizes; gives
// up measuring, not noting, after `patience`.
[[nodiscard]] Result<Replaced> note_kept(Replaced replaced, std::chrono::seconds keep,
                                         std::chrono::milliseconds patience);

// Removes what one swap put aside, at once for everybody who looks. kNotFound; kBusy while a
// journal waits for recover(). The caller holds the directory's lease.
[[nodiscard]] Result<void> remove_replaced(const fs::Path& directory, std::string_view id);

// Removes replaced data that has been kept as long as was noted beside it, and what
// remove_abandoned() does. Where no time was noted, an exchange was cut off: that is kept for
// `keep` and at least a day, from now on. Does nothing while a journal waits for recover(). What
// lies on a volume that is not mounted now goes when it is.
[[nodiscard]] Result<void> prune_replaced(const fs::Path& directory, WallTime now,
                                          std::chrono::seconds keep,
                                          const Disk& disk = real_disk());

// Removes staging folders that no journal names and no living process holds: what a restore left
// that was killed before its swap, or whose journal somebody removed. What was in place is never
// among it.
[[nodiscard]] Result<void> remove_abandoned(const fs::Path& directory,
                                            const Disk& disk = real_disk());

// kInvalid where .pocketvault or .pocketvault-restore in the directory is a link, or a file: what
// this program does there would be done elsewhere. Call before anything else is done with the
// directory.
[[nodiscard]] Result<void> refuse_linked_vaults(const fs::Path& directory);

// kUnsupported, as a restore would say it: something in the directory is linked or mounted in a way
// that it can't cope with, or it, or a volume in it, can't be written to. Changes nothing.
[[nodiscard]] Result<void> check_writable(const fs::Path& directory,
                                          const Disk& disk = real_disk());

// Whether a journal lies there: a swap goes on just now, or was cut off.
[[nodiscard]] bool is_cut_off(const fs::Path& directory);

// Whether that swap involves databases, or can't be read.
[[nodiscard]] bool is_cut_off_with_databases(const fs::Path& directory);

// What that swap exchanges, as Plan::units; empty also when it can't be read.
[[nodiscard]] std::vector<std::string> units_cut_off(const fs::Path& directory);

enum class Recovery { kNothing, kFinished, kTakenBack };
// Finishes or takes back what a crash cut off. Call before the databases are opened, holding the
// directory's lease, while no other process has them open if that swap involves them. kDamaged,
// kUnsupported: the journal can't be read, or what it names has vanished, or a volume is not
// mounted or a new one is; nothing was moved then, and the text says what to do.
[[nodiscard]] Result<Recovery> recover(const fs::Path& directory, Disk& disk);

}  // namespace pv::restore
