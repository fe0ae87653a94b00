#include "state/verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/wall_time.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::state {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_file;
using testing::run;
using testing::TempFolder;
using testing::write_file;

const WallTime kNow{std::chrono::seconds{1'795'222'487}};

NotedVerdict sound(const std::string& key, Depth depth = Depth::kQuick) {
  return {.key = key,
          .archive = {.size_bytes = 7, .modified = kNow + 5ns, .directory_crc32 = 0xFEDCBA98},
          .verdict = {.is_sound = true,
                      .depth = depth,
                      .at = kNow + 1ms,
                      .records = std::nullopt,
                      .took = 12ms}};
}
NotedVerdict damaged(const std::string& key, Depth depth = Depth::kQuick) {
  NotedVerdict noted = sound(key, depth);
  noted.verdict.is_sound = false;
  noted.verdict.reason = "data.db: CRC";
  return noted;
}

class VerdictFile : public ::testing::Test {
 protected:
  [[nodiscard]] VaultDb db() const { return VaultDb{folder.path()}; }
  [[nodiscard]] fs::Path path() const { return folder / "vault.db"; }
  Result<void> note(const NotedVerdict& noted) {
    return note_verdict(db(), noted, std::set<std::string>{"a.zip", "b.zip"},
                        [this](const std::string& what) { said.push_back(what); });
  }
  [[nodiscard]] std::vector<NotedVerdict> all() const {
    return read_verdicts(db()).value_or(std::vector<NotedVerdict>{});
  }
  [[nodiscard]] std::string sql(const std::string& statement) const {
    return run("sqlite3 '" + path().string() + "' \"" + statement + "\"").output;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) {
      found.push_back(entry.path().filename());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  TempFolder folder;
  std::vector<std::string> said;
};

TEST_F(VerdictFile, KeepsWhatIsNoted) {
  EXPECT_THAT(all(), IsEmpty());
  EXPECT_THAT(names(), IsEmpty()) << "who reads makes nothing";
  NotedVerdict deep = sound("a.zip", Depth::kDeep);
  deep.verdict.records = 1'234'567;
  NotedVerdict unreadable = damaged("b.zip");
  unreadable.archive.directory_crc32 = std::nullopt;
  ASSERT_TRUE(note(unreadable).has_value());
  ASSERT_TRUE(note(deep).has_value());
  EXPECT_THAT(all(), ElementsAre(deep, unreadable));
  EXPECT_THAT(names(), ElementsAre("vault.db")) << "no WAL, no journal";
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(VerdictFile, TimesThatNobodyNotedCanBeCountedWith) {
  NotedVerdict odd = sound("a.zip");
  odd.archive.modified = WallTime::min();
  ASSERT_TRUE(note(odd).has_value());
  odd.archive.modified = kEarliestTime;
  EXPECT_THAT(all(), ElementsAre(odd));
}

TEST_F(VerdictFile, TheLastOneCountsButForDamageThatWasNotLookedForAgain) {
  ASSERT_TRUE(note(damaged("a.zip")).has_value());
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  EXPECT_THAT(all(), ElementsAre(sound("a.zip"))) << "looked at as deeply";
  ASSERT_TRUE(note(damaged("a.zip", Depth::kDeep)).has_value());
  ASSERT_TRUE(note(sound("a.zip", Depth::kQuick)).has_value());
  EXPECT_THAT(all(), ElementsAre(damaged("a.zip", Depth::kDeep)));
  NotedVerdict other = sound("a.zip", Depth::kQuick);
  other.archive.directory_crc32 = 1;
  ASSERT_TRUE(note(other).has_value());
  EXPECT_THAT(all(), ElementsAre(other)) << "it is another archive";
}

TEST_F(VerdictFile, DropsWhatIsThereNoMore) {
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  ASSERT_TRUE(note_verdict(db(), sound("c.zip"), std::nullopt, {}).has_value());
  EXPECT_THAT(all(), ElementsAre(sound("a.zip"), sound("c.zip"))) << "nobody knows what is there";
  ASSERT_TRUE(
      note_verdict(db(), sound("c.zip"), std::set<std::string>{"b.zip", "c.zip"}, {}).has_value());
  EXPECT_THAT(all(), ElementsAre(sound("c.zip")));
  ASSERT_TRUE(forget_verdict(db(), "other.zip").has_value());
  EXPECT_THAT(all(), ElementsAre(sound("c.zip")));
  ASSERT_TRUE(forget_verdict(db(), "c.zip").has_value());
  EXPECT_THAT(all(), IsEmpty());
  std::filesystem::remove(path());
  ASSERT_TRUE(forget_verdict(db(), "c.zip").has_value());
  EXPECT_THAT(names(), IsEmpty()) << "nothing is made to forget something";
}

TEST_F(VerdictFile, KeepsTheStartOfALongReason) {
  NotedVerdict noted = damaged("a.zip");
  noted.verdict.reason = std::string(kReasonBytesMax - 1, 'x') + "日本\nmore";
  ASSERT_TRUE(note(noted).has_value());
  EXPECT_EQ(all().at(0).verdict.reason, std::string(kReasonBytesMax - 1, 'x'))
      << "half a character is none";
  noted.verdict.reason = "data.db: first\nsecond";
  ASSERT_TRUE(note(noted).has_value());
  EXPECT_EQ(all().at(0).verdict.reason, "data.db: first");
}

TEST_F(VerdictFile, SetsAsideWhatIsNotIts) {
  struct Case {
    const char* label;
    const char* command;  // makes vault.db, in the folder
  };
  const Case cases[] = {
      {"no database", "echo garbage that is long enough > vault.db"},
      {"another's", "sqlite3 vault.db 'CREATE TABLE verdicts(key)'"},
      {"another's, in WAL mode", "sqlite3 vault.db 'PRAGMA journal_mode=WAL; CREATE TABLE t(x)'"},
      {"a folder", "mkdir -p vault.db/x"},
      {"a link", "echo mine > target && ln -s target vault.db"},
      {"with a trigger",
       "cp good vault.db && sqlite3 vault.db 'CREATE TRIGGER t AFTER DELETE ON "
       "verdicts BEGIN SELECT randomblob(1000000000); END'"},
      {"a damaged page",
       "cp good vault.db && printf 'xxxxxxxxxxxxxxxx' | dd of=vault.db bs=1 "
       "seek=4096 conv=notrunc status=none"},
      {"a stale journal",
       "echo garbage that is long enough > vault.db && cp good "
       "vault.db-journal"}};
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  std::filesystem::rename(path(), folder / "good");
  for (const Case& one : cases) {
    said.clear();
    ASSERT_EQ(
        run("cd '" + folder.path().string() + "' && rm -rf vault.db* && " + one.command).status, 0)
        << one.label;
    const auto read = read_verdicts(db());
    ASSERT_FALSE(read.has_value()) << one.label;
    EXPECT_EQ(read.error().code, Code::kDamaged) << one.label << read.error().what;
    EXPECT_FALSE(fs::exists(folder / "vault.db.aside")) << one.label << ": who reads moves nothing";
    EXPECT_FALSE(forget_verdict(db(), "a.zip").has_value()) << one.label;
    ASSERT_TRUE(note(sound("b.zip")).has_value()) << one.label;
    EXPECT_THAT(all(), ElementsAre(sound("b.zip"))) << one.label;
    EXPECT_THAT(said, ElementsAre(HasSubstr("vault.db.aside"))) << one.label;
    EXPECT_TRUE(fs::exists(folder / "vault.db.aside")) << one.label;
    EXPECT_FALSE(fs::exists(folder / "vault.db-journal")) << one.label;
    EXPECT_FALSE(fs::exists(folder / "vault.db-wal")) << one.label;
    // Once more, where there is one aside already.
    std::filesystem::resize_file(path(), 100);
    write_file(path(), "garbage");
    EXPECT_TRUE(note(sound("a.zip")).has_value()) << one.label;
    EXPECT_EQ(read_file(folder / "vault.db.aside"), "garbage") << one.label;
  }
  EXPECT_EQ(read_file(folder / "target"), "mine\n") << "what the link led to is as it was";
}

TEST_F(VerdictFile, LeavesANewerOneAlone) {
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  std::ignore = sql("CREATE TABLE more(id); PRAGMA user_version=99");
  const std::string before = read_file(path());
  EXPECT_EQ(read_verdicts(db()).error().code, Code::kUnsupported);
  EXPECT_EQ(note(sound("b.zip")).error().code, Code::kUnsupported);
  EXPECT_EQ(forget_verdict(db(), "a.zip").error().code, Code::kUnsupported);
  EXPECT_EQ(read_file(path()), before);
  EXPECT_THAT(names(), ElementsAre("vault.db"));
}

TEST_F(VerdictFile, ThatCannotBeLookedForIsNotTakenForNone) {
  std::filesystem::create_symlink("loop", folder / "loop");
  const VaultDb db{folder / "loop"};
  EXPECT_EQ(read_verdicts(db).error().code, Code::kInvalid);
  EXPECT_EQ(forget_verdict(db, "a.zip").error().code, Code::kInvalid);
  EXPECT_EQ(note_verdict(db, sound("a.zip"), std::nullopt, {}).error().code, Code::kInvalid);
}

TEST_F(VerdictFile, TakesAnEmptyFileForANewOne) {
  write_file(path(), "");
  EXPECT_THAT(all(), IsEmpty());
  EXPECT_TRUE(read_verdicts(db()).has_value());
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  EXPECT_THAT(all(), ElementsAre(sound("a.zip")));
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(VerdictFile, WaitsForAnotherProcessThatWrites) {
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  testing::OtherProcess other{
      "import sqlite3\n"
      "db = sqlite3.connect('" +
      path().string() +
      "', isolation_level=None)\n"
      "db.execute('BEGIN IMMEDIATE')\n"
      "db.execute(\"UPDATE verdicts SET size_bytes = 8\")\n"
      "print('writes', flush=True)\n"
      "input()\n"
      "db.execute('COMMIT')\n"
      "print('done', flush=True)\n"
      "input()\n"};
  ASSERT_EQ(other.hear(), "writes");
  EXPECT_THAT(all(), ElementsAre(sound("a.zip"))) << "who reads needs not wait";
  std::atomic<bool> noted = false;
  std::thread writer{[&] {
    EXPECT_TRUE(note(sound("b.zip")).has_value());
    noted = true;
  }};
  EXPECT_FALSE(noted);
  other.say("go on");
  ASSERT_EQ(other.hear(), "done");
  writer.join();
  NotedVerdict changed = sound("a.zip");
  changed.archive.size_bytes = 8;
  EXPECT_THAT(all(), ElementsAre(changed, sound("b.zip")));
}

// Each on a file that is absent, and on one that is to be set aside.
TEST_F(VerdictFile, IsMadeOnceByManyProcessesAtOnce) {
  constexpr int kProcesses = 6;
  std::set<std::string> keys;
  for (int i = 0; i < kProcesses; ++i) { keys.insert(std::to_string(i) + ".zip"); }
  for (const bool is_there : {false, true}) {
    std::filesystem::remove(path());
    if (is_there) { write_file(path(), "garbage that is long enough to be no database"); }
    std::vector<pid_t> children;
    for (const std::string& key : keys) {
      const pid_t child = ::fork();
      if (child == 0) {
        const auto done = note_verdict(db(), sound(key), keys, [](const std::string&) {});
        ::_exit(done.has_value() ? 0 : 1);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = -1;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(all().size(), keys.size()) << "garbage: " << is_there;
  }
}

TEST_F(VerdictFile, IsReadWhereNothingMayBeWritten) {
  ASSERT_TRUE(note(sound("a.zip")).has_value());
  std::filesystem::permissions(path(), std::filesystem::perms{0444});
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0555});
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65'534) != 0 || ::setuid(65'534) != 0)) { ::_exit(2); }
    const bool reads = all() == std::vector{sound("a.zip")};
    const auto noted = note_verdict(db(), sound("b.zip"), std::set<std::string>{"b.zip"},
                                    [](const std::string&) {});
    const bool is_denied = !noted.has_value() && noted.error().code == Code::kDenied;
    ::_exit(reads && is_denied ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
  EXPECT_EQ(status, 0);
  EXPECT_THAT(all(), ElementsAre(sound("a.zip")));
}

}  // namespace
}  // namespace pv::state
