#include "zip/zip_reader.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "zip/crc.h"
#include "zip/deflate.h"
#include "zip/directory.h"
#include "zip/end_record.h"
#include "zip/record.h"
#include "zip/vault_block.h"

namespace pv::zip {
namespace {

constexpr std::size_t kInputBytes = std::size_t{128} << 10U;
constexpr std::size_t kOutputBytes = std::size_t{256} << 10U;

// Work space of one extraction.
struct Tools {
  Inflater inflater;
  std::unique_ptr<std::byte[]> input = std::make_unique_for_overwrite<std::byte[]>(kInputBytes);
  std::unique_ptr<std::byte[]> output = std::make_unique_for_overwrite<std::byte[]>(kOutputBytes);
};

// As many as there ever were extractions at once.
class ToolShelf {
 public:
  std::unique_ptr<Tools> take() {
    {
      const std::lock_guard lock{mutex_};
      if (!free_.empty()) {
        auto tools = std::move(free_.back());
        free_.pop_back();
        return tools;
      }
    }
    return std::make_unique<Tools>();
  }
  void give_back(std::unique_ptr<Tools> tools) {
    const std::lock_guard lock{mutex_};
    free_.push_back(std::move(tools));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Tools>> free_;
};

// The bytes of one entry: from its local header to where the next begins.
class Input {
 public:
  Input(Source& source, std::uint64_t offset, std::uint64_t end, MutableBytes block)
      : source_{source}, offset_{offset}, end_{end}, block_{block} {}

  // What was read but not yet consumed; reads on when that is nothing. Empty at the end.
  Result<Bytes> some() {
    if (at_ == have_) { PV_CHECK(read_on()); }
    return Bytes{block_}.subspan(at_, have_ - at_);
  }
  void consume(std::size_t count) { at_ += count; }

  // Copies the next bytes out; false when fewer are left.
  Result<bool> take(MutableBytes into) {
    if (into.size() > left()) { return false; }
    while (!into.empty()) {
      PV_TRY(const Bytes bytes, some());
      const std::size_t count = std::min(bytes.size(), into.size());
      std::copy_n(bytes.begin(), count, into.begin());
      into = into.subspan(count);
      consume(count);
    }
    return true;
  }
  [[nodiscard]] std::uint64_t left() const { return end_ - offset_ + (have_ - at_); }

 private:
  Result<void> read_on() {
    at_ = 0;
    have_ = static_cast<std::size_t>(std::min<std::uint64_t>(block_.size(), end_ - offset_));
    PV_CHECK(read_exactly(source_, offset_, block_.first(have_)));
    offset_ += have_;
    return {};
  }

  Source& source_;
  std::uint64_t offset_;
  const std::uint64_t end_;
  const MutableBytes block_;
  std::size_t at_ = 0;
  std::size_t have_ = 0;
};

// One extraction, step by step; `what` of its errors leaves out the entry's name.
class Extraction {
 public:
  Extraction(const Entry& entry, Input& input, Tools& tools)
      : entry_{entry}, input_{input}, tools_{tools}, packed_left_{entry.packed_bytes} {}

  Result<void> check_local_header();
  Result<void> check_descriptor();

  // After check_local_header(): the next bytes of the entry, good until the call after. Empty at
  // its end, when all of it has proved right.
  Result<Bytes> next() {
    const bool is_stored = entry_.method == static_cast<std::uint16_t>(Method::kStored);
    PV_TRY(const Bytes bytes, is_stored ? copy_some() : inflate_some());
    if (bytes.empty()) {
      PV_CHECK(check_end());
      return bytes;
    }
    if (bytes.size() > entry_.raw_bytes - made_bytes_) {
      return fail(Code::kDamaged, "more comes out than the " + std::to_string(entry_.raw_bytes) +
                                      " bytes declared");
    }
    made_bytes_ += bytes.size();
    crc32_ = crc32(bytes, crc32_);
    return bytes;
  }

