// The `fields` query parameter of PocketBase: which parts of a JSON answer are wanted.
//
//     fields = item *( "," item )        blanks around an item do not count, empty items neither
//     item   = path [ ":" modifier ]
//     path   = dot-separated keys; "*" stands for every key of its level that no other path names
//     modifier = "excerpt(" max [ "," ellipsis ] ")"
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pv::api {

struct Excerpt {
  std::size_t max = 0;  // code points
  bool ellipsis = false;
};

// `text` as HTML reduced to plain text of at most excerpt.max characters.
[[nodiscard]] std::string make_excerpt(std::string_view text, const Excerpt& excerpt);

class Fields {
 public:
  // kInvalid: unbalanced quotes or parentheses, an unknown modifier, bad arguments.
  [[nodiscard]] static Result<Fields> parse(std::string_view text);

  // Keeps what the paths name; the keys of what is kept are in byte order. Time: the size of
  // `value` times the logarithm of the number of paths; recursion: no deeper than `value`.
  [[nodiscard]] boost::json::value apply(const boost::json::value& value) const;

 private:
  struct Item {
    std::string path;  // with a "." at its end, so that "a." is a prefix of "a." and "a.b." alone
    std::optional<Excerpt> excerpt;
  };
  struct Level;

  [[nodiscard]] boost::json::value pick(const boost::json::value& value, const Level& level) const;
  [[nodiscard]] boost::json::object pick_object(const boost::json::object& object,
                                                const Level& level) const;
  [[nodiscard]] Level below(const Level& level, std::string_view key) const;

  std::vector<Item> items_;  // sorted by path, each path once
};

}  // namespace pv::api
