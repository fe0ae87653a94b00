#include "cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "base/known_texts.h"
#include "base/translate.h"
#include "cli/columns.h"
#include "cli/help_texts.h"
#include "cli/messages.h"

namespace pv::cli {
namespace {

// As a whole, or not at all: a text of the help is no chain of errors.
std::optional<std::string> found(std::string_view english) {
  for (const Catalog catalog : {Catalog{known::kHelp}, Catalog{known::kHelpOfCli11}}) {
    for (const Phrase& phrase : catalog) {
      const auto values = values_of(english, phrase.english);
      if (values) { return fill(phrase.chinese, *values); }
    }
  }
  return std::nullopt;
}

std::string translated(const std::string& english) { return found(english).value_or(english); }

// "  pocketvault list    what it does": the command stays.
std::string translated_line(std::string_view line) {
  if (auto whole = found(line)) { return *std::move(whole); }
  const std::size_t gap = line.rfind("  ");
  if (gap == std::string_view::npos) { return std::string{line}; }
  const std::string_view beside = line.substr(gap + 2);
  return std::string{line.substr(0, gap + 2)} + found(beside).value_or(std::string{beside});
}

std::string translated_lines(std::string_view text) {
  std::string result;
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    result += translated_line(text.substr(0, end));
    if (end == text.size()) { return result; }
    result += '\n';
    text.remove_prefix(end + 1);
  }
}

// Paragraphs are wrapped by hand, in each language for itself.
std::string translated_footer(std::string_view text) {
  constexpr std::string_view kBetween = "\n\n";
  std::string result;
  while (text.starts_with('\n')) {
    result += '\n';
    text.remove_prefix(1);
  }
  const std::size_t end = std::min(text.find(kBetween), text.size());
  const std::string_view paragraph = text.substr(0, end);
  result += found(paragraph).value_or(translated_lines(paragraph));
  return end == text.size() ? result : result + translated_footer(text.substr(end));
}

// CLI11's own, but for letters that take two columns.
class ChineseFormatter final : public CLI::Formatter {
 public:
  ChineseFormatter() {
    label("Usage", "用法");
    label("Positionals", "参数");
    label("OPTIONS", "选项");
    label("SUBCOMMAND", "命令");
    label("REQUIRED", "必需");
    label("Needs", "需要");
    label("Excludes", "不能合用");
  }

  [[nodiscard]] std::string make_option(const CLI::Option* option,
                                        bool is_positional) const override {
    std::string text = "  " + make_option_name(option, is_positional) + make_option_opts(option);
    const std::string description = make_option_desc(option);
    if (description.empty()) { return text + "\n"; }
    if (width_of(text) >= column_width_) { text += "\n"; }
    const std::size_t line = text.ends_with('\n') ? 0 : width_of(text);
    return text + std::string(column_width_ - line, ' ') + description + "\n";
  }
};

void translate_texts(CLI::App& app, const std::shared_ptr<CLI::Formatter>& formatter) {
  app.formatter(formatter);
  app.description(translated(app.get_description()));
  if (!app.get_group().empty()) { app.group(translated(app.get_group())); }
  app.footer(translated_footer(app.get_footer()));
  for (CLI::Option* option : app.get_options()) {
    option->description(translated(option->get_description()));
    if (!option->get_group().empty()) { option->group(translated(option->get_group())); }
  }
  const std::function<bool(CLI::App*)> all;
  for (CLI::App* below : app.get_subcommands(all)) { translate_texts(*below, formatter); }
}

}  // namespace

void translate_help(CLI::App& app, const Words& words) {
  if (words.language() == Language::kEnglish) { return; }
  translate_texts(app, std::make_shared<ChineseFormatter>());
}

std::string translate_mistake(std::string_view lines, const Words& words) {
  if (words.language() == Language::kEnglish) { return std::string{lines}; }
  constexpr Phrase kTellsError[] = {phrase::kError};
  std::string result;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    result += translate(lines.substr(0, end), {kTellsError, known::kMistakes, pv::known::kTexts,
                                               pv::known::kSystemTexts, known::kMistakesOfCli11});
    result += '\n';
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return result;
}

}  // namespace pv::cli
