// Which objects of a bucket are an app's uploaded files.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "s3/client.h"

namespace pv::objects {

struct Refused {
  std::string key;
  std::string why;
};

struct Inventory {
  std::vector<s3::Object> objects;  // by the bytes of their keys, none twice
  std::uint64_t bytes = 0;
  static constexpr std::size_t kRefusedMax = 1000;
  std::vector<Refused> refused;  // the first of those that can't be files
  std::uint64_t refused_count = 0;
};

// Why an object of that key can't be a file below a folder, wherever that is; empty: it can.
[[nodiscard]] std::string fault_of_key(std::string_view key);

// Lists the whole bucket: every object that `wants` says yes to and that can be a file. Refused are
// keys that lead elsewhere or that no file can have, one that is another's folder as well, and one
// that would be taken for what lies beside another (sidecar.h). "Folders" (empty, "/" at the end)
// are passed over.
//
// Memory     300 bytes an object, plus its key.
// Errors     Those of the client. kInvalid: it has more than ten million, or the list has no end.
[[nodiscard]] Result<Inventory> take_inventory(s3::Client& client,
                                               const std::function<bool(const s3::Object&)>& wants,
                                               const std::stop_token& stop);

}  // namespace pv::objects
