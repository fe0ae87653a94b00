#include "state/notebook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/alerts_testing.h"
#include "testing/fixtures.h"

namespace pv::state {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NotebookTest : public ::testing::Test {
 protected:
  NotebookTest() { note("before"); }

  void note(const std::string& id) {
    PastJob job;
    job.id = id;
    job.kind = "backup";
    job.started = job.ended = kNow;
    job.outcome = "failed";
    is_written_ = book_.note_job(job, kNow, say_).has_value();
  }
  void tell(const std::string& channel, const std::string& text) {
    AlertChange change{.open = {{"failed", kNow, kNow, text}}};
    change.told.push_back({"failed", channel, kNow});
    change.deliveries.push_back(delivery(channel, text));
    is_written_ = book_.change_alerts(std::move(change), kNow, say_).has_value();
  }
  void sent(Delivery delivery) {
    delivery.ended = kNow;
    delivery.outcome = "sent";
    is_written_ = book_.change_alerts({.attempts = {delivery}}, kNow, say_).has_value();
  }
  // One of a newer version can't be read or written.
  void refuse() { version(99); }
  void allow() { version(5); }
  void version(int version) {
    auto connection = *sqlite::Connection::open(folder_.path() / "vault.db", {.one_file = true});
    ASSERT_TRUE(connection.exec("PRAGMA user_version=" + std::to_string(version)).has_value());
  }
  std::vector<std::string> ids(const std::vector<PastJob>& jobs) {
    std::vector<std::string> ids;
    for (const PastJob& one : jobs) { ids.push_back(one.id); }
    return ids;
  }
  std::vector<std::string> texts(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> texts;
    for (const Delivery& one : deliveries) { texts.push_back(one.text + " " + one.outcome); }
    return texts;
  }

