#include "objects/put_back.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "base/text.h"
#include "base/work_pool.h"
#include "s3/checksum.h"

namespace pv::objects {
namespace {

std::size_t part_bytes_for(std::uint64_t size_bytes, const PutOptions& options) {
  constexpr std::uint64_t kPartsMax = 10'000;
  const std::uint64_t least = size_bytes / kPartsMax + 1;
  return static_cast<std::size_t>(std::max<std::uint64_t>(options.part_bytes, least));
}

// One object while it is written: by one request where it fits into a part, else in parts. Dropped
// before finish(), nothing stays.
class ObjectWriter final : public Sink {
 public:
  ObjectWriter(s3::Client& client, const Incoming::File& file, s3::NewObject object,
               std::size_t part_bytes, std::stop_token stop)
      : client_{client},
        file_{file},
        object_{std::move(object)},
        part_bytes_{part_bytes},
        stop_{std::move(stop)} {
    buffer_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(file.size_bytes, part_bytes)));
  }
  ~ObjectWriter() override {
    if (upload_) { std::ignore = client_.abort(*upload_); }
  }

  [[nodiscard]] Result<void> write(Bytes bytes) override {
    whole_.size_bytes += bytes.size();
    whole_.crc32c = s3::crc32c(bytes, whole_.crc32c);
    while (!bytes.empty()) {
      // A full part is sent when more comes, so that the last one is never empty.
      if (buffer_.size() == part_bytes_) { PV_CHECK(send_part()); }
      const Bytes step = bytes.first(std::min(bytes.size(), part_bytes_ - buffer_.size()));
      buffer_ += as_text(step);
      bytes = bytes.subspan(step.size());
    }
    return {};
  }

  [[nodiscard]] Result<void> finish(s3::IfTaken if_taken) {
    if (!upload_) { return client_.put(file_.key, as_bytes(buffer_), object_, if_taken, stop_); }
    PV_CHECK(send_part());
    PV_CHECK(client_.complete(*upload_, parts_, whole_, object_, if_taken, stop_));
    upload_.reset();
    return {};
  }

 private:
  Result<void> send_part() {
    if (!upload_) {
      PV_TRY(upload_, client_.start(file_.key, object_, s3::Multipart::Check::kWhole, stop_));
    }
    PV_TRY(s3::Part part, client_.put_part(*upload_, static_cast<int>(parts_.size()) + 1,
                                           as_bytes(buffer_), stop_));
    parts_.push_back(std::move(part));
    buffer_.clear();
    return {};
  }

  s3::Client& client_;
  const Incoming::File& file_;
  const s3::NewObject object_;
  const std::size_t part_bytes_;
  const std::stop_token stop_;
  std::string buffer_;
  s3::Whole whole_;
  std::optional<s3::Multipart> upload_;
  std::vector<s3::Part> parts_;
};

class Putting {
 public:
  Putting(s3::Client& client, const Incoming& incoming, const PutOptions& options,
          const std::stop_token& stop)
      : client_{client}, incoming_{incoming}, options_{options}, stop_{stop} {}

  Result<void> put_if_missing(std::size_t number) {
    const Incoming::File file = incoming_.at(number);
    return named(file, [&]() -> Result<void> {
      auto there = client_.head(file.key, stop_);
      if (!there.has_value() && there.error().code == Code::kNotFound) {
        const auto made = put(number, file, s3::IfTaken::kRefuse);
        if (made.has_value()) { return note(file, outcome_.added_files, outcome_.added_bytes); }
        if (made.error().code != Code::kExists) { return made; }
        there = client_.head(file.key, stop_);  // somebody was faster
      }
      if (!there.has_value()) { return fail(there.error()); }
      PV_TRY(const bool same, is_same(number, file, *there));
      return same ? note(file, outcome_.same_files, outcome_.same_bytes) : note_differing(number);
    });
  }

  Result<void> put_over(std::size_t number) {
    const Incoming::File file = incoming_.at(number);
    return named(file, [&] { return put(number, file, s3::IfTaken::kReplace); });
  }

  PutOutcome take_outcome() { return std::move(outcome_); }

