#include "logs/log_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "logs/filter.h"
#include "testing/fixtures.h"

namespace pv::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogRows : public ::testing::Test {
 protected:
  LogRows() {
    const auto done = insert(
        db, {{"a", "2026-11-21 00:10:00.000Z", 0, "GET /api/health",
              R"({"type":"request","status":200,"auth":"","execTime":0.5,"details":null})"},
             {"b", "2026-11-21 00:50:00.000Z", 8, "POST /api/x",
              R"({"type":"request","status":404,"auth":"users"})"},
             {"c", "2026-11-21 01:00:00.000Z", 4, "a 50%_off \\ note", R"({"deep":{"x":true}})"},
             {"d", "2026-11-21 01:30:00.000Z", -4, "it's", "no json"}});
    PV_ASSERT(done.has_value());
  }
  // The ids that a filter leaves, or the code of the error.
  std::string ids(const std::string& filter, const std::string& sort = "") {
    const auto page = read_page(db, {.filter = filter, .sort = sort});
    if (!page.has_value()) { return std::string{code_name(page.error().code)}; }
    std::string text;
    for (const LogRow& row : page->rows) { text += row.id; }
    return text;
  }
  static sqlite::Connection open(const testing::TempFolder& folder) {
    auto db = *sqlite::Connection::open(
        testing::unpack_pb_data("0.36.6", folder.path()) / "auxiliary.db", {});
    PV_ASSERT(db.exec("DELETE FROM _logs").has_value());
    return db;
  }

  testing::TempFolder folder;
  sqlite::Connection db = open(folder);
};

TEST_F(LogRows, AreFiltered) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "abcd"},
      {"  ", "abcd"},
      {"level > 0", "bc"},
      {"level>=4&&level<8", "c"},
      {"level = -4", "d"},
      {"level != 0", "bcd"},
      {"id = 'a' || id = \"b\"", "ab"},
      {"id = 'a' || id = 'b' && level = 8", "b"},
      {"id = 'a' && level = 8 || id = 'c'", "c"},
      {"id = 'a' || (id = 'b' && level = 8)", "ab"},
      {"(level = 0 || level = 8) && data.auth = ''", "a"},
      {"data.status = 404", "b"},
      {"data.status >= 200", "ab"},
      {"data.execTime < 0.6", "a"},
      {"data.type = 'request'", "ab"},
      {"data.type != 'request'", "cd"},
      {"data.auth != ''", "b"},
      {"data.details = null", "abcd"},
      {"data.deep.x = true", "c"},
      {"message ~ 'api'", "ab"},
      {"message !~ 'api'", "cd"},
      {"message ~ 'GET%'", "a"},
      {"message ~ '50%'", ""},
      {"message ~ '_off'", "c"},
      {"message ~ '\\ note'", "c"},
      {"message = 'it\\'s'", "d"},
      {"message = \"it's\"", "d"},
      {"created >= '2026-11-21 01:00:00.000Z'", "cd"},
      {"data ~ 'deep'", "c"},
  };
  for (const auto& [filter, found] : rows) { EXPECT_EQ(ids(filter), found) << filter; }
}

TEST_F(LogRows, RefuseWhatIsNoFilter) {
  for (const char* filter : {"x",
                             "level",
                             "level >",
                             "level > 0 &&",
                             "level > 0 level",
                             "(level > 0",
                             "level > 0)",
                             "password = 1",
                             "data. = 1",
                             "data..x = 1",
                             "level == 0",
                             "level > 'x",
                             "1 = 1",
                             "level = @now",
                             "level ?= 1",
                             "data.x-y = 1",
                             "id = id",
                             "level = 1; DROP TABLE _logs",
                             "data.x') OR 1=1 -- = 1",
                             "rowid = 1"}) {
    EXPECT_EQ(ids(filter), "invalid") << filter;
  }
  std::string deep(30, '(');
  EXPECT_EQ(ids(deep + "level = 0" + std::string(30, ')')), "invalid");
  std::string many = "level = 0";
  for (int i = 0; i < 200; ++i) { many += " && level = 0"; }
  EXPECT_EQ(ids(many), "invalid");
}

TEST_F(LogRows, AreFilteredByManyTerms) {
  for (const auto& [first, second, found] :
       {std::tuple{"||", "||", "abcd"}, {"&&", "&&", ""}, {"||", "&&", "d"}, {"&&", "||", ""}}) {
    std::string many = "id = 'a'";
    for (int i = 1; i < 100; ++i) {
      many += std::string{" "} + (i % 2 == 1 ? first : second) + " id = '" + "abcd"[i % 4] + "'";
    }
    EXPECT_EQ(ids(many), found) << many;
  }
}

TEST_F(LogRows, AreSorted) {
  EXPECT_EQ(ids("", "-@rowid"), "dcba");
  EXPECT_EQ(ids("", "level"), "dacb");
  EXPECT_EQ(ids("", "-level,+id"), "bcad");
  EXPECT_EQ(ids("", "-data.status,id"), "bacd");
  for (const char* sort : {"x", "-", "level desc", "level;", "data.a b", "@random", "level,,id"}) {
    EXPECT_EQ(ids("", sort), "invalid") << sort;
  }
}

TEST_F(LogRows, ComeInPages) {
  const auto page = read_page(db, {.filter = "level != 8", .page = 2, .per_page = 2});
  ASSERT_EQ(page->rows.size(), 1U);
  EXPECT_EQ(page->rows[0].id, "d");
  EXPECT_EQ(page->total, 3);
  EXPECT_EQ(read_page(db, {.skip_total = true})->total, -1);
  EXPECT_THAT(read_page(db, {.page = 9})->rows, IsEmpty());
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t page_number : {kMost, kMost / 2 + 2}) {
    EXPECT_THAT(read_page(db, {.page = page_number, .per_page = 2})->rows, IsEmpty());
  }
  EXPECT_EQ(read_row(db, "b")->message, "POST /api/x");
  EXPECT_EQ(read_row(db, "x").error().code, Code::kNotFound);
}

TEST_F(LogRows, AreCountedByTheHour) {
  const auto stats = read_stats(db, "level >= 0");
  ASSERT_EQ(stats->size(), 2U);
  EXPECT_EQ((*stats)[0].date, "2026-11-21 00:00:00.000Z");
  EXPECT_EQ((*stats)[0].total, 2);
  EXPECT_EQ((*stats)[1].total, 1);
  EXPECT_EQ(read_stats(db, "x").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace pv::logs
