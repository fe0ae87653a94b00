#include "jobs/selection.h"

#include "base/text.h"

namespace pv::jobs {
namespace {

constexpr const char* kCodeFolders[] = {"pb_hooks", "pb_migrations", "pb_public"};

void add(LeftOut& sum, std::string_view name, std::uint64_t bytes) {
  ++sum.files;
  sum.bytes += bytes;
  if (sum.names.size() < snapshot::LeftOut::kNamesMax) { sum.names.push_back(printable(name)); }
}

fs::Path parent_of(const fs::Path& directory) {
  const fs::Path plain = std::filesystem::absolute(directory).lexically_normal();
  return plain.has_filename() ? plain.parent_path() : plain.parent_path().parent_path();
}

}  // namespace

Result<std::vector<Glob>> exclusions_of(const BackupOrder& order) {
  if (order.exclude.size() > kExcludesMax) {
    return fail(Code::kInvalid, "more than " + std::to_string(kExcludesMax) + " patterns");
  }
  std::vector<Glob> globs;
  for (const std::string& pattern : order.exclude) {
    PV_TRY(Glob glob, Glob::parse(pattern));
    if (glob.covers("data.db")) {
      return fail(Code::kInvalid, "the pattern \"" + printable(pattern) +
                                      "\" covers data.db, without which nothing can be restored");
    }
    globs.push_back(std::move(glob));
  }
  return globs;
}

Result<void> select(const BackupOrder& order, const fs::Path& directory,
                    snapshot::Options& options) {
  PV_TRY(options.exclude, exclusions_of(order));
  if (order.without_logs) { options.exclude_roots.emplace_back("auxiliary.db"); }
  if (!order.with_code) { return {}; }
  for (const char* name : kCodeFolders) {
    options.extras.push_back(
        {parent_of(directory) / name, std::string{kCodeFolder} + "/" + std::string{name}});
  }
  return {};
}

LeftOut left_out_of(const snapshot::Snapshot& snapshot) {
  const snapshot::LeftOut& found = snapshot.left_out();
  LeftOut result{.files = found.files, .bytes = found.bytes, .names = {}};
  for (const std::string& name : found.names) { result.names.push_back(printable(name)); }
  return result;
}

bool is_code(std::string_view entry) {
  return entry.starts_with(kCodeFolder) &&
         (entry.size() == kCodeFolder.size() || entry[kCodeFolder.size()] == '/');
}

LeftOut code_of(const std::vector<restore::ArchiveEntry>& entries) {
  LeftOut result;
  for (const restore::ArchiveEntry& entry : entries) {
    if (is_code(entry.name) && !entry.is_folder) { add(result, entry.name, entry.raw_bytes); }
  }
  return result;
}

}  // namespace pv::jobs
