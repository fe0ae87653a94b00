#include "curl/resume.h"

#include <algorithm>

#include "base/wait.h"

namespace pv::curl {
namespace {

class CountingSink final : public Sink {
 public:
  explicit CountingSink(Sink& inner) : inner_{inner} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    auto outcome = inner_.write(bytes);
    if (!outcome.has_value()) {
      has_failed_ = true;
      return outcome;
    }
    count_ += bytes.size();
    return outcome;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  Sink& inner_;
  std::uint64_t count_ = 0;
  bool has_failed_ = false;
};

// Where a try has to go on, and by what it knows that the file is still the same.
class Progress {
 public:
  // Adds what makes the server send the rest only, and checks what it says before a byte is kept.
  void prepare(Request& request, std::uint64_t offset) {
    if (offset > 0) {
      request.headers.emplace_back("Range", "bytes=" + std::to_string(offset) + "-");
      if (!validator_.empty()) { request.headers.emplace_back("If-Range", validator_); }
    }
    request.on_answer = [this, offset, inner = std::move(request.on_answer)](
                            int status, const std::vector<Header>& headers) -> Result<void> {
      PV_CHECK(check(offset, status, headers));
      remember_validator(headers);
      return inner ? inner(status, headers) : Result<void>{};
    };
  }

 private:
  static Result<void> check(std::uint64_t offset, int status, const std::vector<Header>& headers) {
    if (offset == 0) { return {}; }
    const std::string start = "bytes " + std::to_string(offset) + "-";
    const auto range = find_header(headers, "Content-Range");
    if (status == 206 && range.has_value() && range->starts_with(start)) { return {}; }
    return fail(Code::kDamaged, "the download broke off, and the file has changed since");
  }

  void remember_validator(const std::vector<Header>& headers) {
    const auto tag = find_header(headers, "ETag");
    const auto modified = find_header(headers, "Last-Modified");
    if (tag.has_value() && !tag->starts_with("W/")) {
      validator_ = *tag;
    } else if (modified.has_value()) {
      validator_ = *modified;
    }
  }

  std::string validator_;
};

}  // namespace

Result<Reply> download_resuming(Client& client,
                                const std::function<Result<Request>()>& make_request, Sink& sink,
                                const ResumeOptions& options, std::stop_token stop) {
  CountingSink counting{sink};
  Progress progress;
  int tries_in_vain = 0;
  for (;;) {
    const std::uint64_t offset = counting.count();
    auto request = make_request();
    Result<Reply> outcome = fail(Code::kInternal, "not asked");
    if (request.has_value()) {
      progress.prepare(*request, offset);
      outcome = client.download(*request, counting, stop);
    } else {
      outcome = fail(request.error());
    }
    if (outcome.has_value() || outcome.error().code != Code::kUnavailable ||
        counting.has_failed()) {
      return outcome;
    }
    tries_in_vain = counting.count() > offset ? 0 : tries_in_vain + 1;
    if (tries_in_vain >= options.tries_max || stop.stop_requested()) { return outcome; }
    wait(std::min(options.wait_first * (1 << std::min(tries_in_vain, 10)), options.wait_max), stop);
  }
}

}  // namespace pv::curl
