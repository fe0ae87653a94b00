#include "cli/settle.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <map>
#include <thread>

#include "cli/arguments.h"
#include "cli/config_file.h"
#include "cli/secret_file.h"
#include "testing/fixtures.h"

namespace pv::cli {
namespace {

using testing::TempFolder;
using testing::write_file;

// What a command line comes to with variables and a file.
struct World {
  TempFolder folder;
  std::map<std::string, std::string> variables;

  fs::Path file(const std::string& text) const {
    fs::Path path = folder / "config.toml";
    write_file(path, text);
    return path;
  }
  Parsed parse(std::vector<std::string> words, const fs::Path& config = {}) const {
    words.insert(words.begin(), "pocketvault");
    std::vector<const char*> list;
    for (const std::string& word : words) { list.push_back(word.c_str()); }
    const Outside outside{.variable =
                              [this](const std::string& name) {
                                const auto found = variables.find(name);
                                return found == variables.end()
                                           ? std::nullopt
                                           : std::optional<std::string>{found->second};
                              },
                          .config = config};
    return cli::parse(static_cast<int>(list.size()), list.data(), "1.2.3",
                      Words{Language::kEnglish}, outside);
  }
  Arguments good(std::vector<std::string> words, const fs::Path& config = {}) const {
    const Parsed parsed = parse(std::move(words), config);
    EXPECT_TRUE(parsed.arguments.has_value()) << parsed.err;
    return parsed.arguments.value_or(Arguments{});
  }
};

std::string where(const Arguments& arguments, std::string_view key) {
  for (const Setting& setting : arguments.settings) {
    if (setting.key == key) { return setting.where; }
  }
  return "nowhere";
}

TEST(Options, StandInTheFileTheEnvironmentAndTheCommandLineInThatOrder) {
  World world;
  const fs::Path file = world.file("http = \"127.0.0.1:1\"\nlimit_rate = \"1M\"\nnice = true\n");
  Arguments arguments = world.good({"serve", "--config", file.string()});
  EXPECT_EQ(arguments.serve.port, 1);
  EXPECT_TRUE(arguments.serve.nice);
  EXPECT_EQ(arguments.serve.bytes_per_second_max, 1'000'000U);
  EXPECT_EQ(where(arguments, "http"), file.string() + ":1:1");
  EXPECT_EQ(where(arguments, "nice"), file.string() + ":3:1");
  EXPECT_EQ(where(arguments, "strict"), "default");
  world.variables = {{"POCKETVAULT_HTTP", "127.0.0.1:2"},
                     {"POCKETVAULT_NICE", "no"},
                     {"POCKETVAULT_LIMIT_RATE", ""},
                     {"POCKETVAULT_CONFIG", file.string()}};
  arguments = world.good({"serve"});
  EXPECT_EQ(arguments.serve.port, 2);
  EXPECT_FALSE(arguments.serve.nice);
  EXPECT_EQ(arguments.serve.bytes_per_second_max, 1'000'000U) << "an empty variable says nothing";
  EXPECT_EQ(where(arguments, "http"), "POCKETVAULT_HTTP");
  arguments = world.good({"serve", "--http", "127.0.0.1:3", "--limit-rate", "2M"});
  EXPECT_EQ(arguments.serve.port, 3);
  EXPECT_EQ(arguments.serve.bytes_per_second_max, 2'000'000U);
  EXPECT_EQ(where(arguments, "http"), "--http");
}

TEST(Options, OfEveryKindReachTheServer) {
  const World world;
  const fs::Path file = world.file(R"(
dir = "data"
backups_dir = "/b"
encryption_key_file = "key"
mirror = "mirror"
metrics_listen = "127.0.0.1:9190"
origins = ["https://a.b", "https://c.d"]
keep_replaced = "7d"
schedule = true
strict = true
log_level = "warning"
)");
  const ServeOptions options = world.good({"serve"}, file).serve;
  EXPECT_EQ(options.dir, world.folder / "data") << "relative to the file";
  EXPECT_EQ(options.backups_dir, "/b");
  EXPECT_EQ(options.encryption_key_file, world.folder / "key");
  EXPECT_EQ(options.mirror->folder, world.folder / "mirror");
  EXPECT_EQ(options.metrics_address, "127.0.0.1");
  EXPECT_EQ(options.metrics_port, 9190);
  EXPECT_EQ(options.origins, (std::vector<std::string>{"https://a.b", "https://c.d"}));
  EXPECT_EQ(options.keep_replaced, std::chrono::hours{168});
  EXPECT_TRUE(options.schedule);
  EXPECT_TRUE(options.strict);
  EXPECT_EQ(options.log_level, "warning");
}

TEST(Options, OfPlacesCountForAllCommandsAndTheOthersForServe) {
  const World world;
  const fs::Path file = world.file(
      "dir = \"/d\"\ns3_bucket = \"b\"\ns3_prefix = \"p/\"\nnice = true\nlimit_rate = \"1M\"\n");
  const Arguments backup = world.good({"backup"}, file);
  EXPECT_EQ(backup.dir, "/d");
  EXPECT_EQ(backup.bucket.name, "b");
  EXPECT_EQ(backup.bucket.prefix, "p/");
  EXPECT_FALSE(backup.nice);
  EXPECT_EQ(backup.order.bytes_per_second_max, 0U);
  EXPECT_EQ(world.good({"list", "--url", "http://h"}, file).bucket.name, "")
      << "that server has places of its own";
  EXPECT_EQ(world.good({"superuser", "create", "a@b.c"}, file).dir, "/d");
  EXPECT_EQ(world.good({"list", "--config", ""}, file).dir, "pb_data") << "'' is no file";
}

TEST(Options, OfAFileAreAboutTheDirectoryThatItNames) {
  World world;
  const fs::Path file = world.file("dir = \"/d\"\ns3_bucket = \"b\"\nhttp = \"127.0.0.1:1\"\n");
  const Arguments other = world.good({"serve", "--dir", "/other"}, file);
  EXPECT_EQ(other.bucket.name, "") << "else another app's backups would go to its bucket";
  EXPECT_EQ(other.serve.port, 1);
  EXPECT_EQ(world.good({"serve", "--dir", "/d/../d"}, file).bucket.name, "b");
  world.variables = {{"POCKETVAULT_DIR", "/other"}};
  EXPECT_EQ(world.good({"serve"}, file).bucket.name, "");
  const fs::Path everywhere = world.file("s3_bucket = \"b\"\n");
  EXPECT_EQ(world.good({"serve", "--dir", "/other"}, everywhere).bucket.name, "b");
}

TEST(Options, ThatNameAnotherStoreTakeTheFilesPlace) {
  const World world;
  const fs::Path bucket =
      world.file("s3_bucket = \"b\"\ns3_prefix = \"p/\"\ns3_endpoint = \"http://h\"\n");
  const Arguments folder = world.good({"list", "--backups-dir", "/b"}, bucket);
  EXPECT_EQ(folder.bucket.name, "");
  EXPECT_EQ(folder.backups_dir, "/b");
  const Arguments another = world.good({"list", "--s3-bucket", "c"}, bucket);
  EXPECT_EQ(another.bucket.name, "c");
  EXPECT_EQ(another.bucket.prefix, "") << "half of each would be neither";
  EXPECT_EQ(world.good({"list", "--s3-prefix", "q/"}, bucket).bucket.prefix, "q/");
  const fs::Path kept = world.file("backups_dir = \"/b\"\n");
  EXPECT_EQ(world.good({"list", "--s3-bucket", "c"}, kept).backups_dir, "");
}

TEST(Options, ThatCanNotBeAreRefusedWithWhereTheyStand) {
  World world;
  const std::string name = (world.folder / "config.toml").string();
  struct Case {
    const char* label;
    const char* text;
    std::string says;
  };
  const Case cases[] = {
      {"unknown", "\n  htpp = \"x\"\n", name + ":2:3: there is no option htpp; did you mean http?"},
      {"a flag's name", "limit-rate = \"1M\"",
       name + ":1:1: there is no option limit-rate; did you mean limit_rate?"},
      {"nothing near", "cheese = 1", name + ":1:1: there is no option cheese"},
      {"a table", "[s3]\nbucket = \"b\"",
       name + ":1:2: there are no tables: every key stands at the top, as s3_bucket"},
      {"a secret", "token = \"t\"", name + ":1:1: token is not for this file: use token_file"},
      {"no flag", "nice = \"yes\"", name + ":1:8: nice needs true or false, without quotes"},
      {"no text", "http = 8090", name + ":1:8: http needs a text in quotes"},
      {"no list", "origins = [1]", name + ":1:11: origins needs a list of texts: [\"a\", \"b\"]"},
      {"no rate", "limit_rate = \"fast\"",
       name + ":1:14: limit_rate: needs a number of bytes, at least 1K: 500K, 20M"},
      {"no port", "http = \"127.0.0.1:http\"", name + ":1:8: http: \"http\" is no port"},
      {"no level", "log_level = \"loud\"",
       name + ":1:13: log_level: needs debug, info, warning or error"},
      {"no address", "http = \"\"", name + ":1:8: http: is empty; leave the line out"},
      {"no origin", "origins = []", name + ":1:11: origins: is empty; leave the line out"},
      {"an empty origin", "origins = [\"a,b\", \"\"]",
       name + ":1:11: origins: has an empty text; leave it out"},
      {"an empty origin first", "origins = [\"\", \"a\"]",
       name + ":1:11: origins: has an empty text; leave it out"},
      {"an empty origin between", "origins = \"a,,b\"",
       name + ":1:11: origins: has an empty text; leave it out"},
      {"no TOML", "nice = true\nhttp =\n", name + ":2:"},
      {"twice", "nice = true\nnice = true\n", name + ":2:"},
      {"two stores", "backups_dir = \"/b\"\ns3_bucket = \"b\"\n",
       name + ":2:1: --s3-bucket: excludes --backups-dir"},
      {"two keys", "encryption_env = \"A\"\nencryption_key_file = \"/k\"\n",
       name + ":2:1: --encryption-key-file: excludes --encryption-env"},
      {"no bucket", "nice = true\ns3_prefix = \"p/\"\n",
       name + ":2:1: --s3-prefix requires --s3-bucket"},
      {"half a key", "s3_access_key = \"b\"\n",
       name + ":1:1: --s3-access-key: needs the other one"},
  };
  for (const Case& one : cases) {
    const Parsed parsed = world.parse({"serve"}, world.file(one.text));
    EXPECT_FALSE(parsed.arguments.has_value()) << one.label;
    EXPECT_EQ(parsed.exit, Exit::kUsage) << one.label;
    EXPECT_TRUE(parsed.err.starts_with("Error: " + one.says)) << one.label << ": " << parsed.err;
  }
  EXPECT_EQ(world.good({"serve"}, world.file("mirror = \"\"\nbackups_dir = \"\"")).mirror,
            std::nullopt)
      << "what there need not be may be empty";
  EXPECT_EQ(world.good({"serve"}, world.file("origins = [\"a,b\", \"c\"]")).serve.origins,
            (std::vector<std::string>{"a", "b", "c"}));
  world.variables = {{"POCKETVAULT_NICE", "perhaps"}};
  EXPECT_EQ(world.parse({"serve"}).err, "Error: POCKETVAULT_NICE: needs true or false\n");
  world.variables = {{"POCKETVAULT_KEEP_REPLACED", "long"}};
  EXPECT_TRUE(world.parse({"serve"}).err.starts_with("Error: POCKETVAULT_KEEP_REPLACED: needs"));
}

TEST(ConfigFile, ALineHasABound) {
  std::string deep = "dir = \"x\"\na";
  for (int i = 0; i < 300'000; ++i) { deep += ".a"; }
  const ConfigFile config = parse_config(deep + " = 1\n", "c.toml");
  ASSERT_EQ(config.faults.size(), 1U);
  EXPECT_EQ(config.faults[0].line, 2U);
  EXPECT_EQ(config.faults[0].what, "the line is longer than 4096 bytes");
  EXPECT_TRUE(config.settings.empty());
}

TEST(Options, AllFaultsOfAFileAreToldInTheOrderOfTheirLines) {
  const ConfigFile config = parse_config("nice = 1\nx = 2\nhttp = 3\n", "c.toml");
  ASSERT_EQ(config.faults.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) { EXPECT_EQ(config.faults[i].line, i + 1); }
}

TEST(Options, OfManyFaultsTheFirstAreToldAndHowManyMoreThereAre) {
  const World world;
  std::string text;
  for (int i = 0; i < 500; ++i) { text += "unknown" + std::to_string(i) + " = 1\n"; }
  const Parsed parsed = world.parse({"serve", "--config", world.file(text).string()});
  ASSERT_FALSE(parsed.arguments.has_value());
  EXPECT_NE(parsed.err.find("unknown9"), std::string::npos) << parsed.err;
  EXPECT_EQ(parsed.err.find("unknown10"), std::string::npos) << parsed.err;
  EXPECT_NE(parsed.err.find("faults that are not told here: 490"), std::string::npos) << parsed.err;
}

TEST(Options, AreReadFromAFileAlone) {
  const World world;
  const fs::Path pipe = world.folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::array<std::pair<fs::Path, std::string>, 3> kinds{
      {{pipe, "is a pipe or a device"},
       {"/dev/zero", "is a pipe or a device"},
       {world.folder.path(), "is a folder"}}};
  for (const auto& [path, what] : kinds) {
    const Parsed parsed = world.parse({"serve", "--config", path.string()});
    ASSERT_FALSE(parsed.arguments.has_value()) << path;
    EXPECT_NE(parsed.err.find(path.string() + " " + what + ", not a file; name a file of options"),
              std::string::npos)
        << parsed.err;
  }
}

TEST(Options, OfOneServerAreTwoAddresses) {
  const World world;
  const auto refused = [&](const std::string& http, const std::string& metrics) {
    const Parsed parsed =
        world.parse({"serve", "--config", "", "--http", http, "--metrics-listen", metrics});
    return parsed.err.find("needs another address or port than --http") != std::string::npos;
  };
  EXPECT_TRUE(refused("127.0.0.1:8090", "127.0.0.1:8090"));
  EXPECT_FALSE(refused("127.0.0.1:8090", "127.0.0.1:8091"));
  EXPECT_FALSE(refused("127.0.0.1:8090", "127.0.0.2:8090"));
  EXPECT_FALSE(refused("127.0.0.1:0", "127.0.0.1:0")) << "any free one, each";
  EXPECT_TRUE(refused(":8090", "127.0.0.1:8090")) << "which is one of every address";
  EXPECT_TRUE(refused("127.0.0.1:8090", "[::]:8090"));
  EXPECT_FALSE(refused(":8090", "[::1]:8090")) << "IPv4 alone";
}

TEST(Options, HaveAMirrorElsewhere) {
  const World world;
  const auto refused = [&](const std::string& mirror) {
    const Parsed parsed =
        world.parse({"serve", "--config", "", "--backups-dir", "/srv/a/b", "--mirror", mirror});
    return parsed.err.find("is where the backups are themselves") != std::string::npos;
  };
  EXPECT_TRUE(refused("/srv/a/b"));
  EXPECT_TRUE(refused("/srv/a/c/../b/"));
  EXPECT_FALSE(refused("/srv/a"));
  EXPECT_FALSE(refused("s3://srv/a/b"));
}

TEST(Options, NameADirectoryOrNone) {
  const ConfigFile config = parse_config("dir = \"\"\n", "c.toml");
  ASSERT_EQ(config.faults.size(), 1U);
  EXPECT_EQ(describe(config.faults[0], "c.toml"),
            "c.toml:1:7: dir: names no directory; leave the line out");
}

TEST(Options, AFileThatIsNamedMustBeThere) {
  const World world;
  const std::string absent = (world.folder / "absent.toml").string();
  EXPECT_TRUE(world.parse({"serve"}, absent).arguments.has_value());
  const Parsed named = world.parse({"serve", "--config", absent});
  EXPECT_EQ(named.exit, Exit::kNotFound);
  EXPECT_NE(named.err.find(absent), std::string::npos) << named.err;
  EXPECT_EQ(world.parse({"version"}, world.file("garbage")).exit, Exit::kDone)
      << "who needs no options does not read them";
}

TEST(Options, HaveOneNameInThreeForms) {
  EXPECT_EQ(flag_of("limit_rate"), "--limit-rate");
  EXPECT_EQ(variable_of("limit_rate"), "POCKETVAULT_LIMIT_RATE");
  EXPECT_EQ(nearest_key("LIMIT-RATE"), "limit_rate");
  EXPECT_EQ(nearest_key("s3_buckets"), "s3_bucket");
  EXPECT_EQ(nearest_key("tokem"), "") << "not a secret's";
  EXPECT_EQ(nearest_key(std::string(1000, 'x')), "");
}

TEST(Options, AreNotMisspeltInTheEnvironment) {
  EXPECT_EQ(fault_of_variable("POCKETVAULT_BACKUP_DIR"),
            "POCKETVAULT_BACKUP_DIR is set, and there is no such option; did you mean "
            "POCKETVAULT_BACKUPS_DIR?");
  EXPECT_EQ(fault_of_variable("POCKETVAULT_PASSWORD_OF_THE_APP"),
            "POCKETVAULT_PASSWORD_OF_THE_APP is set, and there is no such option");
  for (const OptionSpec& spec : option_specs()) {
    EXPECT_EQ(fault_of_variable(variable_of(spec.key)), "");
  }
  for (const char* fine : {"POCKETVAULT_CONFIG", "POCKETVAULT_LANG", "POCKETVAULT_PORT",
                           "POCKETVAULT_PORT_8090_TCP_ADDR", "POCKETVAULT_SERVICE_HOST", "HOME"}) {
    EXPECT_EQ(fault_of_variable(fine), "") << fine;
  }
}

TEST(Options, AreDocumented) {
  const std::string text = testing::read_file(testing::source_folder() / "docs/configuration.md");
  for (const OptionSpec& spec : option_specs()) {
    const std::string row = "| `" + std::string{spec.key} + "` | `" + flag_of(spec.key) + "` |";
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

TEST(Options, ShowNoSecret) {
  EXPECT_EQ(shown_value({.key = "token", .value = "abc"}), "***");
  EXPECT_EQ(shown_value({.key = "token", .value = ""}), "");
  EXPECT_EQ(shown_value({.key = "s3_endpoint", .value = "https://me:pass@h:1/x@y"}),
            "https://***@h:1/x@y");
  EXPECT_EQ(shown_value({.key = "mirror", .value = "s3://b/p?endpoint=https://u:p@w@h"}),
            "s3://b/p?endpoint=https://***@h");
  EXPECT_EQ(shown_value({.key = "http", .value = "[::1]:80"}), "[::1]:80");
}

TEST(Options, ThatDoNotGoTogetherAreAllTold) {
  const World world;
  const fs::Path file = world.file(
      "http = \"127.0.0.1:1\"\nmetrics_listen = \"127.0.0.1:1\"\nbackups_dir = \"/b\"\n"
      "s3_bucket = \"b\"\nencryption_env = \"A\"\nencryption_key_file = \"/k\"\nmirror = \"/b\"\n");
  const std::string at = file.string() + ":";
  EXPECT_EQ(world.parse({"serve"}, file).mistakes,
            (std::vector<std::string>{
                at + "2:1: --metrics-listen: needs another address or port than --http",
                at + "6:1: --encryption-key-file: excludes --encryption-env",
                at + "4:1: --s3-bucket: excludes --backups-dir",
                at + "7:1: --mirror: is where the backups are themselves"}));
  const fs::Path parts =
      world.file("s3_region = \"r\"\ns3_prefix = \"p/\"\ns3_access_key = \"k\"\n");
  EXPECT_EQ(world.parse({"serve"}, parts).mistakes,
            (std::vector<std::string>{
                at + "3:1: --s3-access-key: needs the other one: --s3-access-key and "
                     "--s3-secret-key-file",
                at + "1:1: --s3-region requires --s3-bucket",
                at + "2:1: --s3-prefix requires --s3-bucket"}));
}

TEST(Secrets, AreTheFirstLineOfAFile) {
  const TempFolder folder;
  write_file(folder / "a", "  s3cret \r\nmore\n");
  EXPECT_EQ(read_secret(folder / "a").value(), "s3cret");
  write_file(folder / "b", "\nmore\n");
  const auto empty = read_secret(folder / "b");
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().code, Code::kInvalid);
  EXPECT_EQ(empty.error().what.find("more"), std::string::npos);
  EXPECT_EQ(read_secret(folder / "c").error().code, Code::kNotFound);
}

// As --token-file <(pass show pv) has it: a name in /dev/fd, and a writer that takes its time.
TEST(Secrets, ComeThroughAPipeOnceAndAreAskedForTwice) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const fs::Path pipe = "/dev/fd/" + std::to_string(ends[0]);
  std::jthread writer{[&] {
    for (const std::string_view part : {" s3c", "ret \n", "more\n"}) {
      EXPECT_EQ(::write(ends[1], part.data(), part.size()), static_cast<ssize_t>(part.size()));
    }
  }};
  const auto secret = read_secret(pipe);
  ASSERT_TRUE(secret.has_value()) << secret.error().what;
  EXPECT_EQ(*secret, "s3cret") << "the writer has not closed its end";
  EXPECT_EQ(read_secret(pipe).value(), "s3cret");
  writer.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Secrets, MayStandInAPipeThatNobodyWritesToAnyMore) {
  const std::pair<std::string, std::string> rows[] = {
      {"no end", "no end"}, {"\nx\n", ""}, {"", ""}};
  for (const auto& [text, secret] : rows) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    const auto found = read_secret("/dev/fd/" + std::to_string(ends[0]));
    if (secret.empty()) {
      ASSERT_FALSE(found.has_value());
      EXPECT_EQ(found.error().code, Code::kInvalid) << "the end is no reason to wait";
    } else {
      EXPECT_EQ(found.value(), secret);
    }
    ::close(ends[0]);
  }
  EXPECT_EQ(read_secret("/dev/null").error().code, Code::kInvalid);
}

TEST(Secrets, OfAFifoAreWaitedFor) {
  const TempFolder folder;
  const fs::Path fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto none = read_secret(fifo, {.patience = std::chrono::milliseconds{1}});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), (Error{Code::kUnavailable, fifo.string() + ": no line came within 1 s"}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(read_secret(fifo, {.stop = stop.get_token()}).error().code, Code::kCancelled);
  std::jthread writer{[&] { write_file(fifo, "late\n"); }};
  EXPECT_EQ(read_secret(fifo).value(), "late") << "neither failure is remembered";
}

TEST(Secrets, AreNotReadWithoutEnd) {
  EXPECT_EQ(read_secret("/dev/zero").error(),
            (Error{Code::kInvalid, "/dev/zero has more than 65536 bytes"}));
}

TEST(Secrets, OnTheCommandLineGoBeforeThoseOfTheEnvironment) {
  World world;
  world.variables = {{"POCKETVAULT_TOKEN", "t"},
                     {"POCKETVAULT_S3_ACCESS_KEY", "a"},
                     {"POCKETVAULT_S3_SECRET_KEY_FILE", "/s"}};
  EXPECT_EQ(world.good({"list", "--url", "http://h"}).token, "t");
  const Arguments given = world.good({"list", "--url", "http://h", "--token-file", "/t"});
  EXPECT_EQ(given.token, "");
  EXPECT_EQ(given.token_file, "/t");
  const Arguments copy = world.good({"copy", "--all", "--to", "s3://b"});
  EXPECT_EQ(copy.copy_to.bucket.access_key, "a") << "as AWS's variables, they are for all buckets";
  EXPECT_EQ(copy.copy_to.bucket.secret_key_file, "/s");
}

}  // namespace
}  // namespace pv::cli
