// JSON of what jobs find out about archives: the same over HTTP and on the command line.
// docs/api.md describes it.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "jobs/preflight.h"

namespace pv::jobs {

[[nodiscard]] boost::json::object to_json(const Preflight& preflight);
[[nodiscard]] boost::json::array to_json(const std::vector<CollectionRecords>& collections);

// What another program sent; what is absent or of another type is empty. Null: empty.
[[nodiscard]] Preflight preflight_from(const boost::json::object& object);
[[nodiscard]] std::vector<CollectionRecords> collections_from(const boost::json::array* array);

}  // namespace pv::jobs
