#include "cli/settle.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/text.h"
#include "cli/config_file.h"

namespace pv::cli {
namespace {

using Said = std::map<std::string, Setting, std::less<>>;

const Setting* find(const Said& said, std::string_view key) {
  const auto found = said.find(key);
  return found == said.end() ? nullptr : &found->second;
}

bool is_of_bucket(std::string_view key) {
  return key.starts_with("s3_") && key != "s3_access_key" && key != "s3_secret_key_file";
}

// Takes out of `lower` what `higher` makes another matter.
void yield(Said& lower, const Said& higher) {
  const Setting* dir = find(higher, "dir");
  const Setting* lower_dir = find(lower, "dir");
  const bool is_other_directory =
      dir != nullptr && lower_dir != nullptr && !is_same_folder(dir->value, lower_dir->value);
  const bool names_folder = find(higher, "backups_dir") != nullptr;
  const bool names_bucket = find(higher, "s3_bucket") != nullptr;
  const bool names_key =
      find(higher, "encryption_env") != nullptr || find(higher, "encryption_key_file") != nullptr;
  const bool names_token =
      find(higher, "token") != nullptr || find(higher, "token_file") != nullptr;
  std::erase_if(lower, [&](const auto& said) {
    const std::string_view key = said.first;
    if (is_other_directory && spec_of(key).is_place) { return true; }
    // Another bucket is elsewhere as a whole: half of it would be neither.
    if (is_of_bucket(key) && (names_folder || names_bucket)) { return true; }
    if (key == "backups_dir" && names_bucket) { return true; }
    if (names_token && key.starts_with("token")) { return true; }
    return names_key && key.starts_with("encryption_");
  });
}

std::optional<std::string> flag_text(std::string_view value) {
  const std::string word = to_lower_ascii(value);
  for (const char* yes : {"1", "true", "yes", "on"}) {
    if (word == yes) { return "true"; }
  }
  for (const char* no : {"0", "false", "no", "off"}) {
    if (word == no) { return "false"; }
  }
  return std::nullopt;
}

Result<Said> said_by_environment(const SettingsOrder& order) {
  Said said;
  if (!order.variable) { return said; }
  for (const std::string_view key : order.keys) {
    const std::string name = variable_of(key);
    auto value = order.variable(name);
    if (!value || value->empty()) { continue; }
    const OptionSpec& spec = spec_of(key);
    if (spec.shape == Shape::kFlag) {
      value = flag_text(*value);
      if (!value) { return fail(Code::kInvalid, name + ": needs true or false"); }
    }
    const std::string fault = spec.fault == nullptr ? "" : spec.fault(*value);
    if (!fault.empty()) { return fail(Code::kInvalid, name + ": " + fault); }
    said[std::string{key}] = {std::string{key}, *std::move(value), Origin::kVariable, name};
  }
  return said;
}

// The file that is named, and whether it must be there.
struct Named {
  fs::Path file;
  bool is_meant = true;
};

Named named_file(const SettingsOrder& order) {
  if (order.named_config) { return {*order.named_config}; }
  if (order.variable) {
    const auto name = order.variable("POCKETVAULT_CONFIG");
    if (name && !name->empty()) { return {*name}; }
  }
  return {order.config, false};
}

Result<Said> said_by_file(const SettingsOrder& order, const Named& named) {
  Said said;
  const auto text = read_config_text(named.file);
  if (!text.has_value()) {
    if (text.error().code == Code::kNotFound && !named.is_meant) { return said; }
    return fail(Error{text.error()}.within("the file of options"));
  }
  ConfigFile config = parse_config(*text, named.file);
  if (!config.faults.empty()) {
    std::string all;
    for (const std::string& line : describe_faults(config, named.file)) {
      all += (all.empty() ? "" : "\n") + line;
    }
    return fail(Code::kInvalid, std::move(all));
  }
  for (Setting& setting : config.settings) {
    if (std::ranges::find(order.keys, setting.key) == order.keys.end()) { continue; }
    std::string key = setting.key;
    if (!setting.value.empty()) { said[std::move(key)] = std::move(setting); }
  }
  return said;
}

}  // namespace

bool is_same_folder(const fs::Path& a, const fs::Path& b) {
  std::error_code error;
  const auto whole = [&](const fs::Path& path) {
    const fs::Path found =
        std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
    return found.has_filename() ? found : found.parent_path();  // without a slash at the end
  };
  const fs::Path one = whole(a);
  if (error) { return false; }
  return whole(b) == one && !error;
}

Result<Settled> settle(const SettingsOrder& order) {
  Settled settled;
  Said given;
  for (const auto& [key, value] : order.given) {
    given[std::string{key}] = {std::string{key}, value, Origin::kFlag, flag_of(key)};
  }
  PV_TRY(Said by_environment, said_by_environment(order));
  const Named named = named_file(order);
  Said by_file;
  if (!named.file.empty()) {
    PV_TRY(by_file, said_by_file(order, named));
    if (named.is_meant || fs::exists(named.file)) { settled.config = named.file; }
  }
  for (Said* lower : {&by_environment, &by_file}) {
    std::erase_if(*lower, [&](const auto& said) {
      const OptionSpec& spec = spec_of(said.first);
      const bool is_token = spec.key.starts_with("token");
      return !order.is_serving && !is_token && (!spec.is_place || order.has_url);
    });
  }
  yield(by_environment, given);
  yield(by_file, given);
  yield(by_file, by_environment);
  for (const OptionSpec& spec : option_specs()) {
    if (std::ranges::find(order.keys, spec.key) == order.keys.end()) { continue; }
    const Setting fallback{std::string{spec.key}, std::string{spec.fallback}, Origin::kDefault,
                           "default"};
    const Setting* setting = &fallback;
    for (const Said* said : {&by_file, &by_environment, &given}) {
      if (const Setting* one = find(*said, spec.key)) { setting = one; }
    }
    settled.settings.push_back(*setting);
  }
  return settled;
}

}  // namespace pv::cli
