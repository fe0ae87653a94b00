#include "restore/seal.h"

#include <string>

namespace pv::restore {
namespace {

// FNV-1a.
constexpr std::uint64_t kStart = 14695981039346656037U;
std::uint64_t with_byte(std::uint64_t hash, unsigned char byte) {
  return (hash ^ byte) * 1099511628211U;
}
std::uint64_t with(std::uint64_t hash, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    hash = with_byte(hash, static_cast<unsigned char>(number >> static_cast<unsigned>(shift)));
  }
  return hash;
}
std::uint64_t with(std::uint64_t hash, WallTime time) {
  return with(hash, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

}  // namespace

Result<std::uint64_t> seal_of(const fs::Path& path) {
  PV_TRY(const fs::Stat top, fs::link_stat(path));
  // Its own ctime changes with each rename; when something in a folder comes or goes, its mtime.
  std::uint64_t seal =
      with(with(with(kStart, top.inode), top.modified), std::uint64_t{top.mode} & S_IFMT);
  if (!top.is_folder()) { return with(seal, top.size_bytes); }
  // A sum, for no order is promised.
  const auto add = [&](const std::string& name, const fs::Stat& stat) {
    std::uint64_t one = with(with(kStart, stat.inode), stat.changed);
    for (const char letter : name) { one = with_byte(one, static_cast<unsigned char>(letter)); }
    seal += one;
    return stat.is_folder();  // a file is done with
  };
  PV_TRY(const fs::Walked walked, fs::walk(path, add));
  if (!walked.unread.empty()) { return fail(walked.unread.front().error); }
  return seal;
}

}  // namespace pv::restore
