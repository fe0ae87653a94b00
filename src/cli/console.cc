#include "cli/console.h"

#include <termios.h>
#include <unistd.h>

#include <iostream>

namespace pv::cli {
namespace {

// What is typed is not shown while it lives. Does nothing where there is no terminal.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) { return; }
    ::termios silent = before_;
    silent.c_lflag &= ~static_cast<::tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~NoEcho() {
    if (changed_) { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  ::termios before_{};
  bool changed_ = false;
};

}  // namespace

Console::Console(const Environment& environment)
    : in_{environment.in != nullptr ? *environment.in : std::cin},
      out_{environment.out != nullptr ? *environment.out : std::cout},
      err_{environment.err != nullptr ? *environment.err : std::cerr},
      in_is_terminal_{environment.in_is_terminal.value_or(::isatty(STDIN_FILENO) == 1)},
      err_is_terminal_{environment.err_is_terminal.value_or(::isatty(STDERR_FILENO) == 1)},
      words_{language_for(environment)} {}

void Console::print(const std::string& text) { out_ << text << std::flush; }

void Console::say(const std::string& line) { err_ << line << std::endl; }

std::optional<std::string> Console::read_line() {
  constexpr std::size_t kLineBytesMax = 64 << 10;
  std::string line;
  for (char letter = 0; in_.get(letter);) {
    if (letter == '\n') { break; }
    line += letter;
    if (line.size() > kLineBytesMax) { return std::nullopt; }
  }
  if (line.empty() && !in_) { return std::nullopt; }
  if (line.ends_with('\r')) { line.pop_back(); }
  return line;
}

std::optional<std::string> Console::ask(const std::string& prompt) {
  err_ << prompt << std::flush;
  return read_line();
}

std::optional<std::string> Console::ask_secret(const std::string& prompt) {
  err_ << prompt << std::flush;
  std::optional<std::string> line;
  {
    const NoEcho silence;
    line = read_line();
  }
  err_ << std::endl;
  return line;
}

}  // namespace pv::cli
