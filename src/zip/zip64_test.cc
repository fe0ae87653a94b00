// What does not fit into 32 bits, or into 16.

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "testing/fixtures.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using pv::testing::run;
using pv::testing::TempFolder;
using testing::open_memory;
using testing::Patching;

// Sanitizers watch every byte that is copied or compared: there, 5 GiB once instead of twice.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
constexpr std::size_t kBlock = std::size_t{1} << 20U;

// Repeats one block for ever; a file of any size that takes no space.
class RepeatingSource final : public Source {
 public:
  RepeatingSource(const std::string& block, std::uint64_t size_bytes)
      : block_{block}, size_bytes_{size_bytes} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= size_bytes_) { return 0; }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_bytes_ - offset));
    for (std::size_t done = 0; done < count;) {
      const std::size_t at = (offset + done) % block_.size();
      const std::size_t step = std::min(block_.size() - at, count - done);
      std::memcpy(&into[done], &block_[at], step);
      done += step;
    }
    return count;
  }

 private:
  const std::string& block_;
  const std::uint64_t size_bytes_;
};

SourceOpener open_repeating(const std::string& block, std::uint64_t size_bytes) {
  return [&block, size_bytes]() -> Result<std::unique_ptr<Source>> {
    return std::make_unique<RepeatingSource>(block, size_bytes);
  };
}

// Compares what comes with a repeated block, keeps nothing.
class ComparingSink final : public Sink {
 public:
  explicit ComparingSink(const std::string& block) : block_{block} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    while (!bytes.empty()) {
      const std::size_t at = size_bytes_ % block_.size();
      const std::size_t step = std::min(block_.size() - at, bytes.size());
      is_same_ = is_same_ && std::memcmp(bytes.data(), &block_[at], step) == 0;
      bytes = bytes.subspan(step);
      size_bytes_ += step;
    }
    return {};
  }
  [[nodiscard]] bool is_same() const { return is_same_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  const std::string& block_;
  std::uint64_t size_bytes_ = 0;
  bool is_same_ = true;
};

// An archive of which writes that equal `block` are kept as a word only: 5 GiB in a few MiB.
class FoldedArchive final : public Sink, public Source {
 public:
  explicit FoldedArchive(const std::string& block) : block_{block} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    const bool is_block = as_text(bytes) == block_;
    pieces_[size_bytes_] = {is_block ? std::string{} : std::string{as_text(bytes)}, bytes.size()};
    size_bytes_ += bytes.size();
    return {};
  }
  [[nodiscard]] bool can_patch() const override { return true; }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    auto& [start, piece] = *std::prev(pieces_.upper_bound(offset));
    PV_ASSERT(!piece.own.empty() && offset - start + bytes.size() <= piece.own.size());
    piece.own.replace(static_cast<std::size_t>(offset - start), bytes.size(), as_text(bytes));
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    std::size_t done = 0;
    while (done < into.size() && offset + done < size_bytes_) {
      const auto& [start, piece] = *std::prev(pieces_.upper_bound(offset + done));
      const auto at = static_cast<std::size_t>(offset + done - start);
      const std::string& bytes = piece.own.empty() ? block_ : piece.own;
      const std::size_t step = std::min(piece.size - at, into.size() - done);
      std::memcpy(&into[done], &bytes[at], step);
      done += step;
    }
    return done;
  }

 private:
  struct Piece {
    std::string own;
    std::size_t size = 0;
  };
  const std::string& block_;
  std::map<std::uint64_t, Piece> pieces_;
  std::uint64_t size_bytes_ = 0;
};

void expect_entry(const ZipReader& reader, std::size_t index, const std::string& block,
                  std::uint64_t size_bytes) {
  ComparingSink sink{block};
  const auto extracted = reader.extract(reader.entries()[index], sink);
  ASSERT_TRUE(extracted.has_value()) << extracted.error().what;
  EXPECT_TRUE(sink.is_same());
  EXPECT_EQ(sink.size_bytes(), size_bytes);
}

