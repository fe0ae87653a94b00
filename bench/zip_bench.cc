// What the parts of the archive writer and reader cost, without disks: one core each for the
// primitives, 1 and 2 threads for whole archives.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>

#include "zip/crc.h"
#include "zip/deflate.h"
#include "zip/keyed_hash.h"
#include "zip/previous.h"
#include "zip/sample.h"
#include "zip/zip_reader.h"
#include "zip/zip_writer.h"

namespace pv::zip {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20U;

// Words by Zipf's law, numbers and identifiers, as in a table of records: zlib's level 1 brings it
// to about 0.4.
const std::string& text() {
  static const std::string made = [] {
    std::mt19937 random{1};
    std::vector<std::string> words(6000);
    for (std::string& word : words) {
      for (std::size_t i = 2 + random() % 8; i > 0; --i) {
        word += "etaoinshrdlucmfwypvbgk"[random() % 22];
      }
    }
    std::string all;
    while (all.size() < 16 * kChunk) {
      const auto rank =
          static_cast<std::size_t>(std::exp(std::generate_canonical<double, 32>(random) * 8.69));
      all += words[std::min<std::size_t>(rank, words.size() - 1)];
      all += ' ';
      if (random() % 60 == 0) { all += std::to_string(random()); }
    }
    all.resize(16 * kChunk);
    return all;
  }();
  return made;
}

const std::string& noise() {
  static const std::string made = [] {
    std::mt19937_64 random{2};
    std::string all(16 * kChunk, '\0');
    for (std::size_t i = 0; i + 8 <= all.size(); i += 8) {
      const std::uint64_t word = random();
      std::memcpy(&all[i], &word, 8);
    }
    return all;
  }();
  return made;
}

void count_bytes(benchmark::State& state, std::size_t bytes_each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes_each) *
                          static_cast<std::int64_t>(state.iterations()));
}

void deflate(benchmark::State& state, const std::string& raw) {
  Deflater deflater{static_cast<int>(state.range(0))};
  std::string room(2 * kChunk, '\0');
  std::size_t at = 0;
  std::size_t packed = 0;
  for (auto _ : state) {
    packed += deflater
                  .run(as_bytes(raw).subspan(at, kChunk), std::as_writable_bytes(std::span{room}),
                       StreamEnd::kFlush)
                  .value_or(0);
    at = (at + kChunk) % raw.size();
  }
  count_bytes(state, kChunk);
  state.counters["ratio"] =
      static_cast<double>(packed) / static_cast<double>(kChunk * state.iterations());
}
void DeflateText(benchmark::State& state) { deflate(state, text()); }
void DeflateNoise(benchmark::State& state) { deflate(state, noise()); }
BENCHMARK(DeflateText)->DenseRange(0, 3);
BENCHMARK(DeflateNoise)->DenseRange(0, 3);

void Inflate(benchmark::State& state) {
  Deflater deflater{kDefaultLevel};
  std::string packed(2 * kChunk, '\0');
  packed.resize(*deflater.run(as_bytes(text()).first(kChunk),
                              std::as_writable_bytes(std::span{packed}), StreamEnd::kFinal));
  std::string room(kChunk, '\0');
  Inflater inflater;
  for (auto _ : state) {
    inflater.reset();
    benchmark::DoNotOptimize(
        inflater.run(as_bytes(packed), std::as_writable_bytes(std::span{room})));
  }
  count_bytes(state, kChunk);
}
BENCHMARK(Inflate);

void Crc32(benchmark::State& state) {
  for (auto _ : state) { benchmark::DoNotOptimize(crc32(as_bytes(noise()).first(kChunk))); }
  count_bytes(state, kChunk);
}
BENCHMARK(Crc32);

constexpr HashKey kKey{std::byte{1}, std::byte{2}};

// What tells an incremental backup that a piece is what it was.
void HashGmac(benchmark::State& state) {
  KeyedHasher hasher{kKey, KeyedHasher::Use::kContent};
  for (auto _ : state) { benchmark::DoNotOptimize(hasher.hash(as_bytes(noise()).first(kChunk))); }
  count_bytes(state, kChunk);
}
BENCHMARK(HashGmac);

void CombineCrc32(benchmark::State& state) {
  std::uint32_t crc = 1;
  for (auto _ : state) { crc = combine_crc32(crc, 0x12345678, kChunk); }
  benchmark::DoNotOptimize(crc);
}
BENCHMARK(CombineCrc32);

