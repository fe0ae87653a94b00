// Archives from strangers through the whole way of a restore: refused before anything is touched,
// or restored right.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>

#include "jobs/archive.h"
#include "jobs/hostile_databases_testing.h"
#include "jobs/workers.h"
#include "testing/fixtures.h"
#include "testing/memory_io.h"

namespace pv::jobs {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

// Every file below a folder: its name and content; folders too.
std::map<std::string, std::string> tree_of(const fs::Path& folder) {
  std::map<std::string, std::string> tree;
  for (const auto& item : std::filesystem::recursive_directory_iterator{folder}) {
    const std::string name = item.path().lexically_relative(folder).string();
    tree[name] = item.is_directory() ? "DIR" : testing::read_file(item.path());
  }
  return tree;
}

// A source that counts what is asked of it.
class CountingSource final : public Source {
 public:
  CountingSource(std::string content, std::atomic<std::uint64_t>& bytes_read)
      : inner_{std::move(content)}, bytes_read_{bytes_read} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return inner_.size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    bytes_read_ += into.size();
    return inner_.read_at(offset, into);
  }

 private:
  testing::MemorySource inner_;
  std::atomic<std::uint64_t>& bytes_read_;
};

// A data directory with something to lose, and restores into it.
class HostileArchives : public ::testing::Test {
 protected:
  HostileArchives() {
    data_db = crafted::good_data_db();
    for (const char* name : {"storage", "backups", ".pocketvault"}) {
      std::filesystem::create_directories(directory() / name);
    }
    for (const char* name : {"data.db", "data.db-wal", "storage/photo.png", "backups/old.zip"}) {
      testing::write_file(directory() / name, std::string{"precious "} + name);
    }
    testing::write_file(outer / "beside", "precious");
    before = tree_of(outer.path());
  }

  [[nodiscard]] fs::Path directory() const { return outer / "pb_data"; }

  Result<std::unique_ptr<ZipArchive>> open(const std::string& bytes) {
    bytes_read = 0;
    return ZipArchive::open({"hostile.zip", [&]() -> Result<std::unique_ptr<Source>> {
                               return std::make_unique<CountingSource>(bytes, bytes_read);
                             }});
  }
  Result<restore::Staged> stage(const ZipArchive& archive, const restore::Plan& plan) {
    bytes_extracted = 0;
    const restore::Progress progress{
        .on_extracted = [this](std::uint64_t more) { bytes_extracted += more; }};
    return restore::stage(archive, plan, directory(), pool, system_random(), progress,
                          check_data_db, {});
  }

  // The way of run_restore(), without a server around it; where it ended.
  Result<restore::Staged> restore(const std::string& bytes, Refused& at) {
    at = Refused::kAsArchive;
    PV_TRY(const std::unique_ptr<ZipArchive> archive, open(bytes));
    at = Refused::kAsPlan;
    PV_TRY(const restore::Plan plan, restore::plan(*archive));
    PV_CHECK(restore::check_space(plan, directory()));
    at = Refused::kAsContent;
    declared_bytes = plan.raw_bytes;
    return stage(*archive, plan);
  }

  void expect_refused(const HostileArchive& hostile) {
    SCOPED_TRACE(hostile.label);
    Refused at{};
    bytes_extracted = 0;
    {
      const Result<restore::Staged> staged = restore(hostile.bytes, at);
      ASSERT_FALSE(staged.has_value()) << "was accepted";
      EXPECT_EQ(staged.error().code, hostile.code) << staged.error().what;
      EXPECT_THAT(staged.error().what, HasSubstr(hostile.says));
      EXPECT_EQ(at, hostile.at) << staged.error().what;
    }
    // Not a byte comes out before names and structure are found good, and then never more than was
    // declared; looking for the end takes a few reads, and no more however many ends there are.
    if (hostile.at == Refused::kAsContent) {
      EXPECT_LE(bytes_extracted, declared_bytes);
    } else {
      EXPECT_EQ(bytes_extracted, 0U);
    }
    EXPECT_LE(bytes_read, 2 * hostile.bytes.size() + (1 << 20));
    EXPECT_TRUE(tree_of(outer.path()) == before) << "something was touched or left";
  }

  void expect_restored(const HarmlessArchive& harmless) {
    SCOPED_TRACE(harmless.label);
    Refused at{};
    const Result<restore::Staged> staged = restore(harmless.bytes, at);
    ASSERT_TRUE(staged.has_value()) << staged.error().what;
    EXPECT_EQ(bytes_extracted, declared_bytes);
    std::map<std::string, std::string> files = tree_of(staged->folder);
    EXPECT_TRUE(files["data.db"].starts_with("SQLite format 3"));
    files.erase("data.db");
    std::erase_if(files, [](const auto& one) { return one.second == "DIR"; });
    EXPECT_TRUE(files == harmless.files) << files.size() << " files";
  }

