// Hostile archives through the program itself, with little memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/hostile_databases_testing.h"

namespace pv::app {
namespace {

using ::testing::HasSubstr;

constexpr int kExitUnsupported = 1;  // encrypted, several disks: nobody says that it is damaged
constexpr int kExitDamaged = 7;

// Of the whole address space, threads' stacks and all: an archive that has its way takes more.
constexpr const char* kMemoryLimit = "ulimit -v 1000000; ";

TEST(HostileArchivesOnTheCommandLine, EndWithTheirStatusInLittleMemory) {
  const testing::TempFolder folder;
  const std::filesystem::path pb_data = testing::unpack_pb_data("0.39.11", folder.path());
  const auto picture = [&] {
    return testing::run("cd '" + pb_data.string() +
                        "' && find . -type f ! -path './.pocketvault/*' "
                        "! -name '*-shm' ! -name '*-wal' -exec sha256sum {} + | sort; ls "
                        ".pocketvault | grep -v lock")
        .output;
  };
  const auto restore = [&](const std::string& bytes) {
    testing::write_file(folder / "hostile.zip", bytes);
    return testing::run(std::string{kMemoryLimit} + "'" + PV_PROGRAM + "' restore '" +
                        (folder / "hostile.zip").string() + "' --yes --dir '" + pb_data.string() +
                        "'");
  };
  (void)restore("");  // makes our own folder
  const std::string before = picture();
  // A process each: every third will do here, the table as a whole is tried in jobs/ and api/.
  const auto table = jobs::all_hostile(jobs::crafted::good_data_db());
  for (std::size_t i = 0; i < table.size(); i += 3) {
    const jobs::HostileArchive& hostile = table[i];
    SCOPED_TRACE(hostile.label);
    const testing::RunResult result = restore(hostile.bytes);
    const int expected = hostile.code == Code::kUnsupported ? kExitUnsupported : kExitDamaged;
    EXPECT_EQ(result.status, expected) << result.output;
    EXPECT_THAT(result.output, HasSubstr(hostile.says));
    EXPECT_EQ(picture(), before);
  }
}

}  // namespace
}  // namespace pv::app
