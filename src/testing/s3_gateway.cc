#include "testing/s3_gateway.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "base/error.h"

namespace pv::testing {
namespace {

// "" where there is none.
std::string program() {
  const std::filesystem::path own = source_folder() / ".tools/bin/versitygw";
  if (::access(own.c_str(), X_OK) == 0) { return own; }
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/versitygw";
    if (::access(candidate.c_str(), X_OK) == 0) { return candidate; }
  }
  return {};
}

::sockaddr_in loopback(int port) {
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

// One that was free a moment ago.
int free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address = loopback(0);
  PV_ASSERT(::bind(probe, reinterpret_cast<::sockaddr*>(&address), sizeof address) == 0);
  ::socklen_t length = sizeof address;
  PV_ASSERT(::getsockname(probe, reinterpret_cast<::sockaddr*>(&address), &length) == 0);
  ::close(probe);
  return ntohs(address.sin_port);
}

// -1: nobody listens there.
int connect_to(int port) {
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address = loopback(port);
  if (::connect(connection, reinterpret_cast<::sockaddr*>(&address), sizeof address) == 0) {
    return connection;
  }
  ::close(connection);
  return -1;
}

bool listens(int port) {
  const int connection = connect_to(port);
  if (connection >= 0) { ::close(connection); }
  return connection >= 0;
}

pid_t start(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) { arguments.push_back(const_cast<char*>(word.c_str())); }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  PV_ASSERT(child >= 0);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves no server
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, 0);
    ::dup2(nothing, 1);
    ::dup2(nothing, 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  return child;
}

void stop(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace

bool S3Gateway::is_missing() {
  const bool missing = program().empty();
  PV_ASSERT(!missing || std::getenv("CI") == nullptr);  // NOLINT(concurrency-mt-unsafe)
  return missing;
}

S3Gateway::S3Gateway(const std::vector<std::string>& more) {
  std::filesystem::create_directories(folder_ / "root/backups");
  std::filesystem::create_directories(folder_ / "sidecar");
  for (int tries = 0; pid_ < 0; ++tries) {  // another program may take the port first
    PV_ASSERT(tries < 5);
    port_ = free_port();
    std::vector<std::string> words{program(),  "--port",   host(),        "--access",
                                   kAccessKey, "--secret", kSecret,       "--region",
                                   kRegion,    "--quiet",  "--keep-alive"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"posix", "--sidecar", folder_ / "sidecar", folder_ / "root"});
    pid_ = start(words);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!listens(port_)) {
      const bool died = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
      if (died) {
        pid_ = -1;
        break;
      }
      PV_ASSERT(std::chrono::steady_clock::now() < end);
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }
}

S3Gateway::~S3Gateway() { stop(pid_); }

std::string S3Gateway::forward(const std::string& request) const {
  const int connection = connect_to(port_);
  PV_ASSERT(connection >= 0);
  for (std::size_t done = 0; done < request.size();) {
    const ssize_t count =
        ::send(connection, request.data() + done, request.size() - done, MSG_NOSIGNAL);
    if (count <= 0) { break; }  // it may refuse before it has all
    done += static_cast<std::size_t>(count);
  }
  ::shutdown(connection, SHUT_WR);  // so it closes after its answer
  std::string reply;
  char block[65536];
  for (ssize_t count = 0; (count = ::recv(connection, block, sizeof block, 0)) > 0;) {
    reply.append(block, static_cast<std::size_t>(count));
  }
  ::close(connection);
  if (reply.starts_with("HTTP/1.1 100 ")) { reply.erase(0, reply.find("\r\n\r\n") + 4); }
  return reply;
}

std::vector<std::string> S3Gateway::leftovers() const {
  std::vector<std::string> result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder()}) {
    const std::string name = std::filesystem::relative(entry.path(), folder());
    // The folders of its own it sometimes leaves when the last upload in them ends.
    if (!name.starts_with(".sgwtmp") || !entry.is_directory()) { result.push_back(name); }
  }
  std::sort(result.begin(), result.end());
  return result;
}

void S3Gateway::empty() const {
  for (const auto& entry : std::filesystem::directory_iterator{folder()}) {
    std::filesystem::remove_all(entry.path());
  }
}

}  // namespace pv::testing
