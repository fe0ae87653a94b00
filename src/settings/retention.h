// How long backups are kept, and how they are looked at again: values of the settings of our own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pv::settings {

// Of each of the last so many hours, days, ... that have a backup, the newest is kept; and the last
// few whatever their time.
struct Retention {
  static constexpr std::int64_t kCountMax = 10'000;
  static constexpr std::chrono::hours kMinAgeMax{24 * 365 * 10};
  enum class Governs {
    kAutomatic,  // backups that are made by themselves: @auto_pb_backup_...
    kAll,        // whatever their names, but for those that restores make
  };

  std::int64_t last = 0;
  std::int64_t hourly = 0;
  std::int64_t daily = 0;
  std::int64_t weekly = 0;
  std::int64_t monthly = 0;
  std::int64_t yearly = 0;
  std::chrono::seconds min_age{0};  // what is younger is kept in any case
  Governs governs = Governs::kAutomatic;

  // Then there is no retention: nothing is removed.
  [[nodiscard]] bool is_empty() const {
    return last + hourly + daily + weekly + monthly + yearly == 0;
  }
  friend bool operator==(const Retention&, const Retention&) = default;
};

[[nodiscard]] std::string_view governs_name(Retention::Governs governs);  // "automatic", "all"
[[nodiscard]] std::optional<Retention::Governs> governs_of(std::string_view name);

// Verifications that are made by themselves.
struct Verification {
  std::string cron = "30 4 * * 0";  // empty: none
  bool is_deep = true;
  std::int64_t samples = 1;  // beside the newest backup, those that were verified longest ago
  bool of_buckets = false;   // also where each reads a whole backup out of an S3 bucket
  friend bool operator==(const Verification&, const Verification&) = default;
};

}  // namespace pv::settings
