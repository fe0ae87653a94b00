#include "s3/credential_files.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "fs/file.h"

namespace pv::s3 {
namespace {

using Section = std::map<std::string, std::string, std::less<>>;

struct Profile {
  bool is_there = false;
  Section values;
};

// The lines of one section of an INI file; names in lower case. Indented lines are settings of
// settings, which are none of ours.
Profile read_profile(std::string_view text, const std::vector<std::string>& titles) {
  Profile profile;
  bool inside = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view trimmed = trim_blanks(line.substr(0, line.find_last_not_of('\r') + 1));
    if (trimmed.empty() || trimmed[0] == '#' || trimmed[0] == ';') { continue; }
    if (trimmed[0] == '[') {
      const std::string_view title = trim_blanks(trimmed.substr(1, trimmed.find(']') - 1));
      inside = std::find(titles.begin(), titles.end(), title) != titles.end();
      profile.is_there = profile.is_there || inside;
      continue;
    }
    const std::size_t equals = trimmed.find('=');
    if (!inside || equals == std::string_view::npos || line[0] == ' ' || line[0] == '\t') {
      continue;
    }
    profile.values[to_lower_ascii(trim_blanks(trimmed.substr(0, equals)))] =
        trim_blanks(trimmed.substr(equals + 1));
  }
  return profile;
}

// "" where there is none.
Result<std::string> read_if_there(const fs::Path& path) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 20U;
  auto content = fs::read_file(path, kBytesMax);
  if (!content.has_value() && content.error().code == Code::kNotFound) { return std::string{}; }
  return content;
}

std::string value_of(const Section& values, std::string_view name) {
  const auto place = values.find(name);
  return place == values.end() ? std::string{} : place->second;
}

Result<std::optional<Credentials>> credentials_in(const Profile& profile, const fs::Path& path,
                                                  const std::string& name) {
  Credentials found{value_of(profile.values, "aws_access_key_id"),
                    value_of(profile.values, "aws_secret_access_key"),
                    value_of(profile.values, "aws_session_token"), std::nullopt};
  if (found.access_key.empty() && found.secret.empty()) { return std::optional<Credentials>{}; }
  if (found.access_key.empty() || found.secret.empty()) {
    return fail(Code::kInvalid, printable(path.string()) + ": the profile " + printable(name) +
                                    " has one of aws_access_key_id and aws_secret_access_key, "
                                    "but not both");
  }
  return std::optional{std::move(found)};
}

}  // namespace

Result<std::optional<Credentials>> credentials_of_files(const Environment& environment) {
  const auto named = environment("AWS_PROFILE");
  const std::string name = named.value_or("default");
  const fs::Path home = environment("HOME").value_or("");
  const auto place = [&](const char* variable, const char* fallback) -> fs::Path {
    const auto given = environment(variable);
    if (given.has_value()) { return *given; }
    return home.empty() ? fs::Path{} : home / ".aws" / fallback;
  };
  struct File {
    fs::Path path;
    std::vector<std::string> titles;
  };
  // In the second, all profiles but "default" stand as [profile NAME].
  const File files[] = {
      {place("AWS_SHARED_CREDENTIALS_FILE", "credentials"), {name}},
      {place("AWS_CONFIG_FILE", "config"), {name == "default" ? name : "profile " + name}}};
  bool is_there = false;
  for (const File& file : files) {
    if (file.path.empty()) { continue; }
    PV_TRY(const std::string text, read_if_there(file.path));
    const Profile profile = read_profile(text, file.titles);
    is_there = is_there || profile.is_there;
    PV_TRY(auto found, credentials_in(profile, file.path, name));
    if (found.has_value()) { return found; }
  }
  if (named.has_value() && !is_there) {
    return fail(Code::kNotFound, "no profile " + printable(name) + " in " +
                                     printable(files[0].path.string()) + " or " +
                                     printable(files[1].path.string()));
  }
  return std::optional<Credentials>{};
}

}  // namespace pv::s3
