#include "store/mem_store.h"

#include <cstring>
#include <map>
#include <mutex>

#include "base/text.h"
#include "s3/sidecar.h"

namespace pv::store {
namespace {

struct Kept {
  std::shared_ptr<const std::string> bytes;
  WallTime modified;
};

// Shared with the uploads, which may outlive the store.
struct Shelf {
  std::mutex mutex;
  std::map<BackupName, Kept> kept;
};

Error not_found(const BackupName& name) {
  return Error{Code::kNotFound, "there is no backup " + printable(name.text())};
}
Error taken(const BackupName& name) {
  return Error{Code::kExists, "there is already a backup " + printable(name.text())};
}

class MemSource final : public Source {
 public:
  explicit MemSource(std::shared_ptr<const std::string> bytes) : bytes_{std::move(bytes)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_->size(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= bytes_->size()) { return std::size_t{0}; }
    const auto start = static_cast<std::size_t>(offset);
    const std::size_t count = std::min(into.size(), bytes_->size() - start);
    std::memcpy(into.data(), bytes_->data() + start, count);
    return count;
  }

 private:
  std::shared_ptr<const std::string> bytes_;
};

class MemUpload final : public Upload {
 public:
  MemUpload(std::shared_ptr<Shelf> shelf, BackupName name, const Clock& clock)
      : shelf_{std::move(shelf)}, name_{std::move(name)}, clock_{clock} {}

  [[nodiscard]] Result<void> write(Bytes bytes) override {
    bytes_ += as_text(bytes);
    return {};
  }
  [[nodiscard]] bool can_patch() const override { return true; }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    if (offset + bytes.size() > bytes_.size()) {
      return fail(Code::kInvalid, "patch past the end of what was written");
    }
    bytes_.replace(static_cast<std::size_t>(offset), bytes.size(), as_text(bytes));
    return {};
  }
  [[nodiscard]] Result<Backup> commit() override {
    const std::lock_guard lock{shelf_->mutex};
    const Kept kept{std::make_shared<const std::string>(std::move(bytes_)), clock_.now()};
    if (!shelf_->kept.emplace(name_, kept).second) { return fail(taken(name_)); }
    return Backup{name_, kept.bytes->size(), kept.modified, std::string{s3::kZipType}};
  }

 private:
  std::shared_ptr<Shelf> shelf_;
  BackupName name_;
  const Clock& clock_;
  std::string bytes_;
};

class MemStore final : public BackupStore {
 public:
  explicit MemStore(const Clock& clock) : clock_{clock} {}

  [[nodiscard]] Result<std::vector<Backup>> list() override {
    const std::lock_guard lock{shelf_->mutex};
    std::vector<Backup> backups;
    for (const auto& [name, kept] : shelf_->kept) {
      backups.push_back({name, kept.bytes->size(), kept.modified, {}});
    }
    return backups;
  }
  [[nodiscard]] Result<Backup> stat(const BackupName& name) override {
    PV_TRY(const Kept kept, find(name));
    return Backup{name, kept.bytes->size(), kept.modified, std::string{s3::kZipType}};
  }
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const BackupName& name) override {
    PV_TRY(const Kept kept, find(name));
    return std::unique_ptr<Source>{std::make_unique<MemSource>(kept.bytes)};
  }
  [[nodiscard]] Result<std::unique_ptr<Upload>> create(const BackupName& name,
                                                       const UploadOptions& /*options*/) override {
    const std::lock_guard lock{shelf_->mutex};
    if (shelf_->kept.contains(name)) { return fail(taken(name)); }
    return std::unique_ptr<Upload>{std::make_unique<MemUpload>(shelf_, name, clock_)};
  }
  [[nodiscard]] Result<void> remove(const BackupName& name) override {
    const std::lock_guard lock{shelf_->mutex};
    if (shelf_->kept.erase(name) == 0) { return fail(not_found(name)); }
    return {};
  }
  [[nodiscard]] Result<std::size_t> sweep() override { return std::size_t{0}; }
  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override {
    return std::optional<std::uint64_t>{};
  }
  [[nodiscard]] std::string describe() const override { return "memory"; }

 private:
  Result<Kept> find(const BackupName& name) {
    const std::lock_guard lock{shelf_->mutex};
    const auto place = shelf_->kept.find(name);
    if (place == shelf_->kept.end()) { return fail(not_found(name)); }
    return place->second;
  }

  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<BackupStore> make_mem_store(const Clock& clock) {
  return std::make_unique<MemStore>(clock);
}

}  // namespace pv::store