// A look at 170 kB that do not compress: the price of storing a photo instead of deflating it.
void LookAtNoise(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(looks_compressible(as_bytes(noise()).first(170'000)));
  }
}
BENCHMARK(LookAtNoise);

// `bytes` of a buffer, over and over when it is longer.
class BufferSource final : public Source {
 public:
  BufferSource(const std::string& buffer, std::uint64_t size_bytes)
      : buffer_{buffer}, size_bytes_{size_bytes} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    const auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>(into.size(), size_bytes_ - std::min(offset, size_bytes_)));
    for (std::size_t done = 0; done < count;) {
      const std::size_t at = (offset + done) % buffer_.size();
      const std::size_t step = std::min(buffer_.size() - at, count - done);
      std::memcpy(&into[done], &buffer_[at], step);
      done += step;
    }
    return count;
  }

 private:
  const std::string& buffer_;
  const std::uint64_t size_bytes_;
};

class NullSink final : public Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes) override { return {}; }
  [[nodiscard]] bool can_patch() const override { return true; }
  [[nodiscard]] Result<void> patch(std::uint64_t, Bytes) override { return {}; }
};

class StringSink final : public Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    content += as_text(bytes);
    return {};
  }
  std::string content;
};

struct Shape {
  const std::string& (*content)();
  std::size_t files;
  std::uint64_t file_bytes;
};

void write_archive(Sink& sink, WorkPool& pool, const Shape& shape,
                   const WriterOptions& options = {.report_all = false}) {
  ZipWriter writer{sink, pool, options, {}};
  for (std::size_t i = 0; i < shape.files; ++i) {
    const auto added =
        writer.add({.name = "storage/" + std::to_string(i), .expected_bytes = shape.file_bytes},
                   [&shape]() -> Result<std::unique_ptr<Source>> {
                     return std::make_unique<BufferSource>(shape.content(), shape.file_bytes);
                   });
    PV_ASSERT(added.has_value());
  }
  PV_ASSERT(writer.finish().has_value());
}

void write_archives(benchmark::State& state, const Shape& shape) {
  (void)shape.content();
  WorkPool pool{static_cast<std::size_t>(state.range(0))};
  NullSink sink;
  for (auto _ : state) { write_archive(sink, pool, shape); }
  count_bytes(state, shape.files * shape.file_bytes);
}
void WriteOneBigText(benchmark::State& state) { write_archives(state, {text, 1, 256 * kChunk}); }
void WritePhotos(benchmark::State& state) { write_archives(state, {noise, 1000, 170'000}); }
void WriteSmallTexts(benchmark::State& state) { write_archives(state, {text, 20'000, 1500}); }
BENCHMARK(WriteOneBigText)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(WritePhotos)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(WriteSmallTexts)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

// Packed bytes of an archive in memory, copied and checked as an incremental backup does; counted
// are the packed bytes.
void CopyPacked(benchmark::State& state) {
  WorkPool pool{2};
  StringSink archive;
  write_archive(archive, pool, {text, 1, 64 * kChunk}, {.report_all = false, .hash_key = kKey});
  const auto previous =
      Previous::open(std::make_shared<BufferSource>(archive.content, archive.content.size()), kKey);
  PV_ASSERT(previous.has_value());
  const auto entry = (*previous)->find("storage/0");
  PV_ASSERT(entry.has_value());
  std::string room(2 * kChunk, '\0');
  std::size_t packed = 0;
  for (auto _ : state) {
    std::uint64_t offset = entry->data_offset;
    for (const Chunk& chunk : entry->record.chunks) {
      PV_ASSERT((*previous)->copy(chunk, offset, std::as_writable_bytes(std::span{room})));
      offset += chunk.packed_bytes;
    }
    packed = static_cast<std::size_t>(offset - entry->data_offset);
  }
  count_bytes(state, packed);
}
BENCHMARK(CopyPacked);

// A view of an archive in memory.
void read_archives(benchmark::State& state, const Shape& shape) {
  WorkPool pool{static_cast<std::size_t>(state.range(0))};
  StringSink archive;
  write_archive(archive, pool, shape);
  for (auto _ : state) {
    const auto reader =
        ZipReader::open(std::make_shared<BufferSource>(archive.content, archive.content.size()));
    PV_ASSERT(reader.has_value());
    const auto done =
        for_each_index(pool, reader->entries().size(), pool.thread_count(), [&](std::size_t i) {
          NullSink sink;
          return reader->extract(reader->entries()[i], sink);
        });
    PV_ASSERT(done.has_value());
  }
  count_bytes(state, shape.files * shape.file_bytes);
}
void ReadTexts(benchmark::State& state) { read_archives(state, {text, 64, 2 * kChunk}); }
void ReadPhotos(benchmark::State& state) { read_archives(state, {noise, 1000, 170'000}); }
void ReadSmallTexts(benchmark::State& state) { read_archives(state, {text, 20'000, 1500}); }
BENCHMARK(ReadTexts)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ReadPhotos)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ReadSmallTexts)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pv::zip

BENCHMARK_MAIN();
