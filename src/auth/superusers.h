// The accounts of _superusers, as `pocketbase superuser` manages them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "sqlite/connection.h"

namespace pv::auth {

inline constexpr std::string_view kInstallerEmail = "__pbinstaller@example.com";

// Each: kInvalid with PocketBase's words ("password: Must be at least 8 character(s).") for an
// e-mail or password that will not do. A changed password changes the tokenKey, which ends every
// token, and removes the record's _authOrigins, _mfas and _otps. Creating one removes PocketBase's
// installer account. All in one transaction.
[[nodiscard]] Result<void> create_superuser(sqlite::Connection& db, std::string_view email,
                                            std::string_view password, const Clock& clock,
                                            Random& random);  // kExists
[[nodiscard]] Result<void> update_superuser(sqlite::Connection& db, std::string_view email,
                                            std::string_view password, const Clock& clock,
                                            Random& random);  // kNotFound
[[nodiscard]] Result<void> upsert_superuser(sqlite::Connection& db, std::string_view email,
                                            std::string_view password, const Clock& clock,
                                            Random& random);
// kNotFound; kDenied for the only one.
[[nodiscard]] Result<void> delete_superuser(sqlite::Connection& db, std::string_view email);

struct Superuser {
  std::string id;
  std::string email;
  bool has_password = true;  // one that can be right: a bcrypt hash
};
// Without the installer account, oldest first.
[[nodiscard]] Result<std::vector<Superuser>> list_superusers(sqlite::Connection& db);

}  // namespace pv::auth
