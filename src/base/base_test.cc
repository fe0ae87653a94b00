#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "base/wall_time.h"
#include "base/work_pool.h"

namespace pv {
namespace {

using namespace std::chrono_literals;

TEST(Text, DatesAreUtcAndCutToMilliseconds) {
  const WallTime time{1795222487907654321ns};
  EXPECT_EQ(format_pocketbase_date(time), "2026-11-21 00:54:47.907Z");
  EXPECT_EQ(format_stamp(time), "20261121005447");
  EXPECT_EQ(format_http_date(time), "Sat, 21 Nov 2026 00:54:47 GMT");
  EXPECT_EQ(format_minute(time), "2026-11-21 00:54 UTC");
  EXPECT_EQ(format_pocketbase_date(WallTime{1ms}), "1970-01-01 00:00:00.001Z");
  EXPECT_EQ(format_pocketbase_date(WallTime{-1ns}), "1969-12-31 23:59:59.999Z");
  EXPECT_EQ(format_pocketbase_date(WallTime::max()), "2262-04-11 23:47:16.854Z");
  EXPECT_EQ(format_pocketbase_date(WallTime::min()), "1677-09-21 00:12:43.145Z");
}

TEST(Text, HttpDatesAreReadInAllThreeForms) {
  const WallTime expected{std::chrono::seconds{784111777}};
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), expected);
  EXPECT_EQ(parse_http_date("yesterday"), std::nullopt);
}

