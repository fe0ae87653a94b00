#include "store/s3_source.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <stop_token>
#include <tuple>

#include "base/guarded.h"
#include "base/work_pool.h"

namespace pv::store {
namespace {

// Each request costs a round trip, and an archive is read in many small steps, by several threads,
// each in order. So what is asked for is fetched in spans that are remembered for a while: of one
// page where it stands alone (the header of an entry), else of eight, and the next ones then as
// well, before they are asked for.
constexpr std::uint64_t kPageBytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t kSpanPages = 8;
constexpr std::size_t kAheadOfOne = 3;  // spans, of one place that is read in order
constexpr std::size_t kAheadOfAll = 5;  // and in all: so many are on their way at once
// A span that so many steps have passed by is not waited for: what was read in order ended before.
constexpr std::uint64_t kStepsMax = 1024;

// One for each thread that reads, those ahead, and a few that may be looked at again.
std::uint64_t kept_bytes_max() {
  constexpr std::size_t kReadersMax = 16;
  return (std::min(processor_count(), kReadersMax) + kAheadOfAll + 2) * kSpanPages * kPageBytes;
}

struct Span {
  std::uint64_t first = 0;  // page
  std::uint64_t end = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t step = 0;  // the last that needed it, or sent for it
  bool is_ahead = false;   // sent for, and not needed yet
  std::mutex fetching;     // who needs it meanwhile waits here
  std::string bytes;       // empty: not fetched
};

class S3Source final : public Source {
 public:
  S3Source(std::shared_ptr<S3Bucket> bucket, s3::Object object, std::stop_token stop)
      : bucket_{std::move(bucket)},
        object_{std::move(object)},
        pages_{(object_.size_bytes + kPageBytes - 1) / kPageBytes},
        on_stop_{std::move(stop), [this] { stop_.request_stop(); }} {}
  ~S3Source() override { stop_.request_stop(); }

  [[nodiscard]] std::uint64_t size_bytes() const override { return object_.size_bytes; }

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= object_.size_bytes) { return std::size_t{0}; }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), object_.size_bytes - offset));
    MutableBytes rest = into.first(count);
    while (!rest.empty()) {
      const std::shared_ptr<Span> span = span_at(offset / kPageBytes);
      PV_CHECK(fetch(*span));
      const auto start = static_cast<std::size_t>(offset - span->first * kPageBytes);
      const std::size_t step = std::min(rest.size(), span->bytes.size() - start);
      std::memcpy(rest.data(), span->bytes.data() + start, step);
      rest = rest.subspan(step);
      offset += step;
    }
    return count;
  }

 private:
  Result<void> fetch(Span& span) {
    const std::lock_guard lock{span.fetching};
    if (!span.bytes.empty()) { return {}; }
    std::string bytes(static_cast<std::size_t>(span.size_bytes), '\0');
    PV_CHECK(
        bucket_->client.read({object_.key, object_.etag, span.first * kPageBytes, span.size_bytes},
                             std::as_writable_bytes(std::span{bytes}), stop_.get_token()));
    span.bytes = std::move(bytes);
    return {};
  }

  std::shared_ptr<Span> span_at(std::uint64_t page) {
    const std::lock_guard lock{mutex_};
    ++steps_;
    const bool is_in_order = page > 0 && find(page - 1) != nullptr;
    std::shared_ptr<Span> span = find(page);
    if (span == nullptr) { span = add(page, is_in_order ? kSpanPages : 1); }
    span->step = steps_;
    span->is_ahead = false;
    if (is_in_order) { send_for_next(*span); }
    return span;
  }

  // mutex_ is held by all that follow.

  std::shared_ptr<Span> find(std::uint64_t page) const {
    const auto behind = known_.upper_bound(page);
    if (behind == known_.begin()) { return nullptr; }
    const std::shared_ptr<Span>& span = std::prev(behind)->second;
    return page < span->end ? span : nullptr;
  }

  std::shared_ptr<Span> add(std::uint64_t page, std::uint64_t count) {
    const auto next = known_.upper_bound(page);
    const std::uint64_t limit = next == known_.end() ? pages_ : next->first;
    auto span = std::make_shared<Span>();
    span->first = page;
    span->end = std::min(page + count, limit);
    span->size_bytes =
        std::min(span->end * kPageBytes, object_.size_bytes) - span->first * kPageBytes;
    span->step = steps_;
    known_.emplace(page, span);
    kept_bytes_ += span->size_bytes;
    while (kept_bytes_ > kept_bytes_max_ && known_.size() > 1) { forget_one(*span); }
    return span;
  }

  [[nodiscard]] bool is_awaited(const Span& span) const {
    return span.is_ahead && steps_ - span.step <= kStepsMax;
  }

  void forget_one(const Span& but) {
    auto oldest = known_.end();
    const auto rank = [this](const Span& span) { return std::pair{is_awaited(span), span.step}; };
    for (auto place = known_.begin(); place != known_.end(); ++place) {
      const Span& span = *place->second;
      if (&span == &but) { continue; }
      if (oldest == known_.end() || rank(span) < rank(*oldest->second)) { oldest = place; }
    }
    kept_bytes_ -= oldest->second->size_bytes;
    known_.erase(oldest);
  }

  void send_for_next(const Span& span) {
    std::uint64_t page = span.end;
    for (std::size_t count = 0; count < kAheadOfOne && page < pages_; ++count) {
      std::shared_ptr<Span> next = find(page);
      if (next == nullptr) {
        const auto awaited = std::count_if(known_.begin(), known_.end(), [this](const auto& one) {
          return is_awaited(*one.second);
        });
        if (static_cast<std::size_t>(awaited) >= kAheadOfAll) { return; }
        next = add(page, kSpanPages);
        next->is_ahead = true;
        if (ahead_ == nullptr) { ahead_ = std::make_unique<WorkPool>(kAheadOfAll); }
        // Where this fails, who needs it tries again, and tells.
        ahead_->submit([this, next] { std::ignore = guarded([&] { return fetch(*next); }); });
      }
      page = next->end;
    }
  }

  const std::shared_ptr<S3Bucket> bucket_;
  const s3::Object object_;
  const std::uint64_t pages_;
  const std::uint64_t kept_bytes_max_ = kept_bytes_max();
  std::stop_source stop_;
  const std::stop_callback<std::function<void()>> on_stop_;  // ends what is on its way
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Span>>
      known_;  // by their first pages; they don't overlap
  std::uint64_t kept_bytes_ = 0;
  std::uint64_t steps_ = 0;
  std::unique_ptr<WorkPool> ahead_;  // last: joined before the rest goes
};

}  // namespace

std::unique_ptr<Source> make_s3_source(std::shared_ptr<S3Bucket> bucket, s3::Object object,
                                       std::stop_token stop) {
  return std::make_unique<S3Source>(std::move(bucket), std::move(object), std::move(stop));
}

}  // namespace pv::store
