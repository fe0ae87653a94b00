#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include "cli/config_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace pv::cli {
namespace {

std::string_view wanted(Shape shape) {
  switch (shape) {
    case Shape::kFlag: return " needs true or false, without quotes";
    case Shape::kList: return " needs a list of texts: [\"a\", \"b\"]";
    case Shape::kText:
    case Shape::kPath:
    case Shape::kPlace: break;
  }
  return " needs a text in quotes";
}

// nullopt: of another type.
std::optional<std::string> text_of(const toml::node& node, Shape shape) {
  if (shape == Shape::kFlag) {
    const auto flag = node.value_exact<bool>();
    if (!flag) { return std::nullopt; }
    return *flag ? "true" : "false";
  }
  if (const auto text = node.value_exact<std::string>()) { return *text; }
  const toml::array* list = node.as_array();
  if (shape != Shape::kList || list == nullptr) { return std::nullopt; }
  std::string joined;
  for (const toml::node& item : *list) {
    const auto text = item.value_exact<std::string>();
    if (!text) { return std::nullopt; }
    joined += (&item == &list->front() ? "" : ",") + *text;
  }
  return joined;
}

std::string placed(std::string value, Shape shape, const fs::Path& folder) {
  const bool is_address = value.find("://") != std::string::npos;
  const bool is_path = shape == Shape::kPath || (shape == Shape::kPlace && !is_address);
  if (!is_path || value.empty() || value.starts_with('/')) { return value; }
  return (folder / value).lexically_normal().string();
}

// "[s3]" instead of "s3_bucket".
std::string no_table(std::string_view key) {
  const std::string what = "there are no tables: every key stands at the top";
  const auto specs = option_specs();
  const auto like = std::ranges::find_if(
      specs, [&](const OptionSpec& spec) { return spec.key.starts_with(std::string{key} + "_"); });
  return like == specs.end() ? what : what + ", as " + std::string{like->key};
}

std::string unknown(std::string_view key) {
  const OptionSpec* spec = find_spec(key);
  if (spec != nullptr) {  // a secret
    return std::string{key} + " is not for this file: use " + std::string{key} + "_file";
  }
  const std::string_view near = nearest_key(key);
  return "there is no option " + printable(key) +
         (near.empty() ? std::string{} : "; did you mean " + std::string{near} + "?");
}

ConfigFault fault_at(const toml::source_region& source, std::string what) {
  return {.line = source.begin.line, .column = source.begin.column, .what = std::move(what)};
}

// What would be the default, though the line looks as if it said something else.
std::string fault_of_empty(const OptionSpec& spec, const std::string& value) {
  if (spec.key == "dir" && value.empty()) { return "names no directory; leave the line out"; }
  const bool is_default = value.empty() && !spec.fallback.empty();
  return is_default ? "is empty; leave the line out" : "";
}

class Reader {
 public:
  Reader(const fs::Path& name, ConfigFile& into)
      : name_{name}, folder_{name.parent_path()}, into_{into} {}

  void read(std::string_view key, const toml::source_region& key_source, const toml::node& node) {
    const OptionSpec* spec = find_spec(key);
    if (spec == nullptr || spec->is_secret) {
      into_.faults.push_back(fault_at(key_source, node.is_table() ? no_table(key) : unknown(key)));
      return;
    }
    auto value = text_of(node, spec->shape);
    if (!value) {
      into_.faults.push_back(
          fault_at(node.source(), std::string{key} + std::string{wanted(spec->shape)}));
      return;
    }
    std::string fault = spec->fault == nullptr || value->empty() ? "" : spec->fault(*value);
    if (value->find('\0') != std::string::npos) { fault = "can't hold a NUL"; }
    if (fault.empty()) { fault = fault_of_empty(*spec, *value); }
    if (!fault.empty()) {
      into_.faults.push_back(fault_at(node.source(), std::string{key} + ": " + fault));
      return;
    }
    const toml::source_position at = key_source.begin;
    into_.settings.push_back({.key = std::string{key},
                              .value = placed(*std::move(value), spec->shape, folder_),
                              .origin = Origin::kFile,
                              .where = name_.string() + ":" + std::to_string(at.line) + ":" +
                                       std::to_string(at.column)});
  }

 private:
  const fs::Path& name_;
  const fs::Path folder_;
  ConfigFile& into_;
};

// The keys of a line may nest as deep as it is long, and toml++ goes down into each: a line without
// a bound would end the process.
constexpr std::size_t kLineBytesMax = 4096;
constexpr const char* kOverlong = "the line is longer than 4096 bytes";

// Its number, from 1; 0: there is none.
std::size_t overlong_line(std::string_view text) {
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end - at > kLineBytesMax) { return number; }
    at = end + 1;
  }
  return 0;
}

}  // namespace

ConfigFile parse_config(const std::string& text, const fs::Path& name) {
  ConfigFile config;
  if (const std::size_t line = overlong_line(text); line > 0) {
    config.faults.push_back({.line = line, .column = 1, .what = kOverlong});
    return config;
  }
  const toml::parse_result parsed = toml::parse(std::string_view{text});
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    config.faults.push_back(
        fault_at(error.source(), "not TOML: " + printable(error.description())));
    return config;
  }
  Reader reader{name, config};
  for (const auto& [key, node] : parsed.table()) { reader.read(key.str(), key.source(), node); }
  std::ranges::sort(config.faults, {}, [](const ConfigFault& fault) {
    return std::tuple{fault.line, fault.column};
  });
  return config;
}

Result<std::string> read_config_text(const fs::Path& file) {
  PV_TRY(const fs::Stat found, fs::stat(file));
  const std::string name = printable(file.string());
  if (found.is_folder()) {
    return fail(Code::kInvalid,
                name +
                    " is a folder, not a file; name a file of options, or none at all: "
                    "--config \"\"");
  }
  if (!found.is_file()) {
    return fail(Code::kInvalid,
                name +
                    " is a pipe or a device, not a file; name a file of options, or none at all: "
                    "--config \"\"");
  }
  return fs::read_file(file, kConfigBytesMax);
}

std::vector<std::string> describe_faults(const ConfigFile& config, const fs::Path& name) {
  std::vector<std::string> lines;
  for (const ConfigFault& fault : config.faults) {
    if (lines.size() == kFaultsToldMax) {
      lines.push_back(printable(name.string()) + ": faults that are not told here: " +
                      std::to_string(config.faults.size() - lines.size()));
      break;
    }
    lines.push_back(describe(fault, name));
  }
  return lines;
}

std::string describe(const ConfigFault& fault, const fs::Path& name) {
  std::string where = printable(name.string());
  if (fault.line > 0) {
    where += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  }
  return where + ": " + fault.what;
}

}  // namespace pv::cli
