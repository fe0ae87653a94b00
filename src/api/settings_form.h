// What a request wants to change of a document of settings.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "api/exchange.h"
#include "settings/shape.h"

namespace pv::api {

// How a form names the members of nested objects.
enum class FormNames {
  kWhole,  // "backups.s3.bucket"
  // By the last object alone, as PocketBase v0.36 does: "s3.bucket" is of "s3" and of "backups.s3".
  kLastObject,
};

// Objects to be merged one after the other; none for an empty body. `shape` says what a form may
// hold (settings/shape.h); lists of objects come in its "@jsonPayload" alone. Of JSON the first
// value counts. 413 beyond 1 MiB.
[[nodiscard]] boost::asio::awaitable<tl::expected<std::vector<boost::json::object>, Problem>>
read_changes(Exchange& exchange, const boost::json::object& shape, FormNames names);

// 400 with `phrase`, and each fault at its field.
[[nodiscard]] Problem refused_change(const Phrase& phrase,
                                     const std::vector<settings::Fault>& faults);

}  // namespace pv::api
