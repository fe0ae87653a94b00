#include "places/mirror.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "places/hooked_store_testing.h"
#include "store/folder_store.h"
#include "store/mem_store.h"
#include "store/s3_store.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/memory_io.h"

namespace pv::places {
namespace {

using namespace std::chrono_literals;
using store::BackupName;
using Names = std::vector<std::string>;

BackupName name(const std::string& text) { return BackupName::parse(text).value(); }

void put(store::BackupStore& store, const std::string& text, const std::string& content) {
  const auto upload = store.create(name(text), {.original_name = text}).value();
  PV_ASSERT(upload->write(as_bytes(content)).has_value() && upload->commit().has_value());
}

std::string content(store::BackupStore& store, const std::string& text) {
  const auto source = store.open(name(text));
  if (!source.has_value()) { return "(" + source.error().what + ")"; }
  std::string bytes(static_cast<std::size_t>((*source)->size_bytes()), '\0');
  const auto count = (*source)->read_at(0, std::as_writable_bytes(std::span{bytes}));
  return bytes.substr(0, count.value_or(0));
}

Names names_of(const Result<std::vector<store::Backup>>& backups) {
  Names names;
  for (const store::Backup& backup : backups.value()) { names.push_back(backup.name.text()); }
  return names;
}

Names texts(const std::vector<BackupName>& list) {
  Names names;
  for (const BackupName& one : list) { names.push_back(one.text()); }
  return names;
}

// A first store and a mirror in memory; every call of the mirror can be made to fail.
class MirrorTest : public ::testing::Test {
 protected:
  MirrorTest()
      : first_{store::make_mem_store(clock_)},
        second_{store::make_mem_store(clock_)},
        hooked_{std::make_shared<HookedStore>(
            *second_,
            [this](std::string_view call) { return hook_ ? hook_(call) : Result<void>{}; })},
        spooled_{*first_, vault_.path()} {}

  Mirror make() { return {spooled_, hooked_, vault_.path()}; }

