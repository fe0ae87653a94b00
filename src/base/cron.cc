#include "base/cron.h"

#include <array>
#include <charconv>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"

namespace pv {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Bounds {
  int min;
  int max;
};
constexpr std::array<Bounds, 5> kBounds{{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros{{
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
}};

constexpr std::size_t kTextBytesMax = 4096;  // longer ones are nobody's, and cost time to say so

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) { return parts; }
    text.remove_prefix(end + 1);
  }
}

tl::unexpected<Error> refuse(std::string what) { return fail(Code::kInvalid, std::move(what)); }

// Go's strconv.Quote, without the quotes.
std::string quoted(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    switch (letter) {
      case '"':
      case '\\': (result += '\\') += letter; break;
      case '\t': result += "\\t"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      default:
        if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7F') {
          result += "\\x" + to_hex(std::as_bytes(std::span{&letter, 1}));
        } else {
          result += letter;
        }
    }
  }
  return result;
}

// Go's strconv.Atoi: a sign is fine, and leading zeros.
Result<int> number_of(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) { digits.remove_prefix(1); }
  const bool two_signs = digits.size() != text.size() && digits.starts_with('-');
  int number = 0;
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number);
  if (!two_signs && read.ec == std::errc{} && read.ptr == end) { return number; }
  const bool too_big = read.ec == std::errc::result_out_of_range && read.ptr == end;
  return refuse("strconv.Atoi: parsing \"" + quoted(text) +
                (too_big ? "\": value out of range" : "\": invalid syntax"));
}

Result<int> step_of(const std::vector<std::string_view>& halves, const Bounds& bounds) {
  if (halves.size() == 1) { return 1; }
  if (halves.size() > 2) {
    return refuse("invalid segment step format - must be in the format */n or 1-30/n");
  }
  PV_TRY(const int step, number_of(halves[1]));
  if (step < 1 || step > bounds.max) {
    return refuse("invalid segment step boundary - the step must be between 1 and the " +
                  std::to_string(bounds.max));
  }
  return step;
}

Result<Bounds> range_of(std::string_view text, int step, const Bounds& bounds) {
  if (text == "*") { return bounds; }
  const auto ends = split(text, '-');
  if (ends.size() > 2) {
    return refuse("invalid segment range format - the range must have 1 or 2 parts");
  }
  const auto between = [&](const char* which, int least) {
    return refuse(std::string{"invalid segment range "} + which + " - must be between " +
                  std::to_string(least) + " and " + std::to_string(bounds.max));
  };
  if (ends.size() == 1) {
    if (step != 1) {
      return refuse(
          "invalid segment step - step > 1 could be used only with the wildcard or range format");
    }
    PV_TRY(const int number, number_of(ends[0]));
    if (number < bounds.min || number > bounds.max) {
      return refuse("invalid segment value - must be between the min and max of the segment");
    }
    return Bounds{number, number};
  }
  PV_TRY(const int min, number_of(ends[0]));
  if (min < bounds.min || min > bounds.max) { return between("minimum", bounds.min); }
  PV_TRY(const int max, number_of(ends[1]));
  if (max < min || max > bounds.max) { return between("maximum", min); }
  return Bounds{min, max};
}

Result<std::uint64_t> segment_of(std::string_view text, const Bounds& bounds) {
  std::uint64_t bits = 0;
  for (const std::string_view part : split(text, ',')) {
    const auto halves = split(part, '/');
    PV_TRY(const int step, step_of(halves, bounds));
    PV_TRY(const Bounds range, range_of(halves[0], step, bounds));
    for (int i = range.min; i <= range.max; i += step) { bits |= std::uint64_t{1} << i; }
  }
  return bits;
}

bool has(std::uint64_t bits, unsigned number) { return ((bits >> number) & 1U) != 0; }

// The first number from `from` on; nullopt: none.
std::optional<unsigned> first_from(std::uint64_t bits, unsigned from) {
  for (unsigned number = from; number < 64; ++number) {
    if (has(bits, number)) { return number; }
  }
  return std::nullopt;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  for (const auto& [macro, meaning] : kMacros) {
    if (text == macro) { text = meaning; }
  }
  const auto segments = split(text.substr(0, kTextBytesMax + 1), ' ');
  if (segments.size() != kBounds.size() || text.size() > kTextBytesMax) {
    return refuse(
        "invalid cron expression - must be a valid macro or to have exactly 5 space separated "
        "segments");
  }
  Cron cron;
  PV_TRY(cron.minutes_, segment_of(segments[0], kBounds[0]));
  PV_TRY(cron.hours_, segment_of(segments[1], kBounds[1]));
  PV_TRY(cron.days_, segment_of(segments[2], kBounds[2]));
  PV_TRY(cron.months_, segment_of(segments[3], kBounds[3]));
  PV_TRY(cron.weekdays_, segment_of(segments[4], kBounds[4]));
  cron.expression_ = text;
  return cron;
}

std::optional<WallTime> Cron::next_after(WallTime time) const {
  constexpr int kDaysMax = 40 * 366;  // 29 February on a Sunday comes after 40 years at most
  const auto start = floor<minutes>(time) + minutes{1};
  auto day = floor<days>(start);
  const auto of_day = start - day;
  auto hour_from = static_cast<unsigned>(floor<hours>(of_day).count());
  auto minute_from = static_cast<unsigned>((of_day - floor<hours>(of_day)).count());
  for (int i = 0; i < kDaysMax; ++i, day += days{1}, hour_from = minute_from = 0) {
    const std::chrono::year_month_day date{day};
    const std::chrono::weekday weekday{day};
    if (!has(months_, unsigned{date.month()}) || !has(days_, unsigned{date.day()}) ||
        !has(weekdays_, weekday.c_encoding())) {
      continue;
    }
    for (auto hour = first_from(hours_, hour_from); hour; hour = first_from(hours_, *hour + 1)) {
      const auto minute = first_from(minutes_, *hour == hour_from ? minute_from : 0);
      if (minute) { return WallTime{day + hours{*hour} + minutes{*minute}}; }
    }
  }
  return std::nullopt;
}

std::chrono::seconds Cron::slack_after(WallTime run) const {
  const auto next = next_after(run);
  return next ? floor<seconds>((*next - run) / 2) : seconds::max();
}

}  // namespace pv
