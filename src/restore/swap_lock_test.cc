#include "restore/swap_lock.h"

#include <gtest/gtest.h>

#include "testing/fixtures.h"
#include "testing/forked_holder.h"

namespace pv::restore {
namespace {

using testing::ForkedHolder;
using testing::TempFolder;

TEST(SwapLock, ExcludesOtherProcesses) {
  using namespace std::chrono_literals;
  const TempFolder folder;
  ForkedHolder other{[&] { return take_swap_lock(folder.path(), 0ms); }};
  ASSERT_TRUE(other.holds());
  const auto refused = take_swap_lock(folder.path(), 10ms);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kBusy);
  other.end();
  EXPECT_TRUE(take_swap_lock(folder.path(), 0ms).has_value());
}

}  // namespace
}  // namespace pv::restore