TEST(Zip64, ASparseEntryOf5GiBRoundTripsAndOthersReadIt) {
  std::string block(kBlock, '\0');
  block.replace(1000, 4, "data");
  const std::uint64_t size_bytes = 5 * kGiB + 17;
  for (const Patching patching : {Patching::kYes, Patching::kNo}) {
    if (kSanitized && patching == Patching::kNo) { continue; }
    WorkPool pool{2};
    pv::testing::MemorySink sink{patching};
    ZipWriter writer{sink, pool, {}, {}};
    ASSERT_TRUE(writer.add({.name = "sparse"}, open_repeating(block, size_bytes)).has_value());
    ASSERT_TRUE(writer.add({.name = "after"}, open_memory("hello")).has_value());
    ASSERT_TRUE(writer.finish().has_value());
    const auto reader = testing::open(sink.content());
    ASSERT_TRUE(reader.has_value()) << reader.error().what;
    EXPECT_EQ(reader->entries()[0].raw_bytes, size_bytes);
    expect_entry(*reader, 0, block, size_bytes);

    const TempFolder folder;
    pv::testing::write_file(folder / "a.zip", sink.content());
    const std::string archive = (folder / "a.zip").string();
    const auto sizes = run("python3 -c \"import zipfile,sys; z=zipfile.ZipFile('" + archive +
                           "'); print([i.file_size for i in z.infolist()], z.read('after'))\"");
    EXPECT_EQ(sizes.output, "[" + std::to_string(size_bytes) + ", 5] b'hello'\n");
    // bsdtar checks the CRC. It is five times as fast at this as unzip, which the same entry takes
    // half a minute.
    const auto listed = run("bsdtar -tvf '" + archive + "'");
    EXPECT_NE(listed.output.find(std::to_string(size_bytes)), std::string::npos) << listed.output;
    if (patching == Patching::kNo) { continue; }
    const auto tested = run("bsdtar -xOf '" + archive + "' > /dev/null");
    EXPECT_EQ(tested.status, 0) << tested.output;
  }
}

TEST(Zip64, EntriesBeyond4GiBOfStoredDataAreFound) {
  const std::string block = testing::noise_of(kBlock);
  const std::uint64_t size_bytes = 4 * kGiB + 3 * kBlock + 5;
  auto archive = std::make_shared<FoldedArchive>(block);
  WorkPool pool{2};
  {
    ZipWriter writer{*archive, pool, {}, {}};
    ASSERT_TRUE(writer.add({.name = "big"}, open_repeating(block, size_bytes)).has_value());
    ASSERT_TRUE(writer.add({.name = "after"}, open_memory("hello")).has_value());
    const auto report = writer.finish();
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->entries[0].method, Method::kStored);
    EXPECT_EQ(report->archive_bytes, archive->size_bytes());
  }
  const auto reader = ZipReader::open(archive);
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  EXPECT_GT(reader->entries()[1].header_offset, 4 * kGiB);
  EXPECT_EQ(testing::extract(*reader, reader->entries()[1]).value(), "hello");
  expect_entry(*reader, 0, block, size_bytes);
}

TEST(Zip64, MoreEntriesThan16BitsCount) {
  constexpr std::size_t kCount = 70'000;
  WorkPool pool{2};
  pv::testing::MemorySink sink;
  ZipWriter writer{sink, pool, {}, {}};
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(
        writer.add({.name = std::to_string(i), .expected_bytes = 1}, open_memory("x")).has_value());
  }
  ASSERT_TRUE(writer.finish().has_value());
  const auto reader = testing::open(sink.content());
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  ASSERT_EQ(reader->entries().size(), kCount);
  EXPECT_EQ(testing::extract(*reader, reader->entries().back()).value(), "x");
  const TempFolder folder;
  pv::testing::write_file(folder / "a.zip", sink.content());
  const auto tested = run("unzip -tqq '" + (folder / "a.zip").string() + "'");
  EXPECT_EQ(tested.status, 0) << tested.output;
  const auto listed = run("7z l -ba '" + (folder / "a.zip").string() + "' | wc -l");
  EXPECT_EQ(listed.output, std::to_string(kCount) + "\n");
}

}  // namespace
}  // namespace pv::zip
