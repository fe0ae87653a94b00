// Buckets as PocketBase's settings name them.
#pragma once

#include "base/random.h"
#include "s3/options.h"
#include "settings/settings.h"

namespace pv::places {

// What a bucket of the settings is reached with; tests have other clocks and limits.
using TuneBucket = std::function<void(s3::Options&)>;

// For one request about backups that somebody waits for, with all its tries, as PocketBase has it.
// Those that carry a backup's bytes have more.
inline constexpr std::chrono::seconds kBucketPatience{30};

// kInvalid: something is missing, or can't be; the text says which setting.
[[nodiscard]] Result<s3::Options> bucket_of(const settings::S3& section);

// Writes a small object, finds and removes it, as PocketBase tries a bucket; at most about half a
// minute. Nothing stays behind, unless the removal fails. The error says what is wrong: the name of
// the host, the certificate, keys, region, bucket, clock, a permission.
[[nodiscard]] Result<void> try_bucket(s3::Options bucket, Random& random);

}  // namespace pv::places
