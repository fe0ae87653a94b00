// What every BackupStore must do. A store's test names a factory and instantiates the suite:
//
//     struct FolderFactory {
//       std::unique_ptr<store::BackupStore> open();  // the same place each time
//       [[nodiscard]] bool is_empty();               // nothing is left there, hidden or not
//       // Where it needs something that may not be there: why the suite is skipped, or nullptr.
//       static const char* missing();
//       // Where a source can't be read any more once its backup is removed.
//       static constexpr bool kSourcesEndWithBackups = true;
//     };
//     INSTANTIATE_TYPED_TEST_SUITE_P(Folder, StoreContract, FolderFactory);
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "store/backup_store.h"

namespace pv::testing {

inline store::BackupName name_of(std::string_view key) {
  auto name = store::BackupName::parse(key);
  PV_ASSERT(name.has_value());
  return *name;
}

inline Result<store::Backup> put(store::BackupStore& store, std::string_view key,
                                 std::string_view content) {
  PV_TRY(auto upload, store.create(name_of(key), {std::string{key}}));
  PV_CHECK(upload->write(as_bytes(content)));
  return upload->commit();
}

inline Result<std::string> get(store::BackupStore& store, std::string_view key) {
  PV_TRY(auto source, store.open(name_of(key)));
  std::string content(static_cast<std::size_t>(source->size_bytes()) + 1, '\0');
  PV_TRY(const std::size_t count, source->read_at(0, std::as_writable_bytes(std::span{content})));
  content.resize(count);
  return content;
}

inline std::vector<std::string> keys(store::BackupStore& store) {
  std::vector<std::string> result;
  const std::vector<store::Backup> backups = store.list().value();
  for (const store::Backup& backup : backups) { result.push_back(backup.name.text()); }
  return result;
}

template <class Factory>
class StoreContract : public ::testing::Test {
 protected:
  void SetUp() override {
    if constexpr (requires { Factory::missing(); }) {
      if (const char* why = Factory::missing()) { GTEST_SKIP() << why; }
    }
  }
  Factory factory_;
  std::unique_ptr<store::BackupStore> store_ = factory_.open();
};

TYPED_TEST_SUITE_P(StoreContract);

TYPED_TEST_P(StoreContract, StartsEmpty) {
  EXPECT_TRUE(keys(*this->store_).empty());
  EXPECT_EQ(this->store_->stat(name_of("a.zip")).error().code, Code::kNotFound);
  EXPECT_EQ(this->store_->open(name_of("a.zip")).error().code, Code::kNotFound);
  EXPECT_EQ(this->store_->remove(name_of("a.zip")).error().code, Code::kNotFound);
  EXPECT_EQ(this->store_->sweep().value(), 0U);
  EXPECT_FALSE(this->store_->describe().empty());
}

TYPED_TEST_P(StoreContract, GivesBackWhatWasPut) {
  const store::Backup made = put(*this->store_, "a.zip", "content").value();
  EXPECT_EQ(made.name.text(), "a.zip");
  EXPECT_EQ(made.size_bytes, 7U);
  EXPECT_EQ(made.content_type, "application/zip");
  EXPECT_EQ(get(*this->store_, "a.zip").value(), "content");
  const store::Backup found = this->store_->stat(name_of("a.zip")).value();
  EXPECT_EQ(found.size_bytes, 7U);
  EXPECT_EQ(found.modified, made.modified);
  EXPECT_EQ(found.content_type, "application/zip");
  EXPECT_EQ(get(*this->factory_.open(), "a.zip").value(), "content") << "another handle sees it";
}

TYPED_TEST_P(StoreContract, KeepsEmptyBackups) {
  EXPECT_EQ(put(*this->store_, "empty.zip", "").value().size_bytes, 0U);
  EXPECT_EQ(get(*this->store_, "empty.zip").value(), "");
}

TYPED_TEST_P(StoreContract, ReadsRanges) {
  put(*this->store_, "a.zip", "0123456789").value();
  const auto source = this->store_->open(name_of("a.zip")).value();
  EXPECT_EQ(source->size_bytes(), 10U);
  std::string into(4, '.');
  EXPECT_EQ(source->read_at(3, std::as_writable_bytes(std::span{into})).value(), 4U);
  EXPECT_EQ(into, "3456");
  EXPECT_EQ(source->read_at(8, std::as_writable_bytes(std::span{into})).value(), 2U);
  EXPECT_EQ(into, "8956");
  EXPECT_EQ(source->read_at(10, std::as_writable_bytes(std::span{into})).value(), 0U);
  EXPECT_EQ(source->read_at(~0ULL, std::as_writable_bytes(std::span{into})).value(), 0U);
}

TYPED_TEST_P(StoreContract, ListsInByteOrderOfTheKeys) {
  for (const char* key : {"b.zip", "a.zip", "Z.zip", "日本.zip", "a-1.zip", "a/n.zip", "a.b"}) {
    put(*this->store_, key, key).value();
  }
  EXPECT_EQ(keys(*this->store_), (std::vector<std::string>{"Z.zip", "a-1.zip", "a.b", "a.zip",
                                                           "a/n.zip", "b.zip", "日本.zip"}));
  EXPECT_EQ(this->store_->list().value()[3].size_bytes, 5U);
}

TYPED_TEST_P(StoreContract, ShowsABackupOnlyOnceItIsCommitted) {
  auto upload = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(upload->write(as_bytes("half")).has_value());
  EXPECT_TRUE(keys(*this->store_).empty());
  EXPECT_EQ(this->store_->stat(name_of("a.zip")).error().code, Code::kNotFound);
  EXPECT_TRUE(upload->commit().has_value());
  EXPECT_EQ(keys(*this->store_), (std::vector<std::string>{"a.zip"}));
}

TYPED_TEST_P(StoreContract, DropsWhatIsNotCommitted) {
  {
    auto upload = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
    ASSERT_TRUE(upload->write(as_bytes("half")).has_value());
  }
  EXPECT_TRUE(keys(*this->store_).empty());
  EXPECT_TRUE(this->factory_.is_empty());
}

TYPED_TEST_P(StoreContract, PatchesWhatWasWrittenWhereItCan) {
  auto upload = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(upload->write(as_bytes("0123456789")).has_value());
  if (!upload->can_patch()) { return; }
  ASSERT_TRUE(upload->patch(2, as_bytes("ab")).has_value());
  ASSERT_TRUE(upload->write(as_bytes("end")).has_value()) << "the patch moves nothing";
  ASSERT_TRUE(upload->commit().has_value());
  EXPECT_EQ(get(*this->store_, "a.zip").value(), "01ab456789end");
}

TYPED_TEST_P(StoreContract, NeverReplacesABackup) {
  put(*this->store_, "a.zip", "first").value();
  EXPECT_EQ(this->store_->create(name_of("a.zip"), {"a.zip"}).error().code, Code::kExists);
  EXPECT_EQ(get(*this->store_, "a.zip").value(), "first");
}

TYPED_TEST_P(StoreContract, TheFirstCommitOfANameWins) {
  auto first = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
  auto second = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(first->write(as_bytes("first")).has_value());
  ASSERT_TRUE(second->write(as_bytes("second")).has_value());
  EXPECT_TRUE(second->commit().has_value());
  EXPECT_EQ(first->commit().error().code, Code::kExists);
  EXPECT_EQ(get(*this->store_, "a.zip").value(), "second");
  EXPECT_EQ(this->store_->stat(name_of("a.zip")).value().content_type, "application/zip");
}

TYPED_TEST_P(StoreContract, OfManyAtOnceOneWins) {
  constexpr int kThreads = 8;
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto outcome = put(*this->store_, "a.zip", std::to_string(i));
      if (outcome.has_value()) {
        ++won;
      } else if (outcome.error().code == Code::kExists) {
        ++lost;
      }
    });
  }
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, kThreads - 1);
  EXPECT_EQ(keys(*this->store_).size(), 1U);
}