  testing::TempFolder vault_;
  testing::FakeClock clock_;
  StoreHook hook_;
  std::unique_ptr<store::BackupStore> first_;
  std::unique_ptr<store::BackupStore> second_;
  std::shared_ptr<HookedStore> hooked_;
  SpooledStore spooled_;
};

TEST_F(MirrorTest, GetsWhatItLacksNewestFirst) {
  for (const char* one : {"a.zip", "b.zip", "sub/c.zip"}) {
    put(*first_, one, std::string{"content of "} + one);
    clock_.advance(1h);
  }
  Mirror mirror = make();
  EXPECT_EQ(mirror.state().missing, 3U);
  EXPECT_EQ(texts(mirror.fill(nullptr, {}).value()), (Names{"sub/c.zip", "b.zip", "a.zip"}));
  EXPECT_EQ(content(*second_, "sub/c.zip"), "content of sub/c.zip");
  EXPECT_EQ(mirror.state().missing, 0U);
  EXPECT_TRUE(mirror.fill(nullptr, {}).value().empty());
  EXPECT_TRUE(first_->remove(name("a.zip")).has_value());
  EXPECT_TRUE(mirror.fill(nullptr, {}).value().empty());
  EXPECT_EQ(names_of(second_->list()).size(), 3U) << "nothing is removed from a mirror";
}

TEST_F(MirrorTest, ANameThatIsTakenGetsANumber) {
  put(*first_, "a.zip", "first");
  Mirror mirror = make();
  ASSERT_TRUE(mirror.fill(nullptr, {}).has_value());
  for (const char* next : {"another", "other"}) {  // the last is as long as the first
    EXPECT_TRUE(first_->remove(name("a.zip")).has_value());
    clock_.advance(24h);
    put(*first_, "a.zip", next);
    EXPECT_EQ(names_of(mirror.missing()), (Names{"a.zip"})) << next;
    ASSERT_TRUE(mirror.fill(nullptr, {}).has_value());
    EXPECT_TRUE(mirror.missing().value().empty()) << next;
  }
  EXPECT_EQ(content(*second_, "a.zip"), "first");
  EXPECT_EQ(content(*second_, "a_02.zip"), "another");
  EXPECT_EQ(content(*second_, "a_03.zip"), "other");
}

TEST_F(MirrorTest, ACopyWithAnEarlierTimeIsLookedAt) {
  put(*second_, "a.zip", "content");
  clock_.advance(24h);
  put(*first_, "a.zip", "content");
  EXPECT_TRUE(make().missing().value().empty()) << "a clock is wrong, that is all";
}

TEST_F(MirrorTest, AnotherBackupOfThatNameAndSizeIsNoCopyWhateverItsTime) {
  put(*first_, "a.zip", "ours.");
  clock_.advance(1min);
  put(*second_, "a.zip", "other");  // of another machine, made later
  Mirror mirror = make();
  EXPECT_EQ(names_of(mirror.missing()), (Names{"a.zip"}));
  EXPECT_EQ(texts(mirror.fill(nullptr, {}).value()), (Names{"a_02.zip"}));
  EXPECT_TRUE(mirror.missing().value().empty());
  // Made anew, at once.
  ASSERT_TRUE(first_->remove(name("a.zip")).has_value());
  clock_.advance(1s);
  put(*first_, "a.zip", "again");
  EXPECT_EQ(texts(mirror.fill(nullptr, {}).value()), (Names{"a_03.zip"}));
  EXPECT_EQ(content(*second_, "a.zip"), "other");
  EXPECT_EQ(content(*second_, "a_02.zip"), "ours.");
  EXPECT_EQ(content(*second_, "a_03.zip"), "again");
}

TEST_F(MirrorTest, WhatWasComparedIsNotReadAgainUntilOneOfThemChanges) {
  for (const char* one : {"a.zip", "b.zip"}) { put(*first_, one, "content"); }
  Mirror mirror = make();
  ASSERT_TRUE(mirror.fill(nullptr, {}).has_value());
  int opened = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    opened += call == "open" ? 1 : 0;
    return {};
  };
  EXPECT_TRUE(mirror.missing().value().empty());
  EXPECT_EQ(opened, 2);
  EXPECT_TRUE(mirror.missing().value().empty());
  EXPECT_EQ(opened, 2);
  ASSERT_TRUE(second_->remove(name("a.zip")).has_value());
  clock_.advance(1min);
  put(*second_, "a.zip", "spoiled");
  EXPECT_EQ(names_of(mirror.missing()), (Names{"a.zip"}));
  EXPECT_EQ(opened, 3);
}

TEST_F(MirrorTest, ALookAtItReadsNoBackup) {
  for (const char* one : {"a.zip", "b.zip"}) { put(*first_, one, "content"); }
  put(*second_, "a.zip", "content");
  Mirror mirror = make();
  hook_ = [&](std::string_view call) -> Result<void> {
    EXPECT_NE(call, "open");
    return {};
  };
  EXPECT_EQ(mirror.known(), std::nullopt);
  const MirrorState state = mirror.state();
  EXPECT_EQ(state.trouble, "");
  EXPECT_EQ(state.names, (Names{"b.zip"}));
  EXPECT_EQ(mirror.known(), std::nullopt) << "names and sizes alone are no knowledge";
  hook_ = nullptr;
  ASSERT_TRUE(mirror.fill(nullptr, {}).has_value());
  EXPECT_EQ(mirror.known()->missing, 0U);
}

// A server's start: the filling, alerts and prunings all want to know.
TEST_F(MirrorTest, ManyWhoAskReadEachBackupOnce) {
  for (const char* one : {"a.zip", "b.zip", "c.zip"}) { put(*first_, one, "content"); }
  Mirror mirror = make();
  ASSERT_TRUE(mirror.fill(nullptr, {}).has_value());
  std::atomic<int> opened = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    opened += call == "open" ? 1 : 0;
    std::this_thread::yield();
    return {};
  };
  Mirror fresh = make();
  constexpr int kAsking = 8;
  std::latch all{kAsking};
  {
    std::vector<std::jthread> asking;
    for (int i = 0; i < kAsking; ++i) {
      asking.emplace_back([&] {
        all.arrive_and_wait();
        EXPECT_TRUE(fresh.missing().value().empty());
      });
    }
  }
  EXPECT_EQ(opened, 3);
}

