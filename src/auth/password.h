// Password hashes: bcrypt, as PocketBase keeps them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"

namespace pv::auth {

inline constexpr int kDefaultCost = 10;

// Beyond it a verify takes more than about 4 s: a hash from a hostile database (31 would be days)
// is not worth that, and fails.
inline constexpr int kCostMax = 16;

// "$2a$10$...", 60 characters. kInvalid: more than 72 bytes (bcrypt's limit), a NUL character (see
// below), a cost that is not 4 to kCostMax.
[[nodiscard]] Result<std::string> hash_password(std::string_view password, Random& random,
                                                int cost = kDefaultCost);

// Accepts $2a$, $2b$, $2y$. Bytes past the 72nd do not count, as in PocketBase. A password with a
// NUL among the first 72 fails: PocketBase tells it apart from what stands before the NUL, and
// libcrypt, which would not, can't express it. Takes 60 ms or so (also for a hash that is none):
// never on an I/O thread.
[[nodiscard]] bool verify_password(std::string_view password, std::string_view hash);

// Takes as long as a verify that fails: for identities that do not exist.
void verify_nothing(std::string_view password, int cost = kDefaultCost);

}  // namespace pv::auth
