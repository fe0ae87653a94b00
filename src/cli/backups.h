// The work of the commands, whether a directory of this machine or a server does it.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "jobs/contents.h"
#include "jobs/job.h"
#include "jobs/vault.h"
#include "store/backup_store.h"

namespace pv::cli {

// For long work: told how far it is a few times a second; told to stop.
struct Watch {
  std::function<void(const jobs::Status&)> on_status;
  std::stop_token stop;
};
struct Transfer {
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
  std::stop_token stop;
};

// What one archive holds: a backup's, on this machine or on a server, or a file's.
//
// Threads    One.
// Errors     As jobs::Contents; from a server also kUnauthenticated and kUnavailable.
// Lifetime   What it was made from outlives it.
class ArchiveView {
 public:
  virtual ~ArchiveView() = default;

  using Depth = jobs::Contents::Depth;
  using Take = std::function<Result<void>(const jobs::ContentItem&)>;
  [[nodiscard]] virtual Result<jobs::ContentItem> find(const std::string& path) = 0;
  // Calls `take` for each item, in the order of jobs::Contents::list().
  [[nodiscard]] virtual Result<void> list(const std::string& path, Depth depth,
                                          const Take& take) = 0;
  // A file as a whole; on an error the sink may have some of it.
  [[nodiscard]] virtual Result<void> extract(const std::string& path, Sink& sink,
                                             const std::stop_token& stop) = 0;
};

struct Contents {
  std::uint64_t entries = 0;
  std::uint64_t raw_bytes = 0;
  std::vector<std::string> databases;
  std::uint64_t storage_files = 0;
  bool has_data_db = false;
};
struct Summary {
  store::Backup backup;
  std::optional<Contents> contents;  // nullopt: a plain PocketBase, which can't say
  std::optional<state::Verdict> verdict = std::nullopt;  // of its last verification
  std::string unknown_because = {};                      // as of jobs::Listing
  std::optional<state::Pin> pin = std::nullopt;
  std::optional<state::Gaps> gaps = std::nullopt;
};

// Rules of a retention, by the names that the API gives them, in the place of the settings'.
using Rules = std::vector<std::pair<std::string, std::string>>;

// Threads    One.
// Errors     Those of jobs/ and store/; from a server also kUnauthenticated and kUnavailable.
//            A job that failed or was cancelled is no error here: it is in the status.
class Backups {
 public:
  virtual ~Backups() = default;

  [[nodiscard]] virtual std::string describe() const = 0;  // "pb_data", "http://..."
  [[nodiscard]] virtual bool is_remote() const = 0;

  [[nodiscard]] virtual Result<jobs::Listing> list() = 0;
  [[nodiscard]] virtual Result<store::Backup> find(const store::BackupName& name) = 0;
  [[nodiscard]] virtual Result<Summary> show(const store::BackupName& name) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ArchiveView>> look_into(
      const store::BackupName& name) = 0;
  [[nodiscard]] virtual Result<void> remove(const store::BackupName& name) = 0;
  // As jobs::Vault has them.
  [[nodiscard]] virtual Result<void> pin(const store::BackupName& name,
                                         const std::optional<std::string>& note) = 0;
  [[nodiscard]] virtual Result<void> unpin(const store::BackupName& name) = 0;
  [[nodiscard]] virtual Result<jobs::Pruning> prune(const Rules& rules, bool is_dry_run) = 0;

  [[nodiscard]] virtual Result<jobs::Status> backup(const jobs::BackupOrder& order,
                                                    const Watch& watch) = 0;
  [[nodiscard]] virtual Result<jobs::Status> verify(const store::BackupName& name,
                                                    jobs::VerifyDepth depth,
                                                    const Watch& watch) = 0;
  [[nodiscard]] virtual Result<jobs::Status> restore(const jobs::RestoreOrder& order,
                                                     const Watch& watch) = 0;
  [[nodiscard]] virtual Result<jobs::Status> restore_file(const fs::Path& file,
                                                          const jobs::RestoreOptions& options,
                                                          const Watch& watch) = 0;
  // What these restores would do; nothing is changed.
  [[nodiscard]] virtual Result<jobs::Status> preflight(const store::BackupName& name,
                                                       const jobs::PreflightOrder& order,
                                                       const Watch& watch) = 0;
  [[nodiscard]] virtual Result<jobs::Status> preflight_file(const fs::Path& file,
                                                            const jobs::PreflightOrder& order,
                                                            const Watch& watch) = 0;
  // `id`: of what kept() lists; empty: the newest.
  [[nodiscard]] virtual Result<jobs::Status> undo(const std::string& id, const Watch& watch) = 0;
  [[nodiscard]] virtual Result<std::vector<jobs::Kept>> kept() = 0;
  [[nodiscard]] virtual Result<void> remove_kept(const std::string& id) = 0;
  // docs/api.md, "Alerts".
  [[nodiscard]] virtual Result<boost::json::object> alerts() = 0;
  [[nodiscard]] virtual Result<void> test_alert(const std::string& channel,
                                                const std::stop_token& stop) = 0;
  // From a plain PocketBase the backups only: the rest is empty.
  [[nodiscard]] virtual Result<jobs::Overview> overview() = 0;

  // All of the backup into `sink`; its size.
  [[nodiscard]] virtual Result<std::uint64_t> download(const store::BackupName& name, Sink& sink,
                                                       const Transfer& transfer) = 0;
  [[nodiscard]] virtual Result<store::Backup> upload(Source& source, const store::BackupName& name,
                                                     const Transfer& transfer) = 0;
};

}  // namespace pv::cli
