#include "datadir/wal_owners.h"

#include <gtest/gtest.h>

#include "datadir/fresh.h"
#include "sqlite/connection.h"
#include "sqlite/wal_header.h"
#include "testing/fixtures.h"

namespace pv::datadir {
namespace {

using testing::TempFolder;

constexpr const char* kNote = ".pocketvault/wal-owners";

// A directory whose data.db has a WAL with something in it, and nobody has it open.
class WalOwners : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_vault_folder(path).has_value());
    in_folder(
        "sqlite3 data.db 'PRAGMA journal_mode=WAL; CREATE TABLE t(x);' && "
        "python3 -c \"import os, sqlite3\n"
        "c = sqlite3.connect('data.db', isolation_level=None)\n"
        "c.execute('INSERT INTO t VALUES (1)')\n"
        "os._exit(0)\" && sqlite3 n.db 'CREATE TABLE news(x)'");
    const auto file = fs::identity_of(path / "data.db");
    const auto wal = fs::identity_of(path / "data.db-wal");
    const auto mark = sqlite::wal_mark_at(path / "data.db-wal");
    if (!file) { GTEST_SKIP() << "a file system that does not tell when a file was born"; }
    ASSERT_TRUE(wal && mark);
    owner = {.database = "data.db", .file = *file, .wal = *wal, .mark = *mark};
  }
  void in_folder(const std::string& command) const {
    const auto done = testing::run("cd '" + path.string() + "' && " + command);
    ASSERT_EQ(done.status, 0) << done.output;
  }
  [[nodiscard]] bool is_refused() const { return !refuse_wal_of_another(path).has_value(); }

  TempFolder folder;
  const fs::Path path = folder.path();
  WalOwner owner;
};

TEST_F(WalOwners, AreReadAsTheyWereWritten) {
  EXPECT_TRUE(read_wal_owners(path).value().empty());
  WalOwner logs = owner;
  logs.database = "auxiliary.db";
  logs.file.born_ns = 7;
  ASSERT_TRUE(note_wal_owners(path, {owner, logs}).has_value());
  EXPECT_EQ(read_wal_owners(path).value(), (std::vector{owner, logs}));
  const auto before = fs::stat(path / kNote);
  ASSERT_TRUE(note_wal_owners(path, {logs}).has_value());
  EXPECT_EQ(fs::stat(path / kNote)->inode, before->inode) << "nothing new, so not written";
  owner.mark[0] ^= std::byte{1};
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  EXPECT_EQ(read_wal_owners(path).value(), (std::vector{logs, owner})) << "in place of the old";
  forget_wal_owners(path, {logs});
  EXPECT_EQ(read_wal_owners(path).value(), std::vector{owner});
  forget_wal_owners(path, {owner});
  EXPECT_FALSE(fs::exists(path / kNote));
}

TEST_F(WalOwners, OfManyAreTheNewest) {
  for (int i = 1; i <= 40; ++i) {
    owner.wal.born_ns = i;
    ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  }
  const auto owners = read_wal_owners(path).value();
  ASSERT_EQ(owners.size(), 16U);
  EXPECT_EQ(owners.back(), owner);
}

TEST_F(WalOwners, WithAnyByteChangedAreNone) {
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  in_folder("mv n.db data.db");
  ASSERT_TRUE(is_refused());
  const std::string whole = testing::read_file(path / kNote);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string torn = whole;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    testing::write_file(path / kNote, torn);
    EXPECT_FALSE(read_wal_owners(path).has_value()) << at;
    EXPECT_FALSE(is_refused()) << "in nobody's way";
    testing::write_file(path / kNote, whole.substr(0, at));
    EXPECT_FALSE(read_wal_owners(path).has_value()) << "cut off at " << at;
  }
  testing::write_file(path / kNote, "pocketvault wal owners 2\n");
  EXPECT_EQ(read_wal_owners(path).error().code, Code::kUnsupported);
  EXPECT_TRUE(note_wal_owners(path, {owner}).has_value()) << "and made anew";
  EXPECT_TRUE(is_refused());
}

struct Case {
  const char* label;
  const char* command;
  bool is_refused;
};

class WalOwnersAfter : public WalOwners, public ::testing::WithParamInterface<Case> {};