 private:
  Result<void> check_local_numbers(std::uint32_t crc, std::uint32_t packed, std::uint32_t raw,
                                   Bytes extra) const;
  Result<Bytes> copy_some();
  Result<Bytes> inflate_some();
  Result<void> check_end();

  const Entry& entry_;
  Input& input_;
  Tools& tools_;
  std::uint64_t packed_left_;
  std::uint64_t packed_too_many_ = 0;  // bytes behind the end of the deflate stream
  bool is_inflated_ = false;
  std::uint64_t made_bytes_ = 0;
  std::uint32_t crc32_ = 0;
};

Error differs(std::string_view field) {
  return Error{Code::kDamaged,
               "local header and directory disagree about the " + std::string{field}};
}

Result<void> Extraction::check_local_header() {
  std::array<std::byte, kLocalBytes> fixed{};
  PV_TRY(const bool is_there, input_.take(fixed));
  FieldReader reader{fixed};
  if (!is_there || reader.u32() != kLocalSignature) {
    return fail(Code::kDamaged, "there is no local header where the directory says");
  }
  reader.u16();  // version needed
  constexpr std::uint16_t kMustAgree = kFlagEncrypted | kFlagDescriptor;
  if (((reader.u16() ^ entry_.flags) & kMustAgree) != 0) { return fail(differs("flags")); }
  if (reader.u16() != entry_.method) { return fail(differs("method")); }
  reader.u32();  // time and date
  const std::uint32_t crc = reader.u32();
  const std::uint32_t packed = reader.u32();
  const std::uint32_t raw = reader.u32();
  const std::size_t name_bytes = reader.u16();
  const std::size_t extra_bytes = reader.u16();
  if (name_bytes != entry_.name.size()) { return fail(differs("name")); }
  std::vector<std::byte> rest(name_bytes + extra_bytes);
  PV_TRY(const bool fits, input_.take(rest));
  if (!fits || input_.left() < entry_.packed_bytes) {
    return fail(Code::kDamaged, "its data would reach into what follows it");
  }
  if (as_text(Bytes{rest}.first(name_bytes)) != entry_.name) { return fail(differs("name")); }
  return check_local_numbers(crc, packed, raw, Bytes{rest}.subspan(name_bytes));
}

Result<void> Extraction::check_local_numbers(std::uint32_t crc, std::uint32_t packed,
                                             std::uint32_t raw, Bytes extra_bytes) const {
  // With a descriptor to come these are zero, or known already; some put 0xFFFFFFFF.
  const bool are_later = (entry_.flags & kFlagDescriptor) != 0;
  if (are_later && crc == 0) { return {}; }
  PV_TRY(const Extra extra,
         parse_extra(extra_bytes, {.raw_bytes = raw == kIn64, .packed_bytes = packed == kIn64}));
  if (crc != entry_.crc32) { return fail(differs("checksum")); }
  if (extra.packed_bytes.value_or(packed) != entry_.packed_bytes ||
      extra.raw_bytes.value_or(raw) != entry_.raw_bytes) {
    return fail(differs("size"));
  }
  return {};
}

Result<Bytes> Extraction::copy_some() {
  const std::uint64_t left = entry_.raw_bytes - made_bytes_;
  if (left == 0) { return Bytes{}; }
  PV_TRY(Bytes bytes, input_.some());
  bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left)));
  input_.consume(bytes.size());
  return bytes;
}

