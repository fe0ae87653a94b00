// Sends the parts of an upload on several threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/work_pool.h"
#include "store/s3_bucket.h"

namespace pv::store {

// Threads    One, its owner's.
class S3Parts {
 public:
  S3Parts(std::shared_ptr<S3Bucket> bucket, std::size_t at_once, std::stop_token stop);
  ~S3Parts();  // cancels what is on its way
  S3Parts(const S3Parts&) = delete;
  S3Parts& operator=(const S3Parts&) = delete;

  // Waits while `at_once` are on their way. The error of this or an earlier part. `same`: where the
  // bucket probably has just these bytes (of an upload with kMd5): then the server is asked to copy
  // them, and they are sent only when what it has made has another MD5, or it can't.
  [[nodiscard]] Result<void> send(const s3::Multipart& upload, int number, std::string bytes,
                                  std::optional<s3::RangeOf> same = std::nullopt);
  // Waits for all that were sent since the last call; ascending.
  [[nodiscard]] Result<std::vector<s3::Part>> finish();
  // An empty string with room for a part, perhaps of one that has been sent.
  [[nodiscard]] std::string take_buffer();
  // That were copied.
  [[nodiscard]] std::uint64_t copied_bytes();

 private:
  void run(const s3::Multipart& upload, int number, std::string bytes,
           const std::optional<s3::RangeOf>& same);
  [[nodiscard]] std::optional<s3::Part> copy(const s3::Multipart& upload, int number, Bytes bytes,
                                             const s3::RangeOf& same);

  const std::shared_ptr<S3Bucket> bucket_;
  const std::size_t at_once_;
  std::stop_source stop_;
  const std::stop_callback<std::function<void()>> on_stop_;  // ends what is on its way
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t on_their_way_ = 0;
  std::optional<Error> error_;
  std::vector<s3::Part> sent_;
  std::vector<std::string> buffers_;
  std::uint64_t copied_bytes_ = 0;
  int copies_failed_ = 0;  // one after the other
  WorkPool pool_;          // last: joined before the rest goes
};

}  // namespace pv::store
