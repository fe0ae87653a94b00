#include "settings/vault_settings.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>

#include "base/cron.h"
#include "fs/give.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaults = R"({
  "schedule": {"jitterSeconds": 0, "catchUp": true},
  "retention": {"keepLast": 0, "keepHourly": 0, "keepDaily": 0, "keepWeekly": 0, "keepMonthly": 0,
                "keepYearly": 0, "minAgeHours": 0, "governs": "automatic"},
  "verification": {"cron": "30 4 * * 0", "deep": true, "sampleCount": 1, "buckets": false}
})";

// The shape shows what elements of lists are; by default there are none.
json::object defaults() {
  json::object root = vault_shape();
  root.at("alerts").get_object()["webhooks"] = json::array{};
  return root;
}

json::object shown_of(const json::object& root) {
  json::object shown = project(vault_shape(), root);
  mask_alerts(shown.at("alerts").get_object());
  return shown;
}

constexpr std::uint64_t kBytesMax = 1 << 20;
constexpr std::chrono::milliseconds kLockPatience{5'000};
constexpr std::uint32_t kOwnerOnly = 0600;

Error misfit_of(const fs::Path& path, const std::vector<Fault>& faults) {
  const Fault& first = faults.front();
  return Error{Code::kDamaged,
               path.filename().string() + ": " + first.field + ": " + first.message};
}

// Whether what can't be merged has its default, or is an error.
enum class Misfit { kDefault, kError };

// Without a file there is nothing in it.
Result<json::object> parse_file(const fs::Path& path) {
  const auto found = fs::link_stat(path);
  if (!found.has_value() && found.error().code == Code::kNotFound) { return json::object{}; }
  if (!found.has_value()) { return fail(found.error()); }
  if (!found->is_file()) {
    return fail(Code::kDamaged, path.filename().string() + " is not a file");
  }
  if (found->size_bytes > kBytesMax) {
    return fail(Code::kDamaged, path.filename().string() + " is longer than 1 MiB");
  }
  PV_TRY(const std::string text, fs::read_file(path, kBytesMax));
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return fail(Code::kDamaged, path.filename().string() + " is not JSON");
  }
  return std::move(value.get_object());
}

Result<json::object> read_file(const fs::Path& path, Misfit misfit = Misfit::kDefault) {
  json::object root = defaults();
  PV_TRY(const json::object stored, parse_file(path));
  const auto faults = merge(vault_shape(), root, stored, Unknown::kKeep);
  if (misfit == Misfit::kError && !faults.empty()) { return fail(misfit_of(path, faults)); }
  return root;
}

void check_retention(const json::object& retention, std::vector<Fault>& faults) {
  const std::string path = "retention.";
  for (const char* name :
       {"keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly"}) {
    require_between(retention, path, name, 0, Retention::kCountMax, faults);
  }
  require_between(retention, path, "minAgeHours", 0, Retention::kMinAgeMax.count(), faults);
  if (!governs_of(retention.at("governs").get_string())) {
    faults.push_back({path + "governs", "validation_in_invalid", "Must be a valid value."});
  }
}

void check_verification(const json::object& verification, std::vector<Fault>& faults) {
  constexpr std::int64_t kSamplesMax = 1000;
  require_between(verification, "verification.", "sampleCount", 0, kSamplesMax, faults);
  const json::string& cron = verification.at("cron").get_string();
  if (cron.empty()) { return; }
  if (const auto parsed = Cron::parse(cron); !parsed.has_value()) {
    faults.push_back({"verification.cron", "validation_invalid_cron", parsed.error().what});
  }
}

std::vector<Fault> check(const json::object& root) {
  constexpr std::int64_t kJitterMax = 6 * 3600;
  std::vector<Fault> faults;
  require_between(root.at("schedule").get_object(), "schedule.", "jitterSeconds", 0, kJitterMax,
                  faults);
  check_retention(root.at("retention").get_object(), faults);
  check_verification(root.at("verification").get_object(), faults);
  std::ranges::move(check_alerts(root.at("alerts").get_object()), std::back_inserter(faults));
  return faults;
}

Retention retention_of(const json::object& section) {
  return {
      .last = section.at("keepLast").get_int64(),
      .hourly = section.at("keepHourly").get_int64(),
      .daily = section.at("keepDaily").get_int64(),
      .weekly = section.at("keepWeekly").get_int64(),
      .monthly = section.at("keepMonthly").get_int64(),
      .yearly = section.at("keepYearly").get_int64(),
      .min_age = std::chrono::hours{section.at("minAgeHours").get_int64()},
      .governs =
          governs_of(section.at("governs").get_string()).value_or(Retention::Governs::kAutomatic)};
}

