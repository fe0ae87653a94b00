// The settings row of PocketBase: _params, id 'settings'.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sqlite/connection.h"

namespace pv::settings {

// What this program needs of it; a missing key has PocketBase's default.
struct Settings {
  std::string app_name = "Acme";
  std::vector<std::string> trusted_proxy_headers;
  bool use_leftmost_ip = false;
  bool files_in_s3 = false;                // uploaded files lie in a bucket, not below storage/
  std::vector<std::string> superuser_ips;  // PocketBase 0.38 and later; IPs or CIDR prefixes
};

// `encryption_key`: the value of the variable that --encryptionEnv names; empty: none. The row may
// be BLOB or TEXT, plain JSON or encrypted (AES-GCM); kUnauthenticated when it is encrypted and the
// key is absent or wrong; the defaults when there is no row.
[[nodiscard]] Result<Settings> read(sqlite::Connection& data, std::string_view encryption_key);

// The <app> part of automatic backup names: snake case of the app's name, at most 50 bytes.
[[nodiscard]] std::string snake_case(std::string_view name);

}  // namespace pv::settings
