#include "store/s3_parts.h"

#include <algorithm>

#include "base/guarded.h"
#include "base/text.h"
#include "s3/checksum.h"

namespace pv::store {
namespace {

// Then copies are not asked for any more: the server can't, or its ETags are no MD5s (it encrypts).
constexpr int kCopiesFailedMax = 3;
// A part is soon sent instead.
constexpr std::chrono::seconds kCopyTimeMax{20};

}  // namespace

S3Parts::S3Parts(std::shared_ptr<S3Bucket> bucket, std::size_t at_once, std::stop_token stop)
    : bucket_{std::move(bucket)},
      at_once_{at_once},
      on_stop_{std::move(stop), [this] { stop_.request_stop(); }},
      pool_{at_once} {}

S3Parts::~S3Parts() { stop_.request_stop(); }

Result<void> S3Parts::send(const s3::Multipart& upload, int number, std::string bytes,
                           std::optional<s3::RangeOf> same) {
  {
    std::unique_lock lock{mutex_};
    ended_.wait(lock, [this] { return on_their_way_ < at_once_ || error_.has_value(); });
    if (error_.has_value()) { return fail(*error_); }
    ++on_their_way_;
  }
  const auto shared = std::make_shared<std::string>(std::move(bytes));  // work is copied
  pool_.submit([this, upload, number, shared, same = std::move(same)] {
    run(upload, number, std::move(*shared), same);
  });
  return {};
}

// nullopt: it has to be sent.
std::optional<s3::Part> S3Parts::copy(const s3::Multipart& upload, int number, Bytes bytes,
                                      const s3::RangeOf& same) {
  {
    const std::lock_guard lock{mutex_};
    if (copies_failed_ >= kCopiesFailedMax) { return std::nullopt; }
  }
  Result<s3::Part> part =
      bucket_->client.copy_part(upload, number, same, stop_.get_token(), kCopyTimeMax);
  std::string md5 = s3::md5(bytes);
  const bool copied = part.has_value() && s3::bare_etag(part->etag) == to_hex(as_bytes(md5));
  const std::lock_guard lock{mutex_};
  copies_failed_ = copied ? 0 : copies_failed_ + 1;
  if (!copied) { return std::nullopt; }
  copied_bytes_ += bytes.size();
  part->md5 = std::move(md5);
  return *std::move(part);
}

void S3Parts::run(const s3::Multipart& upload, int number, std::string bytes,
                  const std::optional<s3::RangeOf>& same) {
  const Result<void> sent = guarded([&]() -> Result<void> {
    std::optional<s3::Part> part;
    if (same) { part = copy(upload, number, as_bytes(bytes), *same); }
    if (!part) {
      PV_TRY(part, bucket_->client.put_part(upload, number, as_bytes(bytes), stop_.get_token()));
    }
    bytes.clear();
    const std::lock_guard lock{mutex_};
    sent_.push_back(*std::move(part));
    buffers_.push_back(std::move(bytes));
    return {};
  });
  const std::lock_guard lock{mutex_};
  if (!sent.has_value() && !error_.has_value()) {
    error_ = sent.error().within("part " + std::to_string(number));
  }
  --on_their_way_;
  ended_.notify_one();
}

Result<std::vector<s3::Part>> S3Parts::finish() {
  std::unique_lock lock{mutex_};
  ended_.wait(lock, [this] { return on_their_way_ == 0; });
  if (error_.has_value()) { return fail(*error_); }
  std::sort(sent_.begin(), sent_.end(),
            [](const s3::Part& a, const s3::Part& b) { return a.number < b.number; });
  return std::exchange(sent_, {});
}

std::uint64_t S3Parts::copied_bytes() {
  const std::lock_guard lock{mutex_};
  return copied_bytes_;
}

std::string S3Parts::take_buffer() {
  const std::lock_guard lock{mutex_};
  if (buffers_.empty()) { return {}; }
  std::string buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

}  // namespace pv::store
