// The two ends of a pipe in memory.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/io.h"

namespace pv::testing {

class MemorySource final : public Source {
 public:
  explicit MemorySource(std::string content) : content_{std::move(content)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return content_.size(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= content_.size()) { return 0; }
    const auto at = static_cast<std::size_t>(offset);
    const std::size_t count = std::min(into.size(), content_.size() - at);
    if (count > 0) { std::memcpy(into.data(), &content_[at], count); }
    return count;
  }

 private:
  const std::string content_;
};

// Opens a source over a copy of `content`.
[[nodiscard]] inline SourceOpener open_memory(std::string content) {
  return [content = std::move(content)]() -> Result<std::unique_ptr<Source>> {
    return std::make_unique<MemorySource>(content);
  };
}

enum class Patching { kYes, kNo };

class MemorySink final : public Sink {
 public:
  explicit MemorySink(Patching patching = Patching::kYes) : patching_{patching} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    content_ += as_text(bytes);
    ++writes_;
    return {};
  }
  [[nodiscard]] bool can_patch() const override { return patching_ == Patching::kYes; }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    PV_ASSERT(can_patch() && offset + bytes.size() <= content_.size());
    content_.replace(static_cast<std::size_t>(offset), bytes.size(), as_text(bytes));
    return {};
  }
  [[nodiscard]] const std::string& content() const { return content_; }
  [[nodiscard]] std::size_t writes() const { return writes_; }

 private:
  friend class CloningSink;
  friend class RepeatingSink;
  const Patching patching_;
  std::string content_;
  std::size_t writes_ = 0;
};

// As a file where files share blocks. It insists on whole blocks, as file systems do.
class CloningSink final : public Sink {
 public:
  // From the clone number `refuses_from` on it can't any more.
  explicit CloningSink(std::uint64_t block_bytes, Patching patching = Patching::kYes,
                       std::size_t refuses_from = SIZE_MAX)
      : block_bytes_{block_bytes}, refuses_from_{refuses_from}, memory_{patching} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override { return memory_.write(bytes); }
  [[nodiscard]] bool can_patch() const override { return memory_.can_patch(); }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    return memory_.patch(offset, bytes);
  }
  [[nodiscard]] std::uint64_t clone_block_bytes() const override { return block_bytes_; }
  [[nodiscard]] Result<bool> clone(Source& source, ByteRange range) override {
    PV_ASSERT(range.offset % block_bytes_ == 0 && range.size_bytes % block_bytes_ == 0 &&
              range.size_bytes > 0 && content().size() % block_bytes_ == 0);
    if (clones_ >= refuses_from_) { return false; }
    ++clones_;
    std::string bytes(static_cast<std::size_t>(range.size_bytes), '\0');
    PV_TRY(const std::size_t count,
           source.read_at(range.offset, std::as_writable_bytes(std::span{bytes})));
    PV_ASSERT(count == bytes.size());
    memory_.content_ += bytes;
    return true;
  }
  [[nodiscard]] const std::string& content() const { return memory_.content(); }
  [[nodiscard]] std::size_t clones() const { return clones_; }

 private:
  const std::uint64_t block_bytes_;
  const std::size_t refuses_from_;
  std::size_t clones_ = 0;
  MemorySink memory_;
};

// As an upload to a store that has `previous`, and keeps what it is told of that.
class RepeatingSink final : public Sink {
 public:
  explicit RepeatingSink(std::string_view previous) : previous_{previous} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override { return memory_.write(bytes); }
  [[nodiscard]] bool can_repeat() const override { return true; }
  [[nodiscard]] Result<void> repeat(Bytes bytes, std::uint64_t at) override {
    const bool is_there = at <= previous_.size() && previous_.size() - at >= bytes.size();
    const bool is_right =
        is_there && previous_.substr(static_cast<std::size_t>(at), bytes.size()) == as_text(bytes);
    (is_right ? right_bytes_ : wrong_bytes_) += bytes.size();
    runs_ += at == end_ ? 0 : 1;
    end_ = at + bytes.size();
    return memory_.write(bytes);
  }
  [[nodiscard]] const std::string& content() const { return memory_.content(); }
  [[nodiscard]] std::uint64_t right_bytes() const { return right_bytes_; }
  [[nodiscard]] std::uint64_t wrong_bytes() const { return wrong_bytes_; }
  [[nodiscard]] std::size_t runs() const { return runs_; }  // that follow each other there

 private:
  const std::string_view previous_;
  std::uint64_t right_bytes_ = 0;
  std::uint64_t wrong_bytes_ = 0;
  std::size_t runs_ = 0;
  std::uint64_t end_ = UINT64_MAX;
  MemorySink memory_{Patching::kNo};
};

}  // namespace pv::testing
