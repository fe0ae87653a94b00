#include "jobs/contents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <random>

#include "base/work_pool.h"
#include "testing/memory_io.h"
#include "zip/zip_writer.h"

namespace pv::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemorySink;
using testing::MemorySource;

struct File {
  std::string name;
  std::string content = {};
  std::uint32_t mode = 0100644;
};

std::string zip_of(const std::vector<File>& files) {
  WorkPool pool{2};
  MemorySink sink;
  zip::ZipWriter writer{sink, pool, {}, {}};
  for (const File& file : files) {
    zip::EntryMeta meta{.name = file.name, .mode = file.mode};
    PV_ASSERT(writer.add(std::move(meta), testing::open_memory(file.content)).has_value());
  }
  PV_ASSERT(writer.finish().has_value());
  return sink.content();
}

std::string noise_of(std::size_t bytes, unsigned seed) {
  std::mt19937 random{seed};
  std::string noise(bytes, '\0');
  for (char& byte : noise) { byte = static_cast<char>(random()); }
  return noise;
}

// Counts which bytes are asked for, as a store far away would have to send them.
class CountingSource final : public Source {
 public:
  CountingSource(std::string content, std::uint64_t& bytes)
      : inner_{std::move(content)}, bytes_{bytes} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return inner_.size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    PV_TRY(const std::size_t count, inner_.read_at(offset, into));
    bytes_ += count;
    return count;
  }

 private:
  MemorySource inner_;
  std::uint64_t& bytes_;
};

std::shared_ptr<const Contents> look_into(std::string archive) {
  const auto contents =
      Contents::open({.name = "a.zip", .open = testing::open_memory(std::move(archive))});
  PV_ASSERT(contents.has_value());
  return *contents;
}

std::vector<std::string> names(const Contents& contents, const std::string& path,
                               Contents::Depth depth = Contents::Depth::kOne) {
  const auto page = contents.list({.path = path, .depth = depth, .count_max = 1000});
  if (!page.has_value()) { return {page.error().what}; }
  std::vector<std::string> found;
  for (const ContentItem& item : page->items) {
    found.push_back(item.name + (item.kind == ItemKind::kFolder ? "/" : ""));
  }
  return found;
}

TEST(Contents, HasFoldersThatHaveNoEntriesOfTheirOwn) {
  const auto contents = look_into(zip_of({{"storage/b/2", "22"},
                                          {"data.db", "x"},
                                          {"storage/b-c", "333"},
                                          {"storage/b/1", "1"},
                                          {"storage/empty/"}}));
  EXPECT_THAT(names(*contents, ""), ElementsAre("data.db", "storage/"));
  EXPECT_THAT(names(*contents, "storage"),
              ElementsAre("storage/b/", "storage/b-c", "storage/empty/"));
  EXPECT_THAT(names(*contents, "/storage/b/"), ElementsAre("storage/b/1", "storage/b/2"));
  EXPECT_THAT(names(*contents, "", Contents::Depth::kAll),
              ElementsAre("data.db", "storage/", "storage/b/", "storage/b/1", "storage/b/2",
                          "storage/b-c", "storage/empty/"));
  const ContentItem storage = contents->find("storage").value();
  EXPECT_EQ(storage.kind, ItemKind::kFolder);
  EXPECT_EQ(storage.files, 3U);
  EXPECT_EQ(storage.raw_bytes, 6U);
  EXPECT_EQ(contents->find("").value().files, 4U);
  EXPECT_EQ(contents->find("storage/b/3").error().code, Code::kNotFound);
  EXPECT_EQ(contents->find("stor").error().code, Code::kNotFound);
  EXPECT_THAT(names(*contents, "data.db"), ElementsAre("data.db"));
}

TEST(Contents, CountsAFolderOnceHoweverManyEntriesItHas) {
  const auto contents = look_into(zip_of({{"a/"}, {"a/"}, {"./a/x", "1"}, {"a//"}, {"./"}}));
  EXPECT_THAT(names(*contents, "", Contents::Depth::kAll), ElementsAre("a/", "a/x"));
}

TEST(Contents, PagesAreTheListInPieces) {
  std::vector<File> files;
  for (int i = 0; i < 50; ++i) {
    files.push_back({"f" + std::to_string(i % 7) + "/" + std::to_string(i), "x"});
  }
  files.push_back({"../out", "x"});
  const auto contents = look_into(zip_of(files));
  for (const auto depth : {Contents::Depth::kOne, Contents::Depth::kAll}) {
    const auto all = contents->list({.path = "", .depth = depth, .count_max = 1000}).value();
    EXPECT_EQ(all.total, all.items.size());
    std::vector<ContentItem> joined;
    for (std::uint64_t skip = 0; skip < all.total; skip += 6) {
      auto page =
          contents->list({.path = "", .depth = depth, .skip = skip, .count_max = 6}).value();
      EXPECT_EQ(page.total, all.total);
      for (ContentItem& item : page.items) { joined.push_back(std::move(item)); }
    }
    EXPECT_EQ(joined, all.items);
    const auto behind = contents->list({.depth = depth, .skip = all.total, .count_max = 6}).value();
    EXPECT_THAT(behind.items, IsEmpty());
  }
}