Result<Bytes> Extraction::inflate_some() {
  const MutableBytes output{tools_.output.get(), kOutputBytes};
  const bool has_nothing = entry_.packed_bytes == 0 && entry_.raw_bytes == 0;
  while (!is_inflated_ && !has_nothing) {
    PV_TRY(Bytes packed, packed_left_ == 0 ? Result<Bytes>{Bytes{}} : input_.some());
    packed = packed.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(packed.size(), packed_left_)));
    PV_TRY(const Inflater::Step step, tools_.inflater.run(packed, output));
    input_.consume(step.taken);
    packed_left_ -= step.taken;
    is_inflated_ = step.is_over;
    packed_too_many_ = step.too_many;
    if (step.made > 0) { return Bytes{output.first(step.made)}; }
    if (!step.is_over && (step.taken == 0 || packed_left_ == 0)) {
      return fail(Code::kDamaged, "its compressed data ends too early");
    }
  }
  if (packed_left_ + packed_too_many_ != 0) {
    return fail(Code::kDamaged, "bytes follow the end of its compressed data");
  }
  return Bytes{};
}

Result<void> Extraction::check_end() {
  if (made_bytes_ != entry_.raw_bytes) {
    return fail(Code::kDamaged, std::to_string(made_bytes_) + " bytes came out, " +
                                    std::to_string(entry_.raw_bytes) + " were declared");
  }
  if (crc32_ != entry_.crc32) { return fail(Code::kDamaged, "the checksum (CRC-32) is wrong"); }
  return check_descriptor();
}

// [PK\7\8: 4, may be missing][crc: 4][packed: 4 or 8][raw: 4 or 8]
Result<void> Extraction::check_descriptor() {
  if ((entry_.flags & kFlagDescriptor) == 0) { return {}; }
  std::array<std::byte, 24> bytes{};
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), input_.left()));
  PV_TRY(const bool is_there, input_.take(MutableBytes{bytes}.first(count)));
  const Bytes have = Bytes{bytes}.first(is_there ? count : 0);
  for (const std::size_t width : {std::size_t{4}, std::size_t{8}}) {
    std::string expected;
    Header header{.name = {}};
    header.local_is_64 = width == 8;
    header.crc32 = entry_.crc32;
    header.packed_bytes = entry_.packed_bytes;
    header.raw_bytes = entry_.raw_bytes;
    append_descriptor(expected, header);
    const std::string_view unsigned_form = std::string_view{expected}.substr(4);
    if (as_text(have).starts_with(expected) || as_text(have).starts_with(unsigned_form)) {
      return {};
    }
  }
  return fail(Code::kDamaged, "data descriptor and directory disagree");
}

Result<void> check_readable(const Entry& entry) {
  if (entry.is_encrypted()) { return fail(Code::kUnsupported, "it is encrypted"); }
  if (entry.method != static_cast<std::uint16_t>(Method::kStored) &&
      entry.method != static_cast<std::uint16_t>(Method::kDeflated)) {
    return fail(Code::kUnsupported,
                "its compression method " + std::to_string(entry.method) + " can't be read here");
  }
  return {};
}

}  // namespace

namespace {

// Where an entry's packed bytes begin, once its local header and descriptor are found to agree with
// the directory.
Result<std::uint64_t> find_data(const Entry& entry, Source& source, std::uint64_t end,
                                MutableBytes buffer, Tools& tools) {
  Input head{source, entry.header_offset, end, buffer};
  PV_CHECK((Extraction{entry, head, tools}.check_local_header()));
  const std::uint64_t data = end - head.left();
  Input tail{source, data + entry.packed_bytes, end, buffer};
  PV_CHECK((Extraction{entry, tail, tools}.check_descriptor()));
  return data;
}

// A piece refers to nothing before it. But for the last it does not end the stream.
Result<void> inflate_piece(const ZipReader::Piece& piece, Input& input, Inflater& inflater,
                           MutableBytes into) {
  inflater.reset();
  std::size_t made = 0;
  // The empty block at its end makes nothing, but is to be read as well: hence the room for a byte
  // that must not come.
  std::array<std::byte, 1> excess{};
  for (;;) {
    PV_TRY(const Bytes packed, input.left() == 0 ? Result<Bytes>{Bytes{}} : input.some());
    const bool is_full = made == into.size();
    PV_TRY(const Inflater::Step step,
           inflater.run(packed, is_full ? MutableBytes{excess} : into.subspan(made)));
    input.consume(step.taken);
    if (is_full && step.made > 0) { break; }
    made += step.made;
    if (step.is_over || input.left() == 0) {
      const bool is_whole = made == into.size() && input.left() + step.too_many == 0;
      if (is_whole && step.is_over == piece.is_last) { return {}; }
    }
    // Without input it may still have bytes to give that did not fit in.
    if (step.is_over || (step.taken == 0 && step.made == 0)) { break; }
  }
  return fail(Code::kDamaged, "a piece is not what the vault block says");
}

}  // namespace

