// The folders that must be there before files can be.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pv::restore {

// Calls `visit(folder)` for each folder on the way to `names`, once each, parents first. `names`
// are cleaned, in byte order (names below one folder then stand together); one that ends with "/"
// is a folder itself.
template <class Visit>
[[nodiscard]] Result<void> for_each_folder(const std::vector<std::string_view>& names,
                                           const Visit& visit) {
  std::string_view before;
  for (const std::string_view name : names) {
    const auto [differs, unused] =
        std::mismatch(name.begin(), name.end(), before.begin(), before.end());
    auto at = static_cast<std::size_t>(differs - name.begin());
    for (at = name.find('/', at); at != std::string_view::npos; at = name.find('/', at + 1)) {
      PV_CHECK(visit(name.substr(0, at)));
    }
    before = name;
  }
  return {};
}

// Folders as for_each_folder takes them: each with a "/" behind it, in byte order.
struct FolderNames {
  std::vector<std::string> names;
  std::vector<std::string_view> views;  // of `names`
};
[[nodiscard]] inline FolderNames folder_names(const std::vector<std::string>& folders) {
  FolderNames result;
  result.names.reserve(folders.size());
  for (const std::string& folder : folders) { result.names.push_back(folder + '/'); }
  std::sort(result.names.begin(), result.names.end());
  result.views.assign(result.names.begin(), result.names.end());
  return result;
}

}  // namespace pv::restore