TEST(Contents, ShowsWhatLeadsOutsideAndGivesNoneOfIt) {
  const auto contents = look_into(zip_of({{"../../etc/passwd", "x"},
                                          {"storage/link", "/etc/passwd", 0120777},
                                          {"a/../b", "inside"},
                                          {"twice", "1"},
                                          {"twice", "2"},
                                          {"both", "file"},
                                          {"both/in", "folder"}}));
  const auto page = contents->list({.count_max = 100}).value();
  ASSERT_EQ(page.items.back().name, "../../etc/passwd");
  EXPECT_THAT(page.items.back().refused, HasSubstr("leads outside"));
  MemorySink sink;
  for (const char* path :
       {"../../etc/passwd", "etc/passwd", "storage/link", "storage", "twice", "both"}) {
    EXPECT_FALSE(contents->extract(path, sink, {}).has_value()) << path;
    EXPECT_FALSE(Contents::stream(contents, path).has_value()) << path;
  }
  EXPECT_EQ(sink.content(), "");
  EXPECT_EQ(contents->find("twice").error().code, Code::kDamaged);
  EXPECT_FALSE(contents->find("storage/link").value().refused.empty());
  ASSERT_TRUE(contents->extract("b", sink, {}).has_value()) << "its clean name counts";
  ASSERT_TRUE(contents->extract("both/in", sink, {}).has_value());
  EXPECT_EQ(sink.content(), "insidefolder");
}

TEST(Contents, ReadsTheDirectoryAndTheEntryThatIsWantedAlone) {
  constexpr std::size_t kBigBytes = std::size_t{8} << 20U;
  std::vector<File> files{{"data.db", noise_of(kBigBytes, 1)},
                          {"storage/wanted", noise_of(1000, 2)},
                          {"storage/other", noise_of(kBigBytes, 3)}};
  for (int i = 0; i < 500; ++i) { files.push_back({"storage/many/" + std::to_string(i), "text"}); }
  const std::string archive = zip_of(files);
  std::uint64_t bytes = 0;
  const auto contents = Contents::open({.name = "a.zip", .open = [&] {
                                          return Result<std::unique_ptr<Source>>{
                                              std::make_unique<CountingSource>(archive, bytes)};
                                        }});
  ASSERT_TRUE(contents.has_value());
  // Where the directory begins stands 6 bytes before the end of the archive.
  std::uint32_t directory = 0;
  std::memcpy(&directory, archive.data() + archive.size() - 6, sizeof directory);
  // The search for the end record looks at the last 64 KiB of the archive at most.
  const std::uint64_t bound = archive.size() - directory + (std::uint64_t{64} << 10U) + 1024;
  EXPECT_LE(bytes, bound);
  ASSERT_EQ((*contents)->list({.depth = Contents::Depth::kAll, .count_max = 1000})->total, 505U);
  EXPECT_LE(bytes, bound) << "a listing reads nothing more";

  bytes = 0;
  MemorySink sink;
  ASSERT_TRUE((*contents)->extract("storage/wanted", sink, {}).has_value());
  EXPECT_TRUE(sink.content() == files[1].content);
  // Its header, its data, and nothing of what follows it.
  EXPECT_LE(bytes, files[1].content.size() + 200);
  bytes = 0;
  auto stream = Contents::stream(*contents, "storage/wanted");
  ASSERT_TRUE(stream.has_value());
  EXPECT_LE(bytes, files[1].content.size() + 200);
}

TEST(Contents, AStreamIsTheFileFromStartToEnd) {
  const std::string content = noise_of(700'000, 5);
  const auto contents = look_into(zip_of({{"data.db", content}, {"empty", ""}}));
  const auto stream = Contents::stream(contents, "data.db").value();
  ASSERT_EQ(stream->size_bytes(), content.size());
  MemorySink sink;
  ASSERT_EQ(copy(*stream, sink).value(), content.size());
  EXPECT_TRUE(sink.content() == content);
  std::array<std::byte, 1> byte{};
  EXPECT_EQ(stream->read_at(0, byte).error().code, Code::kInternal);
  EXPECT_EQ(Contents::stream(contents, "empty").value()->read_at(0, byte).value(), 0U);
}

TEST(Contents, OneThatIsDamagedNeverComesWhole) {
  const std::string big = noise_of(700'000, 6);
  std::string archive = zip_of({{"big", big}, {"small", noise_of(1000, 7)}});
  archive[1000] = static_cast<char>(archive[1000] ^ 1);
  const std::size_t small = archive.find("small") + 500;
  archive[small] = static_cast<char>(archive[small] ^ 1);
  const auto contents = look_into(archive);
  EXPECT_EQ(Contents::stream(contents, "small").error().code, Code::kDamaged)
      << "found before any of it is given out";
  const auto stream = Contents::stream(contents, "big").value();
  MemorySink sink;
  const auto copied = copy(*stream, sink);
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().code, Code::kDamaged);
  EXPECT_LT(sink.content().size(), big.size());
}

}  // namespace
}  // namespace pv::jobs
