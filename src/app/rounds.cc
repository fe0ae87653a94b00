#include "app/rounds.h"

#include "app/process.h"

namespace pv::app {
namespace {

constexpr unsigned kTrimEvery = 5;

}  // namespace

Rounds::Rounds(const Parts& parts)
    : quick_{[this, parts] {
        parts.reopening.tick();
        parts.settings.refresh();
        parts.log.tick();
        if (++count_ % kTrimEvery == 0) { give_back_memory(); }
      }},
      timetables_{[parts] { parts.scheduler.tick(); }} {}

void Rounds::stop() {
  quick_.stop();
  timetables_.stop();
}

}  // namespace pv::app
