// Data that real PocketBase wrote, copied where a test may change it.
#pragma once

#include <filesystem>
#include <string>

namespace pv::testing {

// A folder of its own under the system's temporary folder; removed with everything in it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// Where the project's sources lie: the folder with src/, tests/ and fuzz/.
[[nodiscard]] std::filesystem::path source_folder();

// tests/fixtures/NAME.
[[nodiscard]] std::filesystem::path fixture(const std::string& name);

// Unpacks tests/fixtures/pocketbase-VERSION-pb_data.tar.gz into `folder`; returns the pb_data in
// it. VERSION: "0.36.6", "0.39.11", "0.36.6-encrypted-settings".
[[nodiscard]] std::filesystem::path unpack_pb_data(const std::string& version,
                                                   const std::filesystem::path& folder);

// Runs a program of the system and waits; its exit status, and what it printed (both streams).
struct RunResult {
  int status = -1;
  std::string output;
};
[[nodiscard]] RunResult run(const std::string& shell_command);

void write_file(const std::filesystem::path& path, const std::string& content);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

}  // namespace pv::testing
