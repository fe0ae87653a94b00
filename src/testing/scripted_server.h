// An HTTP server for tests of clients: what it answers is a script, byte by byte.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pv::testing {

// Takes connections on 127.0.0.1, reads one whole request from each (a body by its Content-Length),
// sends what the script returns and closes. So an answer that is cut short is a connection that
// breaks off. After an answer that has "Connection: keep-alive" it waits for a further request.
//
// The script is called by one thread at a time.
class ScriptedServer {
 public:
  // Gets the request as it came, head and body. kHang: nothing is sent until the server goes.
  using Script = std::function<std::string(const std::string& request)>;
  static constexpr const char* kHang = "(hang)";

  explicit ScriptedServer(Script script);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string url() const;                    // without a slash at the end
  [[nodiscard]] std::vector<std::string> requests() const;  // so far
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void run();
  void serve(int connection);
  [[nodiscard]] bool serve_one(int connection);  // whether another may follow

  const Script script_;
  std::mutex script_mutex_;
  std::atomic<int> connections_ = 0;
  int listener_ = -1;
  int stop_pipe_[2] = {-1, -1};
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::thread> threads_;  // of the connections
  std::thread thread_;
};

// A whole answer with its Content-Length, after which the connection closes; or does not.
[[nodiscard]] std::string http_answer(int status, const std::string& body,
                                      const std::string& more_headers = "");
[[nodiscard]] std::string http_answer_keeping(int status, const std::string& body,
                                              const std::string& more_headers = "");

}  // namespace pv::testing
