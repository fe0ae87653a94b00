#include "testing/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace pv::testing {
namespace {

std::size_t body_bytes(const std::string& head) {
  std::string lower = head;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const std::size_t at = lower.find("\r\ncontent-length:");
  return at == std::string::npos ? 0 : std::stoul(lower.substr(at + 17));
}

// Until both are ready to be read or `stop` is; false: stop.
bool wait_readable(int descriptor, int stop) {
  ::pollfd both[2] = {{descriptor, POLLIN, 0}, {stop, POLLIN, 0}};
  ::poll(both, 2, -1);
  return both[1].revents == 0;
}

void send_all(int connection, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count =
        ::send(connection, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count <= 0) { return; }
    done += static_cast<std::size_t>(count);
  }
}

// Head and body; what there is when the client goes early.
std::string read_request(int connection, int stop) {
  std::string request;
  std::size_t head_end = std::string::npos;
  bool continued = false;
  for (;;) {
    if (head_end == std::string::npos) { head_end = request.find("\r\n\r\n"); }
    if (head_end != std::string::npos) {
      if (!continued && request.find("Expect: 100-continue") < head_end) {
        send_all(connection, "HTTP/1.1 100 Continue\r\n\r\n");
      }
      continued = true;
      if (request.size() >= head_end + 4 + body_bytes(request.substr(0, head_end))) { break; }
    }
    if (!wait_readable(connection, stop)) { break; }
    char block[65536];
    const ssize_t count = ::recv(connection, block, sizeof block, 0);
    if (count <= 0) { break; }
    request.append(block, static_cast<std::size_t>(count));
  }
  return request;
}

}  // namespace

ScriptedServer::ScriptedServer(Script script) : script_{std::move(script)} {
  PV_ASSERT(::pipe(stop_pipe_) == 0);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  PV_ASSERT(::bind(listener_, reinterpret_cast<::sockaddr*>(&address), sizeof address) == 0);
  PV_ASSERT(::listen(listener_, 64) == 0);
  ::socklen_t length = sizeof address;
  PV_ASSERT(::getsockname(listener_, reinterpret_cast<::sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { run(); }};
}

ScriptedServer::~ScriptedServer() {
  PV_ASSERT(::write(stop_pipe_[1], "s", 1) == 1);
  thread_.join();
  for (std::thread& thread : threads_) { thread.join(); }
  ::close(listener_);
  ::close(stop_pipe_[0]);
  ::close(stop_pipe_[1]);
}

std::string ScriptedServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

void ScriptedServer::run() {
  while (wait_readable(listener_, stop_pipe_[0])) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) { continue; }
    ++connections_;
    threads_.emplace_back([this, connection] { serve(connection); });
  }
}

void ScriptedServer::serve(int connection) {
  while (serve_one(connection)) {}
  ::close(connection);
}

bool ScriptedServer::serve_one(int connection) {
  const std::string request = read_request(connection, stop_pipe_[0]);
  if (request.empty()) { return false; }
  {
    const std::lock_guard lock{mutex_};
    requests_.push_back(request);
  }
  std::string answer;
  {
    const std::lock_guard lock{script_mutex_};
    answer = script_(request);
  }
  if (answer == kHang) {
    while (wait_readable(connection, stop_pipe_[0])) {
      char letter = 0;
      if (::recv(connection, &letter, 1, 0) <= 0) { return false; }
    }
    return false;
  }
  send_all(connection, answer);
  return answer.find("Connection: keep-alive") != std::string::npos;
}

namespace {

std::string whole_answer(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Scripted\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" +
         body;
}

}  // namespace

std::string http_answer(int status, const std::string& body, const std::string& more_headers) {
  return whole_answer(status, body, "Connection: close\r\n" + more_headers);
}

std::string http_answer_keeping(int status, const std::string& body,
                                const std::string& more_headers) {
  return whole_answer(status, body, "Connection: keep-alive\r\n" + more_headers);
}

}  // namespace pv::testing
