#include "s3/credentials.h"

#include <cstdlib>
#include <mutex>

#include "s3/credential_files.h"
#include "s3/credential_services.h"

namespace pv::s3 {
namespace {

class Fixed final : public CredentialSource {
 public:
  explicit Fixed(Credentials credentials) : credentials_{std::move(credentials)} {}
  [[nodiscard]] Result<Credentials> fetch(std::stop_token /*stop*/) override {
    return credentials_;
  }

 private:
  const Credentials credentials_;
};

std::string value_of(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

std::optional<Credentials> from_variables(const Environment& environment) {
  Credentials found{value_of(environment, "AWS_ACCESS_KEY_ID"),
                    value_of(environment, "AWS_SECRET_ACCESS_KEY"),
                    value_of(environment, "AWS_SESSION_TOKEN"), std::nullopt};
  if (found.access_key.empty() || found.secret.empty()) { return std::nullopt; }
  return found;
}

class FromEnvironment final : public CredentialSource {
 public:
  explicit FromEnvironment(Environment environment) : environment_{std::move(environment)} {}

  [[nodiscard]] Result<Credentials> fetch(std::stop_token stop) override {
    if (auto found = from_variables(environment_)) { return std::move(*found); }
    PV_TRY(auto in_files, credentials_of_files(environment_));
    if (in_files.has_value()) { return std::move(*in_files); }
    if (has_container_service(environment_)) {
      return credentials_of_container(environment_, stop);
    }
    if (value_of(environment_, "AWS_EC2_METADATA_DISABLED") == "true") {
      return fail(Code::kNotFound,
                  "no S3 credentials: neither in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor "
                  "in ~/.aws/credentials, and the metadata service is switched off");
    }
    auto of_instance = credentials_of_instance(environment_, stop);
    if (of_instance.has_value()) { return of_instance; }
    return fail(of_instance.error().within(
        "no S3 credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws/credentials, "
        "and the instance's metadata service gives none"));
  }

 private:
  const Environment environment_;
};

}  // namespace

std::unique_ptr<CredentialSource> fixed_credentials(Credentials credentials) {
  return std::make_unique<Fixed>(std::move(credentials));
}

std::unique_ptr<CredentialSource> environment_credentials(Environment environment) {
  return std::make_unique<FromEnvironment>(std::move(environment));
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
}

class CredentialCache::Impl {
 public:
  Impl(std::shared_ptr<CredentialSource> source, const Clock& clock)
      : source_{std::move(source)}, clock_{clock} {}

  // One thread asks, the others wait for its answer: each service has its own deadline.
  Result<Credentials> get(const std::stop_token& stop) {
    const std::lock_guard lock{mutex_};
    if (known_.has_value() && left() > kEarly) { return *known_; }
    auto fresh = source_->fetch(stop);
    if (!fresh.has_value() && known_.has_value() && left() > std::chrono::seconds{0}) {
      return *known_;
    }
    if (fresh.has_value()) { known_ = *fresh; }
    return fresh;
  }

  void forget(const Credentials& refused) {
    const std::lock_guard lock{mutex_};
    if (known_ == refused) { known_.reset(); }
  }

 private:
  static constexpr std::chrono::minutes kEarly{5};

  std::chrono::nanoseconds left() const {
    if (!known_->expires.has_value()) { return std::chrono::nanoseconds::max(); }
    return *known_->expires - clock_.now();
  }

  const std::shared_ptr<CredentialSource> source_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Credentials> known_;
};

CredentialCache::CredentialCache(std::shared_ptr<CredentialSource> source, const Clock& clock)
    : impl_{std::make_unique<Impl>(std::move(source), clock)} {}
CredentialCache::~CredentialCache() = default;
Result<Credentials> CredentialCache::get(std::stop_token stop) { return impl_->get(stop); }
void CredentialCache::forget(const Credentials& refused) { impl_->forget(refused); }

}  // namespace pv::s3
