// A download that goes on where it was broken off.
#pragma once

#include <chrono>
#include <functional>

#include "curl/client.h"

namespace pv::curl {

struct ResumeOptions {
  int tries_max = 5;                          // in a row that bring nothing
  std::chrono::milliseconds wait_first{500};  // doubled each time
  std::chrono::milliseconds wait_max{10'000};
};

// Downloads into `sink`. When the connection breaks it asks again, with Range and If-Range (by
// Last-Modified or ETag), for what is missing. `make_request` is called for each try, because an
// address may carry a token that is good for a short time only; its on_progress counts one try.
// Errors as Client's; kDamaged when the file changed meanwhile.
[[nodiscard]] Result<Reply> download_resuming(Client& client,
                                              const std::function<Result<Request>()>& make_request,
                                              Sink& sink, const ResumeOptions& options,
                                              std::stop_token stop = {});

}  // namespace pv::curl
