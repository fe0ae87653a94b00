#include "zip/pipeline.h"

#include <utility>

#include "base/guarded.h"

namespace pv::zip {

Pipeline::Pipeline(WorkPool& pool, PipelineSettings settings, std::stop_token stop)
    : pool_{pool}, settings_{settings}, packer_{settings.pack, std::move(stop)} {
  PV_ASSERT(settings.workers >= 1 && settings.segments >= 2);
  free_scratches_.reserve(settings.workers);
}

Pipeline::~Pipeline() {
  std::unique_lock lock{mutex_};
  abandoned_ = true;
  changed_.wait(lock, [this] { return running_ == 0; });
}

void Pipeline::add(std::vector<Pending> entries) {
  auto unit = std::make_unique<Unit>();
  unit->batch.entries = std::move(entries);
  const std::lock_guard lock{mutex_};
  units_.push_back(std::move(unit));
  ++unstarted_;
  start_what_can_be();
}

Result<Segment*> Pipeline::next(Wait wait) {
  std::unique_lock lock{mutex_};
  for (;;) {
    if (failure_) { return fail(*failure_); }
    if (units_.empty()) { return nullptr; }
    const auto& segments = units_.front()->segments;
    if (!segments.empty() && segments.front()->is_done) { return segments.front().get(); }
    // One unit more than there are workers: the next one is at hand when one ends.
    if (wait == Wait::kForRoom && unstarted_ <= settings_.workers) { return nullptr; }
    changed_.wait(lock);
  }
}

void Pipeline::release() {
  const std::lock_guard lock{mutex_};
  auto& segments = units_.front()->segments;
  segments.front()->clear();
  free_segments_.push_back(std::move(segments.front()));
  segments.pop_front();
  if (segments.empty() && units_.front()->phase == Phase::kOver) { units_.pop_front(); }
  start_what_can_be();
}

void Pipeline::start_what_can_be() {
  while (!abandoned_ && running_ < settings_.workers) {
    const std::size_t free = free_segments_.size() + settings_.segments - segments_made_;
    Unit* unit = first_startable();
    if (unit == nullptr || free == 0) { return; }
    if (free == 1 && unit != units_.front().get()) { return; }
    start(*unit);
  }
}

Pipeline::Unit* Pipeline::first_startable() {
  for (const auto& unit : units_) {
    if (unit->phase == Phase::kChunks && unit->big->ended) { set_next_phase(*unit); }
    if (unit->phase == Phase::kWaiting || unit->phase == Phase::kChunks) { return unit.get(); }
  }
  return nullptr;
}

void Pipeline::start(Unit& unit) {
  unit.segments.push_back(take_segment());
  Segment& segment = *unit.segments.back();
  if (unit.phase == Phase::kChunks) {
    const std::uint64_t index = unit.next_chunk++;
    pool_.submit([this, big = unit.big, index, &segment]() mutable {
      // Taken over, so that no source outlives the pipeline in a task that has ended.
      run_task(segment, [this, big = std::move(big), index, &segment](Scratch& scratch) mutable {
        packer_.pack_part(std::move(big), index, segment, scratch);
      });
    });
    ++running_;  // its end waits for the lock
    if (unit.next_chunk == unit.big->chunks) { set_next_phase(unit); }
    return;
  }
  if (!std::exchange(unit.was_started, true)) { --unstarted_; }
  unit.phase = Phase::kPacking;
  pool_.submit([this, &unit, &segment] {
    run_task(segment, [&](Scratch& scratch) { pack_batch(unit, segment, scratch); });
  });
  ++running_;
}

// Latest given back, first taken: its pages are the likeliest to be in a cache.
std::unique_ptr<Segment> Pipeline::take_segment() {
  if (free_segments_.empty()) {
    auto segment = std::make_unique<Segment>(segment_bytes(settings_.pack.chunk_bytes));
    ++segments_made_;
    return segment;
  }
  auto segment = std::move(free_segments_.back());
  free_segments_.pop_back();
  return segment;
}

std::unique_ptr<Scratch> Pipeline::take_scratch() {
  {
    const std::lock_guard lock{mutex_};
    if (!free_scratches_.empty()) {
      auto scratch = std::move(free_scratches_.back());
      free_scratches_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>(settings_.pack);  // at most one a worker
}

// On the pool: what `pack` throws ends the archive, not the process.
template <class Pack>
void Pipeline::run_task(Segment& segment, Pack pack) {
  std::unique_ptr<Scratch> scratch;
  Result<void> packed = guarded([&, pack = std::move(pack)]() mutable {
    scratch = take_scratch();
    pack(*scratch);
  });
  // Under the lock to the end: once running_ is 0 the pipeline may go.
  const std::lock_guard lock{mutex_};
  if (scratch != nullptr) { free_scratches_.push_back(std::move(scratch)); }
  segment.is_done = true;
  --running_;
  if (packed.has_value()) {
    packed = guarded([this] { start_what_can_be(); });
  }
  if (!packed.has_value()) {
    abandoned_ = true;
    failure_ = std::move(packed).error();
  }
  changed_.notify_one();
}

void Pipeline::pack_batch(Unit& unit, Segment& segment, Scratch& scratch) {
  Packer::Filled filled = packer_.fill(unit.batch, segment, scratch);
  if (filled.big != nullptr) {
    // Other threads take the next chunks while this one packs the first.
    begin_chunks(unit, filled.big);
    packer_.pack_part(std::exchange(filled.big, nullptr), 0, segment, scratch);
    return;
  }
  const std::lock_guard lock{mutex_};
  unit.phase = filled.is_over ? Phase::kOver : Phase::kWaiting;
}

void Pipeline::begin_chunks(Unit& unit, std::shared_ptr<BigEntry> big) {
  const std::lock_guard lock{mutex_};
  unit.big = std::move(big);
  unit.next_chunk = 1;
  unit.phase = Phase::kChunks;
  start_what_can_be();
}

// After the last chunk of a big entry was started: on to what follows it in its unit.
void Pipeline::set_next_phase(Unit& unit) {
  unit.big.reset();
  unit.phase = unit.batch.next < unit.batch.entries.size() ? Phase::kWaiting : Phase::kOver;
}

}  // namespace pv::zip