struct ZipReader::State {
  std::shared_ptr<Source> source;
  Directory directory;
  std::optional<VaultBlock> block;
  std::string why_no_block;
  mutable ToolShelf shelf;
};

Result<ZipReader> ZipReader::open(std::shared_ptr<Source> source, ReaderLimits limits,
                                  BlockUse block_use) {
  auto state = std::make_shared<State>();
  PV_TRY(state->directory, read_directory(*source, limits));
  if (block_use == BlockUse::kRead) {
    PV_TRY(state->block, VaultBlock::read(*source, state->directory, state->why_no_block));
  } else {
    state->why_no_block = "it was not looked for";
  }
  state->source = std::move(source);
  return ZipReader{std::move(state)};
}

const std::vector<Entry>& ZipReader::entries() const { return state_->directory.entries; }
const std::string& ZipReader::comment() const { return state_->directory.comment; }
std::uint32_t ZipReader::directory_crc32() const { return state_->directory.crc32; }

bool ZipReader::is_object(const Entry& entry) const {
  const auto index = static_cast<std::size_t>(&entry - entries().data());
  return state_->block && state_->block->is_object(index);
}

std::string_view ZipReader::facts() const {
  return state_->block ? state_->block->facts() : std::string_view{};
}
const std::string& ZipReader::why_no_block() const { return state_->why_no_block; }

Result<std::vector<ZipReader::Piece>> ZipReader::pieces_of(const Entry& entry) const {
  const auto index = static_cast<std::size_t>(&entry - entries().data());
  std::vector<Piece> pieces;
  if (!state_->block || !state_->block->has_chunks(index)) { return pieces; }
  PV_CHECK(check_readable(entry));
  auto tools = state_->shelf.take();
  const std::uint64_t end = state_->directory.end_of_entry_at(entry.header_offset);
  const MutableBytes buffer{tools->input.get(), kInputBytes};
  const auto data = find_data(entry, *state_->source, end, buffer, *tools);
  state_->shelf.give_back(std::move(tools));
  if (!data.has_value()) { return fail(data.error().within(printable(entry.name))); }
  const BlockRecord record = state_->block->record(index, entry);
  pieces.reserve(record.chunks.size());
  std::uint64_t packed_offset = *data;
  std::uint64_t raw_offset = 0;
  for (const Chunk& chunk : record.chunks) {
    const std::uint64_t raw_bytes =
        std::min<std::uint64_t>(record.chunk_bytes, entry.raw_bytes - raw_offset);
    pieces.push_back({.raw_offset = raw_offset,
                      .raw_bytes = static_cast<std::size_t>(raw_bytes),
                      .packed_offset = packed_offset,
                      .packed_bytes = chunk.packed_bytes,
                      .crc32 = chunk.raw_crc32});
    packed_offset += chunk.packed_bytes;
    raw_offset += raw_bytes;
  }
  pieces.back().is_last = true;
  return pieces;
}

