// A file system of another kind, in a file of its own.
#pragma once

#include <filesystem>
#include <string>

#include "testing/fixtures.h"

namespace pv::testing {

// 512 MiB, sparse. Needs root, loop devices and mkfs of that kind.
class LoopMount {
 public:
  explicit LoopMount(const std::string& kind);  // "xfs", "btrfs"
  ~LoopMount();
  LoopMount(const LoopMount&) = delete;
  LoopMount& operator=(const LoopMount&) = delete;

  // Empty: it is mounted at path().
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "mount"; }

 private:
  TempFolder folder_;
  std::string why_not_;
};

}  // namespace pv::testing
