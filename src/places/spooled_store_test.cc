#include "places/spooled_store.h"

#include <gtest/gtest.h>

#include "places/hooked_store_testing.h"
#include "store/mem_store.h"
#include "testing/fixtures.h"

namespace pv::places {
namespace {

using store::Backup;
using store::BackupName;

BackupName name_of(const std::string& text) { return BackupName::parse(text).value(); }

// A store far away, in memory; `is_away` says what comes of calls to it.
class FarStore final : public store::BackupStore {
 public:
  [[nodiscard]] Result<std::vector<Backup>> list() override {
    PV_CHECK(reach());
    return inner_->list();
  }
  [[nodiscard]] Result<Backup> stat(const BackupName& name) override {
    PV_CHECK(reach());
    return inner_->stat(name);
  }
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const BackupName& name) override {
    PV_CHECK(reach());
    return inner_->open(name);
  }
  [[nodiscard]] Result<std::unique_ptr<store::Upload>> create(
      const BackupName& name, const UploadOptions& options) override {
    PV_CHECK(reach());
    return inner_->create(name, options);
  }
  [[nodiscard]] Result<void> remove(const BackupName& name) override {
    PV_CHECK(reach());
    return inner_->remove(name);
  }
  [[nodiscard]] Result<std::size_t> sweep() override { return inner_->sweep(); }
  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override {
    return std::optional<std::uint64_t>{};
  }
  [[nodiscard]] bool is_remote() override { return true; }
  [[nodiscard]] std::string describe() const override { return "a store far away"; }

  // After so many calls each fails, as if this process were cut off.
  int calls_left = 1'000'000;

 private:
  Result<void> reach() {
    if (calls_left-- > 0) { return {}; }
    return fail(Code::kUnavailable, "no route to host");
  }
  std::unique_ptr<BackupStore> inner_ = store::make_mem_store(system_clock());
};

class SpooledStoreTest : public ::testing::Test {
 protected:
  static void put(store::BackupStore& store, const std::string& name, const std::string& content) {
    const auto upload = store.create(name_of(name), {}).value();
    ASSERT_TRUE(upload->write(as_bytes(content)).has_value());
    ASSERT_TRUE(upload->commit().has_value());
  }
  static std::string get(store::BackupStore& store, const std::string& name) {
    const auto source = store.open(name_of(name));
    if (!source.has_value()) { return "error: " + source.error().what; }
    std::string text((*source)->size_bytes(), '\0');
    EXPECT_EQ((*source)->read_at(0, std::as_writable_bytes(std::span{text})).value(), text.size());
    return text;
  }
  // "a.zip" for what is there, "a.zip?" for what waits.
  static std::string listed(store::BackupStore& store) {
    std::string text;
    const std::vector<Backup> backups = store.list().value();
    for (const Backup& backup : backups) {
      text += (text.empty() ? "" : " ") + backup.name.text() + (backup.is_waiting ? "?" : "");
    }
    return text;
  }
  Result<std::vector<BackupName>> send() { return store_.send(nullptr, {}); }