  testing::TempFolder folder_;
  std::string said_;
  VaultDb::Say say_ = [this](const std::string& what) { said_ += what + "\n"; };
  Notebook book_{folder_.path()};
  VaultDb db_{folder_.path()};
  bool is_written_ = false;
};

TEST_F(NotebookTest, KeepsInMemoryWhatCanNotBeWrittenAndWritesItLater) {
  EXPECT_THAT(book_.unwritten_jobs(), IsEmpty());
  refuse();
  note("one");
  note("two");
  EXPECT_FALSE(is_written_);
  EXPECT_THAT(book_.trouble(), HasSubstr("newer pocketvault"));
  EXPECT_THAT(ids(book_.unwritten_jobs()), ElementsAre("two", "one"));
  EXPECT_THAT(ids(*book_.jobs(10)), ElementsAre("two", "one"));
  EXPECT_FALSE(book_.write_down(kNow, say_).has_value());
  allow();
  EXPECT_THAT(ids(*book_.jobs(2)), ElementsAre("two", "one"));
  EXPECT_THAT(ids(*book_.jobs(10)), ElementsAre("two", "one", "before"));
  EXPECT_TRUE(book_.write_down(kNow, say_).has_value());
  EXPECT_THAT(book_.trouble(), IsEmpty());
  EXPECT_THAT(book_.unwritten_jobs(), IsEmpty());
  EXPECT_THAT(ids(*read_jobs(db_, 10)), ElementsAre("two", "one", "before"));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(NotebookTest, KeepsTheLastAndCountsWhatItDrops) {
  refuse();
  for (std::size_t i = 0; i < kUnwrittenMax + 3; ++i) { note(std::to_string(i)); }
  EXPECT_EQ(book_.unwritten_jobs().size(), kUnwrittenMax);
  EXPECT_EQ(book_.unwritten_jobs().back().id, "3");
  for (int channel = 0; channel < 12; ++channel) {
    for (int i = 0; i < kWaitingMax; ++i) { tell(std::to_string(channel), std::to_string(i)); }
  }
  EXPECT_EQ(book_.deliveries(10'000).error().code, Code::kUnsupported) << "not begun";
  book_.begin_alerts();
  EXPECT_EQ(book_.deliveries(10'000)->size(), kUnwrittenMax);
  allow();
  EXPECT_TRUE(book_.write_down(kNow, say_).has_value());
  EXPECT_EQ(read_jobs(db_, 10'000)->size(), kUnwrittenMax + 1);
  EXPECT_THAT(said_, HasSubstr("3 outcomes of jobs and 200 notices are lost"));
}

TEST_F(NotebookTest, OfAChannelThatTakesNoneTheLastWait) {
  refuse();
  book_.begin_alerts();
  for (int i = 0; i < kWaitingMax + 1; ++i) { tell("a", std::to_string(i)); }
  EXPECT_EQ(book_.deliveries(1000)->back().outcome, "dropped");
  EXPECT_THAT(texts(*book_.waiting()), ElementsAre("1 waiting"));
}

TEST_F(NotebookTest, GoesOnWithWhatWaitedInTheFile) {
  tell("a", "first");
  tell("b", "other");
  EXPECT_THAT(book_.alerts()->told.size(), 2U);
  const std::vector<Delivery> waiting = *book_.waiting();
  refuse();
  tell("a", "second");
  EXPECT_THAT(texts(*book_.waiting()), ElementsAre("first waiting", "other waiting"));
  sent(waiting.front());
  EXPECT_THAT(texts(*book_.waiting()), ElementsAre("other waiting", "second waiting"));
  sent(book_.waiting()->back());
  EXPECT_THAT(texts(*book_.waiting()), ElementsAre("other waiting"));
  EXPECT_THAT(book_.alerts()->open.front().text, "second");
  EXPECT_THAT(texts(*book_.deliveries(10)),
              ElementsAre("second sent", "other waiting", "first sent"));
  allow();
  sent(book_.waiting()->front());
  EXPECT_TRUE(is_written_);
  EXPECT_THAT(texts(*read_deliveries(db_, 10)),
              ElementsAre("second sent", "other sent", "first sent"));
  EXPECT_EQ(read_alert_memory(db_)->state.open.front().text, "second");
}

TEST_F(NotebookTest, ANoticeKeepsItsNumber) {
  refuse();
  book_.begin_alerts();
  tell("a", "x");
  const Delivery waiting = book_.waiting()->front();
  allow();
  ASSERT_TRUE(book_.write_down(kNow, say_).has_value());
  sent(waiting);  // it was on its way when it was written
  EXPECT_EQ(read_deliveries(db_, 1)->front().number, waiting.number);
  EXPECT_THAT(*read_waiting(db_), IsEmpty());
}

TEST_F(NotebookTest, AFileThatWasLostGetsWhatIsRemembered) {
  const auto lose = [&](bool is_replaced) {
    std::filesystem::remove(folder_.path() / "vault.db");
    if (!is_replaced) { return; }
    auto other =
        *sqlite::Connection::open(folder_.path() / "vault.db", {.create = true, .one_file = true});
    ASSERT_TRUE(other.exec("CREATE TABLE of_another_program (x)").has_value());
  };
  tell("a", "first");
  tell("b", "other");
  sent(book_.waiting()->back());
  const Delivery first = book_.waiting()->front();
  for (const bool is_replaced : {false, true}) {
    lose(is_replaced);
    note("after");
    ASSERT_TRUE(is_written_);
    EXPECT_THAT(texts(*book_.waiting()), ElementsAre("first waiting"));
    EXPECT_EQ(book_.alerts()->open.size(), 1U);
    EXPECT_TRUE(book_.write_down(kNow, say_).has_value());
    EXPECT_EQ(read_alert_memory(db_)->state.told.size(), 2U);
    EXPECT_EQ(read_alert_memory(db_)->waiting, std::vector{first});
  }
  lose(false);
  tell("a", "second");  // it begins the new file
  EXPECT_THAT(texts(*book_.waiting()), ElementsAre("first waiting"));
  sent(book_.waiting()->front());
  EXPECT_THAT(texts(*book_.waiting()), ElementsAre("second waiting"));
  EXPECT_GT(book_.waiting()->front().number, first.number);
  EXPECT_TRUE(book_.write_down(kNow, say_).has_value());
  EXPECT_THAT(texts(*read_deliveries(db_, 10)), ElementsAre("second waiting", "first sent"));
}

TEST_F(NotebookTest, IsNoAnswerWhereNothingIsKnown) {
  refuse();
  EXPECT_EQ(book_.alerts().error().code, Code::kUnsupported);
  EXPECT_EQ(book_.waiting().error().code, Code::kUnsupported);
  EXPECT_EQ(book_.jobs(1).error().code, Code::kUnsupported);
}

TEST_F(NotebookTest, FindsOutWhetherTheFileCanBeWrittenWithoutANote) {
  EXPECT_TRUE(book_.write_down(kNow, say_).has_value());
  refuse();
  EXPECT_FALSE(book_.write_down(kNow, say_).has_value());
  EXPECT_THAT(book_.trouble(), HasSubstr("newer"));
  allow();
  EXPECT_TRUE(book_.write_down(kNow, say_).has_value());
  EXPECT_THAT(book_.trouble(), IsEmpty());
}

}  // namespace
}  // namespace pv::state
