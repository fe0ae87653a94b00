// Whole commands on real data: what is printed where, and the exit status.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "base/work_pool.h"
#include "cli/cli.h"
#include "cli/status_json.h"
#include "jobs/startup.h"
#include "store/folder_store.h"
#include "testing/fixtures.h"
#include "testing/scripted_server.h"

namespace pv::cli {
namespace {

namespace json = boost::json;
using testing::http_answer;
using testing::ScriptedServer;

class RealVault final : public LocalVault {
 public:
  RealVault(std::unique_ptr<datadir::DataDir> directory, const fs::Path& backups)
      : directory_{std::move(directory)},
        store_{store::make_folder_store(backups)},
        vault_{*directory_, *store_, pool_, system_clock(), system_random(), {}},
        own_settings_{directory_->vault_folder()},
        mailer_{*directory_, system_clock(), system_random(), {}},
        alerts_{vault_, mailer_, own_settings_, system_clock()} {}
  [[nodiscard]] jobs::Vault& vault() override { return vault_; }
  [[nodiscard]] datadir::DataDir& directory() override { return *directory_; }
  [[nodiscard]] store::BackupStore& store() override { return *store_; }
  [[nodiscard]] settings::VaultSettingsFile& own_settings() override { return own_settings_; }
  [[nodiscard]] alerts::Alerts& alerts() override { return alerts_; }
  [[nodiscard]] std::unique_ptr<jobs::LiveSettings> open_settings() override {
    return std::make_unique<jobs::LiveSettings>(*directory_, "", system_clock(), system_random());
  }

 private:
  std::unique_ptr<datadir::DataDir> directory_;
  std::unique_ptr<store::BackupStore> store_;
  WorkPool pool_{2};
  jobs::Vault vault_;
  settings::VaultSettingsFile own_settings_;
  alerts::Mailer mailer_;
  alerts::Alerts alerts_;
};

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
  [[nodiscard]] json::value document() const { return json::parse(out); }
};

class Commands : public ::testing::Test {
 protected:
  // `typed`: standard input; a terminal when `at_terminal_`.
  Ran run_words(std::vector<std::string> words, const std::string& typed = "") {
    words.insert(words.begin(), "pocketvault");
    std::vector<char*> argv;
    for (std::string& word : words) { argv.push_back(word.data()); }
    std::istringstream in{typed};
    std::ostringstream out;
    std::ostringstream err;
    Environment environment;
    environment.open_local = [](const LocalOptions& options) { return open(options); };
    environment.look_over = [this](const LocalOptions& options) {
      const auto store = store::make_folder_store(options.dir / "backups");
      auto looked =
          jobs::look_over(options.dir, *store, options.keep_replaced, system_clock().now());
      if (looked.has_value()) {
        looked->store_doubt = store_doubt_;
        if (sees_) { sees_(*looked); }
      }
      return looked;
    };
    environment.serve = [this](const ServeOptions& options) {
      served_ = options;
      return 42;
    };
    environment.version = "1.2.3";
    environment.in = &in;
    environment.out = &out;
    environment.err = &err;
    environment.in_is_terminal = at_terminal_;
    environment.err_is_terminal = false;
    environment.variable = [this](const std::string& name) -> std::optional<std::string> {
      if (name == "XDG_CONFIG_HOME") { return (temp_ / "config").string(); }
      if (name == "POCKETVAULT_TOKEN" && !token_.empty()) { return token_; }
      if (name == "LANG" && !lang_.empty()) { return lang_; }
      return std::nullopt;
    };
    environment.variable_names = [this] { return names_; };
    const int status = cli::run(static_cast<int>(argv.size()), argv.data(), environment);
    return {status, out.str(), err.str()};
  }

  // The same on the fixture's directory.
  Ran run_here(std::vector<std::string> words, const std::string& typed = "") {
    words.insert(words.end(), {"--dir", data_.string()});
    return run_words(std::move(words), typed);
  }

  static Result<std::unique_ptr<LocalVault>> open(const LocalOptions& options) {
    PV_TRY(jobs::Opened opened,
           jobs::open_directory(options.dir, {.create = options.create, .owner = false},
                                system_clock(), system_random()));
    const fs::Path backups =
        options.backups_dir.empty() ? options.dir / "backups" : options.backups_dir;
    return std::unique_ptr<LocalVault>{
        std::make_unique<RealVault>(std::move(opened.directory), backups)};
  }

