// A file of a backups folder while it is written: ".pocketvault-XXXXXXXXXX.part".
//
// Its writer holds an flock on it, so that a sweep, in this process or another, can tell a live
// part from what a crash left behind.
#pragma once

#include <memory>
#include <string>

#include "fs/file.h"

namespace pv::store {

[[nodiscard]] bool is_part_name(std::string_view last_part);

class Part {
 public:
  // In the open folder `parent`; the folder stays open as long as a part needs it.
  [[nodiscard]] static Result<Part> create(std::shared_ptr<const fs::Fd> parent);
  Part(Part&& other) noexcept = default;
  Part& operator=(Part&&) = delete;
  ~Part();  // removes it unless it has been published

  [[nodiscard]] const fs::Fd& fd() const { return fd_; }

  // Gives it its name, replacing nothing: kExists.
  [[nodiscard]] Result<void> publish(const std::string& name);
  // Gives it its name, replacing what has it.
  [[nodiscard]] Result<void> publish_over(const std::string& name);

 private:
  Part(std::shared_ptr<const fs::Fd> parent, std::string name, fs::Fd fd)
      : parent_{std::move(parent)}, name_{std::move(name)}, fd_{std::move(fd)} {}
  std::shared_ptr<const fs::Fd> parent_;  // null: moved from
  std::string name_;                      // empty: published
  fs::Fd fd_;
};

// Removes the part `name` unless somebody writes it; whether it was removed.
[[nodiscard]] bool remove_if_abandoned(const fs::Fd& parent, const std::string& name);

}  // namespace pv::store
