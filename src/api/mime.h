// Whether an upload is a zip, by its first bytes, as PocketBase decides it.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"

namespace pv::api {

// As much of a file as is looked at.
inline constexpr std::size_t kSniffBytes = 3072;

// A zip, and none of the formats that are zips inside: jar, apk, kmz, office, OpenDocument, epub.
// `head` is the first kSniffBytes of the file, or all of it.
[[nodiscard]] bool is_plain_zip(std::string_view head);

// The name that a refusal shows instead of the client's: snake case of the stem, ten random
// characters, cleaned extension ("notes.txt" -> "notes_k3v9x0a1bz.txt").
[[nodiscard]] std::string generated_name(std::string_view client_name, std::string_view head,
                                         Random& random);

}  // namespace pv::api