  testing::TempFolder temp_;
  fs::Path data_ = testing::unpack_pb_data("0.36.6", temp_.path());
  bool at_terminal_ = false;
  std::string token_;
  std::string lang_;
  std::vector<std::string> names_;             // of variables
  std::function<void(jobs::Overview&)> sees_;  // what a look finds, changed
  std::string store_doubt_;
  std::optional<ServeOptions> served_;
};

TEST_F(Commands, SayThatAVariableIsMisspelt) {
  names_ = {"HOME", "POCKETVAULT_TOKENS", "POCKETVAULT_DIRR"};
  const Ran list = run_here({"list"});
  EXPECT_EQ(list.status, 0) << "and go on";
  EXPECT_NE(list.err.find("POCKETVAULT_TOKENS is set"), std::string::npos) << list.err;
  EXPECT_NE(list.err.find("did you mean POCKETVAULT_DIR?"), std::string::npos) << list.err;
  std::ignore = run_words({"serve", "--encryption-env", "POCKETVAULT_TOKENS"});
  EXPECT_EQ(served_.value().notes.size(), 1U) << "one is the settings' key";
}

TEST_F(Commands, BackUpListShowVerifyDelete) {
  const Ran made = run_here({"backup", "nightly"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(made.out.starts_with("Made nightly.zip: ")) << made.out;
  EXPECT_EQ(run_here({"backup", "nightly.zip"}).status, 1) << "the name is taken";
  EXPECT_EQ(run_here({"backup", "Not Good"}).status, 2);
  const Ran list = run_here({"list"});
  EXPECT_EQ(list.status, 0);
  EXPECT_NE(list.out.find("fixture.zip"), std::string::npos);
  EXPECT_NE(list.out.find("nightly.zip"), std::string::npos);
  const Ran shown = run_here({"show", "nightly"});
  EXPECT_EQ(shown.status, 0);
  EXPECT_NE(shown.out.find("auxiliary.db, data.db"), std::string::npos) << shown.out;
  EXPECT_EQ(run_here({"verify", "nightly"}).status, 0);
  EXPECT_EQ(run_here({"delete", "nightly.zip"}).status, 0);
  EXPECT_EQ(run_here({"delete", "nightly.zip"}).status, 5);
  EXPECT_EQ(run_here({"show", "nightly"}).status, 5);
}

TEST_F(Commands, PrintOneDocumentWithJson) {
  const json::value made = run_here({"backup", "a.zip", "--json"}).document();
  EXPECT_EQ(made.at("job").at("state"), "succeeded");
  EXPECT_EQ(made.at("job").at("name"), "a.zip");
  EXPECT_GT(made.at("job").at("report").at("entries").to_number<int>(), 20);
  const json::value list = run_here({"list", "--json"}).document();
  EXPECT_EQ(list.as_array().size(), 2U);
  EXPECT_EQ(list.at(0).at("key"), "a.zip");
  const json::value shown = run_here({"show", "a.zip", "--json"}).document();
  EXPECT_EQ(shown.at("hasDataDb"), true);
  const Ran missing = run_here({"show", "none.zip", "--json"});
  EXPECT_EQ(missing.document().at("error").at("code"), "not_found");
  EXPECT_EQ(missing.document().at("exit"), 5);
  const Ran deleted = run_here({"delete", "a.zip", "b.zip", "--json"});
  EXPECT_EQ(deleted.status, 5);
  EXPECT_EQ(deleted.document().at("deleted").at(0), "a.zip");
  EXPECT_EQ(deleted.document().at("failed").at(0).at("key"), "b.zip");
}

TEST_F(Commands, PinnedBackupsStayUntilTheyAreUnpinned) {
  EXPECT_EQ(run_here({"pin", "fixture.zip", "--note", "before the move"}).out,
            "Pinned fixture.zip\n");
  EXPECT_NE(run_here({"list"}).out.find("  pinned"), std::string::npos);
  EXPECT_NE(run_here({"show", "fixture.zip"}).out.find("pinned     now: before the move"),
            std::string::npos);
  EXPECT_EQ(run_here({"list", "--json"}).document().at(0).at("pin").at("note"), "before the move");
  const Ran refused = run_here({"delete", "fixture.zip"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.err, "Error: delete fixture.zip: fixture.zip is pinned: unpin it first\n");
  EXPECT_EQ(run_here({"pin", "none.zip"}).status, 5);
  EXPECT_EQ(run_here({"unpin", "fixture.zip"}).status, 0);
  const Ran twice = run_here({"unpin", "fixture.zip", "--json"});
  EXPECT_EQ(twice.status, 5);
  EXPECT_EQ(twice.document().at("failed").at(0).at("key"), "fixture.zip");
  EXPECT_EQ(run_here({"delete", "fixture.zip"}).status, 0);
}

TEST_F(Commands, PruneTellsAsksAndDeletes) {
  for (const char* name : {"a", "b"}) { ASSERT_EQ(run_here({"backup", name}).status, 0); }
  const Ran none = run_here({"prune", "--yes"});
  EXPECT_EQ(none.status, 0);
  EXPECT_TRUE(none.out.starts_with("No retention is set")) << none.out;
  const Ran plan = run_here({"prune", "--keep-last", "1", "--all", "--dry-run"});
  EXPECT_EQ(plan.status, 0);
  EXPECT_NE(plan.out.find("The retention keeps the last 1 of all backups.\nTo go: 2 backups, "),
            std::string::npos)
      << plan.out;
  EXPECT_NE(plan.out.find("last; the newest that counts"), std::string::npos) << plan.out;
  EXPECT_EQ(run_here({"prune", "--keep-last", "1", "--all"}).status, 9) << "nobody is asked";
  at_terminal_ = true;
  EXPECT_EQ(run_here({"prune", "--keep-last", "1", "--all"}, "no\n").status, 9);
  EXPECT_EQ(run_here({"list", "--json"}).document().as_array().size(), 3U);
  const Ran done = run_here({"prune", "--keep-last", "1", "--all"}, "prune\n");
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.out.find("Deleted fixture.zip\nDeleted a.zip\n"), std::string::npos) << done.out;
  const Ran again = run_here({"prune", "--keep-last", "1", "--all", "--yes", "--json"});
  EXPECT_EQ(again.document().at("dryRun"), true) << "nothing was left to do";
  EXPECT_EQ(again.document().at("backups").as_array().size(), 1U);
  for (const char* wrong : {"-1", "10001", "7d"}) {
    EXPECT_EQ(run_here({"prune", "--keep-daily", wrong}).status, 2) << wrong;
  }
}

TEST_F(Commands, RestoreAsksForTheNameAndUndoTakesItBack) {
  ASSERT_EQ(run_here({"superuser", "create", "new@example.com", "long enough"}).status, 0);
  const Ran nobody = run_here({"restore", "fixture.zip"});
  EXPECT_EQ(nobody.status, 9);
  EXPECT_NE(nobody.err.find("--yes"), std::string::npos) << nobody.err;
  at_terminal_ = true;
  const Ran wrong = run_here({"restore", "fixture.zip"}, "yes\n");
  EXPECT_EQ(wrong.status, 9);
  EXPECT_NE(wrong.err.find("Type fixture.zip to go on: "), std::string::npos) << wrong.err;
  EXPECT_NE(wrong.err.find("nothing was changed"), std::string::npos) << wrong.err;
  EXPECT_EQ(run_here({"restore", "fixture.zip"}, "").status, 9) << "end of input";
  const auto has_account = [&] {
    return run_here({"superuser", "update", "new@example.com", "also long enough"}).status == 0;
  };
  EXPECT_TRUE(has_account());
  const Ran restored = run_here({"restore", "fixture"}, "fixture.zip\n");
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_FALSE(has_account()) << "made after the backup";
  EXPECT_EQ(run_here({"undo"}, "no\n").status, 9);
  const Ran undone = run_here({"undo"}, "undo\n");
  EXPECT_EQ(undone.status, 0) << undone.err;
  EXPECT_TRUE(has_account());
}

TEST_F(Commands, RestoreAFileIntoAnEmptyPlace) {
  const fs::Path fresh = temp_ / "fresh/pb_data";
  const std::string file = testing::fixture("pocketbase-0.39.11-backup.zip").string();
  const Ran restored = run_words({"restore", file, "--yes", "--dir", fresh.string()});
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_TRUE(fs::exists(fresh / "storage"));
  EXPECT_EQ(run_words({"superuser", "update", "admin@example.com", "long enough", "--dir",
                       fresh.string()})
                .status,
            0)
      << "the account of the archive";
}

TEST_F(Commands, VerifyAFileWithoutAnyDirectory) {
  const std::string file = testing::fixture("pocketbase-0.36.6-backup.zip").string();
  const std::string nowhere = (temp_ / "nowhere").string();
  EXPECT_EQ(run_words({"verify", file, "--dir", nowhere}).status, 0);
  std::string content = testing::read_file(file);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  testing::write_file(temp_ / "bad.zip", content);
  const Ran damaged = run_words({"verify", (temp_ / "bad.zip").string(), "--dir", nowhere});
  EXPECT_EQ(damaged.status, 7) << damaged.err;
  EXPECT_NE(damaged.err.find("bad.zip"), std::string::npos) << damaged.err;
  testing::write_file(temp_ / "text.zip", "no archive");
  EXPECT_EQ(run_words({"verify", (temp_ / "text.zip").string(), "--dir", nowhere}).status, 7);
  EXPECT_FALSE(fs::exists(nowhere)) << "looking changes nothing";
}

TEST_F(Commands, StatusSaysHowOldTheNewestBackupIs) {
  ASSERT_EQ(run_here({"backup", "nightly"}).status, 0);
  const Ran status = run_here({"status"});
  EXPECT_EQ(status.status, 0) << status.err;
  EXPECT_TRUE(status.out.starts_with("Newest backup: nightly.zip, ")) << status.out;
  EXPECT_EQ(run_here({"status", "--max-age", "26h"}).status, 0);
  std::filesystem::last_write_time(
      data_ / "backups/nightly.zip",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours{3});
  std::filesystem::last_write_time(
      data_ / "backups/fixture.zip",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours{30});
  const Ran old = run_here({"status", "--max-age", "2h", "--json"});
  EXPECT_EQ(old.status, 10);
  EXPECT_TRUE(old.document().at("tooOld").as_bool());
  EXPECT_EQ(old.document().at("newest").at("key").as_string(), "nightly.zip");
  EXPECT_EQ(run_here({"status", "--max-age", "4h"}).status, 0);
  EXPECT_NE(run_here({"status"}).out.find("nightly.zip, 3 h ago"), std::string::npos);
}

TEST_F(Commands, StatusIsNotContentWithoutABackup) {
  ASSERT_EQ(run_here({"delete", "fixture.zip"}).status, 0);
  const Ran none = run_here({"status", "--json"});
  EXPECT_EQ(none.status, 10);
  EXPECT_TRUE(none.document().at("newest").is_null());
  EXPECT_EQ(none.document().at("risk").as_string(), "no backup can be relied on");
  EXPECT_NE(none.err.find("`pocketvault backup` makes one"), std::string::npos) << none.err;
  ASSERT_EQ(run_here({"backup", "first"}).status, 0);
  EXPECT_EQ(run_here({"status"}).status, 0);
}

TEST_F(Commands, StatusIsNotContentWithAnyRisk) {
  ASSERT_EQ(run_here({"status"}).status, 0);
  testing::write_file(data_ / ".pocketvault/settings.json", "{broken");
  const Ran settings = run_here({"status"});
  EXPECT_EQ(settings.status, 10) << settings.out;
  EXPECT_TRUE(settings.err.starts_with("Error: settings of our own are not known")) << settings.err;
  std::filesystem::remove(data_ / ".pocketvault/settings.json");
  sees_ = [](jobs::Overview& overview) { overview.data_free_bytes = 0; };
  const Ran space = run_here({"status", "--json"});
  EXPECT_EQ(space.status, 10);
  EXPECT_EQ(json::serialize(space.document().at("risks")),
            R"([{"kind":"space","text":"no space is left where the data lies"}])");
  sees_ = [](jobs::Overview& overview) {
    state::PastJob failed;
    failed.outcome = "failed";
    failed.error = "the disk is full";
    failed.ended = system_clock().now() + std::chrono::hours{1};
    overview.health.last_decided = failed;
    overview.data_free_bytes = 0;
  };
  const Ran failed = run_here({"status"});
  EXPECT_EQ(failed.status, 10);
  EXPECT_TRUE(failed.err.starts_with("Error: the last backup failed, at ")) << failed.err;
  EXPECT_NE(failed.out.find("At risk: no space is left where the data lies.\n"), std::string::npos)
      << "each of them is told: " << failed.out;
  // What has a status of its own keeps it.
  sees_ = [](jobs::Overview& overview) {
    overview.damaged.push_back({*overview.newest, "why"});
    overview.data_free_bytes = 0;
  };
  EXPECT_EQ(run_here({"status"}).status, 7);
}

TEST(StatusOfAServer, GoesByItsClockAndSaysWhatItSays) {
  const auto read = [](const std::string& text) {
    return overview_from_json(json::parse(text)).value();
  };
  const jobs::Overview newer = read(
      R"({"now":"2026-11-21 12:00:00.000Z","newest":{"key":"a.zip","size":7,)"
      R"("modified":"2026-11-20 12:00:00.000Z","made":"2026-11-19 12:00:00.000Z","foreign":true},)"
      R"("risk":"a","risks":[{"kind":"unheardOf","text":"a"},{"kind":"missed","text":"b"}]})");
  EXPECT_EQ(newer.looked - *jobs::newest_made(newer), std::chrono::hours{48});
  EXPECT_EQ(jobs::own_made(newer), std::nullopt);
  EXPECT_EQ(jobs::risks_of(newer), (std::vector<jobs::Risk>{{"unheardOf", "a"}, {"missed", "b"}}));
  const jobs::Overview older =
      read(R"({"newest":{"key":"a.zip","size":7,"modified":"2026-11-20 12:00:00.000Z",)"
           R"("ageSeconds":3600},"risk":"a"})");
  EXPECT_EQ(older.looked - *jobs::newest_made(older), std::chrono::hours{1});
  EXPECT_EQ(jobs::risk_of(older), "a");
}

TEST_F(Commands, StatusIsNotContentWithoutTheStoreThatCounts) {
  ASSERT_EQ(run_here({"status"}).status, 0);
  store_doubt_ = "no key";
  const Ran unknown = run_here({"status", "--json"});
  EXPECT_EQ(unknown.status, 10);
  EXPECT_EQ(unknown.document().at("storeUnknownBecause").as_string(), "no key");
  EXPECT_NE(unknown.err.find("not known whether backups are made"), std::string::npos)
      << unknown.err;
  store_doubt_ = "";
  ASSERT_EQ(run_here({"backup", "nightly"}).status, 0);
  std::filesystem::remove_all(data_ / "backups");
  testing::write_file(data_ / "backups", "no folder");
  const Ran away = run_here({"status"});
  EXPECT_EQ(away.status, 8);
  EXPECT_NE(away.out.find("At risk: the backups can't be listed: "), std::string::npos) << away.out;
  EXPECT_NE(away.out.find("last run"), std::string::npos) << "what is known here: " << away.out;
  EXPECT_EQ(away.out.find("There is no backup"), std::string::npos) << away.out;
  EXPECT_TRUE(away.err.starts_with("Error: ")) << away.err;
}

TEST_F(Commands, ReplacedDataIsListedTakenBackAndDeleted) {
  EXPECT_EQ(run_here({"replaced"}).out, "Nothing that a restore replaced is kept.\n");
  ASSERT_EQ(run_here({"restore", "fixture", "--yes", "--keep-replaced", "7d"}).status, 0);
  const json::value kept = run_here({"replaced", "--json"}).document();
  ASSERT_EQ(kept.as_array().size(), 1U);
  const std::string id{kept.at(0).at("id").as_string()};
  const Ran listed = run_here({"replaced"});
  EXPECT_NE(listed.out.find(id), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("fixture.zip"), std::string::npos) << listed.out;
  EXPECT_NE(run_here({"status"}).out.find("pocketvault undo " + id), std::string::npos);
  EXPECT_EQ(run_here({"undo", "none", "--yes"}).status, 5);
  EXPECT_EQ(run_here({"undo", id, "--yes"}).status, 0);
  EXPECT_EQ(run_here({"replaced", "delete", "--all"}).status, 9) << "nobody confirmed";
  EXPECT_EQ(run_here({"replaced", "delete", "none", "--yes"}).status, 5);
  EXPECT_EQ(run_here({"replaced", "delete", "--all", "--yes"}).status, 0);
  EXPECT_EQ(run_here({"replaced", "--json"}).document().as_array().size(), 0U);
}

TEST_F(Commands, ARestoreThatKeepsNothingBacksUpBefore) {
  const Ran ran = run_here({"restore", "fixture", "--yes", "--keep-replaced", "0"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("the data before it is in the backup @pre_restore_corner_shop_"),
            std::string::npos)
      << ran.out;
  EXPECT_EQ(run_here({"replaced", "--json"}).document().as_array().size(), 0U);
}

TEST_F(Commands, DownloadAndUploadLeaveWholeFilesOnly) {
  const fs::Path target = temp_ / "copy.zip";
  const Ran saved = run_here({"download", "fixture.zip", "-o", target.string()});
  EXPECT_EQ(saved.status, 0) << saved.err;
  EXPECT_EQ(testing::read_file(target), testing::read_file(data_ / "backups/fixture.zip"));
  EXPECT_EQ(run_here({"download", "fixture.zip", "-o", target.string()}).status, 1);
  EXPECT_EQ(run_here({"download", "fixture.zip", "-o", target.string(), "--force"}).status, 0);
  EXPECT_EQ(run_here({"download", "fixture.zip", "-o", temp_.path().string()}).status, 0);
  EXPECT_TRUE(fs::exists(temp_ / "fixture.zip")) << "into a folder under its own name";
  EXPECT_EQ(run_here({"download", "fixture.zip", "-o", "-"}).out, testing::read_file(target));
  EXPECT_EQ(run_here({"download", "none.zip", "-o", (temp_ / "n.zip").string()}).status, 5);
  EXPECT_FALSE(fs::exists(temp_ / "n.zip"));

  EXPECT_EQ(run_here({"upload", target.string()}).status, 0);
  EXPECT_EQ(run_here({"upload", target.string()}).status, 1) << "the name is taken";
  EXPECT_EQ(run_here({"upload", target.string(), "--name", "other.zip"}).status, 0);
  EXPECT_EQ(testing::read_file(data_ / "backups/other.zip"), testing::read_file(target));
  testing::write_file(temp_ / "text.zip", "no archive");
  EXPECT_EQ(run_here({"upload", (temp_ / "text.zip").string()}).status, 2);
  EXPECT_EQ(run_here({"upload", (temp_ / "none.zip").string()}).status, 5);
}

TEST_F(Commands, SuperuserSaysWhatPocketBaseSays) {
  struct Case {
    std::vector<std::string> words;
    int status;
    std::string said;
  };
  const Case kCases[] = {
      {{"create", "a@example.com", "12345678"},
       0,
       "Successfully created new superuser \"a@example.com\"!\n"},
      {{"create", "a@example.com", "12345678"},
       1,
       "Error: failed to create new superuser account: email: Value must be unique.\n"},
      {{"create", "b@example.com", "short"},
       2,
       "Error: failed to create new superuser account: password: Must be at least 8 "
       "character(s).\n"},
      {{"create"}, 2, "Error: missing email and password arguments\n"},
      {{"create", "nobody", "12345678"}, 2, "Error: missing or invalid email address\n"},
      {{"upsert", "a@example.com", "123456789"},
       0,
       "Successfully saved superuser \"a@example.com\"!\n"},
      {{"upsert", "a@example.com", "short"},
       2,
       "Error: failed to upsert superuser account: password: Must be at least 8 character(s).\n"},
      {{"update", "a@example.com", "12345678"},
       0,
       "Successfully changed superuser \"a@example.com\" password!\n"},
      {{"update", "c@example.com", "12345678"},
       5,
       "Error: superuser with email \"c@example.com\" doesn't exist\n"},
      {{"delete", "a@example.com"}, 0, "Successfully deleted superuser \"a@example.com\"!\n"},
      {{"delete", "a@example.com"},
       5,
       "Error: superuser \"a@example.com\" is missing or already deleted\n"},
      {{"delete", "nobody"}, 2, "Error: invalid or missing email address\n"},
      {{"delete", "admin@example.com"},
       1,
       "Error: failed to delete superuser \"admin@example.com\": You can't delete the only "
       "existing "
       "superuser.\n"},
  };
  for (Case given : kCases) {
    given.words.insert(given.words.begin(), "superuser");
    const Ran ran = run_here(given.words);
    EXPECT_EQ(ran.status, given.status) << given.said;
    EXPECT_EQ(ran.status == 0 ? ran.out : ran.err, given.said);
  }
}

TEST_F(Commands, SuperuserIpsLetsSuperusersComeFromElsewhere) {
  const Ran set = run_here({"superuser", "ips", "10.0.0.0/8", "::1"});
  EXPECT_EQ(set.status, 0) << set.err;
  EXPECT_EQ(set.out, "Successfully updated SuperuserIPs setting:\n├─ 10.0.0.0/8\n└─ ::1\n");
  const auto stored = [this] {
    LocalOptions options;
    options.dir = data_;
    const auto local = open(options).value();
    return local->open_settings()->now()->superuser_ips;
  };
  EXPECT_EQ(stored(), (std::vector<std::string>{"10.0.0.0/8", "::1"}));
  const Ran wrong = run_here({"superuser", "ips", "::1", "here"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.err, "Error: here: Invalid IP or CIDR subnet.\n");
  EXPECT_EQ(stored().size(), 2U) << "nothing was changed";
  const Ran cleared = run_here({"superuser", "ips", "--json"});
  EXPECT_EQ(cleared.out, "{\"superuserIPs\":[],\"action\":\"updated\"}\n");
  EXPECT_EQ(stored().size(), 0U);
}

TEST_F(Commands, VerifyTellsThatTheStoreOfAServerIsAway) {
  ScriptedServer server{[](const auto&) {
    return http_answer(
        400,
        R"({"data":{},"message":"Failed to load backups filesystem. It is away.","status":400})");
  }};
  token_ = "t";
  const Ran ran = run_words({"verify", "nightly.zip", "--url", server.url()});
  EXPECT_EQ(ran.status, 8);
  EXPECT_NE(ran.err.find("Failed to load backups filesystem. It is away."), std::string::npos)
      << ran.err;
}

TEST_F(Commands, SuperuserReadsThePasswordOrAsksForIt) {
  EXPECT_EQ(run_here({"superuser", "create", "a@example.com"}, "from a pipe\n").status, 0);
  EXPECT_EQ(run_here({"superuser", "create", "b@example.com", "-"}, "from a pipe").status, 0);
  EXPECT_EQ(run_here({"superuser", "create", "c@example.com"}, "").status, 2) << "nothing there";
  at_terminal_ = true;
  const Ran asked =
      run_here({"superuser", "create", "d@example.com"}, "typed twice\ntyped twice\n");
  EXPECT_EQ(asked.status, 0) << asked.err;
  EXPECT_NE(asked.err.find("password"), std::string::npos);
  EXPECT_EQ(asked.err.find("typed twice"), std::string::npos);
  EXPECT_EQ(run_here({"superuser", "create", "e@example.com"}, "typed once\nnot again\n").status,
            2);
}

TEST_F(Commands, AMissingDirectoryIsSaidAndNotMade) {
  for (const char* command : {"list", "backup", "undo"}) {
    const Ran ran = run_words({command, "--dir", (temp_ / "none").string()});
    EXPECT_EQ(ran.status, 5) << command << ran.err;
    EXPECT_NE(ran.err.find("none"), std::string::npos) << ran.err;
  }
  EXPECT_FALSE(fs::exists(temp_ / "none"));
}

TEST_F(Commands, ServeIsPassedOn) {
  EXPECT_EQ(run_words({"serve", "--http", ":9000", "--dir", "x"}).status, 42);
  EXPECT_EQ(served_.value().port, 9000);
  EXPECT_EQ(served_.value().dir, "x");
}

TEST_F(Commands, ARestoreIsNotHandedToAStrangerOnTheServersPort) {
  ScriptedServer stranger{[](const auto&) {
    return http_answer(200, R"({"message":"API is healthy.","code":200,"data":{}})");
  }};
  ASSERT_TRUE(fs::make_folders(data_ / ".pocketvault", 0700).has_value());
  // Process 1 lives and does not have these databases open: the note is from before a crash.
  testing::write_file(data_ / ".pocketvault/server.json",
                      R"({"pid":1,"url":")" + stranger.url() + "\"}");
  EXPECT_EQ(run_here({"restore", "fixture.zip", "--yes"}).status, 0);
  EXPECT_TRUE(stranger.requests().empty()) << "no token went there";
}

TEST_F(Commands, LoginKeepsATokenThatLaterCommandsUse) {
  ScriptedServer server{[](const std::string& request) {
    if (request.starts_with("POST /api/collections/_superusers/auth-with-password ")) {
      return request.find(R"({"identity":"a@b.cc","password":"right"})") != std::string::npos
                 ? http_answer(200, R"({"record":{},"token":"e30.eyJleHAiOjE3OTUzMDg4NDN9.x"})")
                 : http_answer(400,
                               R"({"data":{},"message":"Failed to authenticate.","status":400})");
    }
    return request.find("Authorization: e30.eyJleHAiOjE3OTUzMDg4NDN9.x\r\n") != std::string::npos
               ? http_answer(200, "[]")
               : http_answer(
                     401,
                     R"({"data":{},"message":"The request requires valid record authorization token.","status":401})");
  }};
  const std::vector<std::string> list{"list", "--url", server.url()};
  const Ran before = run_words(list);
  EXPECT_EQ(before.status, 4);
  EXPECT_NE(before.err.find("pocketvault login --url " + server.url()), std::string::npos);
  EXPECT_EQ(run_words({"login", "--url", server.url(), "a@b.cc"}, "wrong\n").status, 4);
  const Ran login = run_words({"login", "--url", server.url() + "/", "a@b.cc"}, "right\n");
  EXPECT_EQ(login.status, 0) << login.err;
  EXPECT_NE(login.out.find("until 2026-11-22 00:54 UTC"), std::string::npos) << login.out;
  EXPECT_EQ(login.out.find("e30."), std::string::npos) << "the token is not shown";
  EXPECT_EQ(run_words(list).out, "No backups.\n");
  token_ = "another";
  EXPECT_EQ(run_words(list).status, 4) << "POCKETVAULT_TOKEN goes before the login";
  EXPECT_EQ(run_words({"list", "--url", server.url(), "--token", "e30.eyJleHAiOjE3OTUzMDg4NDN9.x"})
                .status,
            0);
  EXPECT_EQ(run_words({"logout", "--url", server.url()}).status, 0);
  EXPECT_EQ(run_words({"logout", "--url", server.url()}).status, 5);
}

TEST_F(Commands, SpeakTheLanguageOfTheEnvironment) {
  lang_ = "zh_CN.UTF-8";
  const std::string copy = (temp_ / "copy.zip").string();
  struct Case {
    std::vector<std::string> words;
    int status;
    const char* told;  // on either stream
  };
  const Case kCases[] = {
      {{"backup", "nightly"}, 0, "已创建 nightly.zip："},
      {{"backup", "nightly"}, 1, "错误：已有名为 nightly.zip 的备份：文件夹 "},
      {{"list"}, 0, "名称"},
      {{"show", "nightly"}, 0, "\n  可恢复     是；"},
      {{"show", "none"}, 5, "错误：没有备份 none\n查看有哪些备份：pocketvault list --dir "},
      {{"ls", "nightly", "none"}, 5, "错误：压缩包中没有“none”"},
      {{"get", "nightly", "data.db", "-o", (temp_ / "old.db").string()}, 0, "已把 data.db（取自 "},
      {{"verify", "nightly"}, 0, "nightly.zip 完好："},
      {{"pin", "nightly.zip"}, 0, "已固定 nightly.zip"},
      {{"delete", "nightly.zip"}, 1, "错误：删除 nightly.zip：nightly.zip 已固定：请先取消固定"},
      {{"prune", "--keep-last", "1", "--all", "--dry-run"},
       0,
       "保留规则：保留最近 1 个（针对全部备份）。\n将删除：1 个备份，"},
      {{"prune"}, 0, "没有设置保留规则，因此不会删除任何备份"},
      {{"unpin", "nightly.zip"}, 0, "已取消固定 nightly.zip"},
      {{"alerts"}, 0, "一切正常。\n没有通知对象。\n"},
      {{"status"}, 0, "最新备份：nightly.zip，"},
      {{"status", "--max-age", "0"}, 10, "错误：没有足够新的备份。"},
      {{"download", "nightly", "-o", copy}, 0, "已把 nightly.zip 保存为 "},
      {{"download", "nightly", "-o", copy}, 1, " 已经存在；--force 会替换它"},
      {{"upload", copy}, 0, "已上传 copy.zip："},
      {{"send"}, 0, "没有等待发送的备份。"},
      {{"restore", "nightly"}, 9, "的全部数据替换为 nightly.zip（"},
      {{"restore", "nightly", "--only", "storage"}, 9, "这只会替换 storage（"},
      {{"restore", "nightly", "--dry-run"}, 0, "恢复 nightly.zip 可以进行；现在没有改动任何东西"},
      {{"restore", "nightly", "--to", (temp_ / "look").string()}, 0, "已把 nightly.zip 取出到 "},
      {{"restore", "nightly", "--yes"}, 0, "已恢复 nightly.zip，用时 "},
      {{"replaced"}, 0, "保留到 (UTC)"},
      {{"undo"}, 9, "的最近一次恢复。"},
      {{"undo", "--yes"}, 0, "已撤销最近一次恢复，用时 "},
      {{"replaced", "delete", "--all", "--yes"}, 0, "已删除：1。"},
      {{"delete", "copy.zip"}, 0, "已删除 copy.zip"},
      {{"delete", "copy.zip"}, 5, "错误：删除 copy.zip：没有备份 copy.zip"},
      {{"superuser", "create", "a@example.com", "short"},
       2,
       "错误：无法创建新的超级用户账号：密码：至少需要 8 个字符。"},
      {{"superuser", "create", "a@example.com", "12345678"},
       0,
       "已创建超级用户 \"a@example.com\"！"},
      {{"backup", "--nonsense"}, 2, "错误：多余的参数：--nonsense"},
      {{"backup", "--help"}, 0, "创建备份；写入无需等待"},
  };
  for (const Case& given : kCases) {
    const Ran ran = run_here(given.words);
    EXPECT_EQ(ran.status, given.status) << given.told << "\n" << ran.err;
    EXPECT_NE((ran.out + ran.err).find(given.told), std::string::npos) << given.told << "\n"
                                                                       << ran.out << ran.err;
  }
}

TEST_F(Commands, JsonIsTheSameInEveryLanguage) {
  const std::vector<std::vector<std::string>> kWords{
      {"list", "--json"}, {"show", "fixture", "--json"}, {"show", "none", "--json"}};
  for (const std::vector<std::string>& words : kWords) {
    lang_.clear();
    const std::string english = run_here(words).out;
    lang_ = "zh_CN.UTF-8";
    EXPECT_EQ(run_here(words).out, english);
  }
}

TEST_F(Commands, AServerThatIsNotThereIsStatus8) {
  token_ = "x";
  const Ran ran = run_words({"list", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(ran.status, 8);
  EXPECT_NE(ran.err.find("Is the server running"), std::string::npos) << ran.err;
  EXPECT_EQ(run_words({"list", "--url", "http://127.0.0.1:1", "--json"})
                .document()
                .at("error")
                .at("code"),
            "unavailable");
}

}  // namespace
}  // namespace pv::cli
