// JSON documents of a known shape, and changes of them by the rules of Go's encoding/json.
//
// A shape is a document that shows by example what may stand where: an object its members, a
// boolean, a whole number and a string themselves. A list shows what its elements are by its first;
// an empty one is a list of strings.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pv::settings {

// What is wrong with one member. `field` is its path with dots: "rateLimits.rules.0.label". Of a
// member that is unknown it ends before the name, "rateLimits.", which is `unknown`: one name, with
// whatever dots the client gave it.
struct Fault {
  std::string field;
  std::string code;                 // "validation_required"
  std::string message;              // "Cannot be blank."
  boost::json::object params = {};  // empty: none
  std::string unknown = {};
  friend bool operator==(const Fault&, const Fault&) = default;
};

enum class Unknown {
  kIgnore,  // members that the shape does not have
  kKeep,    // and put into the document
  kRefuse,  // each is a fault
};

// Puts the members of `change` into `document`. Names are compared without case. Objects are merged
// member by member; null leaves what is there, but empties a list. A list replaces another by
// length, while each of its elements is merged into the one that had its place. A member of another
// type than the shape's is a fault and changes nothing, the others are merged all the same.
// `document` has all members of the shape.
[[nodiscard]] std::vector<Fault> merge(const boost::json::object& shape,
                                       boost::json::object& document,
                                       const boost::json::object& change, Unknown unknown);

// A fault where the whole number `name` of `section`, which lies at `path` ("retention."), is not
// one of these. PocketBase's words.
void require_between(const boost::json::object& section, const std::string& path,
                     std::string_view name, std::int64_t least, std::int64_t most,
                     std::vector<Fault>& faults);

// What the shape has of `document`, in the order of the shape.
[[nodiscard]] boost::json::object project(const boost::json::object& shape,
                                          const boost::json::object& document);

}  // namespace pv::settings