TYPED_TEST_P(StoreContract, RemovesForGoodAndTheNameIsFreeAgain) {
  put(*this->store_, "a.zip", "old").value();
  put(*this->store_, "b.zip", "stays").value();
  EXPECT_TRUE(this->store_->remove(name_of("a.zip")).has_value());
  EXPECT_EQ(this->store_->remove(name_of("a.zip")).error().code, Code::kNotFound);
  EXPECT_EQ(keys(*this->store_), (std::vector<std::string>{"b.zip"}));
  put(*this->store_, "a.zip", "new").value();
  EXPECT_EQ(get(*this->store_, "a.zip").value(), "new");
  EXPECT_TRUE(this->store_->remove(name_of("a.zip")).has_value());
  EXPECT_TRUE(this->store_->remove(name_of("b.zip")).has_value());
  EXPECT_TRUE(this->factory_.is_empty());
}

TYPED_TEST_P(StoreContract, AnOpenSourceOutlivesItsBackupAndItsStore) {
  put(*this->store_, "a.zip", "content").value();
  const auto source = this->store_->open(name_of("a.zip")).value();
  EXPECT_TRUE(this->store_->remove(name_of("a.zip")).has_value());
  this->store_.reset();
  std::string into(7, '.');
  const auto count = source->read_at(0, std::as_writable_bytes(std::span{into}));
  if constexpr (requires { TypeParam::kSourcesEndWithBackups; }) {
    EXPECT_EQ(count.error().code, Code::kNotFound);
  } else {
    EXPECT_EQ(count.value(), 7U);
    EXPECT_EQ(into, "content");
  }
}

