// Thousands of connections at once.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iostream>

#include "http/http_testing.h"

namespace pv::http {
namespace {

namespace asio = boost::asio;

asio::awaitable<Response> hello(Request /*request*/, BodyReader& /*body*/) {
  Response response;
  response.body.emplace_back("hello");
  co_return response;
}

// As many descriptors as are allowed; returns how many.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// The clients live in a process of their own, so that the descriptors of both sides do not add up.
class Crowd {
 public:
  Crowd() {
    if (::pipe(to_child_.data()) != 0 || ::pipe(from_child_.data()) != 0) { std::abort(); }
    child_ = ::fork();
    if (child_ == 0) {
      ::close(to_child_[1]);
      ::close(from_child_[0]);
      serve_parent();
      ::_exit(0);
    }
    ::close(to_child_[0]);
    ::close(from_child_[1]);
  }
  ~Crowd() {
    ::close(to_child_[1]);
    ::close(from_child_[0]);
    ::waitpid(child_, nullptr, 0);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  struct Order {
    std::uint16_t port = 0;
    std::uint32_t connections = 0;  // to open, before each of all is asked once
  };

  // How many answers came.
  std::uint32_t ask(Order order) {
    std::uint32_t answers = 0;
    if (::write(to_child_[1], &order, sizeof order) != sizeof order) { return 0; }
    if (::read(from_child_[0], &answers, sizeof answers) != sizeof answers) { return 0; }
    return answers;
  }

 private:
  // In the child: system calls and memory of its own only.
  void serve_parent() {
    std::vector<int> sockets;
    Order order;
    while (::read(to_child_[0], &order, sizeof order) == sizeof order) {
      for (std::uint32_t i = 0; i < order.connections; ++i) {
        const int socket = connect_to(order.port);
        if (socket < 0) { break; }
        sockets.push_back(socket);
      }
      std::uint32_t answers = 0;
      for (const int socket : sockets) { answers += is_answered(socket) ? 1 : 0; }
      if (::write(from_child_[1], &answers, sizeof answers) != sizeof answers) { return; }
    }
  }

  static int connect_to(std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    if (socket >= 0 && ::connect(socket, name, sizeof address) == 0) { return socket; }
    return -1;
  }

  static bool is_answered(int socket) {
    constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    if (::send(socket, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) { return false; }
    std::array<char, 512> buffer{};
    std::size_t have = 0;
    while (have < buffer.size()) {
      const ssize_t count = ::recv(socket, buffer.data() + have, buffer.size() - have, 0);
      if (count <= 0) { return false; }
      have += static_cast<std::size_t>(count);
      if (std::string_view{buffer.data(), have}.ends_with("\r\n\r\nhello")) { return true; }
    }
    return false;
  }

  std::array<int, 2> to_child_{};
  std::array<int, 2> from_child_{};
  pid_t child_ = -1;
};

TEST(ServerCrowd, TenThousandKeepAliveConnectionsCostLittle) {
  constexpr std::uint32_t kConnections = 10'000;
  if (raise_descriptor_limit() < kConnections + 100) {
    GTEST_SKIP() << "the limit of open files is below " << kConnections + 100;
  }
  Crowd crowd;  // before any thread
  TestServer server{hello};
  EXPECT_EQ(crowd.ask({server.port(), 100}), 100U);
  const std::size_t before = resident_bytes();
  EXPECT_EQ(crowd.ask({server.port(), kConnections - 100}), kConnections);
  EXPECT_EQ(server.connection_count(), kConnections);
  const std::size_t each = (resident_bytes() - before) / (kConnections - 100);
  RecordProperty("bytes_per_idle_connection", std::to_string(each));
  std::cout << each << " bytes for each idle connection\n";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(each, 6 * 1024U);
#endif
  EXPECT_EQ(crowd.ask({server.port(), 0}), kConnections) << "all are still served";
}

TEST(ServerCrowd, OutOfDescriptorsItWaitsAndGoesOn) {
  std::atomic<int> troubles = 0;
  ServerOptions options;
  options.on_trouble = [&](std::string_view) { ++troubles; };
  TestServer server{hello, options};
  ASSERT_EQ(server.connection_count(), 0U);  // it runs: its own descriptors are open
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  rlimit usual{};
  ::getrlimit(RLIMIT_NOFILE, &usual);
  // What is open stays open; the server finds no descriptor for its side.
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds{450});
  const int seen = troubles;
  ::setrlimit(RLIMIT_NOFILE, &usual);
  EXPECT_EQ(seen, 1) << "said once, however often it tries";
  EXPECT_TRUE(server.reaches(1)) << "accepted once there is room";
  ::close(socket);
}

}  // namespace
}  // namespace pv::http
