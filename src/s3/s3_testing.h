// What tests of this room share.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "s3/client.h"
#include "testing/fake_clock.h"
#include "testing/s3_gateway.h"

namespace pv::s3 {

// Counts instead of waiting; the clock moves on by what would have been waited for.
class Waits {
 public:
  explicit Waits(pv::testing::FakeClock& clock) : clock_{clock} {}
  void operator()(std::chrono::milliseconds span) {
    const std::lock_guard lock{mutex_};
    spans_.push_back(span);
    clock_.advance(span);
  }
  [[nodiscard]] std::vector<std::chrono::milliseconds> spans() const {
    const std::lock_guard lock{mutex_};
    return spans_;
  }

 private:
  pv::testing::FakeClock& clock_;
  mutable std::mutex mutex_;
  std::vector<std::chrono::milliseconds> spans_;
};

// Always the most: waits are as long as they may be.
class HighestRandom final : public Random {
 public:
  void fill(MutableBytes bytes) override {
    // As a number it is one less than a multiple of every span + 1 that is a power of two.
    for (std::byte& byte : bytes) { byte = std::byte{0xff}; }
  }
};

inline Credentials test_credentials() {
  return {pv::testing::S3Gateway::kAccessKey, pv::testing::S3Gateway::kSecret, {}, {}};
}

inline Options options_for(const std::string& endpoint, Credentials credentials,
                           bool force_path_style = true) {
  auto address =
      Address::parse({endpoint, "backups", pv::testing::S3Gateway::kRegion, force_path_style});
  PV_ASSERT(address.has_value());
  return {*address, fixed_credentials(std::move(credentials))};
}

inline Environment environment_of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto place = values.find(name);
    return place == values.end() ? std::nullopt : std::optional{place->second};
  };
}

}  // namespace pv::s3
