// The person, or the program, at the other end.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "cli/cli.h"
#include "cli/words.h"

namespace pv::cli {

// Results go to standard output, everything else to standard error.
class Console {
 public:
  explicit Console(const Environment& environment);

  void print(const std::string& text);  // a result, as it is
  void say(const std::string& line);    // a message; a newline is added
  [[nodiscard]] const Words& words() const { return words_; }
  [[nodiscard]] std::ostream& out() { return out_; }
  [[nodiscard]] std::ostream& err() { return err_; }

  [[nodiscard]] bool can_ask() const { return in_is_terminal_; }
  [[nodiscard]] bool shows_progress() const { return err_is_terminal_; }

  // One line without its end; nullopt: there is none, or the person gave up.
  [[nodiscard]] std::optional<std::string> ask(const std::string& prompt);
  [[nodiscard]] std::optional<std::string> ask_secret(const std::string& prompt);  // no echo
  [[nodiscard]] std::optional<std::string> read_line();

 private:
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  bool in_is_terminal_;
  bool err_is_terminal_;
  Words words_;
};

}  // namespace pv::cli
