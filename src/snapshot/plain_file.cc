#include "snapshot/plain_file.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "base/wall_time.h"
#include "fs/beneath.h"
#include "sqlite/files.h"

namespace pv::snapshot {
namespace {

// Passes reads on; at its end says whether the file was written to meanwhile.
class WatchedSource final : public Source {
 public:
  WatchedSource(std::unique_ptr<Source> inner, const fs::Stat& opened, std::string shown,
                std::shared_ptr<LateWarnings> late)
      : inner_{std::move(inner)},
        opened_{opened},
        shown_{std::move(shown)},
        late_{std::move(late)} {}

  ~WatchedSource() override {
    struct ::stat now {};
    if (::fstat(inner_->descriptor(), &now) != 0) { return; }
    const WallTime modified = wall_time(std::chrono::seconds{now.st_mtim.tv_sec},
                                        std::chrono::nanoseconds{now.st_mtim.tv_nsec});
    if (modified != opened_.modified ||
        static_cast<std::uint64_t>(now.st_size) != opened_.size_bytes) {
      late_->add({shown_, "changed while it was read: the backup may hold parts of both"});
    }
  }

  [[nodiscard]] std::uint64_t size_bytes() const override { return inner_->size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return inner_->read_at(offset, into);
  }
  [[nodiscard]] int descriptor() const override { return inner_->descriptor(); }

 private:
  std::unique_ptr<Source> inner_;
  fs::Stat opened_;
  std::string shown_;
  std::shared_ptr<LateWarnings> late_;
};

fs::Path pointer_path(const fs::Fd& pointer) {
  return "/proc/self/fd/" + std::to_string(pointer.get());
}

// Opens the very file that `pointer` names, whatever lies under its name by now.
Result<fs::Fd> open_pointed(const fs::Fd& pointer, const Tree& tree, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  fs::Fd fd{::open(pointer_path(pointer).c_str(), kFlags)};
  // Without /proc: by its name, with a gap in which a stranger could have put another file there.
  if (!fd.is_open() && errno == ENOENT) {
    fd = fs::Fd{::openat(tree.root.get(), name.c_str(), kFlags)};
  }
  if (!fd.is_open()) { return fail(errno_error(errno, printable(name))); }
  return fd;
}

}  // namespace

void LateWarnings::add(Warning warning) {
  const std::lock_guard lock{mutex_};
  warnings_.push_back(std::move(warning));
}

std::vector<Warning> LateWarnings::copy() const {
  const std::lock_guard lock{mutex_};
  return warnings_;
}

void Forbidden::add_database(const fs::Path& path) {
  // A link's side files lie beside what it points to.
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  for (const fs::Path& file : sqlite::files_of(error ? path : real)) {
    const auto about = fs::stat(file);
    if (about.has_value()) { files_.push_back({about->device, about->inode}); }
  }
}

bool Forbidden::has(const fs::Stat& stat) const {
  return std::any_of(files_.begin(), files_.end(), [&](const Identity& file) {
    return file.device == stat.device && file.inode == stat.inode;
  });
}

Result<fs::Fd> point_at(const Tree& tree, const std::string& name, Links links) {
  if (links == Links::kRefuse) { return fs::open_beneath(tree.root, name, O_PATH | O_NOFOLLOW); }
  fs::Fd fd{::openat(tree.root.get(), name.c_str(), O_PATH | O_CLOEXEC)};
  if (!fd.is_open()) { return fail(errno_error(errno, printable(name))); }
  return fd;
}

std::string real_path(const fs::Fd& pointer) {
  std::array<char, PATH_MAX> text{};
  const auto count = ::readlink(pointer_path(pointer).c_str(), text.data(), text.size());
  return count < 0 ? std::string{} : std::string{text.data(), static_cast<std::size_t>(count)};
}

Result<std::unique_ptr<Source>> open_plain(const Tree& tree, const std::string& shown,
                                           Links links) {
  PV_ASSERT(shown.starts_with(tree.prefix));
  const std::string name = shown.substr(tree.prefix.size());
  PV_TRY(const fs::Fd pointer, point_at(tree, name, links));
  PV_TRY(const fs::Stat pointed, fs::stat(pointer, tree.path / name));
  if (!pointed.is_file()) {
    return fail(Code::kNotFound, printable(shown) + " is no longer a regular file");
  }
  if (tree.forbidden.has(pointed)) {
    return fail(Code::kDenied, printable(shown) + " is a database under another name");
  }
  PV_TRY(fs::Fd fd, open_pointed(pointer, tree, name));
  PV_TRY(const fs::Stat opened, fs::stat(fd, tree.path / name));
  PV_TRY(auto source, fs::source_of(std::move(fd), tree.path / name));
  return std::unique_ptr<Source>{
      std::make_unique<WatchedSource>(std::move(source), opened, shown, tree.late)};
}

}  // namespace pv::snapshot
