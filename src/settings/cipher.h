// How PocketBase encrypts its settings: AES-GCM, the key as given.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"

namespace pv::settings {

// Standard base64 of nonce (12 bytes), ciphertext, tag (16). The key's bytes are taken as they are:
// 16, 24 or 32 of them. kUnauthenticated: another length, or not the key it was encrypted with;
// kDamaged: not the shape of something encrypted.
[[nodiscard]] Result<std::string> decrypt(std::string_view text, std::string_view key);

// The same backwards, with a nonce of its own each time. kUnauthenticated: a key of another length.
[[nodiscard]] Result<std::string> encrypt(std::string_view plain, std::string_view key,
                                          Random& random);

// Whether decrypt() could open it with the right key.
[[nodiscard]] bool looks_encrypted(std::string_view text);

}  // namespace pv::settings
