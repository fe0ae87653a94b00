#pragma once

#include <memory>

#include "store/s3_bucket.h"

namespace pv::store {

// The object as it is now, read by ranges.
[[nodiscard]] std::unique_ptr<Source> make_s3_source(std::shared_ptr<S3Bucket> bucket,
                                                     s3::Object object, std::stop_token stop);

}  // namespace pv::store
