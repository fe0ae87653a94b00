// The program itself, as a process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "app/service_manager.h"
#include "base/clock.h"
#include "cli/server_note.h"
#include "fs/file.h"
#include "testing/fixtures.h"

namespace pv::app {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::read_file;
using testing::RunResult;
using ::testing::StartsWith;
using testing::TempFolder;

const std::string kProgram = PV_PROGRAM;

// `pocketvault serve` on a free port, with its output in `folder`.
class Server {
 public:
  Server(const fs::Path& folder, const fs::Path& dir) : folder_{folder}, dir_{dir} {
    pid_ = ::fork();
    PV_ASSERT(pid_ >= 0);
    if (pid_ == 0) {
      PV_ASSERT(::freopen((folder / "out").c_str(), "w", stdout) != nullptr);
      PV_ASSERT(::freopen((folder / "err").c_str(), "w", stderr) != nullptr);
      ::execl(kProgram.c_str(), kProgram.c_str(), "serve", "--dir", dir.c_str(), "--http",
              "127.0.0.1:0", nullptr);
      ::_exit(127);
    }
    for (const Deadline limit = Deadline::after(30s); !limit.passed() && !note();) {
      std::this_thread::sleep_for(5ms);
    }
  }
  ~Server() {
    if (pid_ > 0) { (void)stop(SIGKILL); }
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::optional<cli::ServerNote> note() const {
    return cli::read_server_note(dir_ / ".pocketvault");
  }
  void signal(int number) const { ::kill(pid_, number); }
  // Its exit status; 128 and the signal when one ended it.
  [[nodiscard]] int stop(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    PV_ASSERT(::waitpid(pid_, &status, 0) == pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  [[nodiscard]] std::string out() const { return read_file(folder_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(folder_ / "err"); }

 private:
  fs::Path folder_;
  fs::Path dir_;
  pid_t pid_ = 0;
};

RunResult program(const std::string& arguments) {
  return testing::run("'" + kProgram + "' " + arguments);
}

TEST(Serve, StartsOnAFreshDirectoryAndEndsWhenAsked) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const TempFolder folder;
    Server server{folder.path(), folder / "pb_data"};
    const auto note = server.note();
    ASSERT_TRUE(note.has_value()) << server.err();
    EXPECT_THAT(server.out(), HasSubstr("Server started at " + note->url + "\n"));
    EXPECT_THAT(server.out(), HasSubstr("superuser upsert EMAIL --dir"));
    const auto mode = fs::stat(folder / "pb_data" / ".pocketvault" / "server.json");
    EXPECT_EQ(mode->mode & 0777U, 0600U);
    EXPECT_EQ(server.stop(signal), 0);
    EXPECT_FALSE(fs::exists(folder / "pb_data" / ".pocketvault" / "server.json"));
    EXPECT_FALSE(fs::exists(folder / "pb_data" / "data.db-wal")) << "merged, as by PocketBase";
    EXPECT_THAT(server.err(), HasSubstr("stopped"));
  }
}

// In the place of systemd: what servers that are started meanwhile tell it.
class Manager {
 public:
  // A socket holds few messages, and what finds no room is dropped: so all are taken at once.
  enum class Reads { kAtOnce, kNever };
  explicit Manager(Reads reads = Reads::kAtOnce) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder_ / "notify").string();
    PV_ASSERT(path.size() < sizeof(address.sun_path));
    path.copy(address.sun_path, path.size());
    const ::timeval wait{.tv_sec = 0, .tv_usec = 50'000};
    PV_ASSERT(
        ::bind(socket_.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof(address)) == 0);
    PV_ASSERT(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "200000", 1);
    if (reads == Reads::kAtOnce) {
      reader_ = std::jthread{[this](const std::stop_token& stop) { read(stop); }};
    }
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // The next message that is not a sign of life; "" when none comes in time, or with `beats` when
  // so many signs came instead.
  std::string next(int* beats = nullptr) {
    std::unique_lock lock{mutex_};
    for (const Deadline limit = Deadline::after(20s); !limit.passed();) {
      if (messages_.empty()) {
        arrived_.wait_for(lock, 50ms);
        continue;
      }
      std::string text = std::move(messages_.front());
      messages_.pop_front();
      if (text != "WATCHDOG=1\n") { return text; }
      if (beats != nullptr && ++*beats == kBeatsEnough) { break; }
    }
    return {};
  }
  static constexpr int kBeatsEnough = 5;

 private:
  void read(const std::stop_token& stop) {
    std::string message(4096, '\0');
    while (!stop.stop_requested()) {
      const ssize_t size = ::recv(socket_.get(), message.data(), message.size(), 0);
      if (size < 0) { continue; }
      const std::lock_guard lock{mutex_};
      messages_.push_back(message.substr(0, static_cast<std::size_t>(size)));
      arrived_.notify_one();
    }
  }

  TempFolder folder_;
  fs::Fd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::string> messages_;
  std::jthread reader_;  // the last: it ends before what it works with goes
};

TEST(ServiceManager, IsNotWaitedForWhenItDoesNotRead) {
  const Manager manager{Manager::Reads::kNever};
  const ServiceManager ours;
  constexpr int kMoreThanItsQueueHolds = 2000;
  for (int i = 0; i < kMoreThanItsQueueHolds; ++i) {
    ours.status("still here");
    ours.alive();
  }
  ours.ready("serving");  // a second at most
  EXPECT_TRUE(ours.watch_time().has_value()) << "it is heard of";
}

TEST(Serve, TellsTheServiceManagerHowItIs) {
  Manager manager;
  const TempFolder folder;
  Server server{folder.path(), folder / "pb_data"};
  const auto note = server.note();
  ASSERT_TRUE(note.has_value()) << server.err();
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving " + note->url + "\n");
  const std::string dir = " --dir '" + (folder / "pb_data").string() + "'";
  ASSERT_EQ(program("superuser upsert a@example.com 'correct horse'" + dir).status, 0);
  ASSERT_EQ(program("backup a.zip" + dir).status, 0);
  const RunResult restored = program("restore a.zip --yes" + dir);  // which the server does
  ASSERT_EQ(restored.status, 0) << restored.output;
  EXPECT_EQ(manager.next(), "STATUS=restore a.zip started\n");
  EXPECT_THAT(manager.next(), StartsWith("STATUS=restore a.zip done in "));
  server.signal(SIGHUP);
  EXPECT_THAT(manager.next(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving " + note->url + "\n");
  int beats = 0;
  EXPECT_EQ(manager.next(&beats), "");
  EXPECT_EQ(beats, Manager::kBeatsEnough);
  EXPECT_EQ(server.stop(SIGTERM), 0);
  EXPECT_EQ(manager.next(), "STOPPING=1\nSTATUS=stopping\n");
}

TEST(Serve, EndsWithItsTerminal) {
  const TempFolder folder;
  const fs::Path dir = folder / "pb_data";
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::execl(kProgram.c_str(), kProgram.c_str(), "serve", "--dir", dir.c_str(), "--http",
            "127.0.0.1:0", nullptr);
    ::_exit(127);
  }
  const auto is_noted = [&] { return cli::read_server_note(dir / ".pocketvault").has_value(); };
  for (const Deadline limit = Deadline::after(30s); !limit.passed() && !is_noted();) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(is_noted());
  ::kill(pid, SIGHUP);  // a reload
  std::string said;
  const auto has_reloaded = [&] { return said.find("read again") != std::string::npos; };
  for (char letter = 0; !has_reloaded() && ::read(terminal, &letter, 1) == 1;) { said += letter; }
  EXPECT_TRUE(has_reloaded());
  ::close(terminal);
  int status = 0;
  pid_t ended = 0;
  for (const Deadline limit = Deadline::after(30s); !limit.passed() && ended == 0;) {
    ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == 0) { std::this_thread::sleep_for(5ms); }
  }
  EXPECT_EQ(ended, pid) << "it would go on unseen";
  if (ended == 0) { ::kill(pid, SIGKILL); }
  EXPECT_TRUE(ended == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
}

TEST(Serve, TheUnitForSystemdIsSoundAndTight) {
  const std::string unit =
      (testing::source_folder() / "deploy/systemd/pocketvault.service").string();
  const RunResult security =
      testing::run("systemd-analyze security --offline=true --threshold=20 '" + unit + "'");
  EXPECT_EQ(security.status, 0) << security.output;
}

TEST(Serve, IsOneOnADirectory) {
  const TempFolder folder;
  Server server{folder.path(), folder / "pb_data"};
  const auto note = server.note();
  ASSERT_TRUE(note.has_value()) << server.err();
  const std::string dir = " --dir '" + (folder / "pb_data").string() + "'";
  const RunResult second = program("serve --http 127.0.0.1:0" + dir);
  EXPECT_EQ(second.status, 6) << second.output;
  EXPECT_THAT(second.output, HasSubstr("process " + std::to_string(note->pid)));
  EXPECT_EQ(server.note(), note) << "the second leaves the first's note alone";
  EXPECT_EQ(server.stop(SIGKILL), 128 + SIGKILL);
  Server third{folder.path(), folder / "pb_data"};
  EXPECT_TRUE(third.note().has_value()) << "a crash locks nobody out: " << third.err();
}

// Whoever mistypes an address, or starts a second one, finds no fresh directory afterwards.
TEST(Serve, LeavesNoTraceWithoutAnAddress) {
  const TempFolder folder;
  Server server{folder.path(), folder / "pb_data"};
  ASSERT_TRUE(server.note().has_value()) << server.err();
  const std::string address = server.note()->url.substr(std::string{"http://"}.size());
  const fs::Path other = folder / "other";
  for (const std::string& arguments :
       {"--http " + address, "--http 127.0.0.1:0 --metrics-listen " + address}) {
    const RunResult result = program("serve " + arguments + " --dir '" + other.string() + "'");
    EXPECT_EQ(result.status, 8) << result.output;
    EXPECT_THAT(result.output, HasSubstr("or choose another address with --"));
    EXPECT_FALSE(fs::exists(other)) << arguments;
  }
}

TEST(Serve, SaysWhoseADirectoryIs) {
  if (::geteuid() != 0) { GTEST_SKIP() << "only root can become somebody else"; }
  const TempFolder folder;
  const fs::Path pb_data = testing::unpack_pb_data("0.36.6", folder.path());
  ASSERT_EQ(program("list --dir '" + pb_data.string() + "'").status, 0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
  std::filesystem::permissions(pb_data, std::filesystem::perms{0755});
  const fs::Path copy = folder / "pocketvault";  // which anybody can reach
  std::filesystem::copy_file(kProgram, copy);
  const RunResult result =
      testing::run("setpriv --reuid 65534 --regid 65534 --clear-groups '" + copy.string() +
                   "' backup --dir '" + pb_data.string() + "'");
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr(" belongs to root: run this as that user."))
      << result.output;
}

TEST(Serve, SaysWhyItDoesNotStart) {
  const TempFolder folder;
  Server server{folder.path(), folder / "pb_data"};
  ASSERT_TRUE(server.note().has_value()) << server.err();
  const std::string address = server.note()->url.substr(std::string{"http://"}.size());
  testing::write_file(folder / "damaged" / "data.db", "this is no database");
  struct Case {
    const char* label;
    std::string arguments;
    int status;
    const char* says;
  };
  const std::string path = folder.path().string();
  const Case cases[] = {
      {"taken", "--http " + address + " --dir '" + path + "/other'", 8, "already in use"},
      {"metrics taken",
       "--http 127.0.0.1:0 --metrics-listen " + address + " --dir '" + path + "/other'", 8,
       "already in use"},
      {"not ours", "--http 192.0.2.1:80 --dir '" + path + "/other'", 2, "192.0.2.1"},
      {"damaged", "--http 127.0.0.1:0 --dir '" + path + "/damaged'", 7, "not a database"},
      {"backups inside",
       "--http 127.0.0.1:0 --dir '" + path + "/other' --backups-dir '" + path + "/other/x'", 2,
       "inside the data directory"}};
  for (const Case& one : cases) {
    const RunResult result = program("serve " + one.arguments);
    EXPECT_EQ(result.status, one.status) << one.label << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr(one.says)) << one.label;
  }
}

}  // namespace
}  // namespace pv::app
