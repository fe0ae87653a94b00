#include "cli/progress.h"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "base/text.h"
#include "cli/messages.h"

namespace pv::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kBarEvery = 100ms;
constexpr auto kLineEvery = 10s;
constexpr auto kRateOver = 5s;
constexpr std::size_t kSamplesMax = 64;
constexpr std::uint64_t kBarWidth = 24;
constexpr const char* kEraseLine = "\r\x1b[K";

// In tenths, so that 99.96 % is not shown as done: 999.
std::uint64_t per_mille(std::uint64_t done, std::uint64_t total) {
  if (done >= total) { return 1000; }
  return static_cast<std::uint64_t>(static_cast<double>(done) / static_cast<double>(total) * 1000);
}

std::string percent(std::uint64_t done, std::uint64_t total) {
  return std::to_string(per_mille(done, total) / 10) + "%";
}

std::string format_rate(double bytes_per_second) {
  return format_size(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
}

}  // namespace

std::string format_span(std::chrono::seconds span) {
  const auto seconds = std::max<std::int64_t>(span.count(), 0);
  std::ostringstream text;
  text << std::setfill('0');
  if (seconds >= 3600) { text << seconds / 3600 << ':' << std::setw(2); }
  text << seconds / 60 % 60 << ':' << std::setw(2) << seconds % 60;
  return text.str();
}

Progress::Progress(std::ostream& to, ProgressStyle style, const Clock& clock, std::string label,
                   Words words)
    : to_{to},
      style_{style},
      clock_{clock},
      label_{std::move(label)},
      words_{words},
      next_{clock.steady_now() +
            (style == ProgressStyle::kLines ? std::chrono::nanoseconds{kLineEvery} : 0ns)} {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (bar_is_shown_) { to_ << kEraseLine << std::flush; }
  bar_is_shown_ = false;
}

void Progress::update(const std::string& phase, std::uint64_t done, std::uint64_t total) {
  if (style_ == ProgressStyle::kNone) { return; }
  const Moment now = clock_.steady_now();
  remember(now, done);
  if (now < next_) { return; }
  if (style_ == ProgressStyle::kBar) {
    to_ << kEraseLine << bar(phase, done, total) << std::flush;
    bar_is_shown_ = true;
    next_ = now + kBarEvery;
  } else {
    to_ << line(phase, done, total) << std::endl;
    next_ = now + kLineEvery;
  }
}

void Progress::remember(Moment now, std::uint64_t done) {
  if (!samples_.empty() && done < samples_.back().done) { samples_.clear(); }  // another phase
  const bool crowded = samples_.size() >= 2 && now - samples_[samples_.size() - 2].at < kBarEvery;
  if (crowded) { samples_.pop_back(); }
  samples_.push_back({now, done});
  while (samples_.size() > kSamplesMax ||
         (samples_.size() > 2 && now - samples_[1].at >= kRateOver)) {
    samples_.pop_front();
  }
}

std::optional<double> Progress::bytes_per_second() const {
  if (samples_.size() < 2) { return std::nullopt; }
  const std::chrono::duration<double> span = samples_.back().at - samples_.front().at;
  if (span < kBarEvery) { return std::nullopt; }
  return static_cast<double>(samples_.back().done - samples_.front().done) / span.count();
}

std::optional<std::chrono::seconds> Progress::left(std::uint64_t done, std::uint64_t total) const {
  constexpr double kSecondsMax = 100 * 3600;  // more is a guess
  const auto rate = bytes_per_second();
  if (!rate || *rate <= 0 || total <= done) { return std::nullopt; }
  const double seconds = static_cast<double>(total - done) / *rate;
  if (seconds > kSecondsMax) { return std::nullopt; }
  return std::chrono::seconds{static_cast<std::int64_t>(seconds + 0.5)};
}

std::string Progress::amount(std::uint64_t done, std::uint64_t total) const {
  return words_(phrase::kDoneOfTotal, {format_size(std::min(done, total)), format_size(total)});
}

std::string Progress::bar(const std::string& phase, std::uint64_t done, std::uint64_t total) const {
  std::string text = label_ + "  " + words_.told(phase);
  if (total > 0) {
    const std::uint64_t filled = per_mille(done, total) * kBarWidth / 1000;
    text += "  [" + std::string(filled, '=') + std::string(kBarWidth - filled, ' ') + "] " +
            percent(done, total) + "  " + amount(done, total);
  } else if (done > 0) {
    text += "  " + format_size(done);
  }
  if (const auto rate = bytes_per_second(); rate && *rate > 0) {
    text += "  " + format_rate(*rate);
  }
  if (const auto span = left(done, total)) {
    text += "  " + words_(phrase::kEta, {format_span(*span)});
  }
  return text;
}

std::string Progress::line(const std::string& phase, std::uint64_t done,
                           std::uint64_t total) const {
  std::string text = label_ + ": " + words_.told(phase);
  if (total > 0) {
    text += ", " + percent(done, total) + " (" + amount(done, total) + ")";
  } else if (done > 0) {
    text += ", " + format_size(done);
  }
  if (const auto rate = bytes_per_second(); rate && *rate > 0) {
    text += ", " + format_rate(*rate);
  }
  if (const auto span = left(done, total)) {
    text += ", " + words_(phrase::kLeft, {format_span(*span)});
  }
  return text;
}

}  // namespace pv::cli
