// What S3's answers say.
#pragma once

#include "s3/client.h"

namespace pv::s3 {

// kInvalid: not what S3 answers to that.
[[nodiscard]] Result<ListPage> parse_list(std::string_view body);
[[nodiscard]] Result<std::string> parse_upload_id(std::string_view body);
[[nodiscard]] Result<Part> parse_copied_part(std::string_view body);
// The ChecksumCRC32C and ETag of a CompleteMultipartUploadResult; "" where there is none.
struct Completed {
  std::string crc32c;
  std::string etag;
};
[[nodiscard]] Result<Completed> parse_completed(std::string_view body);

inline constexpr const char* kOriginalNameHeader = "x-amz-meta-original-filename";
[[nodiscard]] Attributes attributes_of_headers(const std::vector<curl::Header>& headers);
[[nodiscard]] Result<Object> object_of_headers(const std::string& key,
                                               const std::vector<curl::Header>& headers);

[[nodiscard]] std::string completion_of(const std::vector<Part>& parts);

// Percent-decoded, '+' as a blank, as answers with encoding-type=url have it; bad escapes stay.
[[nodiscard]] std::string decode_key(std::string_view text);

}  // namespace pv::s3
