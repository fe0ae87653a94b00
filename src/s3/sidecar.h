// The file NAME.attrs that PocketBase keeps beside each file NAME of a local folder: what an object
// of a bucket has as headers.
#pragma once

#include <string>
#include <string_view>

#include "s3/client.h"

namespace pv::s3 {

inline constexpr std::string_view kSidecarSuffix = ".attrs";
inline constexpr std::string_view kZipType = "application/zip";
inline constexpr std::string_view kUnknownType = "application/octet-stream";
inline constexpr std::size_t kSidecarBytesMax = std::size_t{64} << 10U;

// The one JSON line, as PocketBase writes it but for "md5": null. Nothing verifies that field, and
// PocketBase takes an absent one; hashing hundreds of megabytes for it would slow every backup.
[[nodiscard]] std::string sidecar_of(const Attributes& attributes);

// What it says, without control characters; kUnknownType and no name for text that makes no sense.
[[nodiscard]] Attributes attributes_in(std::string_view sidecar);

}  // namespace pv::s3
