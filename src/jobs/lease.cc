#include "jobs/lease.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <utility>

#include "base/text.h"
#include "base/wall_time.h"
#include "fs/give.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kWorkFolderPrefix = "tmp-";
constexpr std::uint64_t kNoteBytesMax = 16 << 10;  // a name has at most 1024 bytes

fs::Path lock_path(const fs::Path& vault_folder) { return vault_folder / "lock"; }
fs::Path note_path(const fs::Path& vault_folder) { return vault_folder / "lock.json"; }

// Not fsynced: after a crash nobody holds the lease, and then nobody reads the note.
Result<void> write_note(const fs::Path& path, const LeaseNote& note) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const boost::json::object object{
      {"pid", note.pid},
      {"kind", note.kind},
      {"name", note.name},
      {"since_ms", duration_cast<milliseconds>(note.since.time_since_epoch()).count()}};
  fs::Path temporary = path;
  temporary += ".new";
  (void)fs::remove_file(temporary);  // a crash may have left one
  PV_TRY(const fs::Fd fd, fs::create_new(temporary, 0600));
  fs::give_like(path.parent_path(), fd);
  Result<void> written = fs::write_all(fd, as_bytes(boost::json::serialize(object)));
  if (written.has_value()) { written = fs::rename(temporary, path); }
  if (!written.has_value()) { (void)fs::remove_file(temporary); }
  return written;
}

std::optional<LeaseNote> read_note(const fs::Path& path) {
  const Result<std::string> text = fs::read_file(path, kNoteBytesMax);
  if (!text.has_value()) { return std::nullopt; }
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(*text, error);
  if (error || !value.is_object()) { return std::nullopt; }
  const boost::json::object& object = value.as_object();
  const auto text_of = [&](const char* key) {
    const boost::json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::string{found->as_string()} : std::string{};
  };
  const auto number_of = [&](const char* key) {
    const boost::json::value* found = object.if_contains(key);
    return found != nullptr && found->is_int64() ? found->as_int64() : 0;
  };
  return LeaseNote{.pid = static_cast<int>(number_of("pid")),
                   .kind = text_of("kind"),
                   .name = text_of("name"),
                   .since = wall_time(std::chrono::milliseconds{number_of("since_ms")})};
}

}  // namespace

std::string describe(const LeaseNote& note) {
  const bool vowel = note.kind.starts_with('u');
  std::string text = (vowel ? "an " : "a ") + printable(note.kind);
  if (!note.name.empty()) { text += " (" + printable(note.name) + ")"; }
  text += " is at work on this directory";
  if (note.pid > 0 && note.pid != ::getpid()) {
    text += ", in process " + std::to_string(note.pid);
  }
  return text + ", since " + format_pocketbase_date(note.since);
}

Result<Lease> Lease::take(const fs::Path& vault_folder, const LeaseNote& note) {
  Result<fs::FileLock> lock = fs::FileLock::take(lock_path(vault_folder), 100ms);
  if (!lock.has_value()) {
    if (lock.error().code != Code::kBusy) { return fail(std::move(lock).error()); }
    const std::optional<LeaseNote> holder_note = read_note(note_path(vault_folder));
    return fail(Code::kBusy,
                holder_note ? describe(*holder_note) : "another job is at work on this directory");
  }
  Lease lease{std::move(*lock), note_path(vault_folder)};
  const Result<void> noted = write_note(lease.note_, note);
  // The lock is what counts; a full disk must not keep anybody from what makes space.
  if (!noted.has_value() && noted.error().code != Code::kNoSpace) { return fail(noted.error()); }
  return lease;
}

Lease::Lease(Lease&& other) noexcept
    : lock_{std::move(other.lock_)}, note_{std::exchange(other.note_, fs::Path{})} {}

Lease::~Lease() {
  // In another folder of that name it may be somebody else's.
  if (!note_.empty() && lock_.is_in_place()) { (void)fs::remove_file(note_); }
}

Result<void> Lease::check_in_place() const {
  if (lock_.is_in_place()) { return {}; }
  return fail(Code::kUnavailable,
              "the data directory, or its folder .pocketvault, was moved, removed or replaced by "
              "another program while this job was at work, so it was given up: try again");
}

bool Lease::held(const fs::Path& vault_folder) {
  return fs::FileLock::is_held(lock_path(vault_folder));
}

std::optional<LeaseNote> Lease::holder(const fs::Path& vault_folder) {
  if (!held(vault_folder)) { return std::nullopt; }
  return read_note(note_path(vault_folder));
}

// ------------------------------------------------------------------------- temporary folders

Result<WorkFolder> WorkFolder::create(const fs::Path& vault_folder, Random& random) {
  constexpr int kTriesMax = 5;
  for (int i = 1;; ++i) {
    const fs::Path folder = vault_folder / (std::string{kWorkFolderPrefix} +
                                            random_text(random, kLowerAlphanumeric, 10));
    PV_CHECK(fs::make_folder(folder, 0700));
    // Between the two calls a sweep may have taken the folder for a dead one.
    Result<fs::FileLock> lock = fs::FileLock::try_take(folder / "lock");
    if (lock.has_value()) {
      WorkFolder work{folder, std::move(*lock)};
      PV_CHECK(fs::make_folder(work.path(), 0700));
      return work;
    }
    const Code code = lock.error().code;
    if (i == kTriesMax || (code != Code::kBusy && code != Code::kNotFound)) {
      (void)fs::remove_tree(folder);
      return fail(std::move(lock).error());
    }
  }
}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : folder_{std::exchange(other.folder_, fs::Path{})}, lock_{std::move(other.lock_)} {}

WorkFolder::~WorkFolder() {
  if (!folder_.empty()) { (void)fs::remove_tree(folder_); }
}

Result<std::size_t> sweep_work_folders(const fs::Path& vault_folder) {
  std::error_code error;
  std::size_t removed = 0;
  for (std::filesystem::directory_iterator it{vault_folder, error}, end; !error && it != end;
       it.increment(error)) {
    if (!it->path().filename().string().starts_with(kWorkFolderPrefix)) { continue; }
    const Result<fs::FileLock> lock = fs::FileLock::try_take(it->path() / "lock");
    if (!lock.has_value()) { continue; }  // in use, or gone meanwhile
    PV_CHECK(fs::remove_tree(it->path()));
    ++removed;
  }
  if (error) { return fail(errno_error(error.value(), "look through " + vault_folder.string())); }
  return removed;
}

}  // namespace pv::jobs