  const TempFolder outer;
  std::string data_db;
  std::map<std::string, std::string> before;
  WorkPool pool{2};
  std::atomic<std::uint64_t> bytes_read = 0;  // by several threads
  std::atomic<std::uint64_t> bytes_extracted = 0;
  std::uint64_t declared_bytes = 0;
};

TEST_F(HostileArchives, AreRefusedBeforeAnythingIsTouched) {
  const auto table = all_hostile(data_db);
  for (const HostileArchive& hostile : table) { expect_refused(hostile); }
  EXPECT_GE(table.size(), 60U);
}

TEST_F(HostileArchives, ThatOnlyLookStrangeAreRestored) {
  for (const HarmlessArchive& harmless : harmless_archives(data_db)) { expect_restored(harmless); }
}

TEST_F(HostileArchives, WithStrangeDatabasesAreRestoredAndNothingInThemIsRun) {
  for (const HarmlessArchive& harmless : archives_with_strange_databases(data_db)) {
    expect_restored(harmless);
  }
}

// Cut before, in and behind every record, and in between.
TEST_F(HostileArchives, CutOffAnywhereAreRefused) {
  using namespace crafted;
  CraftedZip zip =
      with(data_db, {with_descriptor(deflated("a", std::string(500, 'a')), Descriptor::kSigned),
                     stored("storage/b", "content of b")});
  zip.before_end = [](std::uint64_t offset, std::uint64_t bytes) {
    return end_records_64({.entries = 3,
                           .directory_bytes = bytes,
                           .directory_offset = offset,
                           .record_offset = offset + bytes});
  };
  zip.end.comment = "PK\3\4 a comment";
  const std::string whole = zip.build();
  expect_restored({"whole", whole, {{"a", std::string(500, 'a')}, {"storage/b", "content of b"}}});
  std::set<std::size_t> cuts;
  for (std::size_t at = whole.find("PK"); at != std::string::npos; at = whole.find("PK", at + 1)) {
    for (const std::size_t offset :
         {0U, 1U, 3U, 4U, 5U, 21U, 22U, 29U, 30U, 31U, 45U, 46U, 47U, 55U, 56U}) {
      cuts.insert(at + offset);
    }
  }
  for (std::size_t at = 0; at < whole.size(); at += 997) { cuts.insert(at); }
  std::erase_if(cuts, [&](std::size_t cut) { return cut >= whole.size(); });
  EXPECT_GE(cuts.size(), 100U);
  for (const std::size_t cut : cuts) {
    const std::string label = "cut at " + std::to_string(cut);
    expect_refused({.label = label, .bytes = whole.substr(0, cut)});
  }
}

// Each tool of this machine, in each of its ways.
TEST_F(HostileArchives, OfCommonToolsAreRestored) {
  const TempFolder work;
  const fs::Path content = work / "content";
  std::filesystem::create_directories(content / "storage/empty");
  testing::write_file(content / "data.db", data_db);
  testing::write_file(content / "storage/caf\xc3\xa9 1.txt", std::string(5000, 'a'));
  testing::write_file(content / "storage/nothing", "");
  const std::map<std::string, std::string> files{
      {"storage/caf\xc3\xa9 1.txt", std::string(5000, 'a')}, {"storage/nothing", ""}};
  for (const std::string command :
       {"zip -qr ../a.zip .", "zip -qr0 ../a.zip .", "zip -qr -fz ../a.zip data.db storage",
        "zip -qr - . | cat > ../a.zip", "7z a -bso0 -tzip -mx=1 ../a.zip .",
        "7z a -bso0 -tzip -mx=0 ../a.zip data.db storage", "bsdtar --format zip -cf ../a.zip .",
        "bsdtar --format zip -cf - data.db storage > ../a.zip",
        "bsdtar --format zip --options zip:compression=store -cf ../a.zip .",
        "bsdtar --format zip --options zip:zip64 -cf ../a.zip .",
        "python3 -m zipfile -c ../a.zip data.db storage",
        "python3 -c \"import shutil; shutil.make_archive('../a', 'zip', '.')\""}) {
    std::filesystem::remove(work / "a.zip");
    const auto made = testing::run("cd '" + content.string() + "' && " + command);
    ASSERT_EQ(made.status, 0) << command << "\n" << made.output;
    expect_restored({command, testing::read_file(work / "a.zip"), files});
  }
}

}  // namespace
}  // namespace pv::jobs
