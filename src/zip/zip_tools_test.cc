// Our archives in other programs' hands, and theirs in ours.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fs/file.h"
#include "testing/fixtures.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using pv::testing::read_file;
using pv::testing::run;
using pv::testing::TempFolder;
using pv::testing::write_file;
using testing::File;
using testing::noise_of;
using testing::Patching;
using testing::text_of;

constexpr std::size_t kChunk = 1 << 16;

std::vector<File> some_files() {
  return {{.name = "data.db", .content = text_of(10 * kChunk + 5)},
          {.name = "auxiliary.db", .content = ""},
          {.name = "storage/a b/photo.jpg", .content = noise_of(3 * kChunk), .mode = 0100600},
          {.name = "storage/日本/é.txt", .content = text_of(1000)},
          {.name = "storage/mixed.bin", .content = text_of(2 * kChunk) + noise_of(2 * kChunk)},
          {.name = "storage/one", .content = "1", .mode = 0100755},
          {.name = "storage/chunk", .content = text_of(kChunk)},
          {.name = "storage/empty/", .content = "", .mode = 040755}};
}

class OtherPrograms : public ::testing::TestWithParam<Patching> {
 protected:
  OtherPrograms() {
    archive_ = (folder_ / "a.zip").string();
    write_file(archive_, testing::pack(files_, {.chunk_bytes = kChunk}, GetParam()).archive);
  }
  void expect_success(const std::string& command) {
    const auto result = run("cd '" + folder_.path().string() + "' && " + command);
    EXPECT_EQ(result.status, 0) << command << '\n' << result.output;
  }
  void expect_extracted_to(const std::string& folder) {
    for (const File& file : files_) {
      if (file.name.ends_with('/')) { continue; }
      EXPECT_TRUE(read_file(folder_.path() / folder / file.name) == file.content) << file.name;
    }
  }
  void expect_modes_and_times_in(const std::string& folder) {
    for (const File& file : files_) {
      struct ::stat found {};
      const std::string path = (folder_.path() / folder / file.name).string();
      ASSERT_EQ(::stat(path.c_str(), &found), 0) << path;
      EXPECT_EQ(found.st_mode, file.mode) << path;
      EXPECT_EQ(found.st_mtime, 1'700'000'000) << path;
    }
  }

  const std::vector<File> files_ = some_files();
  const TempFolder folder_;
  std::string archive_;
};

TEST_P(OtherPrograms, InfoZip) {
  expect_success("unzip -tq a.zip");
  expect_success("TZ=Asia/Tokyo LC_ALL=C.UTF-8 unzip -q a.zip -d out");
  expect_extracted_to("out");
  expect_modes_and_times_in("out");
  expect_success("zipinfo -v a.zip");
}

TEST_P(OtherPrograms, Python) {
  expect_success(
      "python3 -c \"import zipfile; z = zipfile.ZipFile('a.zip'); assert z.testzip() is None; "
      "z.extractall('out'); names = z.namelist(); assert 'storage/日本/é.txt' in names, names\"");
  expect_extracted_to("out");
}

TEST_P(OtherPrograms, SevenZip) {
  expect_success("7z t a.zip");
  expect_success("LC_ALL=C.UTF-8 7z x -oout a.zip");
  expect_extracted_to("out");
}

TEST_P(OtherPrograms, BsdTar) {
  expect_success("LC_ALL=C.UTF-8 bsdtar -tf a.zip");
  expect_success("mkdir out && LC_ALL=C.UTF-8 bsdtar -xpf a.zip -C out");
  expect_extracted_to("out");
  expect_modes_and_times_in("out");
}

INSTANTIATE_TEST_SUITE_P(BothKindsOfSink, OtherPrograms,
                         ::testing::Values(Patching::kYes, Patching::kNo),
                         [](const auto& instance) {
                           return instance.param == Patching::kYes ? "Patched" : "Streamed";
                         });

// From the first byte to the last, without the directory's help.
TEST(Streamed, BsdTarReadsFromAPipe) {
  const TempFolder folder;
  const std::vector<File> files{{.name = "big", .content = text_of(10 * kChunk + 5)},
                                {.name = "small", .content = text_of(100)}};
  for (const Patching patching : {Patching::kYes, Patching::kNo}) {
    write_file(folder / "a.zip", testing::pack(files, {.chunk_bytes = kChunk}, patching).archive);
    const auto result =
        run("cd '" + folder.path().string() + "' && cat a.zip | bsdtar -xOf - | md5sum");
    write_file(folder / "all", files[0].content + files[1].content);
    const auto expected = run("cd '" + folder.path().string() + "' && cat all | md5sum");
    EXPECT_EQ(result.output, expected.output);
  }
}

class Fixtures : public ::testing::TestWithParam<const char*> {};

// Data descriptors, "empty" entries of five deflated bytes, extended timestamps.
TEST_P(Fixtures, WhatPocketBaseWroteIsReadWhole) {
  const std::string path =
      pv::testing::fixture("pocketbase-" + std::string{GetParam()} + "-backup.zip").string();
  const TempFolder folder;
  ASSERT_EQ(run("unzip -q '" + path + "' -d '" + folder.path().string() + "'").status, 0);
  auto source = fs::open_source(path);
  ASSERT_TRUE(source.has_value()) << source.error().what;
  const auto reader = ZipReader::open(*std::move(source));
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  EXPECT_GE(reader->entries().size(), 44U);
  bool has_empty = false;
  for (const Entry& entry : reader->entries()) {
    const auto content = testing::extract(*reader, entry);
    ASSERT_TRUE(content.has_value()) << content.error().what;
    EXPECT_TRUE(*content == read_file(folder.path() / entry.name)) << entry.name;
    EXPECT_EQ(entry.mode, 0100644U) << entry.name;
    EXPECT_NE(entry.flags & 8U, 0U) << entry.name;
    EXPECT_TRUE(entry.modified.has_value()) << entry.name;
    has_empty = has_empty || (entry.raw_bytes == 0 && entry.packed_bytes == 5);
  }
  EXPECT_TRUE(has_empty);
}

INSTANTIATE_TEST_SUITE_P(Versions, Fixtures, ::testing::Values("0.36.6", "0.39.11"),
                         [](const auto& instance) {
                           return std::string{instance.param} == "0.36.6" ? "V0_36_6" : "V0_39_11";
                         });

TEST(Theirs, WhatOtherProgramsPackIsReadWhole) {
  const TempFolder folder;
  const std::string content = text_of(300'000);
  write_file(folder / "in/folder/file.txt", content);
  write_file(folder / "in/empty", "");
  const std::string inside = "cd '" + folder.path().string() + "/in' && ";
  const char* commands[] = {"zip -q -r ../a.zip .",
                            "zip -q -r - . > ../a.zip",
                            "zip -q -0 -r ../a.zip .",
                            "zip -q -r -fz ../a.zip .",
                            "7z a -tzip ../a.zip .",
                            "bsdtar -acf ../a.zip .",
                            "bsdtar --format zip -cf - . | cat > ../a.zip",
                            "python3 -m zipfile -c ../a.zip ."};
  for (const char* command : commands) {
    SCOPED_TRACE(command);
    const auto packed = run("rm -f '" + (folder / "a.zip").string() + "'; " + inside + command);
    ASSERT_EQ(packed.status, 0) << packed.output;
    const auto files = testing::unpack(read_file(folder / "a.zip"));
    ASSERT_TRUE(files.has_value()) << files.error().what;
    bool found = false;
    for (const File& file : *files) {
      if (file.name.ends_with("folder/file.txt")) {
        found = true;
        EXPECT_TRUE(file.content == content);
      }
    }
    EXPECT_TRUE(found);
  }
}

}  // namespace
}  // namespace pv::zip
