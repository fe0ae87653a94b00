// What happens to jobs, as server-sent events (text/event-stream).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/phrase.h"
#include "http/message.h"
#include "jobs/vault.h"

namespace pv::api {

inline constexpr std::size_t kEventStreamsMax = 32;

struct EventTimes {
  std::chrono::milliseconds look_every{200};    // so a job has five events a second at most
  std::chrono::milliseconds heartbeat{15'000};  // a comment when nothing else was sent for so long
  // Then the stream ends and the client comes again, with a token that is checked again.
  std::chrono::milliseconds life{std::chrono::minutes{30}};
};

// One client's stream. It looks at the jobs each time the client has taken what was sent before, so
// one that is slow gets fewer events, never a queue; one that takes nothing ends by the server's
// time limit.
//
//   event: job          each job that runs, at once; then each one that has changed since
//   data: {...}         as jobs are shown, but "warningCount" in the place of "warnings"
//
// The last event of a job has its end in it. The stream itself ends when the vault shuts down.
//
// Threads    read() on the thread of the io_context; the vault is asked on `pool`. Both outlive it.
class EventStream final : public http::BodyReader {
 public:
  // `place` is kept as long as the stream lives.
  EventStream(jobs::Vault& vault, WorkPool& pool, EventTimes times, std::shared_ptr<void> place,
              Language language = Language::kEnglish);

  [[nodiscard]] http::Task<std::size_t> read(MutableBytes into) override;

 private:
  using Moment = std::chrono::steady_clock::time_point;
  // What of a job was told last.
  struct Told {
    std::string phase;
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    std::size_t warnings = 0;
    bool finished = false;
    friend bool operator==(const Told&, const Told&) = default;
  };
  struct Look {
    std::set<std::string> ids;       // all that the vault keeps
    std::vector<jobs::Status> jobs;  // oldest first; without those whose end was told
    bool is_last = false;            // the vault shuts down, and all has ended
  };

  static Look look_at(jobs::Vault& vault, const std::set<std::string>& ended);
  [[nodiscard]] std::set<std::string> ended() const;
  [[nodiscard]] http::Task<void> refill();
  void tell(const Look& look);
  void tell(const jobs::Status& status);

  jobs::Vault& vault_;
  WorkPool& pool_;
  const EventTimes times_;
  std::shared_ptr<void> place_;
  const Language language_;
  const Moment started_;
  Moment sent_;  // when something was told last
  bool begun_ = false;
  bool over_ = false;
  std::map<std::string, Told> told_;  // by id; those that the vault still keeps
  std::string text_;                  // to be taken by the client, from at_ on
  std::size_t at_ = 0;
};

}  // namespace pv::api