TEST_F(MirrorTest, WhicheverCallFailsNothingIsLostAndTheNextTryFinishes) {
  for (int failing = 1;; ++failing) {
    for (const char* one : {"a.zip", "b.zip"}) {
      std::ignore = first_->remove(name(one));
      std::ignore = second_->remove(name(one));
      put(*first_, one, std::string{"content of "} + one);
    }
    int calls = 0;
    hook_ = [&](std::string_view) -> Result<void> {
      if (++calls == failing) { return fail(Code::kUnavailable, "away"); }
      return {};
    };
    Mirror mirror = make();
    const auto filled = mirror.fill(nullptr, {});
    const bool has_failed = calls >= failing;
    hook_ = nullptr;
    if (!has_failed) { break; }
    if (!filled.has_value()) {
      EXPECT_EQ(mirror.state().trouble.find("away") == std::string::npos, false) << failing;
    }
    ASSERT_TRUE(make().fill(nullptr, {}).has_value()) << failing;
    EXPECT_EQ(content(*second_, "a.zip"), "content of a.zip");
    EXPECT_EQ(content(*second_, "b.zip"), "content of b.zip");
    EXPECT_EQ(names_of(second_->list()).size(), 2U) << failing;
    ASSERT_LT(failing, 100);
  }
}

TEST_F(MirrorTest, OneThatCantBeCopiedStopsNoOther) {
  put(*first_, "a.zip", "content");
  clock_.advance(1h);
  put(*first_, "b.zip", "content");
  int creations = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call == "create" && ++creations == 1) { return fail(Code::kInvalid, "no such name here"); }
    return {};
  };
  Mirror mirror = make();
  EXPECT_EQ(mirror.fill(nullptr, {}).error().code, Code::kInvalid);
  EXPECT_EQ(names_of(second_->list()), (Names{"a.zip"}));
  EXPECT_EQ(mirror.state().names, (Names{"b.zip"}));
}

TEST_F(MirrorTest, OnlyABackupThatIsGoneIsNoFailure) {
  put(*first_, "a.zip", "content");
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call == "write") { return fail(Code::kNotFound, "no such upload"); }
    return {};
  };
  Mirror mirror = make();
  EXPECT_EQ(mirror.fill(nullptr, {}).error().code, Code::kNotFound);
  EXPECT_EQ(mirror.state().names, (Names{"a.zip"}));
  EXPECT_NE(mirror.state().trouble.find("no such upload"), std::string::npos);
  // Removed after the lists were taken.
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call == "sweep") { EXPECT_TRUE(first_->remove(name("a.zip")).has_value()); }
    return {};
  };
  EXPECT_TRUE(mirror.fill(nullptr, {}).value().empty());
  EXPECT_EQ(mirror.state().missing, 0U);
}

TEST_F(MirrorTest, IsFilledByOneAtATimeAndStopsWhenAsked) {
  put(*first_, "a.zip", "content");
  Mirror mirror = make();
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call == "create") { EXPECT_EQ(make().fill(nullptr, {}).error().code, Code::kBusy); }
    return {};
  };
  ASSERT_TRUE(mirror.fill(nullptr, {}).has_value());
  put(*first_, "b.zip", "content");
  hook_ = nullptr;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(mirror.fill(nullptr, stop.get_token()).error().code, Code::kCancelled);
  EXPECT_EQ(names_of(second_->list()), (Names{"a.zip"}));
}

