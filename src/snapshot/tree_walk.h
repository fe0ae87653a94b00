// Which files of the directory go into the snapshot beside its databases.
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "snapshot/plain_file.h"
#include "snapshot/snapshot.h"

namespace pv::snapshot {

// Entries of the root that are never part of a backup, and those the caller leaves out.
class RootRules {
 public:
  explicit RootRules(const std::vector<std::string>& exclude);

  // `name` is a database: neither it nor its side files are plain files.
  void add_database(const std::string& name);
  [[nodiscard]] bool leaves_out(const std::string& root_name) const;

 private:
  std::set<std::string> names_;
};

struct Gathered {
  std::vector<Item> items;
  std::vector<Warning> warnings;
};

// Walks `directory`, as snapshot.h says. Files whose identity is in `forbidden` are left out with a
// warning.
[[nodiscard]] Result<Gathered> gather(const fs::Path& directory, const RootRules& rules,
                                      const Forbidden& forbidden,
                                      const std::shared_ptr<LateWarnings>& late,
                                      std::stop_token stop);

}  // namespace pv::snapshot
