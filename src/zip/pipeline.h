// Runs packers on a pool and hands their segments out in the order of the archive.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/work_pool.h"
#include "zip/packer.h"
#include "zip/segment.h"

namespace pv::zip {

struct PipelineSettings {
  PackSettings pack;
  std::size_t workers = 1;   // tasks on the pool at once
  std::size_t segments = 2;  // that exist at once, at least 2
};

// Threads    add(), next() and release() from one thread, the one that writes.
// Lifetime   Destroyed early, it starts nothing more and waits for what runs.
//
// A segment is given to the earliest unit that has something to pack, and the last free one only
// to the first unit of all: so whatever units further back hold, the one whose segments are awaited
// goes on.
class Pipeline {
 public:
  Pipeline(WorkPool& pool, PipelineSettings settings, std::stop_token stop);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void add(std::vector<Pending> entries);

  enum class Wait { kForRoom, kForAll };
  // The next segment in order, or nullptr: kForRoom as soon as there is room for another unit and
  // no segment is ready; kForAll when nothing is left. kInternal: something was thrown on the pool
  // (of memory), and nothing more comes.
  [[nodiscard]] Result<Segment*> next(Wait wait);

  // The segment that next() gave is written.
  void release();

  [[nodiscard]] std::uint64_t raw_bytes_done() const { return packer_.raw_bytes_done(); }
  [[nodiscard]] std::uint64_t copied_bytes() const { return packer_.copied_bytes(); }
  [[nodiscard]] std::uint64_t copies_failed() const { return packer_.copies_failed(); }

 private:
  enum class Phase {
    kWaiting,  // entries wait for a segment to be packed into
    kPacking,  // a task packs them, alone
    kChunks,   // the chunks of a big entry are packed, any number at once
    kOver,     // nothing is left to be started
  };
  struct Unit {
    Batch batch;
    Phase phase = Phase::kWaiting;
    bool was_started = false;
    std::shared_ptr<BigEntry> big;
    std::uint64_t next_chunk = 0;
    std::deque<std::unique_ptr<Segment>> segments;  // in order; the first may be with the writer
  };

  void start_what_can_be();
  void start(Unit& unit);
  [[nodiscard]] Unit* first_startable();
  [[nodiscard]] std::unique_ptr<Segment> take_segment();
  [[nodiscard]] std::unique_ptr<Scratch> take_scratch();
  template <class Pack>
  void run_task(Segment& segment, Pack pack);
  void pack_batch(Unit& unit, Segment& segment, Scratch& scratch);
  void begin_chunks(Unit& unit, std::shared_ptr<BigEntry> big);
  static void set_next_phase(Unit& unit);

  WorkPool& pool_;
  const PipelineSettings settings_;
  Packer packer_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Unit>> units_;
  std::size_t unstarted_ = 0;
  std::size_t running_ = 0;
  std::size_t segments_made_ = 0;
  bool abandoned_ = false;
  std::optional<Error> failure_;
  std::vector<std::unique_ptr<Segment>> free_segments_;
  std::vector<std::unique_ptr<Scratch>> free_scratches_;
};

}  // namespace pv::zip
