#include "api/events.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include "api/exchange.h"
#include "api/job_answer.h"
#include "api/json.h"
#include "api/sentences.h"

namespace pv::api {
namespace {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kGreeting =
    "retry: 2000\n\n";  // ms until a client that was cut comes back
constexpr std::string_view kHeartbeat = ": still here\n\n";

// One of the places for streams, given back when it goes. Shared with the count, for a stream may
// outlive the Api by a moment.
class Place {
 public:
  explicit Place(std::shared_ptr<std::size_t> taken) : taken_{std::move(taken)} { ++*taken_; }
  ~Place() { --*taken_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::shared_ptr<std::size_t> taken_;
};

}  // namespace

EventStream::EventStream(jobs::Vault& vault, WorkPool& pool, EventTimes times,
                         std::shared_ptr<void> place, Language language)
    : vault_{vault},
      pool_{pool},
      times_{times},
      place_{std::move(place)},
      language_{language},
      started_{SteadyClock::now()},
      sent_{started_} {}

http::Task<std::size_t> EventStream::read(MutableBytes into) {
  while (at_ == text_.size()) {
    if (over_) { co_return std::size_t{0}; }
    PV_CO_CHECK(co_await refill());
  }
  const std::size_t count = std::min(into.size(), text_.size() - at_);
  const Bytes piece = as_bytes(std::string_view{text_}.substr(at_, count));
  std::copy(piece.begin(), piece.end(), into.begin());
  at_ += count;
  co_return count;
}

http::Task<void> EventStream::refill() {
  text_.clear();
  at_ = 0;
  if (begun_) {
    asio::steady_timer timer{co_await asio::this_coro::executor, times_.look_every};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  std::function<Result<Look>()> work = [&vault = vault_, known = ended()]() -> Result<Look> {
    return look_at(vault, known);
  };
  PV_CO_TRY(const Look look, co_await http::offload<Look>(pool_, std::move(work)));
  tell(look);
  const Moment now = SteadyClock::now();
  if (!text_.empty()) { sent_ = now; }
  if (now - sent_ >= times_.heartbeat) {
    text_ = kHeartbeat;
    sent_ = now;
  }
  over_ = look.is_last || now - started_ >= times_.life;
  co_return Result<void>{};
}

std::set<std::string> EventStream::ended() const {
  std::set<std::string> ids;
  for (const auto& [id, told] : told_) {
    if (told.finished) { ids.insert(id); }
  }
  return ids;
}

EventStream::Look EventStream::look_at(jobs::Vault& vault, const std::set<std::string>& ended) {
  Look look;
  // Asked first: after a yes no job starts any more.
  look.is_last = vault.is_shutting_down();
  for (const std::shared_ptr<jobs::Job>& job : vault.jobs()) {
    look.ids.insert(job->id());
    if (ended.contains(job->id())) { continue; }
    look.jobs.push_back(job->status());
    look.is_last = look.is_last && look.jobs.back().finished;
  }
  std::reverse(look.jobs.begin(), look.jobs.end());
  return look;
}

void EventStream::tell(const Look& look) {
  if (!begun_) { text_ = kGreeting; }
  for (const jobs::Status& status : look.jobs) { tell(status); }
  begun_ = true;
  std::erase_if(told_, [&](const auto& told) { return !look.ids.contains(told.first); });
}

void EventStream::tell(const jobs::Status& status) {
  Told now{.phase = status.phase,
           .bytes_done = status.bytes_done,
           .bytes_total = status.bytes_total,
           .warnings = status.warnings.size(),
           .finished = status.finished.has_value()};
  const auto before = told_.find(status.id);
  const bool is_old = !begun_ && now.finished;  // ended before this client came
  const bool is_known = before != told_.end() && before->second == now;
  told_.insert_or_assign(status.id, std::move(now));
  if (is_old || is_known) { return; }
  boost::json::object job = job_json(status);
  job.erase("warnings");
  job.erase("preflight");
  job.emplace("warningCount", status.warnings.size());
  pv::api::tell(language_, kOfJobs, job);
  text_ += "event: job\ndata: " + to_json(job) + "\n\n";
}

AnswerTask job_events(Exchange& exchange) {
  const Services& services = exchange.services;
  if (*services.event_streams >= kEventStreamsMax) {
    co_return tl::unexpected{problem(429, phrase::kTooMany)};
  }
  http::Response response;
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Accel-Buffering", "no");  // nginx would collect the events
  const EventTimes times;
  http::BodyStream stream = std::make_shared<EventStream>(
      services.parts.vault, services.parts.pools.databases, times,
      std::make_shared<Place>(services.event_streams), exchange.language);
  note_language(exchange, response);
  response.body.emplace_back(std::move(stream));
  co_return response;
}

}  // namespace pv::api
