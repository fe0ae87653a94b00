// --help, and what is said of a wrong command line, in the language of the person.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>

#include "cli/words.h"

namespace pv::cli {

// Translates every text that --help shows of a command and those below it: descriptions, groups,
// and, by paragraphs, what stands at the end. What help_texts.h does not have stays as it is.
void translate_help(CLI::App& app, const Words& words);

// Of several lines, each with its end.
[[nodiscard]] std::string translate_mistake(std::string_view lines, const Words& words);

}  // namespace pv::cli