TEST(Text, AnHttpDateOfAnyYearIsInThePastOrTheFuture) {
  EXPECT_EQ(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT"), kLatestTime);
  EXPECT_EQ(parse_http_date("Sat, 01 Jan 1000 00:00:00 GMT"), kEarliestTime);
}

struct ToldTime {
  std::chrono::seconds since_1970;
  std::chrono::nanoseconds rest;
  WallTime time;
};

TEST(WallTimeOf, StaysWithinWhatCanBeCountedWith) {
  constexpr auto kLatest = std::chrono::floor<std::chrono::seconds>(kLatestTime).time_since_epoch();
  constexpr auto kEarliest =
      std::chrono::floor<std::chrono::seconds>(kEarliestTime).time_since_epoch();
  const ToldTime times[] = {
      {0s, 0ns, WallTime{}},
      {1'795'222'487s, 907'654'321ns, WallTime{1795222487907654321ns}},
      {-1s, 999'999'999ns, WallTime{-1ns}},
      {kLatest - 1s, 999'999'999ns, kLatestTime - 1ns},
      {kLatest, 1ns, kLatestTime},
      {13'569'465'600s, 0ns, kLatestTime},  // the year 2400
      {std::chrono::seconds::max(), 999'999'999ns, kLatestTime},
      {kEarliest, 0ns, kEarliestTime},
      {kEarliest - 1s, 999'999'999ns, kEarliestTime},
      {std::chrono::seconds::min(), 0ns, kEarliestTime},
  };
  for (const ToldTime& one : times) {
    EXPECT_EQ(wall_time(one.since_1970, one.rest), one.time) << one.since_1970.count();
  }
  EXPECT_EQ(wall_time(std::chrono::milliseconds::max()), kLatestTime);
  EXPECT_EQ(wall_time(std::chrono::milliseconds::min()), kEarliestTime);
  EXPECT_EQ(wall_time(std::chrono::nanoseconds::max()), kLatestTime);
  EXPECT_EQ(wall_time(std::chrono::nanoseconds::min()), kEarliestTime);
  static_assert(kLatestTime - kEarliestTime > 0ns, "a difference of any two can be held");
}

TEST(Text, SizesReadLikeADiskLabel) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(999), "999 B");
  EXPECT_EQ(format_size(1000), "1.0 kB");
  EXPECT_EQ(format_size(1049), "1.0 kB");
  EXPECT_EQ(format_size(1250), "1.2 kB");
  EXPECT_EQ(format_size(1350), "1.4 kB");
  EXPECT_EQ(format_size(123'456'789), "123.5 MB");
  EXPECT_EQ(format_size(999'950'000), "1.0 GB");
  EXPECT_EQ(format_size(~0ULL), "18.4 EB");
}

TEST(Text, Base64HasOneSpellingForEachSequenceOfBytes) {
  EXPECT_EQ(to_base64(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(from_base64("Zm8="), "fo");
  EXPECT_EQ(from_base64("Zm8"), std::nullopt);
  EXPECT_EQ(from_base64("Zm9="), std::nullopt) << "leftover bits that are not zero";
  EXPECT_EQ(to_base64url(as_bytes("\xfb\xff")), "-_8");
  EXPECT_EQ(from_base64url("-_8"), "\xfb\xff");
  EXPECT_EQ(from_base64url("-_8="), std::nullopt);
  EXPECT_EQ(from_base64url("a"), std::nullopt);
}

TEST(Text, Utf8IsCheckedAsRfc3629Says) {
  EXPECT_TRUE(is_utf8("日本 é \xF0\x9F\x98\x80"));
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\xE6\x97"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
  EXPECT_EQ(count_code_points("日本\xFF"), 3U);
  EXPECT_EQ(printable("a\nb\xFF"), "a b\xEF\xBF\xBD");
  EXPECT_EQ(as_utf8("a\nb"), "a\nb");
  EXPECT_EQ(as_utf8("a\nb\xFF"), "a b\xEF\xBF\xBD");
}

TEST(Text, IsCutBetweenCharacters) {
  constexpr std::string_view kText = "日本é";  // 3, 3, 2 bytes
  for (const auto& [bytes_max, bytes] :
       {std::pair{0, 0}, {2, 0}, {3, 3}, {5, 3}, {6, 6}, {7, 6}, {8, 8}, {9, 8}}) {
    EXPECT_EQ(whole_characters(kText, static_cast<std::size_t>(bytes_max)),
              static_cast<std::size_t>(bytes))
        << bytes_max;
  }
}

TEST(Text, HtmlIsEscapedAsGoDoes) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&'</a>"),
            "&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

TEST(RandomText, UsesTheWholeAlphabetAndNothingElse) {
  const std::string text = random_text(system_random(), "abc", 1000);
  EXPECT_EQ(text.size(), 1000U);
  EXPECT_EQ(text.find_first_not_of("abc"), std::string::npos);
  for (const char letter : {'a', 'b', 'c'}) { EXPECT_NE(text.find(letter), std::string::npos); }
}

Result<int> half(int number) {
  if (number % 2 != 0) { return fail(Code::kInvalid, "odd"); }
  return number / 2;
}
Result<int> quarter(int number) {
  PV_TRY(const int once, half(number));
  return half(once);
}

TEST(Errors, TravelThroughTry) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error(), (Error{Code::kInvalid, "odd"}));
  EXPECT_EQ(quarter(6).error().within("six").what, "six: odd");
  EXPECT_EQ(quarter(6).error().within("six").within("six").what, "six: odd") << "said once";
  EXPECT_EQ(quarter(6).error().within("six").within("si").what, "si: six: odd");
  EXPECT_EQ(errno_error(ENOSPC, "write x").code, Code::kNoSpace);
}

TEST(WorkPool, RunsEachIndexOnceAndStopsAtTheFirstError) {
  WorkPool pool{4};
  std::atomic<int> sum = 0;
  EXPECT_TRUE(for_each_index(pool, 100, 3, [&](std::size_t i) -> Result<void> {
                sum += static_cast<int>(i);
                return {};
              }).has_value());
  EXPECT_EQ(sum, 4950);
  std::atomic<int> calls = 0;
  const Result<void> outcome = for_each_index(pool, 1000, 2, [&](std::size_t i) -> Result<void> {
    ++calls;
    if (i == 3) { return fail(Code::kDamaged, "three"); }
    return {};
  });
  EXPECT_EQ(outcome.error().what, "three");
  EXPECT_LT(calls, 1000);
}

TEST(WorkPool, WhatIsThrownByWorkIsAnError) {
  WorkPool pool{2};
  const Result<void> outcome = for_each_index(
      pool, 1000, 2, [](std::size_t /*i*/) -> Result<void> { throw std::bad_alloc{}; });
  EXPECT_EQ(outcome.error(), (Error{Code::kInternal, "unexpected: std::bad_alloc"}));
}

// What a thread is to call, copied for each: from the fourth copy on there is no more to be had.
class Scarce {
 public:
  explicit Scarce(std::atomic<int>& copies) : copies_{copies} {}
  Scarce(const Scarce& other) : copies_{other.copies_} {
    if (++copies_ > 3) {
      throw std::system_error{std::make_error_code(std::errc::resource_unavailable_try_again)};
    }
  }
  Scarce& operator=(const Scarce&) = delete;
  void operator()() const {}

 private:
  std::atomic<int>& copies_;
};

TEST(WorkPool, WithTooFewThreadsEndsThoseItHas) {
  std::atomic<int> copies = 0;
  EXPECT_THROW((WorkPool{8, Scarce{copies}}), std::system_error);
}

}  // namespace
}  // namespace pv