  testing::TempFolder folder_;
  FarStore far_;
  SpooledStore store_{far_, folder_.path()};
};

TEST_F(SpooledStoreTest, TouchesNothingWhileNothingWaits) {
  put(store_, "a.zip", "a");
  EXPECT_EQ(listed(store_), "a.zip");
  EXPECT_TRUE(send().value().empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

// As a bucket says it of an upload that it has lost.
TEST_F(SpooledStoreTest, ANotFoundOfTheStoreIsAFailure) {
  HookedStore losing{far_, [](std::string_view call) -> Result<void> {
                       if (call == "commit") { return fail(Code::kNotFound, "no such upload"); }
                       return {};
                     }};
  SpooledStore store{losing, folder_.path()};
  put(store.spool(), "a.zip", "a");
  const auto sent = store.send(nullptr, {});
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().what, "a.zip: no such upload");
  EXPECT_EQ(listed(store.spool()), "a.zip");
}

TEST_F(SpooledStoreTest, WhatWaitsCountsAsThere) {
  put(far_, "b.zip", "b");
  put(store_.spool(), "c.zip", "c");
  put(store_.spool(), "a.zip", "a");
  EXPECT_EQ(listed(store_), "a.zip? b.zip c.zip?");
  EXPECT_TRUE(store_.stat(name_of("a.zip"))->is_waiting);
  EXPECT_FALSE(store_.stat(name_of("b.zip"))->is_waiting);
  EXPECT_EQ(store_.create(name_of("a.zip"), {}).error().code, Code::kExists);
  far_.calls_left = 0;
  EXPECT_EQ(get(store_, "a.zip"), "a") << "though the store is away";
  EXPECT_EQ(store_.list().error().code, Code::kUnavailable) << "not half a list";
  EXPECT_TRUE(store_.remove(name_of("c.zip")).has_value());
  EXPECT_EQ(store_.waiting()->size(), 1U);
}

TEST_F(SpooledStoreTest, SendsAndForgets) {
  put(store_.spool(), "b.zip", "bb");
  put(store_.spool(), "a.zip", "a");
  const auto sent = send();
  ASSERT_TRUE(sent.has_value()) << sent.error().what;
  EXPECT_EQ(sent->size(), 2U);
  EXPECT_EQ(listed(store_), "a.zip b.zip");
  EXPECT_EQ(get(far_, "b.zip"), "bb");
  EXPECT_TRUE(store_.waiting()->empty());
}

TEST_F(SpooledStoreTest, LosesNothingWhicheverCallFails) {
  for (int call = 0;; ++call) {
    FarStore far;
    const testing::TempFolder folder;
    SpooledStore store{far, folder.path()};
    put(store.spool(), "a.zip", "content");
    far.calls_left = call;
    const auto first = store.send(nullptr, {});
    far.calls_left = 1'000'000;
    EXPECT_EQ(get(store, "a.zip"), "content") << "call " << call;
    ASSERT_TRUE(store.send(nullptr, {}).has_value()) << "call " << call;
    EXPECT_EQ(listed(store), "a.zip") << "call " << call;
    if (first.has_value()) { break; }
    EXPECT_EQ(first.error().code, Code::kUnavailable);
    ASSERT_LT(call, 100);
  }
}

TEST_F(SpooledStoreTest, KnowsWhatHasArrivedBefore) {
  put(store_.spool(), "a.zip", "content");
  put(far_, "a.zip", "content");
  EXPECT_EQ(listed(store_), "a.zip");
  EXPECT_EQ(send().value(), std::vector<BackupName>{name_of("a.zip")});
  EXPECT_EQ(listed(store_), "a.zip") << "a process had ended before it forgot it";
}

TEST_F(SpooledStoreTest, NumbersANameThatWasTakenMeanwhile) {
  put(store_.spool(), "a.zip", "ours");
  put(far_, "a.zip", "else");
  put(far_, "a_02.zip", "of another size");
  EXPECT_EQ(send().value(), std::vector<BackupName>{name_of("a_03.zip")});
  EXPECT_EQ(get(far_, "a.zip"), "else");
  EXPECT_EQ(get(far_, "a_03.zip"), "ours");
  EXPECT_TRUE(store_.waiting()->empty());
}

TEST_F(SpooledStoreTest, IsSentByOneAtATime) {
  put(store_.spool(), "a.zip", "a");
  {
    const auto another = fs::FileLock::try_take(folder_.path() / "spool.lock");
    ASSERT_TRUE(another.has_value());
    EXPECT_EQ(send().error().code, Code::kBusy);
    EXPECT_EQ(store_.remove(name_of("a.zip")).error().code, Code::kBusy);
  }
  EXPECT_EQ(send().value().size(), 1U);
}

TEST_F(SpooledStoreTest, StopsWhenTold) {
  put(store_.spool(), "a.zip", "a");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(store_.send(nullptr, stop.get_token()).error().code, Code::kCancelled);
  EXPECT_EQ(listed(store_), "a.zip?");
}

}  // namespace
}  // namespace pv::places
