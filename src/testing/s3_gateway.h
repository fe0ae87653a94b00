// A real S3 server for tests: versitygw, over a folder of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "testing/fixtures.h"

namespace pv::testing {

// Listens on 127.0.0.1 with one empty bucket "backups", until it goes. `./dev` puts the program
// into .tools/bin; one on PATH will do as well.
class S3Gateway {
 public:
  // Whether the program is there. Under CI (the environment variable) it must be: is_missing() then
  // stops the process, for a test that was skipped would not be noticed.
  [[nodiscard]] static bool is_missing();
  static constexpr const char* kMissing =
      "versitygw is not installed: ./dev test fetches it, or go install "
      "github.com/versity/versitygw/cmd/versitygw";
  static constexpr const char* kAccessKey = "tester";
  static constexpr const char* kSecret = "tester-secret+/=";
  static constexpr const char* kRegion = "eu-test-1";

  // `more` go before "posix": {"--cert", ...}.
  explicit S3Gateway(const std::vector<std::string>& more = {});
  ~S3Gateway();
  S3Gateway(const S3Gateway&) = delete;
  S3Gateway& operator=(const S3Gateway&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  // Every file and folder below the bucket, but those that the server keeps for itself while it has
  // no upload.
  [[nodiscard]] std::vector<std::string> leftovers() const;
  [[nodiscard]] std::filesystem::path folder() const { return folder_ / "root/backups"; }
  void empty() const;  // as it was at first
  // What it answers to a whole request, byte by byte, so that a ScriptedServer can stand in
  // between.
  [[nodiscard]] std::string forward(const std::string& request) const;

 private:
  TempFolder folder_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace pv::testing
