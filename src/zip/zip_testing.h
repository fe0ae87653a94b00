// What the tests of this room share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/work_pool.h"
#include "testing/memory_io.h"
#include "zip/zip_reader.h"
#include "zip/zip_writer.h"

namespace pv::zip::testing {

using pv::testing::MemorySink;
using pv::testing::MemorySource;
using pv::testing::open_memory;
using pv::testing::Patching;

// Words: deflate brings it to about a third.
inline std::string text_of(std::size_t bytes, unsigned seed = 1) {
  constexpr const char* kWords[] = {"order", "basket", "customer", "shipped", "note",  "paid",
                                    "blue",  "corner", "shop",     "invoice", "price", "late"};
  std::mt19937 random{seed};
  std::string text;
  text.reserve(bytes + 32);
  while (text.size() < bytes) {
    text += kWords[random() % 12];
    text += ' ';
    if (random() % 8 == 0) { text += std::to_string(random()); }
  }
  text.resize(bytes);
  return text;
}

inline std::string noise_of(std::size_t bytes, unsigned seed = 1) {
  std::mt19937 random{seed};
  std::string noise(bytes, '\0');
  for (char& byte : noise) { byte = static_cast<char>(random()); }
  return noise;
}

struct File {
  std::string name;
  std::string content;
  std::uint32_t mode = 0100644;
  WallTime modified{std::chrono::seconds{1'700'000'000}};
};

struct Packed {
  std::string archive;
  ArchiveReport report;
  std::size_t writes = 0;
};

inline Packed pack(const std::vector<File>& files, WriterOptions options = {},
                   Patching patching = Patching::kYes, bool with_sizes = true) {
  WorkPool pool{2};
  MemorySink sink{patching};
  ZipWriter writer{sink, pool, options, {}};
  for (const File& file : files) {
    EntryMeta meta{.name = file.name, .mode = file.mode, .modified = file.modified};
    if (with_sizes) { meta.expected_bytes = file.content.size(); }
    const auto added = writer.add(std::move(meta), open_memory(file.content));
    EXPECT_TRUE(added.has_value()) << added.error().what;
  }
  auto report = writer.finish();
  EXPECT_TRUE(report.has_value()) << report.error().what;
  return {sink.content(), std::move(*report), sink.writes()};
}

inline Result<ZipReader> open(std::string archive) {
  return ZipReader::open(std::make_shared<MemorySource>(std::move(archive)));
}

inline Result<std::string> extract(const ZipReader& reader, const Entry& entry) {
  MemorySink sink;
  PV_CHECK(reader.extract(entry, sink));
  return sink.content();
}

// Opens and extracts everything; the first error.
inline Result<std::vector<File>> unpack(std::string archive) {
  PV_TRY(const ZipReader reader, open(std::move(archive)));
  std::vector<File> files;
  for (const Entry& entry : reader.entries()) {
    PV_TRY(std::string content, extract(reader, entry));
    files.push_back({std::string{entry.name}, std::move(content), entry.mode,
                     entry.modified.value_or(WallTime{})});
  }
  return files;
}

// Compares without printing megabytes.
inline void expect_same(const std::vector<File>& packed, const std::vector<File>& unpacked) {
  ASSERT_EQ(packed.size(), unpacked.size());
  for (std::size_t i = 0; i < packed.size(); ++i) {
    EXPECT_EQ(packed[i].name, unpacked[i].name);
    EXPECT_EQ(packed[i].content.size(), unpacked[i].content.size()) << packed[i].name;
    EXPECT_TRUE(packed[i].content == unpacked[i].content) << packed[i].name;
    EXPECT_EQ(packed[i].mode, unpacked[i].mode) << packed[i].name;
    EXPECT_EQ(packed[i].modified, unpacked[i].modified) << packed[i].name;
  }
}

inline void expect_round_trip(const std::vector<File>& files, WriterOptions options = {},
                              Patching patching = Patching::kYes, bool with_sizes = true) {
  const auto unpacked = unpack(pack(files, options, patching, with_sizes).archive);
  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().what;
  expect_same(files, *unpacked);
}

}  // namespace pv::zip::testing
