// Reading JSON that another program wrote.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace pv::jobs {

namespace json = boost::json;

// Reading members of an object that may lack them, or have others in their place.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_{object} {}

  [[nodiscard]] const json::object& whole() const { return object_; }
  [[nodiscard]] std::string text(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
  }
  [[nodiscard]] std::optional<std::uint64_t> count_if_there(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr) { return std::nullopt; }
    json::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    return error ? std::nullopt : std::optional<std::uint64_t>{number};
  }
  [[nodiscard]] std::uint64_t count(std::string_view name) const {
    return count_if_there(name).value_or(0);
  }
  [[nodiscard]] double number(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr) { return 0; }
    json::error_code error;
    const auto number = value->to_number<double>(error);
    return error ? 0 : number;
  }
  [[nodiscard]] bool flag(std::string_view name) const {
    return flag_if_there(name).value_or(false);
  }
  [[nodiscard]] std::optional<bool> flag_if_there(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return value != nullptr && value->is_bool() ? std::optional<bool>{value->get_bool()}
                                                : std::nullopt;
  }
  [[nodiscard]] const json::object* object(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
  }
  [[nodiscard]] const json::array* array(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return value == nullptr ? nullptr : value->if_array();
  }

 private:
  const json::object& object_;
};

// Of its name; kInternal for one that is not known.
[[nodiscard]] Code code_of(std::string_view name);

// "2026-11-21 00:54:47.907Z", also with a T; nullopt: neither.
[[nodiscard]] std::optional<WallTime> parse_date(std::string_view text);

}  // namespace pv::jobs
