// Where commands put what they bring.
#pragma once

#include <iosfwd>
#include <string>

#include "base/random.h"
#include "fs/file.h"

namespace pv::cli {

class StreamSink final : public Sink {
 public:
  explicit StreamSink(std::ostream& out) : out_{out} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override;

 private:
  std::ostream& out_;
};

// The folder that `path` lies in.
[[nodiscard]] fs::Path folder_of(const fs::Path& path);

// A name beside `path` for what is not whole yet: ".pocketvault-XXXXXXXXXX.part".
[[nodiscard]] fs::Path part_beside(const fs::Path& path, Random& random);

// A file that gets its name only when it is whole; dropped before, nothing is left.
class NewFile {
 public:
  // `mode`: as far as the umask lets. kInvalid: the name is that of a database, or of something of
  // ours, in a data directory: an app that runs would go on in the old file, and lose what it
  // writes.
  [[nodiscard]] static Result<NewFile> create(const fs::Path& path, std::uint32_t mode,
                                              Random& random);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  [[nodiscard]] Sink& sink() { return sink_; }
  // Where it is filled.
  [[nodiscard]] const fs::Path& path() const { return temporary_; }

  // On disk, then visible. kExists where there is one and it is not to be replaced.
  [[nodiscard]] Result<void> finish(bool replace);

 private:
  NewFile(fs::Path path, fs::Path temporary, fs::Fd fd);
  fs::Path path_;
  fs::Path temporary_;  // empty: finished
  fs::FileSink sink_;
};

// A folder likewise: filled under another name beside it.
class NewFolder {
 public:
  [[nodiscard]] static Result<NewFolder> create(const fs::Path& path, Random& random);
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder();

  // Where it is filled.
  [[nodiscard]] const fs::Path& path() const { return temporary_; }

  // On disk, then visible; kExists.
  [[nodiscard]] Result<void> finish();
  // For a folder that is there: moves the files `names` into it, in place of those of that name.
  // kInvalid as NewFile::create(), before any is moved.
  // Each is whole at any moment, all of them together are not. kExists: a folder, or a link, stands
  // where a file or a folder has to go.
  [[nodiscard]] Result<void> finish_into(const std::vector<std::string>& names);

 private:
  NewFolder(fs::Path path, fs::Path temporary, fs::Fd fd);
  fs::Path path_;
  fs::Path temporary_;  // empty: finished
  fs::Fd fd_;
};

}  // namespace pv::cli
