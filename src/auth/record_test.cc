#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "auth/auth.h"
#include "auth/data_testing.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

std::string answered(TestData& data, const std::string& table) {
  const auto record = read_record(data.db, data.collection(table), data.id_of(table));
  EXPECT_TRUE(record.has_value()) << record.error().what;
  return record ? json::serialize(*record) : std::string{};
}

// Adds a field to a collection, with its column.
void add_field(TestData& data, const std::string& table, const std::string& column,
               const std::string& field) {
  data.exec("ALTER TABLE `" + table + "` ADD COLUMN " + column);
  data.exec("UPDATE _collections SET fields = json_insert(CAST(fields AS TEXT), '$[#]', json('" +
            field + "')) WHERE name = '" + table + "'");
}

std::string filled_in(std::string text, const std::string& id, const std::string& date) {
  for (const auto& [mark, value] : {std::pair{"{{id}}", id}, {"{{date}}", date}}) {
    for (std::size_t at = 0; (at = text.find(mark)) != std::string::npos;) {
      text.replace(at, std::string_view{mark}.size(), value);
    }
  }
  return text;
}

TEST(Record, IsWhatPocketBaseAnswers) {
  constexpr const char* kSuperuser =
      R"({"collectionId":"pbc_3142635823","collectionName":"_superusers","created":"{{date}}",)"
      R"("email":"admin@example.com","emailVisibility":false,"id":"{{id}}",)"
      R"("updated":"{{date}}","verified":true})";
  constexpr const char* kUser =
      R"({"avatar":"","collectionId":"_pb_users_auth_","collectionName":"users",)"
      R"("created":"{{date}}","email":"user@example.com","emailVisibility":false,"id":"{{id}}",)"
      R"("name":"User","updated":"{{date}}","verified":false})";
  for (const char* version : kTestVersions) {
    TestData data{version};
    EXPECT_EQ(answered(data, "_superusers"),
              filled_in(kSuperuser, data.id_of("_superusers"),
                        data.text("SELECT created FROM _superusers")));
    EXPECT_EQ(answered(data, "users"),
              filled_in(kUser, data.id_of("users"), data.text("SELECT created FROM users")));
  }
}

TEST(Record, GivesEachFieldItsType) {
  struct Case {
    const char* field;
    const char* stored;
    const char* answer;
  };
  const Case cases[] = {
      {R"({"name":"x","type":"number"})", "5", "5"},
      {R"({"name":"x","type":"number"})", "5.0", "5"},
      {R"({"name":"x","type":"number"})", "-2.5", "-2.5E0"},
      {R"({"name":"x","type":"number"})", "'text'", "0"},
      {R"({"name":"x","type":"number"})", "NULL", "0"},
      {R"({"name":"x","type":"bool"})", "1", "true"},
      {R"({"name":"x","type":"bool"})", "0", "false"},
      {R"({"name":"x","type":"json"})", R"('{"b":[1,null],"a":"t"}')", R"({"b":[1,null],"a":"t"})"},
      {R"({"name":"x","type":"json"})", "'\"text\"'", "\"text\""},
      {R"({"name":"x","type":"json"})", "NULL", "null"},
      {R"({"name":"x","type":"json"})", "'{broken'", "null"},
      {R"({"name":"x","type":"geoPoint"})", R"('{"lon":1,"lat":2}')", R"({"lon":1,"lat":2})"},
      {R"({"name":"x","type":"select","maxSelect":1})", "'one'", "\"one\""},
      {R"({"name":"x","type":"select","maxSelect":3})", R"('["one","two"]')", R"(["one","two"])"},
      {R"({"name":"x","type":"select","maxSelect":3})", "'one'", R"(["one"])"},
      {R"({"name":"x","type":"relation","maxSelect":9})", "''", "[]"},
      {R"({"name":"x","type":"relation"})", "'r1'", "\"r1\""},
      {R"({"name":"x","type":"file","maxSelect":2})", R"('["a.png"]')", R"(["a.png"])"},
      {R"({"name":"x","type":"text"})", "'a \"quoted\" ü'", R"("a \"quoted\" ü")"},
      {R"({"name":"x","type":"date"})", "''", "\"\""},
      {R"({"name":"x","type":"from the future"})", "'v'", "\"v\""},
  };
  for (const Case& one : cases) {
    TestData data;
    add_field(data, "users", "x", one.field);
    data.exec("UPDATE users SET x = " + std::string{one.stored});
    const auto record = read_record(data.db, data.collection("users"), data.id_of("users"));
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(json::serialize(record->at("x")), one.answer) << one.field << " " << one.stored;
  }
}

TEST(Record, HidesHiddenFieldsFromAllButSuperusers) {
  for (const char* table : {"users", "_superusers"}) {
    TestData data;
    add_field(data, table, "note TEXT DEFAULT 'n'",
              R"({"name":"note","type":"text","hidden":true})");
    const bool shown = answered(data, table).find("\"note\":\"n\"") != std::string::npos;
    EXPECT_EQ(shown, std::string{table} == "_superusers") << table;
    const Collection collection = data.collection(table);
    EXPECT_EQ(collection.hidden_fields, (std::vector<std::string>{"password", "tokenKey", "note"}));
  }
}

TEST(Record, NeverShowsSecrets) {
  for (const char* table : {"users", "_superusers"}) {
    TestData data;
    // Whatever the collection's own definition says of them.
    data.exec(
        "UPDATE _collections SET fields = replace(CAST(fields AS TEXT), '\"hidden\":true', "
        "'\"hidden\":false')");
    add_field(data, table, "pin TEXT DEFAULT 'p1n'", R"({"name":"pin","type":"password"})");
    const std::string text = answered(data, table);
    for (const char* secret : {"tokenKey", "password", "$2a$", "p1n"}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << table << " " << secret;
    }
  }
}

TEST(Record, HasNoFieldThatTheTableLacks) {
  TestData data;
  data.exec("ALTER TABLE users DROP COLUMN avatar");
  EXPECT_EQ(answered(data, "users").find("avatar"), std::string::npos);
  data.exec("ALTER TABLE users ADD COLUMN stray TEXT DEFAULT 's'");
  EXPECT_EQ(answered(data, "users").find("stray"), std::string::npos)
      << "nor one of the table alone";
}

TEST(Record, IsNotFoundByAnotherId) {
  TestData data;
  const auto record = read_record(data.db, data.collection("users"), "nobody");
  ASSERT_FALSE(record.has_value());
  EXPECT_EQ(record.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace pv::auth