std::unique_ptr<store::BackupStore> bucket(const s3::Location& location,
                                           const std::string& prefix) {
  s3::Options options{.address = s3::Address::parse(location).value(),
                      .credentials = s3::fixed_credentials({"key", "secret", {}, std::nullopt})};
  return store::make_s3_store(std::move(options), {.prefix = prefix});
}

TEST(Copying, AStoreAndAnotherThatLiesInItAreNotApart) {
  const testing::TempFolder temp;
  const auto folder = [&](const std::string& path) {
    return store::make_folder_store(temp / path);
  };
  const auto code = [](store::BackupStore& from, store::BackupStore& to) {
    const auto apart = check_apart(from, to);
    return apart.has_value() ? std::string{"apart"} : apart.error().what;
  };
  std::filesystem::create_directories(temp / "backups/sub");
  std::filesystem::create_directory_symlink(temp / "backups/sub", temp / "link");
  const auto backups = folder("backups");
  for (const char* inside : {"backups", "backups/sub", "backups/none/yet", "link", "link/../sub"}) {
    const auto other = folder(inside);
    EXPECT_NE(code(*backups, *other), "apart") << inside;
    EXPECT_NE(code(*other, *backups), "apart") << inside;
  }
  for (const char* outside : {"backups2", "other/backups"}) {
    EXPECT_EQ(code(*backups, *folder(outside)), "apart") << outside;
  }
  const s3::Location at{"https://s3.example.com", "mir", "eu", false};
  const auto whole = bucket(at, "");
  const auto part = bucket({"http://S3.example.com:80/", "mir", "us", true}, "m/");
  EXPECT_NE(code(*whole, *part), "apart");
  EXPECT_NE(code(*part, *whole), "apart");
  EXPECT_EQ(code(*part, *bucket(at, "n/")), "apart");
  EXPECT_EQ(code(*whole, *bucket({at.endpoint, "mir2", "eu", false}, "m/")), "apart");
  EXPECT_EQ(code(*whole, *bucket({"https://s3.example.org", "mir", "eu", false}, "m/")), "apart");
  EXPECT_EQ(code(*whole, *backups), "apart");
}

TEST(MirrorInItsStore, IsNotFilled) {
  const testing::TempFolder temp;
  const auto backups = store::make_folder_store(temp / "backups");
  put(*backups, "a.zip", "content");
  SpooledStore spooled{*backups, temp / "vault"};
  ASSERT_TRUE(fs::make_folders(temp / "vault").has_value());
  Mirror mirror{spooled, store::make_folder_store(temp / "backups/sub"), temp / "vault"};
  const auto filled = mirror.fill(nullptr, {});
  ASSERT_FALSE(filled.has_value());
  EXPECT_EQ(filled.error().code, Code::kInvalid);
  EXPECT_EQ(names_of(backups->list()), (Names{"a.zip"}));
}

TEST(Copying, ReadsACopyInAFolderBack) {
  const testing::TempFolder temp;
  const auto folder = store::make_folder_store(temp / "to");
  testing::MemorySource archive{"all that is in it"};
  EXPECT_EQ(copy_archive(archive, *folder, name("a.zip"), nullptr, {}).value(), Copied::kMade);
  EXPECT_EQ(copy_archive(archive, *folder, name("a.zip"), nullptr, {}).value(), Copied::kWasThere);
  testing::MemorySource other{"something else..."};
  EXPECT_EQ(copy_archive(other, *folder, name("a.zip"), nullptr, {}).error().code, Code::kExists);
  // A disk that keeps something else.
  HookedStore spoiling{
      *folder, [&](std::string_view call) -> Result<void> {
        if (call != "open") { return {}; }
        std::fstream file{temp / "to/b.zip", std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(3);
        file.put('!');
        return {};
      }};
  EXPECT_EQ(copy_archive(archive, spoiling, name("b.zip"), nullptr, {}).error().code,
            Code::kDamaged);
  EXPECT_EQ(folder->stat(name("b.zip")).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace pv::places
