// Which files of the directory go into the snapshot beside its databases.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "snapshot/plain_file.h"
#include "snapshot/snapshot.h"

namespace pv::snapshot {

// Entries of the root that are never part of a backup, and what the caller leaves out.
class RootRules {
 public:
  RootRules(std::vector<std::string> exclude_roots, std::vector<Glob> exclude);

  // `name` is a database: neither it nor its side files are plain files.
  void add_database(const std::string& name);
  [[nodiscard]] bool leaves_out(const std::string& root_name) const;
  // Left out whatever the caller asks for, or taken as a database.
  [[nodiscard]] bool is_fixed(const std::string& root_name) const;
  // Whether the caller leaves it out; any name, not of the root alone. One thread at a time.
  [[nodiscard]] bool is_excluded(const std::string& name) const;
  // The patterns that no name has matched so far.
  [[nodiscard]] std::vector<std::string> unmatched() const;

 private:
  std::set<std::string> names_;
  std::vector<std::string> exclude_roots_;
  std::vector<Glob> exclude_;
  mutable std::vector<bool> matched_;  // each of them
};

struct Gathered {
  std::deque<Item> items;
  std::vector<std::unique_ptr<const Tree>> trees;  // which Item::tree counts
  std::vector<Warning> warnings;
  LeftOut left_out;
};

// What is walked, all of it only read from.
struct Walk {
  const fs::Path& directory;
  const RootRules& rules;
  const Forbidden& forbidden;  // files of this identity are left out with a warning
  const std::vector<Extra>& extras;
};

// Walks the directory, then the extra folders, as snapshot.h says.
[[nodiscard]] Result<Gathered> gather(const Walk& walk, const std::shared_ptr<LateWarnings>& late,
                                      std::stop_token stop);

}  // namespace pv::snapshot
