#include "s3/credential_services.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "curl/client.h"
#include "fs/file.h"
#include "s3/date.h"

namespace pv::s3 {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAnswerBytesMax = 64 << 10;

// These services are near: what takes longer is not there.
Result<std::string> ask(const std::string& method, const std::string& url,
                        std::vector<curl::Header> headers, const std::stop_token& stop) {
  curl::ClientOptions options;
  options.connect_timeout = 2s;
  options.body_bytes_max = kAnswerBytesMax;
  curl::Client client{options};
  curl::Request request;
  request.method = method;
  request.url = url;
  request.headers = std::move(headers);
  request.total_timeout = 5s;
  PV_TRY(curl::Reply reply, client.send(request, stop));
  if (reply.is_success()) { return std::move(reply.body); }
  const bool is_passing = reply.status >= 500 || reply.status == 429;
  return fail(
      is_passing ? Code::kUnavailable : Code::kDenied,
      method + " " + curl::url_for_people(url) + ": status " + std::to_string(reply.status));
}

// {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}, as both services answer. Nothing of
// the answer is repeated in an error.
Result<Credentials> parse_credentials(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) {
    return fail(Code::kInvalid, "the answer with the credentials is no JSON object");
  }
  const auto field = [&](const char* name) -> std::string {
    const auto* found = value.as_object().if_contains(name);
    return found != nullptr && found->is_string() ? std::string{found->as_string()} : std::string{};
  };
  Credentials found{field("AccessKeyId"), field("SecretAccessKey"), field("Token"),
                    parse_iso_date(field("Expiration"))};
  if (found.access_key.empty() || found.secret.empty()) {
    return fail(Code::kInvalid, "the answer with the credentials lacks the keys");
  }
  return found;
}

bool is_allowed_for_containers(const std::string& url) {
  if (url.starts_with("https://")) { return true; }
  for (const char* host : {"http://127.0.0.1", "http://localhost", "http://[::1]",
                           "http://169.254.170.2", "http://169.254.170.23"}) {
    const std::string_view start{host};
    if (!url.starts_with(start)) { continue; }
    const char next = url.size() == start.size() ? '/' : url[start.size()];
    if (next == '/' || next == ':') { return true; }
  }
  return false;
}

Result<std::string> container_token(const Environment& environment) {
  if (const auto path = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    PV_TRY(const std::string text, fs::read_file(*path, kAnswerBytesMax));
    return text.substr(0, text.find_first_of("\r\n"));
  }
  return environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
}

}  // namespace

bool has_container_service(const Environment& environment) {
  return environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").has_value() ||
         environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").has_value();
}

Result<Credentials> credentials_of_container(const Environment& environment, std::stop_token stop) {
  const auto relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string url = relative.has_value()
                              ? "http://169.254.170.2" + *relative
                              : environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
  if (!is_allowed_for_containers(url)) {
    return fail(Code::kInvalid,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http on this "
                "machine or on a container's own address");
  }
  PV_TRY(const std::string token, container_token(environment));
  std::vector<curl::Header> headers;
  if (!token.empty()) { headers.emplace_back("Authorization", token); }
  PV_TRY(const std::string answer, ask("GET", url, headers, stop));
  return parse_credentials(answer);
}

Result<Credentials> credentials_of_instance(const Environment& environment, std::stop_token stop) {
  std::string base =
      environment("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
  while (base.ends_with('/')) { base.pop_back(); }
  PV_TRY(const std::string token, ask("PUT", base + "/latest/api/token",
                                      {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}, stop));
  const std::vector<curl::Header> headers{{"X-aws-ec2-metadata-token", token}};
  const std::string folder = base + "/latest/meta-data/iam/security-credentials/";
  PV_TRY(const std::string roles, ask("GET", folder, headers, stop));
  const std::string role = roles.substr(0, roles.find_first_of("\r\n"));
  if (role.empty()) { return fail(Code::kNotFound, "the instance has no role"); }
  PV_TRY(const std::string answer, ask("GET", folder + curl::escape(role), headers, stop));
  return parse_credentials(answer);
}

}  // namespace pv::s3
