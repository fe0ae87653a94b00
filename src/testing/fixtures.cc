#include "testing/fixtures.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace pv::testing {

TempFolder::TempFolder() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "pocketvault-test-XXXXXX").string();
  PV_ASSERT(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path source_folder() { return PV_SOURCE_FOLDER; }

std::filesystem::path fixture(const std::string& name) {
  return source_folder() / "tests/fixtures" / name;
}

std::filesystem::path unpack_pb_data(const std::string& version,
                                     const std::filesystem::path& folder) {
  const std::string archive = fixture("pocketbase-" + version + "-pb_data.tar.gz").string();
  const RunResult result = run("tar -xzf '" + archive + "' -C '" + folder.string() + "'");
  PV_ASSERT(result.status == 0);
  PV_ASSERT(std::filesystem::exists(folder / "pb_data" / "data.db"));
  return folder / "pb_data";
}

RunResult run(const std::string& shell_command) {
  RunResult result;
  FILE* pipe = ::popen(("{ " + shell_command + "\n} 2>&1").c_str(), "r");
  PV_ASSERT(pipe != nullptr);
  std::array<char, 4096> block{};
  std::size_t count = 0;
  while ((count = std::fread(block.data(), 1, block.size(), pipe)) > 0) {
    result.output.append(block.data(), count);
  }
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << content;
  file.close();
  PV_ASSERT(!file.fail());
}

std::string read_file(const std::filesystem::path& path) {
  const std::ifstream file{path, std::ios::binary};
  PV_ASSERT(file.good());
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace pv::testing
