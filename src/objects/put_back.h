// Puts an archive's files back into the bucket that an app keeps its files in.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "s3/client.h"

namespace pv::objects {

// Files that belong into a bucket. Threads: all methods from any thread at once.
class Incoming {
 public:
  struct File {
    std::string key;
    std::uint64_t size_bytes = 0;
    std::uint32_t checksum = 0;  // as checksum() makes it
  };
  virtual ~Incoming() = default;
  [[nodiscard]] virtual std::size_t count() const = 0;
  [[nodiscard]] virtual File at(std::size_t number) const = 0;
  [[nodiscard]] virtual Result<s3::Attributes> attributes_of(std::size_t number) const = 0;
  // All of it; what went into the sink is right only where this succeeds.
  [[nodiscard]] virtual Result<void> extract(std::size_t number, Sink& sink,
                                             std::stop_token stop) const = 0;
  // Of `bytes`, when `before` is that of what came before them (0 at the start).
  [[nodiscard]] virtual std::uint32_t checksum(Bytes bytes, std::uint32_t before) const = 0;
};

struct PutOptions {
  std::size_t at_once = 6;  // files; each takes a part's memory
  std::size_t part_bytes = std::size_t{6}
                           << 20U;  // PocketBase's own; more where 10,000 are too few
  std::function<void(std::uint64_t bytes)> on_done = {};  // put or found there; any thread
};

struct PutOutcome {
  std::uint64_t added_files = 0;
  std::uint64_t added_bytes = 0;
  std::uint64_t same_files = 0;  // there already
  std::uint64_t same_bytes = 0;
  std::vector<std::size_t> differing;  // numbers of those that are there with another content
};

// Puts those files that the bucket lacks. Nothing that is there is replaced or removed: whether its
// content is the same is told by its ETag where that is an MD5, else by reading it. After an error
// the bucket has some files more than before, which nothing refers to, and no parts of files.
//
// Errors     Those of the client and of `incoming`, with the file's key. kCancelled.
[[nodiscard]] Result<PutOutcome> put_missing(s3::Client& client, const Incoming& incoming,
                                             const PutOptions& options,
                                             const std::stop_token& stop);

// Replaces these.
[[nodiscard]] Result<void> put_over(s3::Client& client, const Incoming& incoming,
                                    const std::vector<std::size_t>& numbers,
                                    const PutOptions& options, const std::stop_token& stop);

}  // namespace pv::objects
