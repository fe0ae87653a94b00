// Sends the parts of an upload on several threads.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
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

  // Waits while `at_once` are on their way. The error of this or an earlier part.
  [[nodiscard]] Result<void> send(const s3::Multipart& upload, int number, std::string bytes);
  // Waits for all that were sent since the last call; ascending.
  [[nodiscard]] Result<std::vector<s3::Part>> finish();
  // An empty string with room for a part, perhaps of one that has been sent.
  [[nodiscard]] std::string take_buffer();

 private:
  void run(const s3::Multipart& upload, int number, std::string bytes);

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
  WorkPool pool_;  // last: joined before the rest goes
};

}  // namespace pv::store
