// What the command line says, in the language of the person who reads it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/phrase.h"
#include "cli/cli.h"

namespace pv::cli {

// Names, sizes, dates, and what programs read (JSON, the exit status), are the same in every
// language.
class Words {
 public:
  explicit Words(Language language) : language_{language} {}

  [[nodiscard]] Language language() const { return language_; }

  // `values` fill the places of the phrase.
  [[nodiscard]] std::string operator()(const Phrase& phrase,
                                       std::initializer_list<std::string_view> values = {}) const;

  // "1 file", "2 files": the English of `noun` ends in what is counted, in the singular.
  [[nodiscard]] std::string count(std::uint64_t number, const Phrase& noun) const;

  // "a, b, c", each made fit for a terminal.
  [[nodiscard]] std::string list(std::span<const std::string> items) const;

  // What another room, or a server, says in English (an error, a warning, the state of a job), fit
  // for a terminal: in the language of the person as far as known_texts.h has it.
  [[nodiscard]] std::string told(std::string_view english) const;
  // The same of what is joined by ", ": each for itself.
  [[nodiscard]] std::string told_list(std::string_view english) const;

 private:
  Language language_;
};

// The language of whoever has started this process.
[[nodiscard]] Language language_for(const Environment& environment);

}  // namespace pv::cli
