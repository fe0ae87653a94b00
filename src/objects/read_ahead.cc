#include "objects/read_ahead.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/guarded.h"
#include "base/work_pool.h"
#include "s3/sidecar.h"

namespace pv::objects {
namespace {

constexpr std::uint64_t kSpansAhead = 4;

class BytesSource final : public Source {
 public:
  explicit BytesSource(std::string bytes) : bytes_{std::move(bytes)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= bytes_.size()) { return std::size_t{0}; }
    const auto at = static_cast<std::size_t>(offset);
    const std::size_t count = std::min(into.size(), bytes_.size() - at);
    std::memcpy(into.data(), &bytes_[at], count);
    return count;
  }

 private:
  const std::string bytes_;
};

}  // namespace

// What openers and sources share with who made them.
class ReadAhead::Bucket : public std::enable_shared_from_this<Bucket> {
 public:
  Bucket(s3::Client& client, ReadAheadLimits limits, std::stop_token stop)
      : client_{client},
        limits_{limits},
        on_stop_{std::move(stop), [this] { stop_.request_stop(); }},
        pool_{limits.at_once} {}

  // A range of an object, fetched once, by whoever comes first: others wait for the lock.
  struct Span {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
    std::mutex fetching{};
    bool is_fetched = false;
    std::string bytes{};
    std::optional<Error> error{};
  };
  struct File {
    explicit File(s3::Object of) : object{std::move(of)} { whole.size_bytes = object.size_bytes; }
    const s3::Object object;
    Span whole{};                     // of a small one
    std::atomic<bool> waits = false;  // its bytes are counted in waiting_bytes_
    std::mutex describing{};
    std::optional<s3::Attributes> attributes{};
  };

  Openers add(s3::Object object, Ahead ahead) {
    auto file = std::make_shared<File>(std::move(object));
    const std::uint64_t size = file->object.size_bytes;
    if (ahead == Ahead::kYes && is_small(*file) &&
        waiting_bytes_ + size <= limits_.waiting_bytes_max) {
      waiting_bytes_ += size;
      file->waits = true;
      pool_.submit([self = this, file] { std::ignore = self->fetch(*file, file->whole); });
    }
    const auto self = shared_from_this();
    return {.content = [self, file] { return self->open(file); },
            .sidecar = [self, file] { return self->open_sidecar(*file); }};
  }

  void end() { stop_.request_stop(); }

  Result<void> fetch(File& file, Span& span) {
    const std::lock_guard lock{span.fetching};
    if (!std::exchange(span.is_fetched, true)) {
      const auto fetched = guarded([&] { return read(file, span); });
      if (!fetched.has_value()) { span.error = fetched.error(); }
    }
    return span.error ? Result<void>{fail(*span.error)} : Result<void>{};
  }
  void fetch_ahead(std::shared_ptr<File> file, std::shared_ptr<Span> span) {
    pool_.submit([this, file = std::move(file), span = std::move(span)] {
      std::ignore = fetch(*file, *span);
    });
  }
  [[nodiscard]] const ReadAheadLimits& limits() const { return limits_; }

 private:
  [[nodiscard]] bool is_small(const File& file) const {
    return file.object.size_bytes <= limits_.whole_bytes_max;
  }

  Result<void> read(File& file, Span& span) {
    PV_CHECK(check_there());
    const s3::Object& object = file.object;
    std::string bytes(static_cast<std::size_t>(span.size_bytes), '\0');
    auto attributes =
        bytes.empty() ? describe(object)
                      : client_.read({object.key, object.etag, span.offset, span.size_bytes},
                                     std::as_writable_bytes(std::span{bytes}), stop_.get_token());
    PV_CHECK(noted(attributes));
    {
      const std::lock_guard lock{file.describing};
      file.attributes = *std::move(attributes);
    }
    span.bytes = std::move(bytes);
    return {};
  }

  Result<s3::Attributes> describe(const s3::Object& object) {
    PV_TRY(s3::Object now, client_.head(object.key, stop_.get_token()));
    if (now.etag != object.etag) {
      return fail(Code::kDamaged, "it was changed while the backup ran");
    }
    return std::move(now.attributes);
  }

  Result<void> check_there() {
    const std::lock_guard lock{mutex_};
    return away_ ? Result<void>{fail(*away_)} : Result<void>{};
  }
  // Passes an outcome on; one that says that the bucket is away is the last that was waited for.
  template <class T>
  Result<T> noted(Result<T> outcome) {
    if (!outcome.has_value() && outcome.error().code == Code::kUnavailable) {
      const std::lock_guard lock{mutex_};
      away_ = outcome.error();
    }
    return outcome;
  }

