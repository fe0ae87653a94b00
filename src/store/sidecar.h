// The file NAME.attrs that PocketBase keeps beside each file NAME of a local folder.
#pragma once

#include <string>
#include <string_view>

namespace pv::store {

inline constexpr std::string_view kSidecarSuffix = ".attrs";
inline constexpr std::string_view kZipType = "application/zip";
inline constexpr std::string_view kUnknownType = "application/octet-stream";

// The one JSON line, as PocketBase writes it but for "md5": null. Nothing verifies that field, and
// PocketBase takes an absent one; hashing hundreds of megabytes for it would slow every backup.
[[nodiscard]] std::string sidecar_for_zip(std::string_view original_name);

// The content type it names; kUnknownType for text that makes no sense.
[[nodiscard]] std::string content_type_in(std::string_view sidecar);

}  // namespace pv::store
