// `pocketvault config`.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/messages.h"

namespace pv::cli {
namespace {

namespace json = boost::json;

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::kDefault: return "default";
    case Origin::kFile: return "file";
    case Origin::kVariable: return "environment";
    case Origin::kFlag: return "flag";
  }
  return "";
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char letter : printable(text)) {
    if (letter == '"' || letter == '\\') { result += '\\'; }
    result += letter;
  }
  return result + "\"";
}

std::string toml_value(const OptionSpec& spec, const std::string& value) {
  if (spec.shape == Shape::kFlag) { return value; }
  if (spec.shape != Shape::kList) { return in_quotes(value); }
  std::string list;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    list += (list.empty() ? "" : ", ") + in_quotes(std::string_view{value}.substr(at, comma - at));
    at = comma + 1;
  }
  return "[" + list + "]";
}

// What could be a file of options itself; what nobody said is a comment.
std::string line_of(const Words& words, const Setting& setting, std::size_t width) {
  std::string line =
      setting.origin == Origin::kDefault || spec_of(setting.key).is_secret ? "# " : "";
  line += setting.key + " = " + toml_value(spec_of(setting.key), shown_value(setting));
  line.resize(std::max(line.size(), width), ' ');
  return line + "  # " + words.told(setting.where) + "\n";
}

Result<Exit> show(const Context& context) {
  constexpr std::size_t kWidth = 40;
  std::string text;
  json::array list;
  for (const Setting& setting : context.arguments.settings) {
    text += line_of(context.words(), setting, kWidth);
    list.push_back(json::object{{"key", setting.key},
                                {"value", printable(shown_value(setting))},
                                {"origin", origin_name(setting.origin)},
                                {"where", printable(setting.where)}});
  }
  const json::value file = context.arguments.config.empty()
                               ? json::value(nullptr)
                               : json::value(printable(context.arguments.config.string()));
  context.show(json::object{{"file", file}, {"options", std::move(list)}}, text);
  return Exit::kDone;
}

fs::Path file_to_check(const Context& context) {
  if (!context.arguments.name.empty()) { return context.arguments.name; }
  if (context.arguments.named_config) { return *context.arguments.named_config; }
  const auto named = context.variable("POCKETVAULT_CONFIG");
  return named && !named->empty() ? fs::Path{*named} : context.environment.config;
}

// "config.toml:3:1: what" as a fault; of another text the line is 0.
ConfigFault placed(const std::string& text, const fs::Path& file) {
  const std::string before = file.string() + ":";
  ConfigFault fault;
  const char* end = text.data() + text.size();
  if (text.starts_with(before)) {
    const auto line = std::from_chars(text.data() + before.size(), end, fault.line);
    if (line.ec == std::errc{} && line.ptr != end) {
      const auto column = std::from_chars(line.ptr + 1, end, fault.column);
      const std::string_view rest{column.ptr, end};
      if (column.ec == std::errc{} && rest.starts_with(": ")) {
        fault.what = rest.substr(2);
        return fault;
      }
    }
  }
  return {.what = text};
}

std::vector<std::string> faults_of_places(const Context& context, const Arguments& arguments) {
  std::vector<std::string> lines;
  if (!context.environment.check_places) { return lines; }
  const ServeOptions& options = arguments.serve;
  const auto faults =
      context.environment.check_places({.dir = options.dir,
                                        .backups_dir = options.backups_dir,
                                        .bucket = options.bucket,
                                        .encryption_env = options.encryption_env,
                                        .encryption_key_file = options.encryption_key_file,
                                        .mirror = options.mirror,
                                        .stop = context.stop});
  for (const PlaceFault& fault : faults) {
    // The server may read what whoever asks may not.
    if (fault.error.code == Code::kDenied) { continue; }
    const auto setting = std::ranges::find(arguments.settings, fault.key, &Setting::key);
    const bool is_said = setting != arguments.settings.end() && setting->origin != Origin::kDefault;
    lines.push_back((is_said ? setting->where + ": " + fault.key + ": " : "") + fault.error.what);
  }
  return lines;
}

// What is wrong with all of it together, as `serve` would say, were it to say all at once.
std::vector<std::string> mistakes_in(const Context& context, const fs::Path& file) {
  const std::string name = file.string();
  const char* words[] = {"pocketvault", "serve", "--config", name.c_str()};
  const Parsed parsed = parse(static_cast<int>(std::size(words)), words,
                              context.environment.version, Words{Language::kEnglish});
  if (parsed.arguments) { return faults_of_places(context, *parsed.arguments); }
  if (!parsed.mistakes.empty()) { return parsed.mistakes; }
  const std::string text = parsed.err.substr(0, parsed.err.find('\n'));
  constexpr std::string_view kBefore = "Error: ";
  return {text.starts_with(kBefore) ? text.substr(kBefore.size()) : text};
}

Result<Exit> check(const Context& context) {
  const fs::Path file = file_to_check(context);
  PV_TRY(const std::string text, read_config_text(file));
  const ConfigFile config = parse_config(text, file);
  std::vector<ConfigFault> faults = config.faults;
  std::vector<std::string> lines = describe_faults(config, file);
  if (faults.empty()) {
    lines = mistakes_in(context, file);
    for (const std::string& line : lines) { faults.push_back(placed(line, file)); }
  }
  json::array list;
  for (const ConfigFault& fault : faults) {
    const bool is_placed = fault.line > 0;
    list.push_back(json::object{{"line", is_placed ? json::value(fault.line) : nullptr},
                                {"column", is_placed ? json::value(fault.column) : nullptr},
                                {"message", printable(fault.what)}});
  }
  for (const std::string& line : lines) { context.say(context.words().told(line)); }
  const std::string shown = printable(file.string());
  context.show(json::object{{"file", shown}, {"faults", std::move(list)}},
               lines.empty() ? context.words()(phrase::kConfigFine, {shown}) + "\n" : "");
  return lines.empty() ? Exit::kDone : Exit::kUsage;
}

}  // namespace

Result<Exit> run_config(const Context& context) {
  return context.arguments.config_check ? check(context) : show(context);
}

}  // namespace pv::cli
