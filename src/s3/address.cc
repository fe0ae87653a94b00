#include "s3/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"
#include "s3/signature.h"

namespace pv::s3 {
namespace {

bool is_plain(char letter) {
  const auto value = static_cast<unsigned char>(letter);
  return value > 0x20 && value < 0x7f &&
         std::string_view{"@?#\\\"<>"}.find(letter) == std::string_view::npos;
}

bool is_bucket_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' || letter == '_';
}

// "[::1]:9000", "10.0.0.1": a name can't be put before it.
bool is_ip_address(std::string_view host) {
  if (host.starts_with('[')) { return true; }
  const std::string name{host.substr(0, host.find(':'))};
  ::in_addr address{};
  return ::inet_pton(AF_INET, name.c_str(), &address) == 1;
}

// A default port is not part of the Host header.
std::string without_default_port(std::string host, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) { host.resize(host.size() - port.size()); }
  return host;
}

Error bad_endpoint(std::string_view endpoint) {
  constexpr std::size_t kShownBytesMax = 100;
  return {Code::kInvalid, "\"" + printable(endpoint.substr(0, kShownBytesMax)) +
                              "\" is no S3 endpoint: give HOST, HOST:PORT or http(s)://HOST:PORT"};
}

}  // namespace

Result<Address> Address::parse(const Location& location) {
  Address address;
  std::string_view rest = location.endpoint;
  address.scheme_ = "https";
  if (const std::size_t mark = rest.find("://"); mark != std::string_view::npos) {
    address.scheme_ = to_lower_ascii(rest.substr(0, mark));
    rest.remove_prefix(mark + 3);
  }
  if (address.scheme_ != "https" && address.scheme_ != "http") {
    return fail(bad_endpoint(location.endpoint));
  }
  if (!std::all_of(rest.begin(), rest.end(), is_plain)) {
    // What stands before an "@" may be a password: it is not repeated.
    return fail(bad_endpoint(rest.find('@') == std::string_view::npos ? location.endpoint : ""));
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  address.base_path_ = rest.substr(slash);
  while (address.base_path_.ends_with('/')) { address.base_path_.pop_back(); }
  address.endpoint_host_ =
      without_default_port(to_lower_ascii(rest.substr(0, slash)), address.scheme_);
  if (address.endpoint_host_.empty()) { return fail(bad_endpoint(location.endpoint)); }
  if (location.bucket.empty() ||
      !std::all_of(location.bucket.begin(), location.bucket.end(), is_bucket_letter)) {
    return fail(Code::kInvalid,
                "\"" + printable(location.bucket.substr(0, 100)) + "\" is no name of an S3 bucket");
  }
  if (location.region.empty()) { return fail(Code::kInvalid, "the S3 region is missing"); }
  address.bucket_ = location.bucket;
  address.region_ = location.region;
  if (location.force_path_style || is_ip_address(address.endpoint_host_)) {
    address.host_ = address.endpoint_host_;
    address.base_path_ += "/" + location.bucket;
  } else {
    address.host_ = location.bucket + "." + address.endpoint_host_;
  }
  return address;
}

std::string Address::path_of(std::string_view key) const {
  if (key.empty()) { return base_path_.empty() ? "/" : base_path_; }
  return base_path_ + "/" + encode_path(key);
}

std::string Address::describe() const {
  return "S3 bucket " + bucket_ + " at " + scheme_ + "://" + endpoint_host_;
}

}  // namespace pv::s3
