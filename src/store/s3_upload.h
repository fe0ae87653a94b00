#pragma once

#include <memory>

#include "store/s3_bucket.h"

namespace pv::store {

[[nodiscard]] std::unique_ptr<Upload> make_s3_upload(std::shared_ptr<S3Bucket> bucket,
                                                     const BackupName& name,
                                                     const BackupStore::UploadOptions& options,
                                                     std::stop_token stop);

// Ends the uploads that the note says were begun; kInvalid when it is none of ours.
[[nodiscard]] Result<void> abort_noted(S3Bucket& bucket, std::string_view note,
                                       const std::stop_token& stop);

}  // namespace pv::store
