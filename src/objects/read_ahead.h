// Objects of a bucket as sources, fetched before they are asked for.
#pragma once

#include <memory>
#include <stop_token>

#include "s3/client.h"

namespace pv::objects {

struct ReadAheadLimits {
  std::size_t at_once = 12;  // requests on their way ahead of who reads
  // Objects up to this size are fetched whole; of larger ones spans, a few ahead of the reader.
  std::uint64_t whole_bytes_max = std::uint64_t{2} << 20U;
  std::uint64_t span_bytes = std::uint64_t{1} << 20U;
  // Of whole objects that wait for their reader. What comes beyond is fetched when it is asked for.
  std::uint64_t waiting_bytes_max = std::uint64_t{12} << 20U;
};

// What is added is fetched in that order, by threads of its own, and is best read in that order;
// who comes too early fetches for himself.
//
// Threads    Any method, from any thread; so are the openers.
// Memory     As the limits say, and 5 spans for each large object that is being read.
// Errors     Of openers and sources: those of s3::Client::read(). Once the bucket has failed with
//            kUnavailable, after all its tries, so does everything else at once: it is away.
// Lifetime   `client` outlives it and all sources.
class ReadAhead {
 public:
  // `stop` ends all that is on its way.
  ReadAhead(s3::Client& client, ReadAheadLimits limits, std::stop_token stop);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  struct Openers {
    SourceOpener content;  // at most once
    SourceOpener sidecar;  // as s3/sidecar.h makes it; at most once
  };
  // kNo: it will hardly be asked for.
  enum class Ahead { kYes, kNo };
  [[nodiscard]] Openers add(s3::Object object, Ahead ahead);

  class Bucket;  // what openers and sources share with it

 private:
  std::shared_ptr<Bucket> bucket_;
};

}  // namespace pv::objects
