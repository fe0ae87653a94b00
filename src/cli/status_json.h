// What a pocketvault server says of its state, read.
#pragma once

#include <boost/json/value.hpp>
#include <vector>

#include "jobs/overview.h"

namespace pv::cli {

// kInvalid: not what it should be. Unknown members are ignored, absent ones have their defaults; of
// a list at most a few thousand entries are taken.
[[nodiscard]] Result<std::vector<jobs::Kept>> kept_from_json(const boost::json::value& value);
[[nodiscard]] Result<jobs::Overview> overview_from_json(const boost::json::value& value);

// Whether a server's status says that it knows `feature`; one that is too old says nothing of any.
[[nodiscard]] bool has_feature(const boost::json::value& status, std::string_view feature);

}  // namespace pv::cli
