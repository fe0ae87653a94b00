#include "store/folder_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/text.h"
#include "fs/beneath.h"
#include "fs/clone.h"
#include "fs/give.h"
#include "s3/sidecar.h"
#include "store/folder_listing.h"
#include "store/part.h"

namespace pv::store {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::string sidecar_of(std::string_view name) {
  return std::string{name} + std::string{s3::kSidecarSuffix};
}

std::string parent_of(const BackupName& name) {
  const std::size_t slash = name.text().rfind('/');
  return slash == std::string::npos ? std::string{} : name.text().substr(0, slash);
}

bool lies_in_hidden_folder(const BackupName& name) {
  const std::string parent = parent_of(name);
  return parent.starts_with('.') || parent.find("/.") != std::string::npos;
}

Error not_found(const BackupName& name) {
  return Error{Code::kNotFound, "there is no backup " + printable(name.text())};
}

// kUnavailable unless the folder that is open lies at `path` still: what is made in one that was
// moved away, nobody finds.
Result<void> check_in_place(const fs::Fd& folder, const fs::Path& path) {
  if (fs::lies_at(folder, path)) { return {}; }
  return fail(Code::kUnavailable, "the folder " + printable(path.native()) +
                                      " was moved, removed or replaced by another program "
                                      "meanwhile: nothing was stored, try again");
}

// fsync as far as the file system knows it for folders.
Result<void> sync_folder(const fs::Fd& folder) {
  if (::fsync(folder.get()) != 0 && errno != EINVAL) {
    return fail(errno_error(errno, "fsync the backups folder"));
  }
  return {};
}

class FolderUpload final : public Upload {
 public:
  FolderUpload(std::shared_ptr<const fs::Fd> parent, fs::Path place, Part part, BackupName name,
               std::string original_name)
      : parent_{std::move(parent)},
        place_{std::move(place)},
        part_{std::move(part)},
        name_{std::move(name)},
        original_name_{std::move(original_name)},
        clone_block_bytes_{fs::clone_block_bytes(part_->fd())} {}

  [[nodiscard]] Result<void> write(Bytes bytes) override {
    PV_CHECK(with_context(fs::write_all(part_->fd(), bytes)));
    went_on(bytes.size());
    return {};
  }
  [[nodiscard]] bool can_patch() const override { return true; }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    return with_context(fs::write_all_at(part_->fd(), offset, bytes));
  }
  [[nodiscard]] std::uint64_t clone_block_bytes() const override { return clone_block_bytes_; }
  [[nodiscard]] Result<bool> clone(Source& source, ByteRange range) override {
    const int from = source.descriptor();
    if (from < 0 || !fs::clone_range(from, range, part_->fd(), size_bytes_)) { return false; }
    went_on(range.size_bytes);
    const auto end = static_cast<::off_t>(size_bytes_);
    if (::lseek(part_->fd().get(), end, SEEK_SET) != end) {
      return fail(errno_error(errno, printable(name_.text())));
    }
    return true;
  }

  [[nodiscard]] Result<Backup> commit() override {
    PV_ASSERT(part_.has_value());
    auto outcome = publish();
    part_.reset();  // not before: publish() may have left it to be removed
    if (!outcome.has_value()) { return fail(outcome.error().within(printable(name_.text()))); }
    return outcome;
  }

 private:
  void went_on(std::uint64_t count) {
    behind_.wrote(part_->fd(), count);
    size_bytes_ += count;
  }

  Result<void> with_context(Result<void> outcome) const {
    if (outcome.has_value()) { return outcome; }
    return fail(outcome.error().within(printable(name_.text())));
  }

  // Both files are on disk before either is seen. The zip goes first, because taking its name is
  // what decides a race; a crash in between leaves a backup without a side file, which is one.
  // The folder is looked for at its place before and after: a client that was told of success has
  // to find the backup there.
  Result<Backup> publish() {
    PV_CHECK(check_in_place(*parent_, place_));
    PV_CHECK(fs::sync(part_->fd()));
    PV_TRY(const fs::Stat written, fs::stat(part_->fd(), name_.text()));
    PV_TRY(Part sidecar, Part::create(parent_));
    PV_CHECK(fs::write_all(sidecar.fd(),
                           as_bytes(s3::sidecar_of({std::string{s3::kZipType}, original_name_}))));
    PV_CHECK(fs::sync(sidecar.fd()));

    const std::string last{name_.last_part()};
    PV_CHECK(part_->publish(last));
    Result<void> outcome = sidecar.publish_over(sidecar_of(last));
    if (outcome.has_value()) { outcome = sync_folder(*parent_); }
    if (outcome.has_value()) { outcome = check_in_place(*parent_, place_); }
    if (!outcome.has_value()) {
      ::unlinkat(parent_->get(), last.c_str(), 0);
      ::unlinkat(parent_->get(), sidecar_of(last).c_str(), 0);
      return fail(outcome.error());
    }
    return Backup{name_, written.size_bytes, written.modified, std::string{s3::kZipType}};
  }

