// What tests of this room share.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "s3/client.h"
#include "testing/memory_io.h"
#include "testing/s3_gateway.h"

namespace pv::objects {

inline s3::Options options_at(const std::string& endpoint) {
  auto address = s3::Address::parse({endpoint, "backups", testing::S3Gateway::kRegion, true});
  PV_ASSERT(address.has_value());
  s3::Options options{
      *address,
      s3::fixed_credentials({testing::S3Gateway::kAccessKey, testing::S3Gateway::kSecret, {}, {}})};
  options.limits.wait_first = std::chrono::milliseconds{1};
  options.limits.at_once = 16;
  return options;
}

inline std::string noise(std::size_t size_bytes) {
  std::string bytes(size_bytes, '\0');
  system_random().fill(std::as_writable_bytes(std::span{bytes}));
  return bytes;
}

inline std::string content_of(s3::Client& client, const std::string& key) {
  const auto object = client.head(key);
  if (!object.has_value()) { return "(" + object.error().what + ")"; }
  std::string bytes(static_cast<std::size_t>(object->size_bytes), '\0');
  if (bytes.empty()) { return bytes; }
  const auto read = client.read({key, object->etag, 0, object->size_bytes},
                                std::as_writable_bytes(std::span{bytes}));
  return read.has_value() ? bytes : "(" + read.error().what + ")";
}

}  // namespace pv::objects
