#include "cli/new_file.h"

#include <ostream>
#include <set>
#include <utility>

#include "base/text.h"
#include "sqlite/files.h"

namespace pv::cli {
namespace {

// Makes the folders on the way to `name` below `root`, and refuses to go through anything else.
Result<void> make_way(const fs::Path& root, std::string_view name) {
  for (std::size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
    const fs::Path folder = root / name.substr(0, at);
    const Result<void> made = fs::make_folder(folder);
    if (made.has_value()) { continue; }
    if (made.error().code != Code::kExists) { return made; }
    PV_TRY(const fs::Stat found, fs::link_stat(folder));
    if (!found.is_folder()) {
      return fail(Code::kExists, printable(folder.native()) + " is there, and is no folder");
    }
  }
  return {};
}

bool looks_like_data(const fs::Path& folder) {
  int found = 0;
  for (const char* name : {"data.db", "auxiliary.db", "storage"}) {
    found += fs::exists(folder / name) ? 1 : 0;
  }
  return found >= 2 || fs::exists(folder / ".pocketvault");
}

bool is_database_name(std::string_view name) {
  const std::string_view main = sqlite::main_of(name);
  return main == "data.db" || main == "auxiliary.db";
}

Result<void> refuse_live(const fs::Path& path) {
  std::error_code error;
  const fs::Path given = folder_of(path);
  const fs::Path folder = std::filesystem::weakly_canonical(given, error);
  if (error) { return fail(errno_error(error.value(), printable(given.native()))); }
  for (const fs::Path& part : folder) {
    if (part == ".pocketvault" || part == ".pocketvault-restore") {
      return fail(Code::kInvalid,
                  printable(path.native()) + " lies where pocketvault works itself");
    }
  }
  if (!is_database_name(path.filename().native()) || !looks_like_data(folder)) { return {}; }
  return fail(Code::kInvalid,
              printable(path.native()) +
                  " is the database of a data directory, which an app may have open; choose "
                  "another place, or put a backup back with: pocketvault restore");
}

}  // namespace

Result<void> StreamSink::write(Bytes bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!out_.flush()) { return fail(Code::kUnavailable, "standard output can't be written"); }
  return {};
}

fs::Path folder_of(const fs::Path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::Path{"."};
}

fs::Path part_beside(const fs::Path& path, Random& random) {
  return folder_of(path) / (".pocketvault-" + random_text(random, kAlphanumeric, 10) + ".part");
}

Result<NewFile> NewFile::create(const fs::Path& path, std::uint32_t mode, Random& random) {
  PV_CHECK(refuse_live(path));
  fs::Path temporary = part_beside(path, random);
  PV_TRY(fs::Fd fd, fs::create_new(temporary, mode));
  return NewFile{path, std::move(temporary), std::move(fd)};
}

NewFile::NewFile(fs::Path path, fs::Path temporary, fs::Fd fd)
    : path_{std::move(path)}, temporary_{std::move(temporary)}, sink_{std::move(fd), path_} {}
NewFile::NewFile(NewFile&& other) noexcept
    : path_{std::move(other.path_)},
      temporary_{std::exchange(other.temporary_, {})},
      sink_{std::move(other.sink_)} {}
NewFile::~NewFile() {
  if (!temporary_.empty()) { std::ignore = fs::remove_file(temporary_); }
}

Result<void> NewFile::finish(bool replace) {
  PV_CHECK(sink_.sync());
  PV_CHECK(sink_.close());
  PV_CHECK(replace ? fs::rename(temporary_, path_) : fs::rename_to_new(temporary_, path_));
  temporary_.clear();
  return fs::sync_folder(folder_of(path_));
}

Result<NewFolder> NewFolder::create(const fs::Path& path, Random& random) {
  PV_CHECK(refuse_live(path));
  fs::Path temporary = part_beside(path, random);
  PV_CHECK(fs::make_folder(temporary));
  // Open before the first write, so that sync_file_system() reports what failed since.
  auto fd = fs::open_for_reading(temporary);
  if (!fd.has_value()) {
    std::ignore = fs::remove_empty_folder(temporary);
    return fail(std::move(fd).error());
  }
  return NewFolder{path, std::move(temporary), *std::move(fd)};
}

NewFolder::NewFolder(fs::Path path, fs::Path temporary, fs::Fd fd)
    : path_{std::move(path)}, temporary_{std::move(temporary)}, fd_{std::move(fd)} {}
NewFolder::NewFolder(NewFolder&& other) noexcept
    : path_{std::move(other.path_)},
      temporary_{std::exchange(other.temporary_, {})},
      fd_{std::move(other.fd_)} {}
NewFolder::~NewFolder() {
  if (!temporary_.empty()) { std::ignore = fs::remove_tree(temporary_); }
}

Result<void> NewFolder::finish() {
  PV_CHECK(fs::sync_file_system(fd_));
  PV_CHECK(fs::rename_to_new(temporary_, path_));
  temporary_.clear();
  return fs::sync_folder(folder_of(path_));
}

Result<void> NewFolder::finish_into(const std::vector<std::string>& names) {
  for (const std::string& name : names) { PV_CHECK(refuse_live(path_ / name)); }
  PV_CHECK(fs::sync_file_system(fd_));
  std::set<fs::Path> touched;
  for (const std::string& name : names) {
    PV_CHECK(make_way(path_, name));
    const fs::Path target = path_ / name;
    const auto found = fs::link_stat(target);
    if (found.has_value() && !found->is_file()) {
      return fail(Code::kExists, printable(target.native()) + " is there, and is no file");
    }
    PV_CHECK(fs::rename(temporary_ / name, target));
    for (fs::Path folder = target.parent_path(); touched.insert(folder).second && folder != path_;
         folder = folder.parent_path()) {}
  }
  for (const fs::Path& folder : touched) { PV_CHECK(fs::sync_folder(folder)); }
  return {};
}

}  // namespace pv::cli