  std::shared_ptr<const fs::Fd> parent_;
  fs::Path place_;            // of that folder
  std::optional<Part> part_;  // empty after commit()
  fs::WriteBehind behind_;
  BackupName name_;
  std::string original_name_;
  std::uint64_t clone_block_bytes_;
  std::uint64_t size_bytes_ = 0;
};

class FolderStore final : public BackupStore {
 public:
  explicit FolderStore(fs::Path folder) : folder_{std::move(folder)} {}

  [[nodiscard]] Result<std::vector<Backup>> list() override {
    PV_TRY(const auto root, open_root());
    if (!root.has_value()) { return std::vector<Backup>{}; }
    return list_backups(*root);
  }

  [[nodiscard]] Result<bool> each_name(const TakeName& take) override {
    PV_TRY(const auto root, open_root());
    if (root.has_value()) { PV_CHECK(store::each_name(*root, take)); }
    return true;
  }

  [[nodiscard]] Result<Backup> stat(const BackupName& name) override {
    PV_TRY(const fs::Fd root, need_root(name));
    PV_TRY(const fs::Fd fd, open_backup(root, name, O_PATH));
    PV_TRY(const fs::Stat found, fs::stat(fd, name.text()));
    return Backup{name, found.size_bytes, found.modified, content_type(root, name)};
  }

  [[nodiscard]] Result<std::unique_ptr<Source>> open(const BackupName& name) override {
    PV_TRY(const fs::Fd root, need_root(name));
    PV_TRY(fs::Fd fd, open_backup(root, name, O_RDONLY | O_NONBLOCK));
    return fs::source_of(std::move(fd), folder_ / name.text());
  }

  [[nodiscard]] Result<std::unique_ptr<Upload>> create(const BackupName& name,
                                                       const UploadOptions& options) override {
    PV_CHECK(check_new_name(name));
    PV_TRY(fs::Fd opened, make_parent(name));
    const auto parent = std::make_shared<const fs::Fd>(std::move(opened));
    struct ::stat raw {};
    const std::string last{name.last_part()};
    if (::fstatat(parent->get(), last.c_str(), &raw, AT_SYMLINK_NOFOLLOW) == 0) {
      return fail(Code::kExists, "there is already a backup " + printable(name.text()));
    }
    if (errno != ENOENT) { return fail(errno_error(errno, printable(name.text()))); }
    auto part = Part::create(parent);
    if (!part.has_value()) { return fail(part.error().within(describe())); }
    const std::string original = options.original_name.empty() ? last : options.original_name;
    return std::unique_ptr<Upload>{std::make_unique<FolderUpload>(
        parent, folder_ / parent_of(name), std::move(*part), name, original)};
  }

  [[nodiscard]] Result<void> remove(const BackupName& name) override {
    PV_TRY(const fs::Fd root, need_root(name));
    {
      // A folder, or a link that leads outside, is no backup.
      PV_TRY(const fs::Fd is_one, open_backup(root, name, O_PATH));
    }
    PV_TRY(const fs::Fd parent, open_parent(root, name));
    const std::string last{name.last_part()};
    if (::unlinkat(parent.get(), last.c_str(), 0) != 0) {
      if (errno == ENOENT) { return fail(not_found(name)); }
      return fail(errno_error(errno, "remove " + printable(name.text())));
    }
    if (::unlinkat(parent.get(), sidecar_of(last).c_str(), 0) != 0 && errno != ENOENT) {
      return fail(errno_error(errno, "remove " + printable(sidecar_of(name.text()))));
    }
    return sync_folder(parent);
  }

  [[nodiscard]] Result<std::size_t> sweep() override {
    PV_TRY(const auto root, open_root());
    std::size_t removed = 0;
    if (!root.has_value()) { return removed; }
    PV_CHECK(for_each_part(*root, [&](const fs::Fd& parent, const std::string& name) {
      if (remove_if_abandoned(parent, name)) { ++removed; }
    }));
    return removed;
  }

  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override {
    fs::Path place = folder_;
    while (!fs::exists(place) && place.has_parent_path() && place != place.parent_path()) {
      place = place.parent_path();
    }
    PV_TRY(const fs::Space space, fs::space(place.empty() ? fs::Path{"."} : place));
    return std::optional{space.free_bytes};
  }

  [[nodiscard]] std::optional<Extent> extent() override {
    std::error_code error;
    const fs::Path whole = std::filesystem::absolute(folder_, error);
    const fs::Path place = std::filesystem::weakly_canonical(whole, error);
    if (error) { return std::nullopt; }
    return Extent{.bucket = {}, .start = place.native()};
  }

  [[nodiscard]] std::string describe() const override {
    return "folder " + printable(folder_.native());
  }

