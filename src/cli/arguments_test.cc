#include "cli/arguments.h"

#include <gtest/gtest.h>

namespace pv::cli {
namespace {

Parsed parse_words(std::vector<const char*> words) {
  words.insert(words.begin(), "pocketvault");
  return parse(static_cast<int>(words.size()), words.data(), "1.2.3", Words{Language::kEnglish});
}

Arguments parsed(std::vector<const char*> words) {
  const Parsed outcome = parse_words(std::move(words));
  EXPECT_TRUE(outcome.arguments.has_value()) << outcome.err;
  return outcome.arguments.value_or(Arguments{});
}

TEST(Arguments, KnowEachCommand) {
  EXPECT_EQ(parsed({"list"}).command, Command::kList);
  EXPECT_EQ(parsed({"backup"}).name, "");
  EXPECT_EQ(parsed({"backup", "nightly.zip"}).name, "nightly.zip");
  EXPECT_EQ(parsed({"restore", "a.zip", "--yes"}).yes, true);
  EXPECT_EQ(parsed({"undo"}).yes, false);
  EXPECT_EQ(parsed({"delete", "a", "b", "c"}).names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(parsed({"download", "a", "-o", "-"}).output, "-");
  EXPECT_EQ(parsed({"upload", "a", "--name", "b"}).new_name, "b");
  EXPECT_EQ(parsed({"version", "--json"}).json, true);
}

TEST(Arguments, TakeDirectoriesBeforeAndAfterTheCommand) {
  EXPECT_EQ(parsed({"list"}).dir, "pb_data");
  EXPECT_EQ(parsed({"list", "--dir", "x"}).dir, "x");
  EXPECT_EQ(parsed({"--dir=x", "list"}).dir, "x");
  const Arguments serve =
      parsed({"serve", "--dir", "x", "--backups-dir", "/b", "--encryptionEnv", "PB_KEY"});
  EXPECT_EQ(serve.serve.dir, "x");
  EXPECT_EQ(serve.serve.backups_dir, "/b");
  EXPECT_EQ(serve.serve.encryption_env, "PB_KEY");
}

TEST(Arguments, NameABucket) {
  const Arguments list = parsed({"list", "--s3-bucket", "b", "--s3-endpoint", "http://h:1",
                                 "--s3-region", "r", "--s3-prefix", "p/", "--s3-force-path-style"});
  EXPECT_EQ(list.bucket.name, "b");
  EXPECT_EQ(list.bucket.endpoint, "http://h:1");
  EXPECT_EQ(list.bucket.region, "r");
  EXPECT_EQ(list.bucket.prefix, "p/");
  EXPECT_TRUE(list.bucket.force_path_style);
  EXPECT_EQ(parsed({"serve", "--s3-bucket", "b"}).serve.bucket.name, "b");
  EXPECT_EQ(parsed({"list"}).bucket.name, "");
}

TEST(Arguments, OfServe) {
  const ServeOptions fresh = parsed({"serve"}).serve;
  EXPECT_EQ(fresh.address, "127.0.0.1");
  EXPECT_EQ(fresh.port, 8090);
  EXPECT_EQ(fresh.origins, (std::vector<std::string>{"*"}));
  EXPECT_FALSE(fresh.strict);
  const ServeOptions given =
      parsed({"serve", "--http", "[::1]:80", "--origins", "https://a.b,https://c.d", "--strict"})
          .serve;
  EXPECT_EQ(given.address, "::1");
  EXPECT_EQ(given.port, 80);
  EXPECT_EQ(given.origins, (std::vector<std::string>{"https://a.b", "https://c.d"}));
  EXPECT_TRUE(given.strict);
}

TEST(Arguments, OfWhatCanBeHadBack) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parsed({"undo"}).name, "");
  EXPECT_EQ(parsed({"undo", "abc"}).name, "abc");
  EXPECT_EQ(parsed({"restore", "a"}).keep_replaced, std::nullopt);
  EXPECT_EQ(parsed({"restore", "a", "--keep-replaced", "7d"}).keep_replaced, 168h);
  EXPECT_EQ(parsed({"restore", "a", "--keep-replaced", "0"}).keep_replaced, 0s);
  EXPECT_EQ(parsed({"restore", "a"}).backup_first, std::nullopt);
  EXPECT_EQ(parsed({"restore", "a", "--backup-first"}).backup_first, true);
  EXPECT_EQ(parsed({"restore", "a", "--no-backup-first"}).backup_first, false);
  EXPECT_EQ(parsed({"serve"}).serve.keep_replaced, 24h);
  EXPECT_EQ(parsed({"serve", "--keep-replaced", "1h"}).serve.keep_replaced, 1h);
  EXPECT_EQ(parsed({"status", "--max-age", "26h"}).max_age, 26h);
  EXPECT_FALSE(parsed({"alerts"}).test);
  EXPECT_TRUE(parsed({"alerts", "test"}).test);
  EXPECT_EQ(parsed({"alerts", "test", "mail:a@b.cd", "--dir", "x"}).name, "mail:a@b.cd");
  EXPECT_FALSE(parsed({"replaced"}).remove);
  EXPECT_TRUE(parsed({"replaced", "delete", "--all"}).all);
  EXPECT_EQ(parsed({"replaced", "delete", "a", "b"}).names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parsed({"replaced", "delete", "a", "--dir", "x"}).dir, "x");
  const std::vector<std::vector<const char*>> wrong{
      {"restore", "a", "--keep-replaced", "24"},
      {"restore", "a", "--keep-replaced", "-1h"},
      {"restore", "a", "--backup-first", "--no-backup-first"},
      {"restore", "a", "--keep-replaced", ""},
      {"serve", "--keep-replaced", ""},
      {"status", "--max-age", "soon"},
      {"status", "--max-age", ""},
      {"replaced", "delete"},
      {"replaced", "delete", "a", "--all"},
  };
  for (const auto& words : wrong) {
    EXPECT_EQ(parse_words(words).exit, Exit::kUsage) << words.back();
  }
}

TEST(Arguments, OfBackupSayWhatGoesIn) {
  const jobs::BackupOrder usual = parsed({"backup"}).order;
  EXPECT_FALSE(usual.without_logs || usual.with_code || usual.allow_damaged);
  EXPECT_TRUE(usual.exclude.empty());
  const Arguments given = parsed({"backup", "--without-logs", "--with-code", "--exclude",
                                  "storage/a/*", "--exclude", "**.log", "x.zip"});
  EXPECT_TRUE(given.order.without_logs && given.order.with_code);
  EXPECT_EQ(given.order.exclude, (std::vector<std::string>{"storage/a/*", "**.log"}));
  EXPECT_EQ(given.name, "x.zip");
}

TEST(Arguments, SayHowMuchABackupMayTake) {
  EXPECT_EQ(parsed({"backup"}).order.bytes_per_second_max, 0U);
  EXPECT_FALSE(parsed({"backup"}).nice);
  const Arguments backup = parsed({"backup", "--nice", "--limit-rate", "20M"});
  EXPECT_TRUE(backup.nice);
  EXPECT_EQ(backup.order.bytes_per_second_max, 20'000'000U);
  const ServeOptions serve = parsed({"serve", "--nice", "--limit-rate", "500K"}).serve;
  EXPECT_TRUE(serve.nice);
  EXPECT_EQ(serve.bytes_per_second_max, 500'000U);
}

TEST(Arguments, OfSuperuserMayLackThePassword) {
  const Arguments asked = parsed({"superuser", "create", "a@b.cc"});
  EXPECT_EQ(asked.command, Command::kSuperuser);
  EXPECT_EQ(asked.action, SuperuserAction::kCreate);
  EXPECT_EQ(asked.name, "a@b.cc");
  EXPECT_EQ(asked.password, std::nullopt);
  EXPECT_EQ(parsed({"superuser", "upsert", "a@b.cc", "-"}).password, "-");
  EXPECT_EQ(parsed({"superuser", "update", "a@b.cc", "secret word"}).password, "secret word");
  EXPECT_EQ(parsed({"superuser", "delete", "a@b.cc"}).action, SuperuserAction::kDelete);
}

TEST(Arguments, MistakesAreUsageErrorsThatSayWhatIsWrong) {
  struct Mistake {
    std::vector<const char*> words;
    const char* said;
  };
  const Mistake kMistakes[] = {
      {{}, "subcommand is required"},
      {{"frobnicate"}, "there is no command frobnicate"},
      {{"list", "--bogus"}, "--bogus"},
      {{"restore"}, "NAME is required"},
      {{"delete"}, "NAME is required"},
      {{"superuser"}, "subcommand is required"},
      {{"superuser", "delete", "a@b.cc", "x"}, "x"},
      {{"list", "--url", "app.example.com"}, "must start with http:// or https://"},
      {{"login"}, "--url is required"},
      {{"serve", "--http", "8090"}, "needs HOST:PORT"},
      {{"serve", "--http", "example.com:80"}, "is no IP address"},
      {{"serve", "--http", "127.0.0.1:99999"}, "is no port"},
      {{"serve", "extra"}, "extra"},
      {{"backup", "--limit-rate", "fast"}, "at least 1K"},
      {{"serve", "--limit-rate", "0"}, "at least 1K"},
      {{"backup", "--nice", "--url", "http://a.b"}, "serve --nice"},
      {{"list", "--s3-prefix", "shop/"}, "--s3-prefix requires --s3-bucket"},
      {{"list", "--s3-bucket", "b", "--url", "http://a.b"}, "not with --url"},
      {{"--backups-dir", "x", "list", "--s3-bucket", "b"}, "excludes --backups-dir"},
  };
  for (const Mistake& mistake : kMistakes) {
    const Parsed outcome = parse_words(mistake.words);
    EXPECT_FALSE(outcome.arguments.has_value()) << mistake.said;
    EXPECT_EQ(outcome.exit, Exit::kUsage) << mistake.said;
    EXPECT_TRUE(outcome.err.starts_with("Error: ")) << outcome.err;
    EXPECT_NE(outcome.err.find(mistake.said), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "") << "nothing for a program to read";
  }
}

TEST(Arguments, HelpNamesEveryCommandWithExamples) {
  const Parsed outcome = parse_words({"--help"});
  EXPECT_EQ(outcome.exit, Exit::kDone);
  for (const char* word :
       {"serve", "backup", "list", "show", "verify", "restore", "undo", "delete", "download",
        "upload", "superuser", "login", "logout", "version", "Examples:", "Exit status:"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word;
  }
  EXPECT_NE(parse_words({"superuser", "--help"}).out.find("standard input"), std::string::npos);
  EXPECT_NE(parse_words({"--version"}).out.find("1.2.3"), std::string::npos);
}

TEST(Arguments, SlashesAtTheEndOfAnAddressDoNotCount) {
  EXPECT_EQ(parsed({"list", "--url", "https://a.b/x//"}).url, "https://a.b/x");
}

TEST(Listen, TakesAddressesOfThisMachine) {
  EXPECT_EQ(parse_listen(":80").value(), (Listen{"0.0.0.0", 80}));
  EXPECT_EQ(parse_listen("localhost:0").value(), (Listen{"127.0.0.1", 0}));
  EXPECT_EQ(parse_listen("[::]:8090").value(), (Listen{"::", 8090}));
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:8x",
                           "a:1", "[::1:80", "1.2.3.4.5:80"}) {
    EXPECT_FALSE(parse_listen(text).has_value()) << text;
  }
}

TEST(Arguments, NameAStore) {
  const StorePlace folder = parse_store_place("/mnt/usb").value();
  EXPECT_EQ(folder.folder, "/mnt/usb");
  EXPECT_TRUE(folder.bucket.name.empty());
  const StorePlace plain = parse_store_place("s3://my-backups").value();
  EXPECT_EQ(plain.bucket.name, "my-backups");
  EXPECT_EQ(plain.bucket.prefix, "");
  const StorePlace full =
      parse_store_place("s3://b/shop/x?endpoint=http://h:9000&region=r&path-style").value();
  EXPECT_EQ(full.bucket.prefix, "shop/x/");
  EXPECT_EQ(full.bucket.endpoint, "http://h:9000");
  EXPECT_EQ(full.bucket.region, "r");
  EXPECT_TRUE(full.bucket.force_path_style);
  for (const char* wrong :
       {"", "s3://", "s3:///x", "ftp://b", "s3://b?x=1", "s3://b?path-style=0"}) {
    EXPECT_EQ(parse_store_place(wrong).error().code, Code::kInvalid) << wrong;
  }
  for (const char* telling : {"s3://b?secret=hush", "s3://key:hush@b/p", "s3://?secret=hush"}) {
    const auto refused = parse_store_place(telling);
    ASSERT_FALSE(refused.has_value()) << telling;
    EXPECT_EQ(refused.error().what.find("hush"), std::string::npos) << refused.error().what;
  }
  EXPECT_EQ(parsed({"backup", "--mirror", "/mnt/usb"}).mirror->folder, "/mnt/usb");
  EXPECT_FALSE(parsed({"backup"}).mirror.has_value());
  EXPECT_TRUE(parsed({"backup"}).order.include_s3_storage);
  EXPECT_FALSE(parsed({"backup", "--no-include-s3-storage"}).order.include_s3_storage);
  EXPECT_EQ(parsed({"restore", "a", "--files-to", "disk"}).files_to, restore::FilesTo::kDisk);
  EXPECT_EQ(parsed({"copy", "a", "b", "--to", "/x"}).names.size(), 2U);
}

}  // namespace
}  // namespace pv::cli
