#include "settings/shape.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/text.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

// What an element is before anything is merged into it.
json::value blank(const json::value& shape) {
  switch (shape.kind()) {
    case json::kind::object: {
      json::object object;
      for (const auto& [name, member] : shape.get_object()) { object[name] = blank(member); }
      return object;
    }
    case json::kind::array: return json::array{};
    case json::kind::bool_: return false;
    case json::kind::int64: return std::int64_t{0};
    default: return json::string{};
  }
}

json::value element_of(const json::array& shape) {
  return shape.empty() ? json::value(json::string{}) : shape.front();
}

const json::key_value_pair* find_in(const json::object& shape, std::string_view name) {
  for (const json::key_value_pair& member : shape) {
    if (equals_ignoring_case(name, member.key())) { return &member; }
  }
  return nullptr;
}

class Merger {
 public:
  explicit Merger(Unknown unknown) : unknown_{unknown} {}

  void merge(const json::object& shape, json::object& document, const json::object& change,
             const std::string& path) {
    for (const auto& [name, value] : change) {
      const json::key_value_pair* known = find_in(shape, name);
      if (known != nullptr) {
        merge(known->value(), document[known->key()], value, path + std::string{known->key()});
      } else if (unknown_ == Unknown::kKeep) {
        document[name] = value;
      } else if (unknown_ == Unknown::kRefuse) {
        fault({.field = path,
               .code = "validation_unknown_field",
               .message = "There is no such setting.",
               .unknown = name});
      }
    }
  }

  [[nodiscard]] std::vector<Fault> take_faults() { return std::move(faults_); }

 private:
  void merge(const json::value& shape, json::value& document, const json::value& change,
             const std::string& path) {
    if (change.is_null()) {
      if (shape.is_array()) { document = json::array{}; }
      return;
    }
    if (shape.kind() != change.kind()) {
      fault({.field = path,
             .code = "validation_invalid_type",
             .message = "Must be " + wanted(shape) + "."});
    } else if (const json::object* object = shape.if_object()) {
      merge(*object, document.get_object(), change.get_object(), path + ".");
    } else if (const json::array* array = shape.if_array()) {
      merge_lists(*array, document.get_array(), change.get_array(), path + ".");
    } else {
      document = change;
    }
  }

  void merge_lists(const json::array& shape, json::array& document, const json::array& change,
                   const std::string& path) {
    const json::value element = element_of(shape);
    document.resize(std::min(document.size(), change.size()));
    for (std::size_t i = 0; i < change.size(); ++i) {
      if (i == document.size()) { document.push_back(blank(element)); }
      merge(element, document[i], change[i], path + std::to_string(i));
    }
  }

  static std::string wanted(const json::value& shape) {
    switch (shape.kind()) {
      case json::kind::object: return "an object";
      case json::kind::array: return "a list";
      case json::kind::bool_: return "true or false";
      case json::kind::int64: return "a whole number";
      default: return "a text";
    }
  }

  void fault(Fault fault) {
    constexpr std::size_t kFaultsMax = 100;
    if (faults_.size() < kFaultsMax) { faults_.push_back(std::move(fault)); }
  }

  Unknown unknown_;
  std::vector<Fault> faults_;
};

json::value project_value(const json::value& shape, const json::value& value) {
  if (const json::object* object = shape.if_object(); object != nullptr && value.is_object()) {
    return project(*object, value.get_object());
  }
  const json::array* array = shape.if_array();
  if (array == nullptr || !value.is_array()) { return value; }
  const json::value element = element_of(*array);
  json::array list;
  for (const json::value& one : value.get_array()) { list.push_back(project_value(element, one)); }
  return list;
}

}  // namespace

std::vector<Fault> merge(const json::object& shape, json::object& document,
                         const json::object& change, Unknown unknown) {
  Merger merger{unknown};
  merger.merge(shape, document, change, "");
  return merger.take_faults();
}

void require_between(const json::object& section, const std::string& path, std::string_view name,
                     std::int64_t least, std::int64_t most, std::vector<Fault>& faults) {
  const std::int64_t number = section.at(name).get_int64();
  const std::string field = path + std::string{name};
  if (number < least) {
    faults.push_back({field,
                      "validation_min_greater_equal_than_required",
                      "Must be no less than " + std::to_string(least) + ".",
                      {{"threshold", least}}});
  } else if (number > most) {
    faults.push_back({field,
                      "validation_max_less_equal_than_required",
                      "Must be no greater than " + std::to_string(most) + ".",
                      {{"threshold", most}}});
  }
}

json::object project(const json::object& shape, const json::object& document) {
  json::object result;
  for (const auto& [name, member] : shape) {
    if (const json::value* value = document.if_contains(name)) {
      result[name] = project_value(member, *value);
    }
  }
  return result;
}

}  // namespace pv::settings
