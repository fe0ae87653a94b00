// Patterns that choose names of files, as in a shell.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pv {

// Relative to some folder, "/" between the parts:
//
//   ?      one byte but "/"               storage/a?c
//   *      any number of those            storage/*/tmp
//   **     anything, "/" too              storage/**.log
//   **/    any number of folders, none    **/*.log
//
// Everything else stands for itself. A pattern that matches a folder covers all that is in it.
class Glob {
 public:
  // kInvalid: empty, over kBytesMax, absolute, or with an empty, "." or ".." part, which no name
  // has. "./" in front and "/" at the end do not count.
  [[nodiscard]] static Result<Glob> parse(std::string_view pattern);

  // Whether the pattern matches `name` or a folder that it is in. Takes at most the product of both
  // lengths, whatever they are.
  [[nodiscard]] bool covers(std::string_view name) const;

  [[nodiscard]] const std::string& text() const { return text_; }

  static constexpr std::size_t kBytesMax = 1000;

 private:
  enum class Kind : std::uint8_t { kByte, kAnyByte, kInPart, kAnything, kFolders };
  struct Token {
    Kind kind = Kind::kByte;
    char byte = '\0';
  };

  std::string text_;
  std::vector<Token> tokens_;
};

}  // namespace pv
