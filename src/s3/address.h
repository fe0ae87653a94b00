// Where a bucket is.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace pv::s3 {

// As in PocketBase's settings.
struct Location {
  std::string endpoint;  // "s3.eu-central-1.amazonaws.com" (https), "http://127.0.0.1:9000"
  std::string bucket;
  std::string region;
  bool force_path_style = false;
};

// A location, checked.
class Address {
 public:
  // kInvalid: a scheme other than http and https, no host, user or query in the endpoint, a bucket
  // that is no name, no region.
  [[nodiscard]] static Result<Address> parse(const Location& location);

  // The bucket is the first part of the path with force_path_style, and where the host is an IP
  // address; else the first part of the host.
  [[nodiscard]] const std::string& host() const { return host_; }  // with its port: the Host header
  [[nodiscard]] std::string path_of(std::string_view key) const;   // encoded; "" for the bucket
  [[nodiscard]] std::string origin() const { return scheme_ + "://" + host_; }
  [[nodiscard]] bool is_encrypted() const { return scheme_ == "https"; }
  [[nodiscard]] const std::string& bucket() const { return bucket_; }
  [[nodiscard]] const std::string& region() const { return region_; }

  // "S3 bucket backups at https://s3.example.com", for messages.
  [[nodiscard]] std::string describe() const;

 private:
  Address() = default;
  std::string scheme_, endpoint_host_, host_, base_path_, bucket_, region_;
};

}  // namespace pv::s3
