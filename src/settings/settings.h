// The settings row of PocketBase: _params, id 'settings'.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sqlite/connection.h"

namespace pv::settings {

// Where files, or backups, lie in a bucket. As it is stored, unchecked.
struct S3 {
  bool enabled = false;
  std::string bucket{};
  std::string region{};
  std::string endpoint{};
  std::string access_key{};
  std::string secret{};  // never in a log, an error or an answer
  bool force_path_style = false;
  friend bool operator==(const S3&, const S3&) = default;
};

struct RateLimitRule {
  std::string label;     // "POST /api/backups", "/api/", "*:auth"
  std::string audience;  // "@guest", "@auth"; empty: both
  std::chrono::seconds duration{0};
  std::int64_t requests_max = 0;
  friend bool operator==(const RateLimitRule&, const RateLimitRule&) = default;
};
struct RateLimits {
  bool enabled = false;
  std::vector<RateLimitRule> rules{};
  std::vector<std::string> excluded_ips{};  // PocketBase 0.39 and later
  friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

// Of requests, in auxiliary.db.
struct Logs {
  std::int64_t days_max = 5;  // 0: nothing is logged
  std::int64_t level_min = 0;
  bool with_ip = true;
  bool with_auth_id = false;
  friend bool operator==(const Logs&, const Logs&) = default;
};

// How the app sends mail; not enabled: by the machine's sendmail.
struct Smtp {
  bool enabled = false;
  std::string host = "smtp.example.com";
  std::int64_t port = 587;
  std::string username{};
  std::string password{};     // never in a log, an error or an answer
  std::string auth_method{};  // "PLAIN", "LOGIN"; empty: PLAIN
  bool tls = false;           // from the start; else by STARTTLS, where the server offers it
  std::string local_name{};   // empty: localhost
  friend bool operator==(const Smtp&, const Smtp&) = default;
};

// What this program needs of it; a missing key has PocketBase's default.
struct Settings {
  std::string app_name = "Acme";
  std::string app_url = "http://localhost:8090";
  std::string sender_name = "Support";
  std::string sender_address = "support@example.com";
  Smtp smtp;
  std::vector<std::string> trusted_proxy_headers;
  bool use_leftmost_ip = false;
  S3 storage_s3;                           // uploaded files, where enabled: not below storage/
  S3 backups_s3;                           // backups, where enabled: not in backups/
  std::string backups_cron;                // empty: none are made by themselves
  std::int64_t backups_kept_max = 3;       // of those; 0: all
  std::vector<std::string> superuser_ips;  // PocketBase 0.38 and later; IPs or CIDR prefixes
  RateLimits rate_limits;
  Logs logs;
  friend bool operator==(const Settings&, const Settings&) = default;
};

// `encryption_key`: the value of the variable that --encryptionEnv names; empty: none. The row may
// be BLOB or TEXT, plain JSON or encrypted (AES-GCM); kUnauthenticated when it is encrypted and the
// key is absent or wrong; the defaults when there is no row.
[[nodiscard]] Result<Settings> read(sqlite::Connection& data, std::string_view encryption_key);

// The <app> part of automatic backup names: snake case of the app's name, at most 50 bytes.
[[nodiscard]] std::string snake_case(std::string_view name);

}  // namespace pv::settings