Verification verification_of(const json::object& section) {
  return {.cron = std::string{section.at("cron").get_string()},
          .is_deep = section.at("deep").get_bool(),
          .samples = section.at("sampleCount").get_int64(),
          .of_buckets = section.at("buckets").get_bool()};
}

VaultSettings settings_of(const json::object& root) {
  const json::object& schedule = root.at("schedule").get_object();
  return {.schedule = {.jitter_max = std::chrono::seconds{schedule.at("jitterSeconds").get_int64()},
                       .catch_up = schedule.at("catchUp").get_bool()},
          .retention = retention_of(root.at("retention").get_object()),
          .verification = verification_of(root.at("verification").get_object()),
          .alerts = alert_settings_of(root.at("alerts").get_object())};
}

// Whether it may be another file, or another content.
bool is_same(const std::optional<fs::Stat>& a, const std::optional<fs::Stat>& b) {
  if (!a || !b) { return a.has_value() == b.has_value(); }
  return a->inode == b->inode && a->size_bytes == b->size_bytes && a->modified == b->modified;
}

}  // namespace

std::string_view governs_name(Retention::Governs governs) {
  return governs == Retention::Governs::kAll ? "all" : "automatic";
}

std::optional<Retention::Governs> governs_of(std::string_view name) {
  for (const auto governs : {Retention::Governs::kAutomatic, Retention::Governs::kAll}) {
    if (governs_name(governs) == name) { return governs; }
  }
  return std::nullopt;
}

const json::object& vault_shape() {
  static const json::object shape = [] {
    json::object root = json::parse(kDefaults).get_object();
    root["alerts"] = json::parse(kAlertShape);
    return root;
  }();
  return shape;
}

VaultSettingsFile::VaultSettingsFile(const fs::Path& vault_folder)
    : path_{vault_folder / "settings.json"}, lock_path_{vault_folder / "settings.lock"} {}

VaultSettings VaultSettingsFile::now() {
  const auto found = fs::link_stat(path_);
  const std::optional<fs::Stat> here = found.has_value() ? std::optional{*found} : std::nullopt;
  const std::lock_guard lock{mutex_};
  if (is_same(seen_, here)) { return now_; }
  const auto root = read_file(path_);
  if (root.has_value() && check(*root).empty()) { now_ = settings_of(*root); }
  seen_ = here;
  return now_;
}

Result<VaultSettings> VaultSettingsFile::read() const {
  PV_TRY(const json::object root, read_file(path_, Misfit::kError));
  const std::vector<Fault> faults = check(root);
  if (!faults.empty()) { return fail(misfit_of(path_, faults)); }
  return settings_of(root);
}

std::vector<std::string> VaultSettingsFile::strangers() const {
  json::object root = defaults();
  std::vector<std::string> strangers;
  const auto stored = parse_file(path_);
  if (!stored.has_value()) { return strangers; }
  for (const Fault& fault : merge(vault_shape(), root, *stored, Unknown::kRefuse)) {
    if (fault.unknown.empty()) { continue; }
    strangers.push_back(fault.field + fault.unknown);  // "retention." and "keepDayly"
  }
  return strangers;
}

Result<json::object> VaultSettingsFile::show() const {
  PV_TRY(const json::object root, read_file(path_));
  return shown_of(root);
}

Result<VaultSettingsChange> VaultSettingsFile::change(const std::vector<json::object>& changes) {
  PV_TRY(const fs::FileLock lock, fs::FileLock::take(lock_path_, kLockPatience));
  PV_TRY(json::object root, read_file(path_));
  for (json::object change : changes) {
    std::vector<Fault> faults = prepare_alerts(root.at("alerts").get_object(), change);
    std::ranges::move(merge(vault_shape(), root, change, Unknown::kRefuse),
                      std::back_inserter(faults));
    if (!faults.empty()) { return VaultSettingsChange{.faults = std::move(faults)}; }
  }
  if (std::vector<Fault> faults = check(root); !faults.empty()) {
    return VaultSettingsChange{.faults = std::move(faults)};
  }
  PV_CHECK(fs::write_file_atomically(path_, json::serialize(root) + "\n", kOwnerOnly));
  fs::give_like(path_.parent_path(), path_);
  return VaultSettingsChange{.shown = shown_of(root)};
}

}  // namespace pv::settings
