#include "zip/zip_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using namespace std::chrono_literals;
using testing::File;
using testing::noise_of;
using testing::open_memory;
using testing::pack;
using testing::Patching;
using testing::text_of;

constexpr std::size_t kChunk = 4096;
constexpr WriterOptions kSmallChunks{.chunk_bytes = kChunk};

TEST(ZipWriter, RoundTripsSizesAroundTheChunk) {
  std::vector<File> files;
  for (const std::size_t size : {0UL, 1UL, 2UL, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk - 1,
                                 2 * kChunk, 2 * kChunk + 1, 10 * kChunk, 100 * kChunk + 77}) {
    files.push_back({.name = "text/" + std::to_string(size), .content = text_of(size)});
    files.push_back({.name = "noise/" + std::to_string(size), .content = noise_of(size)});
  }
  for (const Patching patching : {Patching::kYes, Patching::kNo}) {
    for (const bool with_sizes : {true, false}) {
      SCOPED_TRACE(::testing::Message() << "patching " << (patching == Patching::kYes)
                                        << ", sizes known " << with_sizes);
      testing::expect_round_trip(files, kSmallChunks, patching, with_sizes);
      testing::expect_round_trip(files, {}, patching, with_sizes);
    }
  }
}

TEST(ZipWriter, RoundTripsWithFewestSegmentsAndWrongExpectations) {
  std::vector<File> files;
  for (unsigned i = 0; i < 200; ++i) {
    files.push_back({.name = std::to_string(i), .content = text_of(i * 97 % 20'000, i)});
  }
  for (const std::size_t in_flight : {1U, 2U, 3U, 100U}) {
    for (const std::uint64_t expected : {0ULL, 1ULL, 4000ULL, ~0ULL}) {
      WorkPool pool{4};
      testing::MemorySink sink;
      ZipWriter writer{sink, pool, {.chunk_bytes = kChunk, .chunks_in_flight_max = in_flight}, {}};
      for (const File& file : files) {
        ASSERT_TRUE(
            writer
                .add({.name = file.name, .modified = file.modified, .expected_bytes = expected},
                     open_memory(file.content))
                .has_value());
      }
      ASSERT_TRUE(writer.finish().has_value());
      const auto unpacked = testing::unpack(sink.content());
      ASSERT_TRUE(unpacked.has_value()) << unpacked.error().what;
      testing::expect_same(files, *unpacked);
    }
  }
}

TEST(ZipWriter, AnEmptyArchiveIsAnEndRecord) {
  const auto packed = pack({});
  EXPECT_EQ(packed.archive.size(), 22U);
  EXPECT_EQ(packed.report.entry_count, 0U);
  EXPECT_TRUE(testing::unpack(packed.archive).has_value());
}

TEST(ZipWriter, StoresWhatDoesNotCompressWhateverItIsCalled) {
  const std::string text = text_of(3 * kChunk);
  const std::string noise = noise_of(3 * kChunk);
  struct Case {
    const char* name;
    std::string content;
    Method method;
  };
  const Case cases[] = {
      {"text.jpg", text, Method::kDeflated},
      {"noise.txt", noise, Method::kStored},
      {"small text.jpg", text.substr(0, 1000), Method::kDeflated},
      {"small noise.txt", noise.substr(0, 1000), Method::kStored},
      {"text then noise", text.substr(0, kChunk) + noise, Method::kDeflated},
      {"noise then text", noise + text, Method::kDeflated},
      {"empty", "", Method::kStored},
  };
  std::vector<File> files;
  for (const Case& c : cases) { files.push_back({.name = c.name, .content = c.content}); }
  const auto packed = pack(files, kSmallChunks);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const EntryReport& entry = packed.report.entries[i];
    EXPECT_EQ(entry.method, cases[i].method) << cases[i].name;
    // Chunks of noise inside a deflated entry are framed as they are: 5 bytes each.
    EXPECT_LE(entry.packed_bytes, entry.raw_bytes + 8 * 5) << cases[i].name;
  }
  EXPECT_LT(packed.report.entries[4].packed_bytes, noise.size() + kChunk * 6 / 10);
  EXPECT_LT(packed.report.entries[5].packed_bytes, noise.size() + text.size() * 6 / 10);
  ASSERT_TRUE(testing::unpack(packed.archive).has_value());
}

TEST(ZipWriter, PutsManySmallFilesIntoFewWrites) {
  std::vector<File> files;
  for (int i = 0; i < 5000; ++i) {
    files.push_back({.name = std::to_string(i), .content = "hello"});
  }
  const auto packed = pack(files);
  EXPECT_EQ(packed.report.entry_count, 5000U);
  EXPECT_LT(packed.writes, 40U);
}

TEST(ZipWriter, LocalHeadersAreCompleteWhereTheSinkCanPatch) {
  const std::vector<File> files{{.name = "big", .content = text_of(10 * kChunk)},
                                {.name = "small", .content = text_of(100)}};
  const auto flags_of = [&](Patching patching) {
    const auto reader = testing::open(pack(files, kSmallChunks, patching).archive);
    return std::pair{reader->entries()[0].flags & 8U, reader->entries()[1].flags & 8U};
  };
  EXPECT_EQ(flags_of(Patching::kYes), (std::pair{0U, 0U}));
  EXPECT_EQ(flags_of(Patching::kNo), (std::pair{8U, 0U})) << "a small one never needs a descriptor";
}

TEST(ZipWriter, MarksNamesThatAreUtf8BeyondAscii) {
  struct Case {
    std::string name;
    bool marked;
  };
  const Case cases[] = {{"plain.txt", false},   {"with space & \"quotes\".txt", false},
                        {"日本/é.txt", true},   {"invalid \xFF\xFE.txt", false},
                        {"back\\slash", false}, {std::string(65'535, 'n'), false}};
  std::vector<File> files;
  for (const Case& c : cases) { files.push_back({.name = c.name, .content = "x"}); }
  const auto packed = pack(files);
  const auto reader = testing::open(packed.archive);
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  ASSERT_EQ(reader->entries().size(), std::size(cases));
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(reader->entries()[i].name, cases[i].name);
    EXPECT_EQ((reader->entries()[i].flags & (1U << 11U)) != 0, cases[i].marked) << cases[i].name;
  }
}

TEST(ZipWriter, ANameThatNoZipCanHoldIsLeftOut) {
  const auto packed = pack({{.name = "", .content = "a"},
                            {.name = std::string(65'536, 'n'), .content = "b"},
                            {.name = "fine", .content = "c"}});
  EXPECT_EQ(packed.report.entry_count, 1U);
  EXPECT_EQ(packed.report.entries[0].skipped->code, Code::kInvalid);
  EXPECT_EQ(packed.report.entries[1].skipped->code, Code::kInvalid);
  EXPECT_FALSE(packed.report.entries[2].skipped.has_value());
}

TEST(ZipWriter, KeepsModesAndTimes) {
  const auto time = [](std::int64_t seconds) { return WallTime{std::chrono::seconds{seconds}}; };
  testing::expect_round_trip({
      {.name = "odd second", .content = "a", .mode = 0100600, .modified = time(1'700'000'001)},
      {.name = "before 1970", .content = "a", .mode = 0100444, .modified = time(-1000)},
      {.name = "last of 32 bits", .content = "a", .mode = 0100755, .modified = time(0x7FFFFFFF)},
      {.name = "in 2100", .content = "a", .mode = 0104755, .modified = time(4'102'444'800)},
      {.name = "folder/", .content = "", .mode = 040700, .modified = time(1'000'000'000)},
  });
}

TEST(ZipWriter, AnEntryWithoutAnOpenerIsEmpty) {
  WorkPool pool{2};
  testing::MemorySink sink;
  ZipWriter writer{sink, pool, {}, {}};
  ASSERT_TRUE(writer.add({.name = "folder/", .mode = 040755}, nullptr).has_value());
  ASSERT_TRUE(writer.finish().has_value());
  const auto reader = testing::open(sink.content());
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE(reader->entries()[0].is_folder());
  EXPECT_EQ(reader->entries()[0].raw_bytes, 0U);
}

TEST(ZipWriter, ReportsWhatItWroteAndOnRequestOnlyWhatIsWorthAWord) {
  const std::vector<File> files{{.name = "a", .content = text_of(10'000)},
                                {.name = "b", .content = noise_of(3 * kChunk)}};
  const auto packed = pack(files, kSmallChunks);
  EXPECT_EQ(packed.report.raw_bytes, 10'000 + 3 * kChunk);
  EXPECT_EQ(packed.report.archive_bytes, packed.archive.size());
  ASSERT_EQ(packed.report.entries.size(), 2U);
  EXPECT_EQ(packed.report.entries[0].name, "a");
  EXPECT_EQ(packed.report.entries[1].packed_bytes, 3 * kChunk);
  const auto quiet = pack(files, {.chunk_bytes = kChunk, .report_all = false});
  EXPECT_TRUE(quiet.report.entries.empty());
  EXPECT_EQ(quiet.report.entry_count, 2U);
  EXPECT_EQ(quiet.report.raw_bytes, packed.report.raw_bytes);
}

// A file that fails, or ends, at a given byte, whatever size it had when it was opened.
class FadingSource final : public Source {
 public:
  FadingSource(std::uint64_t size_bytes, std::uint64_t ends_at, bool fails)
      : size_bytes_{size_bytes}, ends_at_{ends_at}, fails_{fails} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset + into.size() <= ends_at_) { return fill(offset, into); }
    if (fails_) { return fail(Code::kUnavailable, "input/output error"); }
    if (offset >= ends_at_) { return 0; }
    return fill(offset, into.first(static_cast<std::size_t>(ends_at_ - offset)));
  }

 private:
  static std::size_t fill(std::uint64_t offset, MutableBytes into) {
    for (std::size_t i = 0; i < into.size(); ++i) {
      into[i] = static_cast<std::byte>((offset + i) % 61);
    }
    return into.size();
  }
  const std::uint64_t size_bytes_;
  const std::uint64_t ends_at_;
  const bool fails_;
};

SourceOpener open_fading(std::uint64_t size_bytes, std::uint64_t ends_at, bool fails) {
  return [=]() -> Result<std::unique_ptr<Source>> {
    return std::make_unique<FadingSource>(size_bytes, ends_at, fails);
  };
}

struct FadingCase {
  const char* label;
  std::uint64_t size_bytes;
  std::uint64_t ends_at;
  bool fails;
  bool skipped;
  std::uint64_t raw_bytes;  // in the archive
};
constexpr FadingCase kFadingCases[] = {
    {"small, ends at once", 1000, 0, false, false, 0},
    {"small, ends early", 1000, 300, false, false, 300},
    {"small, fails", 1000, 300, true, true, 0},
    {"big, ends at once", 10 * kChunk, 0, false, false, 0},
    {"big, ends in the first chunk", 10 * kChunk, 100, false, false, 100},
    {"big, ends at a chunk's border", 10 * kChunk, 3 * kChunk, false, false, 3 * kChunk},
    {"big, ends in the middle", 10 * kChunk, 3 * kChunk + 5, false, false, 3 * kChunk + 5},
    {"big, ends in the last chunk", 10 * kChunk, 10 * kChunk - 1, false, false, 10 * kChunk - 1},
    {"big, fails at once", 10 * kChunk, 0, true, true, 0},
    {"big, fails later", 10 * kChunk, 3 * kChunk + 5, true, false, 3 * kChunk},
};

TEST(ZipWriter, FilesThatShrinkOrFailAreReportedAndTheRestIsWhole) {
  for (const Patching patching : {Patching::kYes, Patching::kNo}) {
    for (const FadingCase& c : kFadingCases) {
      SCOPED_TRACE(c.label);
      WorkPool pool{2};
      testing::MemorySink sink{patching};
      ZipWriter writer{sink, pool, kSmallChunks, {}};
      ASSERT_TRUE(writer.add({.name = "before"}, open_memory(text_of(5000))).has_value());
      ASSERT_TRUE(writer.add({.name = "fading"}, open_fading(c.size_bytes, c.ends_at, c.fails))
                      .has_value());
      ASSERT_TRUE(writer.add({.name = "after"}, open_memory(text_of(5001))).has_value());
      const auto report = writer.finish();
      ASSERT_TRUE(report.has_value()) << report.error().what;
      ASSERT_EQ(report->entries.size(), 3U);
      const EntryReport& fading = report->entries[1];
      EXPECT_EQ(fading.name, "fading");
      EXPECT_EQ(fading.skipped.has_value(), c.skipped);
      EXPECT_EQ(fading.shortened.has_value(), !c.skipped);
      EXPECT_EQ(fading.raw_bytes, c.raw_bytes);
      const auto files = testing::unpack(sink.content());
      ASSERT_TRUE(files.has_value()) << files.error().what;
      ASSERT_EQ(files->size(), c.skipped ? 2U : 3U);
      EXPECT_TRUE(files->front().content == text_of(5000));
      EXPECT_TRUE(files->back().content == text_of(5001));
      if (!c.skipped) { EXPECT_EQ((*files)[1].content.size(), c.raw_bytes); }
    }
  }
}

TEST(ZipWriter, AnObjectIsWholeOrLeftOut) {
  WriterOptions options = kSmallChunks;
  options.hash_key = HashKey{};
  for (const Patching patching : {Patching::kYes, Patching::kNo}) {
    for (const FadingCase& c : kFadingCases) {
      SCOPED_TRACE(c.label);
      WorkPool pool{2};
      testing::MemorySink sink{patching};
      ZipWriter writer{sink, pool, options, {}};
      ASSERT_TRUE(writer.add({.name = "before"}, open_memory(text_of(5000))).has_value());
      ASSERT_TRUE(writer
                      .add({.name = "fading", .is_object = true},
                           open_fading(c.size_bytes, c.ends_at, c.fails))
                      .has_value());
      ASSERT_TRUE(writer.add({.name = "after"}, open_memory(text_of(5001))).has_value());
      const auto report = writer.finish();
      ASSERT_TRUE(report.has_value()) << report.error().what;
      EXPECT_TRUE(report->entries.at(1).skipped.has_value());
      EXPECT_EQ(report->entry_count, 2U);
      const auto files = testing::unpack(sink.content());
      ASSERT_TRUE(files.has_value()) << files.error().what;
      ASSERT_EQ(files->size(), 2U);
      EXPECT_TRUE(files->front().content == text_of(5000));
      EXPECT_TRUE(files->back().content == text_of(5001));
      EXPECT_EQ(testing::open(sink.content())->why_no_block(), "");
    }
  }
}

TEST(ZipWriter, ARequiredFileThatShrinksOrFailsFailsTheArchive) {
  for (const FadingCase& c : kFadingCases) {
    SCOPED_TRACE(c.label);
    WorkPool pool{2};
    testing::MemorySink sink;
    ZipWriter writer{sink, pool, kSmallChunks, {}};
    (void)writer.add({.name = "data.db", .required = true},
                     open_fading(c.size_bytes, c.ends_at, c.fails));
    const auto report = writer.finish();
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, Code::kUnavailable);
    EXPECT_EQ(report.error().what.rfind("data.db: ", 0), 0U) << report.error().what;
  }
}

TEST(ZipWriter, WhatIsThrownOnThePoolFailsTheArchiveAlone) {
  class Thrower final : public Source {
   public:
    explicit Thrower(std::uint64_t size_bytes) : size_bytes_{size_bytes} {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
      if (offset + into.size() >= size_bytes_) { throw std::bad_alloc{}; }
      std::ranges::fill(into, std::byte{0});
      return into.size();
    }

   private:
    const std::uint64_t size_bytes_;
  };
  WorkPool pool{2};
  for (const std::uint64_t size_bytes : {100U, 1U << 20U}) {  // in one piece, and in many
    testing::MemorySink sink;
    ZipWriter writer{sink, pool, kSmallChunks, {}};
    (void)writer.add({.name = "before"}, open_memory(text_of(5000)));
    (void)writer.add({.name = "thrower"}, [&]() -> Result<std::unique_ptr<Source>> {
      return std::make_unique<Thrower>(size_bytes);
    });
    (void)writer.add({.name = "after"}, open_memory(text_of(5001)));
    const auto report = writer.finish();
    ASSERT_FALSE(report.has_value()) << size_bytes;
    EXPECT_EQ(report.error(), (Error{Code::kInternal, "unexpected: std::bad_alloc"}));
  }
  testing::expect_round_trip({{"other", text_of(5000)}});
}

TEST(ZipWriter, AFileThatVanishedIsReported) {
  const SourceOpener gone = []() -> Result<std::unique_ptr<Source>> {
    return fail(Code::kNotFound, "open x: No such file or directory");
  };
  WorkPool pool{2};
  testing::MemorySink sink;
  ZipWriter writer{sink, pool, {}, {}};
  ASSERT_TRUE(writer.add({.name = "gone"}, gone).has_value());
  ASSERT_TRUE(writer.add({.name = "here"}, open_memory("x")).has_value());
  const auto report = writer.finish();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->entry_count, 1U);
  EXPECT_EQ(report->entries[0].skipped->code, Code::kNotFound);
  EXPECT_EQ(testing::unpack(sink.content())->size(), 1U);

  testing::MemorySink other;
  ZipWriter strict{other, pool, {}, {}};
  (void)strict.add({.name = "gone", .required = true}, gone);
  EXPECT_EQ(strict.finish().error().code, Code::kNotFound);
}

// Fails at the nth call, and insists that none comes after.
class FailingSink final : public Sink {
 public:
  FailingSink(int fail_at, Patching patching) : fail_at_{fail_at}, patching_{patching} {}
  [[nodiscard]] Result<void> write(Bytes) override { return count(); }
  [[nodiscard]] bool can_patch() const override { return patching_ == Patching::kYes; }
  [[nodiscard]] Result<void> patch(std::uint64_t, Bytes) override { return count(); }
  [[nodiscard]] bool has_failed() const { return calls_ >= fail_at_; }

 private:
  Result<void> count() {
    EXPECT_LT(calls_, fail_at_) << "used after it failed";
    if (++calls_ == fail_at_) { return fail(Code::kNoSpace, "disk full"); }
    return {};
  }
  const int fail_at_;
  const Patching patching_;
  int calls_ = 0;
};

TEST(ZipWriter, SaysSoWhicheverWriteFails) {
  for (const Patching patching : {Patching::kYes, Patching::kNo}) {
    for (int call = 1;; ++call) {
      WorkPool pool{2};
      FailingSink sink{call, patching};
      ZipWriter writer{sink, pool, kSmallChunks, {}};
      Result<void> added;
      for (int i = 0; i < 20 && added.has_value(); ++i) {
        added = writer.add({.name = std::to_string(i)},
                           open_memory(text_of(i % 3 == 0 ? 20'000 : 900)));
      }
      const auto report = writer.finish();
      if (!sink.has_failed()) {
        EXPECT_TRUE(report.has_value());
        EXPECT_GT(call, 20);
        break;
      }
      ASSERT_FALSE(report.has_value()) << "call " << call;
      EXPECT_EQ(report.error().code, Code::kNoSpace) << "call " << call;
      if (!added.has_value()) { EXPECT_EQ(added.error().code, Code::kNoSpace); }
    }
  }
}

TEST(ZipWriter, StopsSoonAfterItIsAskedTo) {
  // Petabytes of zeros: if it did not stop, this would not end.
  class Endless final : public Source {
   public:
    explicit Endless(std::atomic<int>& reads) : reads_{reads} {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return 1ULL << 50U; }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t, MutableBytes into) override {
      ++reads_;
      std::fill(into.begin(), into.end(), std::byte{0});
      return into.size();
    }

   private:
    std::atomic<int>& reads_;
  };
  class NullSink final : public Sink {
   public:
    [[nodiscard]] Result<void> write(Bytes) override { return {}; }
  };
  std::atomic<int> reads = 0;
  std::stop_source stop;
  WorkPool pool{2};
  NullSink sink;
  ZipWriter writer{sink, pool, {}, stop.get_token()};
  std::jthread canceller{[&] {
    while (reads < 50) { std::this_thread::yield(); }
    stop.request_stop();
  }};
  ASSERT_TRUE(writer
                  .add({.name = "endless"},
                       [&]() -> Result<std::unique_ptr<Source>> {
                         return std::make_unique<Endless>(reads);
                       })
                  .has_value());
  EXPECT_EQ(writer.finish().error().code, Code::kCancelled);
  EXPECT_EQ(writer.add({.name = "more"}, nullptr).error().code, Code::kCancelled);
  EXPECT_GT(writer.raw_bytes_done(), 0U);
}

TEST(ZipWriter, DroppedEarlyItWaitsForWhatRunsAndStartsNothingMore) {
  std::atomic<int> alive = 0;
  class Counted final : public Source {
   public:
    explicit Counted(std::atomic<int>& alive_now) : alive_{alive_now} { ++alive_; }
    ~Counted() override { --alive_; }
    [[nodiscard]] std::uint64_t size_bytes() const override { return 1ULL << 30U; }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t, MutableBytes into) override {
      std::fill(into.begin(), into.end(), std::byte{0});
      return into.size();
    }

   private:
    std::atomic<int>& alive_;
  };
  WorkPool pool{3};
  for (int round = 0; round < 20; ++round) {
    testing::MemorySink sink;
    ZipWriter writer{sink, pool, {.chunk_bytes = 1 << 16}, {}};
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(writer
                      .add({.name = std::to_string(i), .expected_bytes = 1ULL << 30U},
                           [&]() -> Result<std::unique_ptr<Source>> {
                             return std::make_unique<Counted>(alive);
                           })
                      .has_value());
    }
  }
  EXPECT_EQ(alive, 0);
}

// The sink's own slowness must not make the archive wrong, nor the pool's.
TEST(ZipWriter, KeepsTheOrderOfAdding) {
  std::vector<File> files;
  for (unsigned i = 0; i < 300; ++i) {
    const std::size_t size = i % 50 == 0 ? 20 * kChunk : i * 13 % 3000;
    files.push_back({.name = std::to_string(i), .content = text_of(size, i)});
  }
  const auto packed = pack(files, kSmallChunks);
  const auto reader = testing::open(packed.archive);
  ASSERT_TRUE(reader.has_value());
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(reader->entries()[i].name, files[i].name);
    EXPECT_EQ(packed.report.entries[i].name, files[i].name);
    EXPECT_GE(reader->entries()[i].header_offset, offset);
    offset = reader->entries()[i].header_offset;
  }
}

TEST(ZipWriter, ReadsSeveralFilesAtOnce) {
  // Each opener waits until another one is inside too: with one at a time this would time out.
  struct Meeting {
    std::mutex mutex;
    std::condition_variable arrived;
    int inside = 0;
    bool met = false;
  } meeting;
  const SourceOpener open = [&meeting]() -> Result<std::unique_ptr<Source>> {
    std::unique_lock lock{meeting.mutex};
    if (++meeting.inside >= 2) { meeting.met = true; }
    meeting.arrived.notify_all();
    meeting.arrived.wait_for(lock, 10s, [&] { return meeting.met; });
    --meeting.inside;
    return std::make_unique<testing::MemorySource>("x");
  };
  WorkPool pool{2};
  testing::MemorySink sink;
  ZipWriter writer{sink, pool, {}, {}};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        writer.add({.name = std::to_string(i), .expected_bytes = 1 << 20}, open).has_value());
  }
  ASSERT_TRUE(writer.finish().has_value());
  EXPECT_TRUE(meeting.met);
}

}  // namespace
}  // namespace pv::zip