 private:
  // nullopt: it is not there (yet).
  Result<std::optional<fs::Fd>> open_root() const {
    fs::Fd fd{::open(folder_.c_str(), kFolderFlags)};
    if (fd.is_open()) { return std::optional{std::move(fd)}; }
    const int why = errno;
    if (why == ENOENT) {
      const auto found = fs::link_stat(folder_);
      const bool dangles = found.has_value() && found->is_link();
      if (!dangles) { return std::optional<fs::Fd>{}; }
    }
    Error error = errno_error(why, "open backups " + describe());
    // Something else is in its place; only a backup can be "not found".
    if (error.code == Code::kNotFound) { error.code = Code::kUnavailable; }
    return fail(std::move(error));
  }

  Result<fs::Fd> need_root(const BackupName& name) const {
    PV_TRY(auto root, open_root());
    if (!root.has_value()) { return fail(not_found(name)); }
    return std::move(*root);
  }

  // A regular file that counts as a backup.
  static Result<fs::Fd> open_backup(const fs::Fd& root, const BackupName& name, int flags) {
    const std::string_view last = name.last_part();
    if (is_part_name(last) || lies_in_hidden_folder(name)) { return fail(not_found(name)); }
    if (needs_sidecar(last) &&
        !fs::open_beneath(root, sidecar_of(name.text()), O_PATH).has_value()) {
      return fail(not_found(name));
    }
    auto fd = fs::open_beneath(root, name.text(), flags);
    if (!fd.has_value()) {
      return fail(fd.error().code == Code::kNotFound ? not_found(name) : fd.error());
    }
    PV_TRY(const fs::Stat found, fs::stat(*fd, name.text()));
    if (!found.is_file()) { return fail(not_found(name)); }
    return fd;
  }

  static Result<fs::Fd> open_parent(const fs::Fd& root, const BackupName& name) {
    const std::string parent = parent_of(name);
    return fs::open_beneath(root, parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY);
  }

  static std::string content_type(const fs::Fd& root, const BackupName& name) {
    const auto fd = fs::open_beneath(root, sidecar_of(name.text()), O_RDONLY | O_NONBLOCK);
    if (!fd.has_value()) { return std::string{s3::kUnknownType}; }
    std::string text(s3::kSidecarBytesMax, '\0');
    const auto count = fs::read_some(*fd, 0, std::as_writable_bytes(std::span{text}));
    if (!count.has_value()) { return std::string{s3::kUnknownType}; }
    return s3::attributes_in(std::string_view{text}.substr(0, *count)).content_type;
  }

  static Result<void> check_new_name(const BackupName& name) {
    const std::string_view last = name.last_part();
    constexpr std::size_t kNameBytesMax = NAME_MAX;
    if (last.size() + s3::kSidecarSuffix.size() > kNameBytesMax) {
      return fail(Code::kInvalid, "the name is too long for a file: at most " +
                                      std::to_string(kNameBytesMax - s3::kSidecarSuffix.size()) +
                                      " bytes");
    }
    if (is_part_name(last)) {
      return fail(Code::kInvalid, "the name is kept for files in progress");
    }
    if (lies_in_hidden_folder(name)) {
      return fail(Code::kInvalid, "a backup can't lie in a hidden folder");
    }
    return {};
  }

  // The folder that `name` goes to, made where it is missing.
  Result<fs::Fd> make_parent(const BackupName& name) const {
    PV_TRY(auto root, open_root());
    if (!root.has_value()) {
      PV_CHECK(fs::make_folders(folder_));
      fs::give_like(folder_ / "..", folder_);
      PV_TRY(root, open_root());
      if (!root.has_value()) { return fail(Code::kUnavailable, describe() + " went away"); }
    }
    const std::string parent = parent_of(name);
    if (parent.empty()) { return std::move(*root); }
    for (std::size_t slash = 0; slash != std::string::npos;) {
      slash = parent.find('/', slash + 1);
      PV_CHECK(make_folder_beneath(*root, parent.substr(0, slash)));
    }
    return open_parent(*root, name);
  }

  static Result<void> make_folder_beneath(const fs::Fd& root, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? "." : path.substr(0, slash);
    PV_TRY(const fs::Fd parent, fs::open_beneath(root, above, O_RDONLY | O_DIRECTORY));
    const std::string last = slash == std::string::npos ? path : path.substr(slash + 1);
    if (::mkdirat(parent.get(), last.c_str(), 0777) != 0) {
      if (errno == EEXIST) { return {}; }
      return fail(errno_error(errno, "make folder " + printable(path)));
    }
    PV_TRY(const fs::Fd made, fs::open_beneath(root, path, O_RDONLY | O_DIRECTORY));
    fs::give_like(parent, made);
    return {};
  }

  fs::Path folder_;
};

}  // namespace

std::unique_ptr<BackupStore> make_folder_store(fs::Path folder) {
  return std::make_unique<FolderStore>(std::move(folder));
}

}  // namespace pv::store
