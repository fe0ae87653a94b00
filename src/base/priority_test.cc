#include "base/priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/text.h"
#include "base/work_pool.h"

namespace pv {
namespace {

int nice_of_this_thread() { return ::getpriority(PRIO_PROCESS, static_cast<::id_t>(::gettid())); }

TEST(Priority, GivesWayInOneThreadAndThoseThatItStarts) {
  const int before = nice_of_this_thread();
  int own = 0;
  int child = 0;
  long io_class = 0;
  std::thread{[&] {
    give_way();
    own = nice_of_this_thread();
    io_class = ::syscall(SYS_ioprio_get, 1, 0) >> 13;
    std::thread{[&] { child = nice_of_this_thread(); }}.join();
  }}.join();
  EXPECT_EQ(own, 19);
  EXPECT_EQ(child, 19);
  EXPECT_EQ(io_class, 3) << "idle";
  EXPECT_EQ(nice_of_this_thread(), before);
}

TEST(WorkPool, PreparesEachThread) {
  std::atomic<int> prepared = 0;
  {
    WorkPool pool{3, [&] { ++prepared; }};
  }
  EXPECT_EQ(prepared, 3);
}

TEST(Text, ReadsSizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1000"), 1000U);
  EXPECT_EQ(parse_size("500K"), 500'000U);
  EXPECT_EQ(parse_size("20m"), 20'000'000U);
  EXPECT_EQ(parse_size("3G"), 3'000'000'000U);
  EXPECT_EQ(parse_size("2T"), 2'000'000'000'000U);
  for (const char* text :
       {"", "K", "-1", "1KB", "1.5M", "1 M", "1P", "20000000000T", "1K1", "0x1"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pv
