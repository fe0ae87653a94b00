#include "snapshot/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace pv::snapshot {

Result<ScratchFile> ScratchFile::create(const fs::Path& folder) {
  std::string path = (folder / "database.XXXXXX").string();
  const int number = ::mkostemp(path.data(), O_CLOEXEC);
  if (number < 0) { return fail(errno_error(errno, "create a file in " + folder.string())); }
  return ScratchFile{.path = fs::Path{path}, .fd = fs::Fd{number}};
}

void ScratchFile::unlink() const {
  for (const char* suffix : {"", "-wal", "-shm"}) { ::unlink((path.string() + suffix).c_str()); }
}

}  // namespace pv::snapshot