TYPED_TEST_P(StoreContract, AnOpenSourceOutlivesItsStore) {
  put(*this->store_, "a.zip", "content").value();
  const auto source = this->store_->open(name_of("a.zip")).value();
  this->store_.reset();
  std::string into(7, '.');
  EXPECT_EQ(source->read_at(0, std::as_writable_bytes(std::span{into})).value(), 7U);
  EXPECT_EQ(into, "content");
}

TYPED_TEST_P(StoreContract, AnUploadOutlivesItsStore) {
  auto upload = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
  this->store_.reset();
  ASSERT_TRUE(upload->write(as_bytes("content")).has_value());
  EXPECT_TRUE(upload->commit().has_value());
  EXPECT_EQ(get(*this->factory_.open(), "a.zip").value(), "content");
}

TYPED_TEST_P(StoreContract, SweepSparesWhatIsBeingWritten) {
  auto upload = this->store_->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(upload->write(as_bytes("content")).has_value());
  EXPECT_EQ(this->factory_.open()->sweep().value(), 0U);
  EXPECT_TRUE(upload->commit().has_value());
  EXPECT_EQ(get(*this->store_, "a.zip").value(), "content");
}

TYPED_TEST_P(StoreContract, KeepsNamesThatClientsChoose) {
  for (const char* key :
       {"UP 6 (x).ZIP", "日本.zip", "blob", ".zip", "@auto_pb_backup_x.zip", "C:\\dir\\old.zip",
        "x.zip.18b3c0ffee123456.tmp", "upload", "a%2Fb", "..zip", "-", "~"}) {
    ASSERT_TRUE(put(*this->store_, key, key).has_value()) << key;
    EXPECT_EQ(get(*this->store_, key).value(), key);
    EXPECT_EQ(keys(*this->store_), (std::vector<std::string>{key}));
    EXPECT_TRUE(this->store_->remove(name_of(key)).has_value()) << key;
  }
}

REGISTER_TYPED_TEST_SUITE_P(StoreContract, StartsEmpty, GivesBackWhatWasPut, KeepsEmptyBackups,
                            ReadsRanges, ListsInByteOrderOfTheKeys,
                            ShowsABackupOnlyOnceItIsCommitted, DropsWhatIsNotCommitted,
                            PatchesWhatWasWrittenWhereItCan, NeverReplacesABackup,
                            TheFirstCommitOfANameWins, OfManyAtOnceOneWins,
                            RemovesForGoodAndTheNameIsFreeAgain,
                            AnOpenSourceOutlivesItsBackupAndItsStore, AnOpenSourceOutlivesItsStore,
                            AnUploadOutlivesItsStore, SweepSparesWhatIsBeingWritten,
                            KeepsNamesThatClientsChoose);

}  // namespace pv::testing
