#include "cli/options.h"

#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/arguments.h"

namespace pv::cli {
namespace {

std::string fault_of_listen(const std::string& value) {
  const auto listen = parse_listen(value);
  return listen.has_value() ? "" : listen.error().what;
}

std::string fault_of_list(const std::string& value) {
  const bool is_whole = ("," + value + ",").find(",,") == std::string::npos;
  return is_whole ? "" : "has an empty text; leave it out";
}

std::string fault_of_span(const std::string& value) {
  return parse_duration(value) ? "" : "needs a span of time: 30m, 24h, 7d, or 0";
}

// Less than 1K a second would be never, and is a slip.
std::string fault_of_rate(const std::string& value) {
  constexpr std::uint64_t kLeast = 1000;
  const auto rate = parse_size(value);
  return rate && *rate >= kLeast ? "" : "needs a number of bytes, at least 1K: 500K, 20M";
}

std::string fault_of_place(const std::string& value) {
  const auto place = parse_store_place(value);
  return place.has_value() ? "" : place.error().what;
}

std::string fault_of_level(const std::string& value) {
  constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warning", "error"};
  return std::ranges::find(kLevels, value) != kLevels.end() ? ""
                                                            : "needs debug, info, warning or error";
}

constexpr std::array kSpecs{
    OptionSpec{.key = "dir",
               .shape = Shape::kPath,
               .type = "DIR",
               .help = "PocketBase's data directory",
               .fallback = "pb_data",
               .is_place = true},
    OptionSpec{.key = "backups_dir",
               .shape = Shape::kPath,
               .type = "DIR",
               .help = "where backups are kept, if not DIR/backups",
               .is_place = true},
    OptionSpec{.key = "encryption_env",
               .type = "NAME",
               .help = "name of the environment variable with the settings' key",
               .is_place = true},
    OptionSpec{.key = "encryption_key_file",
               .shape = Shape::kPath,
               .type = "FILE",
               .help = "a file with the settings' key in its first line",
               .is_place = true},
    OptionSpec{.key = "s3_bucket",
               .type = "NAME",
               .help = "backups in this bucket (docs/s3.md)",
               .is_place = true},
    OptionSpec{
        .key = "s3_endpoint", .type = "URL", .help = "AWS if nothing is said", .is_place = true},
    OptionSpec{
        .key = "s3_region", .type = "NAME", .help = "AWS_REGION, else us-east-1", .is_place = true},
    OptionSpec{
        .key = "s3_prefix", .type = "TEXT", .help = "before every key: shop/", .is_place = true},
    OptionSpec{.key = "s3_force_path_style",
               .shape = Shape::kFlag,
               .help = "https://HOST/BUCKET, as MinIO has",
               .fallback = "false",
               .is_place = true},
    OptionSpec{.key = "s3_access_key",
               .type = "KEY",
               .help = "else AWS_ACCESS_KEY_ID and so on (docs/s3.md)",
               .is_place = true},
    OptionSpec{.key = "s3_secret_key_file",
               .shape = Shape::kPath,
               .type = "FILE",
               .help = "a file with its secret in the first line",
               .is_place = true},
    OptionSpec{.key = "mirror",
               .shape = Shape::kPlace,
               .type = "s3://BUCKET/PREFIX|DIR",
               .help = "a second store, that is to have every backup (docs/s3.md)",
               .is_place = true,
               .fault = fault_of_place},
    OptionSpec{.key = "token",
               .type = "TOKEN",
               .help = "a superuser's token; better: POCKETVAULT_TOKEN, or login",
               .is_secret = true},
    OptionSpec{.key = "token_file",
               .shape = Shape::kPath,
               .type = "FILE",
               .help = "a file with such a token in its first line"},
    OptionSpec{.key = "http",
               .type = "HOST:PORT",
               .help = "address and port to listen on",
               .fallback = "127.0.0.1:8090",
               .fault = fault_of_listen},
    OptionSpec{.key = "metrics_listen",
               .type = "HOST:PORT",
               .help = "metrics for Prometheus, without a token, here (docs/metrics.md)",
               .fault = fault_of_listen},
    OptionSpec{.key = "origins",
               .shape = Shape::kList,
               .type = "ORIGIN",
               .help = "CORS origins, separated by commas",
               .fallback = "*",
               .fault = fault_of_list},
    OptionSpec{.key = "nice",
               .shape = Shape::kFlag,
               .help = "give way to everything else: idle CPU and disk only",
               .fallback = "false"},
    OptionSpec{.key = "limit_rate",
               .type = "500K|20M|1G",
               .help = "bytes a second that a backup reads and writes at most",
               .is_live = true,
               .fault = fault_of_rate},
    OptionSpec{.key = "keep_replaced",
               .type = "24h|7d|0",
               .help = "how long what a restore replaces can be had back",
               .fallback = "24h",
               .is_live = true,
               .fault = fault_of_span},
    OptionSpec{.key = "schedule",
               .shape = Shape::kFlag,
               .help = "make the backups of backups.cron even beside an app that runs on the "
                       "directory",
               .fallback = "false"},
    OptionSpec{.key = "strict",
               .shape = Shape::kFlag,
               .help = "answer as PocketBase v0.36.6, to the byte",
               .fallback = "false"},
    OptionSpec{.key = "log_level",
               .type = "debug|info|warning|error",
               .help = "what of the log is worth a line",
               .fallback = "info",
               .is_live = true,
               .fault = fault_of_level},
};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) { row[j] = j; }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const OptionSpec> option_specs() { return kSpecs; }

const OptionSpec* find_spec(std::string_view key) {
  const auto* found = std::ranges::find(kSpecs, key, &OptionSpec::key);
  return found == kSpecs.end() ? nullptr : found;
}

const OptionSpec& spec_of(std::string_view key) {
  const OptionSpec* spec = find_spec(key);
  PV_ASSERT(spec != nullptr);
  return *spec;
}

std::string flag_of(std::string_view key) {
  std::string flag = "--" + std::string{key};
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string variable_of(std::string_view key) {
  std::string name = "POCKETVAULT_" + std::string{key};
  std::ranges::transform(name, name.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  return name;
}

std::string fault_of_variable(std::string_view name) {
  constexpr std::string_view kPrefix = "POCKETVAULT_";
  if (!name.starts_with(kPrefix)) { return {}; }
  const std::string_view rest = name.substr(kPrefix.size());
  const bool is_of_kubernetes =
      rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
  if (rest == "CONFIG" || rest == "LANG" || is_of_kubernetes) { return {}; }
  const auto is_read = [&](const OptionSpec& spec) { return variable_of(spec.key) == name; };
  if (std::ranges::any_of(kSpecs, is_read)) { return {}; }
  const std::string_view near = nearest_key(rest);
  return std::string{name} + " is set, and there is no such option" +
         (near.empty() ? std::string{} : "; did you mean " + variable_of(near) + "?");
}

std::string_view nearest_key(std::string_view word) {
  constexpr std::size_t kWordMax = 64;
  if (word.size() > kWordMax) { return {}; }
  std::string given = to_lower_ascii(word);
  std::ranges::replace(given, '-', '_');
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, given.size() / 3) + 1;
  for (const OptionSpec& spec : kSpecs) {
    const std::size_t apart = distance(given, spec.key);
    if (!spec.is_secret && apart < best_distance) {
      best = spec.key;
      best_distance = apart;
    }
  }
  return best;
}

std::string shown_value(const Setting& setting) {
  const OptionSpec* spec = find_spec(setting.key);
  if (spec != nullptr && spec->is_secret) { return setting.value.empty() ? "" : "***"; }
  std::string shown = setting.value;
  for (std::size_t at = shown.find("://"); at != std::string::npos; at = shown.find("://", at)) {
    at += 3;
    const std::size_t end = std::min(shown.find_first_of("/?&#,", at), shown.size());
    const std::size_t mark = shown.substr(0, end).rfind('@');
    if (mark != std::string::npos && mark >= at) { shown.replace(at, mark - at, "***"); }
  }
  return shown;
}

}  // namespace pv::cli