 private:
  template <class Work>
  Result<void> named(const Incoming::File& file, const Work& work) {
    if (stop_.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    Result<void> done = work();
    if (done.has_value() || done.error().code == Code::kCancelled) { return done; }
    return fail(done.error().within(printable(file.key)));
  }

  Result<void> put(std::size_t number, const Incoming::File& file, s3::IfTaken if_taken) {
    constexpr std::size_t kTagLength = 24;
    PV_TRY(const s3::Attributes attributes, incoming_.attributes_of(number));
    s3::NewObject object;
    if (!attributes.content_type.empty()) { object.content_type = attributes.content_type; }
    object.original_name = attributes.original_name;
    object.tag = random_text(system_random(), kLowerAlphanumeric, kTagLength);
    ObjectWriter writer{client_, file, std::move(object), part_bytes_for(file.size_bytes, options_),
                        stop_};
    PV_CHECK(incoming_.extract(number, writer, stop_));
    return writer.finish(if_taken);
  }

  Result<bool> is_same(std::size_t number, const Incoming::File& file, const s3::Object& there) {
    if (there.size_bytes != file.size_bytes) { return false; }
    s3::EtagHasher hasher{part_bytes_for(file.size_bytes, options_)};
    PV_CHECK(incoming_.extract(number, hasher, stop_));
    if (hasher.fits(there.etag)) { return true; }
    return has_checksum(file, there);
  }

  // Of a server that encrypts, or that got it in other parts, the ETag tells nothing.
  Result<bool> has_checksum(const Incoming::File& file, const s3::Object& there) {
    std::string block(
        static_cast<std::size_t>(std::min<std::uint64_t>(options_.part_bytes, there.size_bytes)),
        '\0');
    std::uint32_t sum = 0;
    for (std::uint64_t at = 0; at < there.size_bytes;) {
      const std::uint64_t count = std::min<std::uint64_t>(block.size(), there.size_bytes - at);
      const MutableBytes bytes =
          std::as_writable_bytes(std::span{block}).first(static_cast<std::size_t>(count));
      PV_CHECK(client_.read({file.key, there.etag, at, count}, bytes, stop_));
      sum = incoming_.checksum(bytes, sum);
      at += count;
    }
    return sum == file.checksum;
  }

  // The two are of outcome_.
  Result<void> note(const Incoming::File& file, std::uint64_t& files, std::uint64_t& bytes) {
    tell(file);
    const std::lock_guard lock{mutex_};
    ++files;
    bytes += file.size_bytes;
    return {};
  }
  Result<void> note_differing(std::size_t number) {
    tell(incoming_.at(number));
    const std::lock_guard lock{mutex_};
    outcome_.differing.push_back(number);
    return {};
  }
  void tell(const Incoming::File& file) const {
    if (options_.on_done) { options_.on_done(file.size_bytes); }
  }

  s3::Client& client_;
  const Incoming& incoming_;
  const PutOptions& options_;
  const std::stop_token& stop_;
  std::mutex mutex_;
  PutOutcome outcome_;
};

}  // namespace

Result<PutOutcome> put_missing(s3::Client& client, const Incoming& incoming,
                               const PutOptions& options, const std::stop_token& stop) {
  Putting putting{client, incoming, options, stop};
  WorkPool pool{options.at_once};  // waits for the network, not for processors
  PV_CHECK(for_each_index(pool, incoming.count(), options.at_once,
                          [&](std::size_t number) { return putting.put_if_missing(number); }));
  PutOutcome outcome = putting.take_outcome();
  std::sort(outcome.differing.begin(), outcome.differing.end());
  return outcome;
}

Result<void> put_over(s3::Client& client, const Incoming& incoming,
                      const std::vector<std::size_t>& numbers, const PutOptions& options,
                      const std::stop_token& stop) {
  Putting putting{client, incoming, options, stop};
  WorkPool pool{options.at_once};
  return for_each_index(pool, numbers.size(), options.at_once,
                        [&](std::size_t i) { return putting.put_over(numbers[i]); });
}

}  // namespace pv::objects