  Result<std::unique_ptr<Source>> open(const std::shared_ptr<File>& file);

  Result<std::unique_ptr<Source>> open_sidecar(File& file) {
    {
      // Its content has been asked for before, or is not needed.
      const std::lock_guard fetched{file.whole.fetching};
      if (file.whole.error) { return fail(*file.whole.error); }
    }
    const std::lock_guard lock{file.describing};
    if (!file.attributes) {
      PV_CHECK(check_there());
      PV_TRY(file.attributes, noted(describe(file.object)));
    }
    return std::unique_ptr<Source>{std::make_unique<BytesSource>(s3::sidecar_of(*file.attributes))};
  }

  s3::Client& client_;
  const ReadAheadLimits limits_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::optional<Error> away_;
  std::atomic<std::uint64_t> waiting_bytes_ = 0;
  std::stop_callback<std::function<void()>> on_stop_;
  WorkPool pool_;  // last: joined before the rest goes
};

namespace {

// A large object, in spans that are forgotten when they have been read to their ends.
class SpanSource final : public Source {
 public:
  using Bucket = ReadAhead::Bucket;
  using Span = Bucket::Span;
  SpanSource(std::shared_ptr<Bucket> bucket, std::shared_ptr<Bucket::File> file)
      : bucket_{std::move(bucket)}, file_{std::move(file)} {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return file_->object.size_bytes; }

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= size_bytes()) { return std::size_t{0}; }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_bytes() - offset));
    MutableBytes rest = into.first(count);
    while (!rest.empty()) {
      const std::uint64_t number = offset / bucket_->limits().span_bytes;
      const std::shared_ptr<Span> span = span_at(number);
      PV_CHECK(bucket_->fetch(*file_, *span));
      const auto start = static_cast<std::size_t>(offset - span->offset);
      const std::size_t step = std::min(rest.size(), span->bytes.size() - start);
      std::memcpy(rest.data(), span->bytes.data() + start, step);
      if (start + step == span->bytes.size()) { forget(number); }
      rest = rest.subspan(step);
      offset += step;
    }
    return count;
  }

 private:
  std::shared_ptr<Span> span_at(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const std::shared_ptr<Span> span = find_or_add(number);
    for (; sent_for_ <= number + kSpansAhead; ++sent_for_) {
      if (sent_for_ * bucket_->limits().span_bytes >= size_bytes()) { break; }
      if (sent_for_ > number) { bucket_->fetch_ahead(file_, find_or_add(sent_for_)); }
    }
    return span;
  }
  std::shared_ptr<Span> find_or_add(std::uint64_t number) {
    std::shared_ptr<Span>& span = spans_[number];
    if (span == nullptr) {
      span = std::make_shared<Span>();
      span->offset = number * bucket_->limits().span_bytes;
      span->size_bytes = std::min(bucket_->limits().span_bytes, size_bytes() - span->offset);
    }
    return span;
  }
  void forget(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    spans_.erase(number);
  }

  const std::shared_ptr<Bucket> bucket_;
  const std::shared_ptr<Bucket::File> file_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Span>> spans_;
  std::uint64_t sent_for_ = 0;  // the spans before have been
};

}  // namespace

Result<std::unique_ptr<Source>> ReadAhead::Bucket::open(const std::shared_ptr<File>& file) {
  if (!is_small(*file)) {
    return std::unique_ptr<Source>{std::make_unique<SpanSource>(shared_from_this(), file)};
  }
  const auto fetched = fetch(*file, file->whole);
  if (file->waits.exchange(false)) { waiting_bytes_ -= file->object.size_bytes; }
  PV_CHECK(fetched);
  return std::unique_ptr<Source>{std::make_unique<BytesSource>(std::move(file->whole.bytes))};
}

ReadAhead::ReadAhead(s3::Client& client, ReadAheadLimits limits, std::stop_token stop)
    : bucket_{std::make_shared<Bucket>(client, limits, std::move(stop))} {}

ReadAhead::~ReadAhead() { bucket_->end(); }

ReadAhead::Openers ReadAhead::add(s3::Object object, Ahead ahead) {
  return bucket_->add(std::move(object), ahead);
}

}  // namespace pv::objects
