#include "store/mem_store.h"

#include "testing/fake_clock.h"
#include "testing/store_contract.h"

namespace pv::testing {
namespace {

// Hands out one and the same store, because memory is gone with its last handle.
class Borrowed final : public store::BackupStore {
 public:
  explicit Borrowed(std::shared_ptr<store::BackupStore> inner) : inner_{std::move(inner)} {}
  [[nodiscard]] Result<std::vector<store::Backup>> list() override { return inner_->list(); }
  [[nodiscard]] Result<store::Backup> stat(const store::BackupName& name) override {
    return inner_->stat(name);
  }
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const store::BackupName& name) override {
    return inner_->open(name);
  }
  [[nodiscard]] Result<std::unique_ptr<store::Upload>> create(
      const store::BackupName& name, const UploadOptions& options) override {
    return inner_->create(name, options);
  }
  [[nodiscard]] Result<void> remove(const store::BackupName& name) override {
    return inner_->remove(name);
  }
  [[nodiscard]] Result<std::size_t> sweep() override { return inner_->sweep(); }
  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override {
    return inner_->free_bytes();
  }
  [[nodiscard]] std::string describe() const override { return inner_->describe(); }

 private:
  std::shared_ptr<store::BackupStore> inner_;
};

class MemFactory {
 public:
  std::unique_ptr<store::BackupStore> open() { return std::make_unique<Borrowed>(store_); }
  [[nodiscard]] bool is_empty() { return store_->list().value().empty(); }

 private:
  FakeClock clock_;
  std::shared_ptr<store::BackupStore> store_ = store::make_mem_store(clock_);
};

INSTANTIATE_TYPED_TEST_SUITE_P(Mem, StoreContract, MemFactory);

TEST(MemStore, StampsBackupsByItsClock) {
  FakeClock clock;
  const auto store = store::make_mem_store(clock);
  clock.advance(std::chrono::seconds{5});
  EXPECT_EQ(put(*store, "a.zip", "x").value().modified, clock.now());
}

}  // namespace
}  // namespace pv::testing
