#include "cli/local_backups.h"

#include <algorithm>

#include "base/text.h"
#include "settings/vault_settings.h"

namespace pv::cli {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;

// Copies, telling how far it is. kCancelled.
Result<std::uint64_t> copy_watched(Source& source, Sink& sink, const Transfer& transfer) {
  std::vector<std::byte> block(kBlockBytes);
  std::uint64_t done = 0;
  for (;;) {
    if (transfer.stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    PV_TRY(const std::size_t count, source.read_at(done, block));
    if (count == 0) { return done; }
    PV_CHECK(sink.write(Bytes{block}.first(count)));
    done += count;
    if (transfer.on_progress) { transfer.on_progress(done, source.size_bytes()); }
  }
}

class LocalView final : public ArchiveView {
 public:
  explicit LocalView(std::shared_ptr<const jobs::Contents> contents)
      : contents_{std::move(contents)} {}

  [[nodiscard]] Result<jobs::ContentItem> find(const std::string& path) override {
    return contents_->find(path);
  }
  [[nodiscard]] Result<void> list(const std::string& path, Depth depth, const Take& take) override {
    constexpr std::uint64_t kPageItems = 10'000;
    jobs::Contents::Query query{.path = path, .depth = depth, .count_max = kPageItems};
    for (;; query.skip += kPageItems) {
      PV_TRY(const jobs::Contents::Page page, contents_->list(query));
      for (const jobs::ContentItem& item : page.items) { PV_CHECK(take(item)); }
      if (query.skip + page.items.size() >= page.total) { return {}; }
    }
  }
  [[nodiscard]] Result<void> extract(const std::string& path, Sink& sink,
                                     const std::stop_token& stop) override {
    return contents_->extract(path, sink, stop);
  }

 private:
  const std::shared_ptr<const jobs::Contents> contents_;
};

class LocalBackups final : public Backups {
 public:
  explicit LocalBackups(LocalVault& vault) : local_{vault} {}

  [[nodiscard]] std::string describe() const override {
    return printable(local_.directory().path().native());
  }
  [[nodiscard]] bool is_remote() const override { return false; }

  [[nodiscard]] Result<jobs::Listing> list() override { return local_.vault().list(); }
  [[nodiscard]] Result<store::Backup> find(const store::BackupName& name) override {
    return local_.store().stat(name);
  }
  [[nodiscard]] Result<Summary> show(const store::BackupName& name) override {
    PV_TRY(jobs::ArchiveSummary found, local_.vault().summarize(name));
    return Summary{std::move(found.backup),
                   Contents{found.entries, found.raw_bytes, std::move(found.databases),
                            found.storage_files, found.has_data_db},
                   std::move(found.verdict),
                   std::move(found.unknown_because),
                   std::move(found.pin),
                   found.gaps};
  }
  [[nodiscard]] Result<std::unique_ptr<ArchiveView>> look_into(
      const store::BackupName& name) override {
    PV_TRY(auto contents, local_.vault().look_into(name));
    return std::make_unique<LocalView>(std::move(contents));
  }
  [[nodiscard]] Result<void> remove(const store::BackupName& name) override {
    return local_.vault().remove(name);
  }
  [[nodiscard]] Result<void> pin(const store::BackupName& name,
                                 const std::optional<std::string>& note) override {
    return local_.vault().pin(name, note);
  }
  [[nodiscard]] Result<void> unpin(const store::BackupName& name) override {
    return local_.vault().unpin(name);
  }
  [[nodiscard]] Result<jobs::Pruning> prune(const Rules& rules, bool is_dry_run) override {
    jobs::PruneOrder order{.rules = std::nullopt, .is_dry_run = is_dry_run};
    if (!rules.empty()) {
      const settings::VaultSettingsFile file{local_.directory().vault_folder()};
      PV_TRY(const settings::VaultSettings own, file.read());
      jobs::RulesReader reader{own.retention};
      for (const auto& [name, value] : rules) {
        PV_TRY(const bool is_rule, reader.take(name, value));
        PV_ASSERT(is_rule);
      }
      order.rules = reader.rules();
    }
    return local_.vault().prune(order);
  }

  [[nodiscard]] Result<jobs::Status> backup(const jobs::BackupOrder& order,
                                            const Watch& watch) override {
    return run(local_.vault().start_backup(order), watch);
  }
  [[nodiscard]] Result<jobs::Status> verify(const store::BackupName& name, jobs::VerifyDepth depth,
                                            const Watch& watch) override {
    return run(local_.vault().start_verify(name, depth), watch);
  }
  [[nodiscard]] Result<jobs::Status> restore(const jobs::RestoreOrder& order,
                                             const Watch& watch) override {
    return run(local_.vault().start_restore(order), watch);
  }
  [[nodiscard]] Result<jobs::Status> restore_file(const fs::Path& file,
                                                  const jobs::RestoreOptions& options,
                                                  const Watch& watch) override {
    return run(local_.vault().start_restore_file(file, options), watch);
  }
  [[nodiscard]] Result<jobs::Status> preflight(const store::BackupName& name,
                                               const jobs::PreflightOrder& order,
                                               const Watch& watch) override {
    return run(local_.vault().start_preflight(name, order), watch);
  }
  [[nodiscard]] Result<jobs::Status> preflight_file(const fs::Path& file,
                                                    const jobs::PreflightOrder& order,
                                                    const Watch& watch) override {
    return run(local_.vault().start_preflight_file(file, order), watch);
  }
  [[nodiscard]] Result<jobs::Status> undo(const std::string& id, const Watch& watch) override {
    return run(local_.vault().start_undo(id), watch);
  }
  [[nodiscard]] Result<std::vector<jobs::Kept>> kept() override { return local_.vault().kept(); }
  [[nodiscard]] Result<void> remove_kept(const std::string& id) override {
    return local_.vault().remove_kept(id);
  }
  [[nodiscard]] Result<boost::json::object> alerts() override { return local_.alerts().report(); }
  [[nodiscard]] Result<void> test_alert(const std::string& channel,
                                        const std::stop_token& stop) override {
    return local_.alerts().test(channel, stop);
  }
  [[nodiscard]] Result<jobs::Overview> overview() override { return local_.vault().overview(); }

  [[nodiscard]] Result<std::uint64_t> download(const store::BackupName& name, Sink& sink,
                                               const Transfer& transfer) override {
    PV_TRY(const auto source, local_.store().open(name));
    PV_TRY(const std::uint64_t copied, copy_watched(*source, sink, transfer));
    if (copied != source->size_bytes()) {
      return fail(Code::kDamaged, printable(name.text()) + " became shorter while it was read");
    }
    return copied;
  }

  [[nodiscard]] Result<store::Backup> upload(Source& source, const store::BackupName& name,
                                             const Transfer& transfer) override {
    PV_TRY(const auto upload, local_.store().create(name, {std::string{name.last_part()}}));
    PV_TRY(const std::uint64_t copied, copy_watched(source, *upload, transfer));
    if (copied != source.size_bytes()) {
      return fail(Code::kDamaged, "the file became shorter while it was read");
    }
    return upload->commit();
  }

 private:
  static Result<jobs::Status> run(Result<std::shared_ptr<jobs::Job>> started, const Watch& watch) {
    PV_TRY(const auto job, std::move(started));
    return follow(*job, watch);
  }

  LocalVault& local_;
};

}  // namespace

jobs::Status follow(jobs::Job& job, const Watch& watch) {
  constexpr std::chrono::milliseconds kLookEvery{100};
  const std::stop_callback cancel{watch.stop, [&job] { job.cancel(); }};
  while (!job.wait_for(kLookEvery)) {
    if (watch.on_status) { watch.on_status(job.status()); }
  }
  return job.status();
}

Result<std::unique_ptr<ArchiveView>> look_into_file(const fs::Path& file) {
  PV_TRY(auto contents, jobs::Contents::open({.name = file.filename().native(),
                                              .open = [file] { return fs::open_source(file); }}));
  return std::make_unique<LocalView>(std::move(contents));
}

std::unique_ptr<Backups> make_local_backups(LocalVault& vault) {
  return std::make_unique<LocalBackups>(vault);
}

}  // namespace pv::cli
