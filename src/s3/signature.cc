#include "s3/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"

namespace pv::s3 {
namespace {

constexpr std::size_t kHashBytes = 32;
using Hash = std::array<std::byte, kHashBytes>;

Hash sha256(Bytes bytes) {
  Hash hash;
  unsigned int length = 0;
  PV_ASSERT(::EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()),
                         &length, ::EVP_sha256(), nullptr) == 1);
  return hash;
}

Hash hmac(Bytes key, std::string_view text) {
  Hash hash;
  unsigned int length = 0;
  PV_ASSERT(::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                   reinterpret_cast<unsigned char*>(hash.data()), &length) != nullptr);
  return hash;
}

// Blanks at both ends go, runs of them inside become one.
std::string canonical_value(std::string_view value) {
  std::string result;
  for (const char letter : trim_blanks(value)) {
    const bool blank = letter == ' ' || letter == '\t';
    if (blank && result.ends_with(' ')) { continue; }
    result += blank ? ' ' : letter;
  }
  return result;
}

// Lower-case name to values, those of one name in the order given.
std::map<std::string, std::string> canonical_headers(const std::vector<curl::Header>& headers) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : headers) {
    const auto [place, is_new] = result.emplace(to_lower_ascii(name), canonical_value(value));
    if (!is_new) { place->second += "," + canonical_value(value); }
  }
  return result;
}

std::string signed_names(const std::map<std::string, std::string>& headers) {
  std::string result;
  for (const auto& [name, value] : headers) {
    result += result.empty() ? "" : ";";
    result += name;
  }
  return result;
}

std::string canonical_request(const Signable& request,
                              const std::map<std::string, std::string>& headers) {
  std::string result = request.method + "\n" + request.path + "\n" + encode_query(request.query);
  result += "\n";
  for (const auto& [name, value] : headers) { result += name + ":" + value + "\n"; }
  return result + "\n" + signed_names(headers) + "\n" + request.payload_hash;
}

Hash signing_key(const std::string& secret, const std::string& day, const Scope& scope) {
  const std::string first = "AWS4" + secret;
  const Hash of_day = hmac(as_bytes(first), day);
  const Hash of_region = hmac(of_day, scope.region);
  return hmac(hmac(of_region, scope.service), "aws4_request");
}

}  // namespace

std::string sha256_hex(Bytes bytes) { return to_hex(sha256(bytes)); }

std::string amz_date(WallTime time) {
  const std::string stamp = format_stamp(time);  // 20130524000000
  return stamp.substr(0, 8) + "T" + stamp.substr(8) + "Z";
}

std::string encode_path(std::string_view path) {
  std::string result;
  for (std::size_t start = 0;;) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    result += curl::escape(path.substr(start, end - start));
    if (end == path.size()) { return result; }
    result += '/';
    start = end + 1;
  }
}

std::string encode_query(const Query& query) {
  Query encoded;
  for (const auto& [name, value] : query) {
    encoded.emplace_back(curl::escape(name), curl::escape(value));
  }
  std::sort(encoded.begin(), encoded.end());
  std::string result;
  for (const auto& [name, value] : encoded) {
    result += result.empty() ? "" : "&";
    result += name + "=" + value;
  }
  return result;
}

std::string authorization(const Signable& request, const Credentials& credentials,
                          const Scope& scope, WallTime time) {
  const auto headers = canonical_headers(request.headers);
  const std::string date = amz_date(time);
  const std::string day = date.substr(0, 8);
  const std::string place = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + date + "\n" + place + "\n" +
                              sha256_hex(as_bytes(canonical_request(request, headers)));
  const Hash signature = hmac(signing_key(credentials.secret, day, scope), to_sign);
  return "AWS4-HMAC-SHA256 Credential=" + credentials.access_key + "/" + place +
         ", SignedHeaders=" + signed_names(headers) + ", Signature=" + to_hex(signature);
}

}  // namespace pv::s3
