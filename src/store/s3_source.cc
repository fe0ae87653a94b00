#include "store/s3_source.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace pv::store {
namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{4} << 20U;
constexpr std::size_t kBlocksMax = 8;

// Each request costs a round trip, and an archive is read in many small steps: so blocks are
// fetched and the last few remembered. What is as large as a block is read past them.
class S3Source final : public Source {
 public:
  S3Source(std::shared_ptr<S3Bucket> bucket, s3::Object object)
      : bucket_{std::move(bucket)}, object_{std::move(object)} {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return object_.size_bytes; }

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= object_.size_bytes) { return std::size_t{0}; }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), object_.size_bytes - offset));
    MutableBytes rest = into.first(count);
    if (count >= kBlockBytes) {
      PV_CHECK(fetch(offset, rest));
      return count;
    }
    while (!rest.empty()) {
      PV_TRY(const auto block, block_at(offset / kBlockBytes));
      const auto start = static_cast<std::size_t>(offset % kBlockBytes);
      const std::size_t step = std::min(rest.size(), block->size() - start);
      std::memcpy(rest.data(), block->data() + start, step);
      rest = rest.subspan(step);
      offset += step;
    }
    return count;
  }

 private:
  using Block = std::shared_ptr<const std::string>;
  struct Slot {
    std::mutex fetching;  // who needs the block while it is fetched waits here
    Block block;
  };
  struct Known {
    std::shared_ptr<Slot> slot;
    std::uint64_t used = 0;
  };

  Result<void> fetch(std::uint64_t offset, MutableBytes into) {
    return bucket_->client.read({object_.key, object_.etag, offset, into.size()}, into);
  }

  std::shared_ptr<Slot> slot_at(std::uint64_t index) {
    const std::lock_guard lock{mutex_};
    const auto place = known_.try_emplace(index).first;
    if (place->second.slot == nullptr) { place->second.slot = std::make_shared<Slot>(); }
    place->second.used = ++uses_;
    const std::shared_ptr<Slot> slot = place->second.slot;
    if (known_.size() > kBlocksMax) {
      known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
        return a.second.used < b.second.used;
      }));
    }
    return slot;
  }

  Result<Block> block_at(std::uint64_t index) {
    const std::shared_ptr<Slot> slot = slot_at(index);
    const std::lock_guard lock{slot->fetching};
    if (slot->block == nullptr) {
      const std::uint64_t offset = index * kBlockBytes;
      std::string bytes(
          static_cast<std::size_t>(std::min(kBlockBytes, object_.size_bytes - offset)), '\0');
      PV_CHECK(fetch(offset, std::as_writable_bytes(std::span{bytes})));
      slot->block = std::make_shared<const std::string>(std::move(bytes));
    }
    return slot->block;
  }

  const std::shared_ptr<S3Bucket> bucket_;
  const s3::Object object_;
  std::mutex mutex_;
  std::map<std::uint64_t, Known> known_;
  std::uint64_t uses_ = 0;
};

}  // namespace

std::unique_ptr<Source> make_s3_source(std::shared_ptr<S3Bucket> bucket, s3::Object object) {
  return std::make_unique<S3Source>(std::move(bucket), std::move(object));
}

}  // namespace pv::store
