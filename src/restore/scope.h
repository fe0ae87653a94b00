// Which part of an archive is wanted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pv::restore {

// Everything, or some units: each a file or a folder with all that is in it, none inside another.
class Scope {
 public:
  Scope() = default;  // everything

  static constexpr std::size_t kGivenMax = 1000;

  // "databases" (data.db and auxiliary.db), "storage", or names of files and folders of the data
  // directory. kInvalid: a name that leads outside, or that no restore touches; too many. Nothing
  // given: everything.
  [[nodiscard]] static Result<Scope> parse(const std::vector<std::string>& only);

  struct Unit {
    std::string name;
    bool required = true;  // an archive without it can't be restored
    friend bool operator==(const Unit&, const Unit&) = default;
  };

  [[nodiscard]] bool is_everything() const { return units_.empty(); }
  // In byte order.
  [[nodiscard]] const std::vector<Unit>& units() const { return units_; }
  // Whether `name` is a unit or lies in one.
  [[nodiscard]] bool contains(std::string_view name) const;
  [[nodiscard]] bool has_data_db() const { return contains("data.db"); }
  // "databases, storage/abc": as it was given, for people; of many the first. Empty: everything.
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const Scope&, const Scope&) = default;

 private:
  std::vector<Unit> units_;
  std::vector<std::string> given_;
};

}  // namespace pv::restore