Result<void> ZipReader::extract_piece(const Entry& entry, const Piece& piece,
                                      MutableBytes into) const {
  PV_ASSERT(into.size() >= piece.raw_bytes);
  into = into.first(piece.raw_bytes);
  auto tools = state_->shelf.take();
  Result<void> outcome;
  if (entry.method == static_cast<std::uint16_t>(Method::kStored)) {
    outcome = read_exactly(*state_->source, piece.packed_offset, into);
  } else {
    Input input{*state_->source, piece.packed_offset, piece.packed_offset + piece.packed_bytes,
                MutableBytes{tools->input.get(), kInputBytes}};
    outcome = inflate_piece(piece, input, tools->inflater, into);
  }
  state_->shelf.give_back(std::move(tools));
  if (outcome.has_value() && crc32(into) != piece.crc32) {
    outcome = fail(Code::kDamaged, "the checksum (CRC-32) of a piece is wrong");
  }
  if (!outcome.has_value()) { return fail(outcome.error().within(printable(entry.name))); }
  return outcome;
}

Result<void> ZipReader::extract(const Entry& entry, Sink& sink, std::stop_token stop) const {
  EntryStream stream{*this, entry};
  return stream.run(sink, stop);
}

// --------------------------------------------------------------------------------- EntryStream

// What it works with; the tools go back to the shelf with it.
struct EntryStream::Work {
  Work(std::shared_ptr<const ZipReader::State> from, const Entry& wanted)
      : state{std::move(from)},
        entry{wanted},
        tools{state->shelf.take()},
        input{*state->source, entry.header_offset,
              state->directory.end_of_entry_at(entry.header_offset),
              MutableBytes{tools->input.get(), kInputBytes}},
        extraction{entry, input, *tools} {
    tools->inflater.reset();
  }
  ~Work() { state->shelf.give_back(std::move(tools)); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  Result<Bytes> next() {
    Result<Bytes> bytes = [this]() -> Result<Bytes> {
      if (!std::exchange(has_begun, true)) {
        PV_CHECK(check_readable(entry));
        PV_CHECK(extraction.check_local_header());
      }
      return extraction.next();
    }();
    if (!bytes.has_value()) { return fail(bytes.error().within(printable(entry.name))); }
    return bytes;
  }

  std::shared_ptr<const ZipReader::State> state;
  const Entry& entry;
  std::unique_ptr<Tools> tools;
  Input input;
  Extraction extraction;
  bool has_begun = false;
};

EntryStream::EntryStream(const ZipReader& reader, const Entry& entry)
    : work_{std::make_unique<Work>(reader.state_, entry)} {
  // True of all entries(): checked when they were read.
  PV_ASSERT(entry.header_offset < work_->state->directory.end_of_entry_at(entry.header_offset));
}
EntryStream::~EntryStream() = default;

Result<void> EntryStream::run(Sink& sink, const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    PV_TRY(const Bytes bytes, work_->next());
    if (bytes.empty()) { return {}; }
    PV_CHECK(sink.write(bytes));
  }
}

Result<void> EntryStream::prepare() {
  PV_CHECK(advance());                           // the first block is held now
  return is_over_ ? Result<void>{} : advance();  // and may be given out
}

Result<std::size_t> EntryStream::read(MutableBytes into) {
  std::size_t done = 0;
  while (done < into.size()) {
    if (at_ == ready_.size()) {
      if (is_over_) { break; }
      PV_CHECK(advance());
      continue;
    }
    const std::size_t count = std::min(into.size() - done, ready_.size() - at_);
    std::copy_n(ready_.begin() + static_cast<std::ptrdiff_t>(at_), count,
                into.begin() + static_cast<std::ptrdiff_t>(done));
    at_ += count;
    done += count;
  }
  return done;
}

Result<void> EntryStream::advance() {
  if (failed_) { return fail(*failed_); }
  auto more = work_->next();
  if (!more.has_value()) {
    failed_ = more.error();
    return fail(*failed_);
  }
  ready_.swap(held_);
  at_ = 0;
  held_.assign(more->begin(), more->end());
  is_over_ = more->empty();
  return {};
}

}  // namespace pv::zip
