// A store for tests: another one, with a say before each of its calls.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "store/backup_store.h"

namespace pv::places {

// `before` is called with the name of the call ("list", "each_name", "stat", "open", "read",
// "create", "write", "patch", "clone", "commit", "remove", "sweep", "free_bytes"); an error from it
// is what the call returns. From any thread.
using StoreHook = std::function<Result<void>(std::string_view call)>;

class HookedStore final : public store::BackupStore {
 public:
  HookedStore(store::BackupStore& inner, StoreHook before)
      : inner_{inner}, before_{std::move(before)} {}

  [[nodiscard]] Result<std::vector<store::Backup>> list() override {
    PV_CHECK(before_("list"));
    return inner_.list();
  }
  [[nodiscard]] Result<bool> each_name(const TakeName& take) override {
    PV_CHECK(before_("each_name"));
    return inner_.each_name(take);
  }
  [[nodiscard]] Result<store::Backup> stat(const store::BackupName& name) override {
    PV_CHECK(before_("stat"));
    return inner_.stat(name);
  }
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const store::BackupName& name) override {
    PV_CHECK(before_("open"));
    PV_TRY(auto source, inner_.open(name));
    return std::unique_ptr<Source>{std::make_unique<HookedSource>(std::move(source), before_)};
  }
  [[nodiscard]] Result<std::unique_ptr<store::Upload>> create(
      const store::BackupName& name, const UploadOptions& options) override {
    PV_CHECK(before_("create"));
    PV_TRY(auto upload, inner_.create(name, options));
    return std::unique_ptr<store::Upload>{
        std::make_unique<HookedUpload>(std::move(upload), before_)};
  }
  [[nodiscard]] Result<void> remove(const store::BackupName& name) override {
    PV_CHECK(before_("remove"));
    return inner_.remove(name);
  }
  [[nodiscard]] Result<std::size_t> sweep() override {
    PV_CHECK(before_("sweep"));
    return inner_.sweep();
  }
  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override {
    PV_CHECK(before_("free_bytes"));
    if (free_bytes_) { return std::optional{*free_bytes_}; }
    return inner_.free_bytes();
  }
  [[nodiscard]] std::optional<Extent> extent() override { return inner_.extent(); }
  [[nodiscard]] std::string describe() const override { return inner_.describe(); }

  [[nodiscard]] bool is_remote() override { return is_remote_ || inner_.is_remote(); }

  void pretend_remote() { is_remote_ = true; }
  void pretend_free(std::uint64_t bytes) { free_bytes_ = bytes; }

 private:
  class HookedSource final : public Source {
   public:
    HookedSource(std::unique_ptr<Source> inner, StoreHook before)
        : inner_{std::move(inner)}, before_{std::move(before)} {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return inner_->size_bytes(); }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
      PV_CHECK(before_("read"));
      return inner_->read_at(offset, into);
    }
    [[nodiscard]] int descriptor() const override { return inner_->descriptor(); }

   private:
    std::unique_ptr<Source> inner_;
    StoreHook before_;
  };

  class HookedUpload final : public store::Upload {
   public:
    HookedUpload(std::unique_ptr<store::Upload> inner, StoreHook before)
        : inner_{std::move(inner)}, before_{std::move(before)} {}
    [[nodiscard]] Result<void> write(Bytes bytes) override {
      PV_CHECK(before_("write"));
      return inner_->write(bytes);
    }
    [[nodiscard]] bool can_patch() const override { return inner_->can_patch(); }
    [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
      PV_CHECK(before_("patch"));
      return inner_->patch(offset, bytes);
    }
    [[nodiscard]] std::uint64_t clone_block_bytes() const override {
      return inner_->clone_block_bytes();
    }
    [[nodiscard]] Result<bool> clone(Source& source, ByteRange range) override {
      PV_CHECK(before_("clone"));
      return inner_->clone(source, range);
    }
    [[nodiscard]] bool can_repeat() const override { return inner_->can_repeat(); }
    [[nodiscard]] Result<void> repeat(Bytes bytes, std::uint64_t at) override {
      PV_CHECK(before_("write"));
      return inner_->repeat(bytes, at);
    }
    [[nodiscard]] Result<store::Backup> commit() override {
      PV_CHECK(before_("commit"));
      return inner_->commit();
    }
    [[nodiscard]] std::uint64_t repeated_bytes() const override { return inner_->repeated_bytes(); }

   private:
    std::unique_ptr<store::Upload> inner_;
    StoreHook before_;
  };

  store::BackupStore& inner_;
  StoreHook before_;
  std::optional<std::uint64_t> free_bytes_;
  bool is_remote_ = false;
};

}  // namespace pv::places