// The inode's number of what was removed is likely given to the next file.
constexpr Case kCases[] = {
    {"Nothing", "true", false},
    {"Replaced", "mv n.db data.db", true},
    {"RemovedAndMadeAnew", "rm data.db && cp n.db data.db", true},
    {"ReplacedByACopyOfItself", "cp -p data.db c.db && mv c.db data.db", true},
    {"ReplacedAndOldShmGone", "mv n.db data.db && rm data.db-shm", true},
    {"WalMovedAway", "mv n.db data.db && mv data.db-wal away", false},
    {"WalEmptied", "mv n.db data.db && : > data.db-wal", false},
    {"WalOfItsOwn",
     "mv n.db data.db && rm data.db-wal data.db-shm && python3 -c \"import os, sqlite3\n"
     "c = sqlite3.connect('data.db', isolation_level=None)\n"
     "c.execute('PRAGMA journal_mode=WAL')\n"
     "c.execute('CREATE TABLE more(x)')\n"
     "os._exit(0)\"",
     false},
    {"WalCopiedToSayThatTheyBelongTogether",
     "mv n.db data.db && cp data.db-wal w && mv w data.db-wal", false},
    {"OldBackInItsPlace",
     "mv data.db o.db && mv n.db data.db && mv data.db n.db && mv o.db data.db", false},
    {"Gone", "rm data.db", false},
    {"Both", "mkdir c && cp -a data.db* c && mv c/* .", false},
    {"NoteRemoved", "mv n.db data.db && rm .pocketvault/wal-owners", false},
};

TEST_P(WalOwnersAfter, IsRefusedOrNot) {
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  in_folder(GetParam().command);
  EXPECT_EQ(is_refused(), GetParam().is_refused);
}

INSTANTIATE_TEST_SUITE_P(, WalOwnersAfter, ::testing::ValuesIn(kCases),
                         [](const auto& given) { return given.param.label; });

TEST_F(WalOwners, OfACopyOfTheDirectoryAreOfNobody) {
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  const TempFolder other;
  in_folder("cp -a . '" + (other / "copy").string() + "'");
  EXPECT_TRUE(refuse_wal_of_another(other / "copy").has_value());
  in_folder("mv '" + path.string() + "' '" + (other / "moved").string() + "' && mkdir '" +
            path.string() + "'");
  EXPECT_TRUE(refuse_wal_of_another(other / "moved").has_value());
}

// The last of these may have been reached by who had the old one open, and by who has the new one.
TEST_F(WalOwners, OfAWalThatWasBegunAnewSayNothing) {
  owner.mark[5] ^= std::byte{1};
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  in_folder("mv n.db data.db");
  EXPECT_FALSE(is_refused());
}

// As after a power cut: SQLite goes on with the salts of a header that nothing follows.
TEST_F(WalOwners, OfAWalWithTheSameSaltsAndOtherCommitsSayNothing) {
  const std::string begin =
      "python3 -c \"import os, sqlite3, sys\n"
      "c = sqlite3.connect('data.db', isolation_level=None)\n"
      "for sql in sys.argv[1:]: c.execute(sql).fetchall()\n"
      "os._exit(0)\" ";
  in_folder(begin + "'PRAGMA wal_checkpoint(RESTART)' 'INSERT INTO t VALUES (2)'");
  owner.mark = sqlite::wal_mark_at(path / "data.db-wal").value();
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  in_folder(
      "sqlite3 n.db 'PRAGMA journal_mode=WAL' && mv n.db data.db && truncate -s 32 data.db-wal "
      "&& truncate -s 8000 data.db-wal "
      "&& rm -f data.db-shm && " +
      begin + "'INSERT INTO news VALUES (1)'");
  const auto mark = sqlite::wal_mark_at(path / "data.db-wal").value();
  ASSERT_TRUE(std::equal(mark.begin(), mark.begin() + 8, owner.mark.begin())) << "the same salts";
  EXPECT_FALSE(is_refused());
}

TEST_F(WalOwners, OfBothDatabasesAreOneThatIsItsOwn) {
  in_folder("cp data.db o.db && mv o.db data.db");
  WalOwner again = owner;
  again.file = fs::identity_of(path / "data.db").value();
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  ASSERT_TRUE(is_refused());
  ASSERT_TRUE(note_wal_owners(path, {again}).has_value());
  EXPECT_FALSE(is_refused()) << "somebody said that they belong together";
}

TEST_F(WalOwners, FollowTheFilesToAnotherFolder) {
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  in_folder("mkdir kept && mv data.db-wal kept/data.db-wal && mv n.db kept/data.db");
  const auto owners = known_wal_owners(path);
  EXPECT_TRUE(has_wal_of_another(path / "kept/data.db", owners));
  in_folder("mv data.db kept/data.db");
  EXPECT_FALSE(has_wal_of_another(path / "kept/data.db", owners));
}

TEST_F(WalOwners, TellWhatCanBeDone) {
  ASSERT_TRUE(note_wal_owners(path, {owner}).has_value());
  in_folder("mv n.db data.db");
  const auto refused = refuse_wal_of_another(path);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  for (const char* part : {"move data.db-wal elsewhere and remove data.db-shm",
                           "move the old file itself back", "remove .pocketvault/wal-owners"}) {
    EXPECT_NE(refused.error().what.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace pv::datadir
