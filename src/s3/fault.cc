#include "s3/fault.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "s3/xml.h"

namespace pv::s3 {
namespace {

using namespace std::chrono_literals;

constexpr auto kSkewAllowed = 15min;  // by S3

template <std::size_t Count>
bool is_one_of(std::string_view code, const std::array<std::string_view, Count>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

constexpr std::array<std::string_view, 4> kExpired = {"ExpiredToken", "ExpiredTokenException",
                                                      "InvalidToken", "TokenRefreshRequired"};
constexpr std::array<std::string_view, 5> kCorrupted = {
    "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch",
    "IncompleteBody"};
constexpr std::array<std::string_view, 9> kPassing = {
    "SlowDown",         "InternalError",    "ServiceUnavailable",
    "RequestTimeout",   "OperationAborted", "ConditionalRequestConflict",
    "RequestThrottled", "TooManyRequests",  "Throttling"};
constexpr std::array<std::string_view, 4> kFull = {"QuotaExceeded", "XMinioStorageFull",
                                                   "InsufficientStorage", "EntityTooLarge"};
// The second is versitygw's.
constexpr std::array<std::string_view, 2> kUnknownKey = {"InvalidAccessKeyId",
                                                         "XAdminUserNotFound"};
constexpr std::array<std::string_view, 4> kElsewhere = {"PermanentRedirect", "TemporaryRedirect",
                                                        "AuthorizationHeaderMalformed",
                                                        "IllegalLocationConstraintException"};

bool is_passing(const Fault& fault) {
  return is_one_of(fault.code, kPassing) || fault.status == 408 || fault.status == 429 ||
         (fault.status >= 500 && fault.status != 501 && fault.status != 507);
}

bool is_skewed(const Fault& fault, WallTime now) {
  if (fault.code == "RequestTimeTooSkewed" || fault.code == "RequestExpired") { return true; }
  if (fault.status != 403 || !fault.code.empty() || !fault.server_time.has_value()) {
    return false;
  }
  const auto apart = *fault.server_time - now;
  return apart > kSkewAllowed || apart < -kSkewAllowed;
}

bool is_expired(const Fault& fault, const Credentials& credentials) {
  const bool is_mute = fault.code.empty() && (fault.status == 400 || fault.status == 403);
  return is_one_of(fault.code, kExpired) || (is_mute && !credentials.session_token.empty());
}

// "12 minutes ahead of", "3 hours behind".
std::string skew_in_words(WallTime now, WallTime server) {
  const auto apart = std::chrono::duration_cast<std::chrono::seconds>(now - server);
  const auto span = std::chrono::abs(apart);
  const std::string amount = span >= 2h     ? std::to_string(span / 1h) + " hours"
                             : span >= 2min ? std::to_string(span / 1min) + " minutes"
                                            : std::to_string(span.count()) + " seconds";
  return amount + (apart.count() > 0 ? " ahead of" : " behind");
}

std::string without(std::string text, const std::string& secret) {
  if (secret.empty()) { return text; }
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "***");
    at += 3;
  }
  return text;
}

// What the server said, cut short.
std::string quote(const Fault& fault) {
  constexpr std::size_t kShownBytesMax = 300;
  std::string said = fault.code.empty() ? "status " + std::to_string(fault.status) : fault.code;
  if (!fault.message.empty()) { said += ": " + fault.message; }
  return said.substr(0, kShownBytesMax);
}

std::string wrong_region(const Fault& fault, const Address& address) {
  const std::string known = "the bucket is not in the region " + address.region();
  if (fault.region.empty()) { return known + ", or not at this endpoint; correct the settings"; }
  return known + ", but in " + fault.region.substr(0, 64) +
         "; correct region and endpoint in the settings";
}

std::string denied(const Fault& fault) {
  if (is_one_of(fault.code, kUnknownKey)) { return "the access key is not known there"; }
  if (fault.code == "SignatureDoesNotMatch") { return "the secret does not fit the access key"; }
  return "access is denied; the access key may lack a permission";
}

Error explain_all(const Fault& fault, const Address& address, const Credentials& credentials,
                  WallTime now) {
  const std::string said = " (" + quote(fault) + ")";
  if (is_skewed(fault, now)) {
    const std::string words =
        fault.server_time.has_value()
            ? "this machine's clock is " + skew_in_words(now, *fault.server_time) + " the server's"
            : "this machine's clock differs too much from the server's";
    return {Code::kDenied, words + "; set it right" + said};
  }
  if (fault.code == "NoSuchBucket") {
    return {Code::kInvalid, "there is no bucket " + address.bucket() +
                                "; create it, or correct its name in the settings" + said};
  }
  if (is_one_of(fault.code, kElsewhere) || fault.status == 301 || fault.status == 307) {
    return {Code::kInvalid, wrong_region(fault, address) + said};
  }
  if (is_expired(fault, credentials)) {
    return {Code::kDenied, "the credentials have expired or are no good" + said};
  }
  if (is_one_of(fault.code, kUnknownKey)) { return {Code::kDenied, denied(fault) + said}; }
  if (fault.status == 404) { return {Code::kNotFound, "it is not there" + said}; }
  if (fault.status == 412) { return {Code::kExists, "a condition is not met" + said}; }
  if (is_one_of(fault.code, kFull) || fault.status == 507) {
    return {Code::kNoSpace, "the store takes no more" + said};
  }
  if (is_one_of(fault.code, kCorrupted)) {
    return {Code::kDamaged, "the server received other bytes than were sent" + said};
  }
  if (is_passing(fault)) { return {Code::kUnavailable, "the server can't now" + said}; }
  if (fault.status == 501) { return {Code::kUnsupported, "the server does not know this" + said}; }
  if (fault.status == 401 || fault.status == 403) { return {Code::kDenied, denied(fault) + said}; }
  return {Code::kInvalid, "the server refuses" + said};
}
}  // namespace

Fault read_fault(const curl::Reply& reply) {
  Fault fault;
  fault.status = reply.status;
  const auto region = curl::find_header(reply.headers, "x-amz-bucket-region");
  if (region.has_value()) { fault.region = *region; }
  const auto date = curl::find_header(reply.headers, "Date");
  if (date.has_value()) { fault.server_time = parse_http_date(*date); }
  const auto body = parse_xml(reply.body);
  if (body.has_value() && body->name == "Error") {
    fault.code = body->text_of("Code");
    fault.message = body->text_of("Message");
    if (fault.region.empty()) { fault.region = body->text_of("Region"); }
  }
  return fault;
}

bool is_fault_in_success(const curl::Reply& reply) {
  if (reply.body.find("<Error") == std::string::npos) { return false; }
  const auto body = parse_xml(reply.body);
  return body.has_value() && body->name == "Error";
}

Remedy remedy_for(const Fault& fault, const Credentials& credentials, WallTime now) {
  if (is_skewed(fault, now)) { return Remedy::kCorrectClock; }
  if (is_expired(fault, credentials)) { return Remedy::kRenewCredentials; }
  if (is_passing(fault) || is_one_of(fault.code, kCorrupted)) { return Remedy::kRetry; }
  return Remedy::kNone;
}

// A server may repeat what it was sent: what is secret is taken out again, as it stood there,
// before bytes that can't be shown are.
Error explain(const Fault& fault, const Address& address, const Credentials& credentials,
              WallTime now) {
  Error error = explain_all(fault, address, credentials, now);
  error.what = printable(
      without(without(std::move(error.what), credentials.secret), credentials.session_token));
  return error;
}

}  // namespace pv::s3
