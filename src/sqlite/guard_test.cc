#include "sqlite/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/fixtures.h"

namespace pv::sqlite {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr const char* kEndless =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
constexpr const char* kLong =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000) "
    "SELECT count(*) FROM c";
constexpr std::uint64_t kFileBytes = 64 << 20;

class GuardTest : public ::testing::Test {
 protected:
  Connection make(const std::string& sql) {
    auto made =
        Connection::open(folder / "a.db", {.create = true, .checkpoints = Checkpoints::kOwner});
    PV_ASSERT(made.has_value() && made->exec(sql).has_value());
    return *std::move(made);
  }
  const testing::TempFolder folder;
  std::stop_source stop;
};

TEST_F(GuardTest, EndsWhatTakesTooLong) {
  Connection connection = make("CREATE TABLE t (n)");
  Guard guard{connection, kFileBytes, stop.get_token(), Deadline::after(1ms)};
  ASSERT_TRUE(guard.arm().has_value());
  const auto row = connection.one(kEndless);
  ASSERT_FALSE(row.has_value());
  const Error error = guard.explain(row.error());
  EXPECT_EQ(error.code, Code::kDamaged);
  EXPECT_THAT(error.what, HasSubstr("does not come to an end"));
}

TEST_F(GuardTest, EndsWhenAskedToStop) {
  Connection connection = make("CREATE TABLE t (n)");
  Guard guard{connection, kFileBytes, stop.get_token(), Deadline::after(1h)};
  ASSERT_TRUE(guard.arm().has_value());
  ASSERT_TRUE(connection.one(kLong).has_value());
  stop.request_stop();
  const auto row = connection.one(kEndless);
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(guard.explain(row.error()).code, Code::kCancelled);
}

TEST_F(GuardTest, IsGoneWithItsScope) {
  Connection connection = make("CREATE TABLE t (n)");
  {
    Guard guard{connection, kFileBytes, stop.get_token(), Deadline::after(0ns)};
    ASSERT_TRUE(guard.arm().has_value());
    ASSERT_FALSE(connection.one(kLong).has_value());
  }
  EXPECT_TRUE(connection.one(kLong).has_value());
}

TEST_F(GuardTest, ValuesAreNoLongerThanTheFile) {
  Connection connection = make("CREATE TABLE t (n)");
  Guard guard{connection, 8 << 20, stop.get_token(), Deadline::after(1h)};
  ASSERT_TRUE(guard.arm().has_value());
  EXPECT_TRUE(connection.one("SELECT length(zeroblob(8000000))").has_value());
  EXPECT_THAT(connection.one("SELECT zeroblob(9000000)").error().what, HasSubstr("too big"));
}

TEST_F(GuardTest, ValuesAreShortWhereColumnsAreGenerated) {
  Connection connection = make("CREATE TABLE t (n, g AS (n + 1))");
  Guard guard{connection, kFileBytes, stop.get_token(), Deadline::after(1h)};
  ASSERT_TRUE(guard.arm().has_value());
  EXPECT_TRUE(connection.one("SELECT length(zeroblob(1000000))").has_value());
  EXPECT_THAT(connection.one("SELECT zeroblob(2000000)").error().what, HasSubstr("too big"));
}

TEST_F(GuardTest, AFileHasRoomForThePagesItClaims) {
  Connection connection = make("CREATE TABLE t (n)");
  Guard guard{connection, 4095, stop.get_token(), Deadline::after(1h)};
  const Result<void> armed = guard.arm();
  ASSERT_FALSE(armed.has_value());
  EXPECT_EQ(armed.error().code, Code::kDamaged);
  EXPECT_THAT(armed.error().what, HasSubstr("claims to have 2 pages of 4096 bytes"));
}

// An expression made for it compares terabytes in one step.
TEST_F(GuardTest, ConstraintsAreNotEvaluated) {
  Connection connection = make("CREATE TABLE t (n CHECK (n > 0))");
  Guard guard{connection, kFileBytes, stop.get_token(), Deadline::after(1h)};
  ASSERT_TRUE(guard.arm().has_value());
  ASSERT_TRUE(connection.exec("INSERT INTO t VALUES (-1)").has_value());
  EXPECT_EQ(check(connection, Check::kQuick).value(), "ok");
}

}  // namespace
}  // namespace pv::sqlite
