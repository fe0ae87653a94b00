// Archives that are sound and hold a hostile database, or one that only looks strange: a table,
// each made here from `data_db`, a good data.db of PocketBase's.
#pragma once

#include <sqlite3.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/hostile_archives_testing.h"
#include "testing/fixtures.h"

namespace pv::jobs {

namespace crafted {

// `database` after `sql`, run with every protection of SQLite's off. In rollback mode, alone.
inline std::string after_sql(const std::string& database, const std::string& sql) {
  const testing::TempFolder folder;
  const std::filesystem::path path = folder / "made.db";
  testing::write_file(path, database);
  sqlite3* handle = nullptr;
  PV_ASSERT(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, nullptr);
  const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
  PV_ASSERT(code == SQLITE_OK);
  PV_ASSERT(sqlite3_close(handle) == SQLITE_OK);
  return testing::read_file(path);
}

inline std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i-- > 0;) { out += static_cast<char>(value >> (8U * i)); }
  return out;
}

inline std::string patched(std::string database, std::size_t at, const std::string& with) {
  return database.replace(at, with.size(), with);
}

// A WAL with one frame, its checksums right (SQLite's walformat.html).
struct WalFrame {
  std::uint32_t page = 1;
  std::uint32_t pages_after = 1;  // of the database, after this commit
  std::string content;            // a page
  std::uint32_t salt_of_frame = 0x11111111;
};
inline std::string wal_of(const WalFrame& frame) {
  std::array<std::uint32_t, 2> sum{};
  const auto add = [&](std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      const auto word = [&](std::size_t i) {
        std::uint32_t value = 0;
        for (std::size_t k = 0; k < 4; ++k) {
          value = value << 8U | static_cast<unsigned char>(bytes[i + k]);
        }
        return value;
      };
      sum[0] += word(at) + sum[1];
      sum[1] += word(at + 4) + sum[0];
    }
    return big_endian(sum[0], 4) + big_endian(sum[1], 4);
  };
  std::string wal = big_endian(0x377F0683, 4) + big_endian(3'007'000, 4) +
                    big_endian(frame.content.size(), 4) + big_endian(0, 4) +
                    big_endian(0x11111111, 4) + big_endian(0x22222222, 4);
  wal += add(wal);
  const std::string head = big_endian(frame.page, 4) + big_endian(frame.pages_after, 4);
  add(head);
  const std::string checksum = add(frame.content);
  return wal + head + big_endian(frame.salt_of_frame, 4) + big_endian(0x22222222, 4) + checksum +
         frame.content;
}

inline std::string journal_of(std::uint32_t pages_before, std::uint32_t page_bytes) {
  return "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + big_endian(0, 4) + big_endian(7, 4) +
         big_endian(pages_before, 4) + big_endian(512, 4) + big_endian(page_bytes, 4) +
         std::string(484, '\0');
}

// A data.db of PocketBase v0.39, alone.
inline std::string good_data_db() {
  const testing::TempFolder folder;
  const std::filesystem::path pb_data = testing::unpack_pb_data("0.39.11", folder.path());
  // A copy in rollback mode, without what a WAL beside it would add.
  const auto made = testing::run("sqlite3 '" + (pb_data / "data.db").string() +
                                 "' \"VACUUM INTO '" + (folder / "alone.db").string() + "'\"");
  PV_ASSERT(made.status == 0);
  return testing::read_file(folder / "alone.db");
}

// Nothing to do with PocketBase.
inline std::string other_database() {
  return after_sql("", "CREATE TABLE t (n); INSERT INTO t VALUES (1)");
}

}  // namespace crafted

inline std::vector<HostileArchive> archives_with_broken_databases(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  using Files = std::vector<CraftedItem>;
  const auto add = [&](const char* label, Files files, const char* says,
                       Code code = Code::kDamaged) {
    cases.push_back({.label = std::string{"database: "} + label,
                     .bytes = CraftedZip{.items = std::move(files)}.build(),
                     .at = Refused::kAsContent,
                     .says = says,
                     .code = code});
  };
  const auto add_data = [&](const char* label, const std::string& database, const char* says,
                            Code code = Code::kDamaged) {
    add(label, {deflated("data.db", database)}, says, code);
  };
  add_data("empty", "", "data.db: in the archive it is not an SQLite database");
  add_data("text", "this is not a database", "it is not an SQLite database");
  add_data("a zip", CraftedZip{}.build(), "it is not an SQLite database");
  add_data("the header's magic alone", data_db.substr(0, 16), "data.db");
  add_data("its header alone", data_db.substr(0, 100), "data.db");
  add_data("a page size of 3", patched(data_db, 16, big_endian(3, 2)), "not a database");
  add_data("another page size", patched(data_db, 16, big_endian(512, 2)), "data.db");
  add_data("half of it", data_db.substr(0, data_db.size() / 2), "data.db");
  add_data("cut off in a page", data_db.substr(0, data_db.size() - 1000), "data.db");
  add_data("pages beyond its file", patched(data_db, 28, big_endian(0x7FFFFFF0, 4)), "data.db");
  add_data("another encoding", patched(data_db, 56, big_endian(2, 4)), "data.db");
  add_data("a schema format of the future", patched(data_db, 44, big_endian(99, 4)),
           "unsupported file format");
  add_data("garbage for a page", patched(data_db, 4096UL * 5, std::string(4096, '\x5a')),
           "damaged");
  add_data("a free list that leads in a circle",
           patched(patched(data_db, 32, big_endian(2, 4)), 36, big_endian(1000, 4)), "damaged");
  const auto add_sql = [&](const char* label, const std::string& sql, const char* says,
                           Code code = Code::kDamaged) {
    add_data(label, after_sql(data_db, sql), says, code);
  };
  add_sql("garbage for a schema",
          "UPDATE sqlite_schema SET sql = 'CREATE garbage' "
          "WHERE name = 'users'",
          "malformed database schema");
  add_sql("two tables in one place",
          "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
          "WHERE name = 'users') WHERE name = 'products'",
          "damaged");
  add_sql("a table in the schema's place",
          "UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'products'", "data.db");
  add_sql("a table beyond the file",
          "UPDATE sqlite_schema SET rootpage = 1000000 WHERE name = 'products'", "data.db");
  add_data("not of PocketBase", other_database(), "lacks table _collections", Code::kUnsupported);
  add_sql("of an old PocketBase", "DROP TABLE _superusers; CREATE TABLE _admins (id)",
          "before PocketBase v0.23", Code::kUnsupported);
  add_sql("accounts in a view",
          "ALTER TABLE _superusers RENAME TO s; CREATE VIEW _superusers AS SELECT * FROM s",
          "lacks table _superusers", Code::kUnsupported);
  add_sql("accounts in a virtual table",
          "DROP TABLE _superusers; CREATE VIRTUAL TABLE _superusers USING fts5(id, email, "
          "password, tokenKey, verified, emailVisibility, created, updated)",
          "lacks table _superusers", Code::kUnsupported);
  add_sql("an account's password computed",
          "DROP TABLE _superusers; CREATE TABLE _superusers (id, email, tokenKey, verified, "
          "emailVisibility, created, updated, password AS (hex(zeroblob(100000000))))",
          "lacks column _superusers.password", Code::kUnsupported);
  add_sql(
      "gigabytes computed where nothing may be missing",
      "CREATE TABLE evil (n, g AS (hex(zeroblob(400000000 + n))) ); INSERT INTO evil VALUES (1);"
      "UPDATE sqlite_schema SET sql = 'CREATE TABLE evil (n, g AS (hex(zeroblob(400000000 + n)))"
      " NOT NULL)' WHERE name = 'evil'",
      "too big");
  add("auxiliary.db of text", {deflated("data.db", data_db), stored("auxiliary.db", "text")},
      "auxiliary.db: in the archive it is not an SQLite database");
  add("auxiliary.db damaged",
      {deflated("data.db", data_db),
       deflated("auxiliary.db", patched(data_db, 4096UL * 5, std::string(4096, '\x5a')))},
      "auxiliary.db");

  constexpr std::uint32_t kTerabytes = 1'000'000'000;  // in pages
  const auto add_beside = [&](const char* label, const char* name, const std::string& content,
                              const char* says) {
    add(label, {deflated("data.db", data_db), deflated(name, content)}, says);
  };
  add_beside("a WAL that makes it terabytes long", "data.db-wal",
             wal_of({.pages_after = kTerabytes,
                     .content = patched(data_db.substr(0, 4096), 28, big_endian(kTerabytes, 4))}),
             "claims to have");
  add("a WAL of another database",
      {deflated("data.db", data_db),
       deflated("data.db-wal",
                wal_of({.pages_after = 2, .content = other_database().substr(0, 4096)}))},
      "lacks table", Code::kUnsupported);
  add_beside("a WAL that overwrites a page", "data.db-wal",
             wal_of({.page = 6,
                     .pages_after = static_cast<std::uint32_t>(data_db.size() / 4096),
                     .content = std::string(4096, '\x5a')}),
             "damaged");
  add_beside("a journal that makes it terabytes long", "data.db-journal",
             journal_of(0xFFFFFFF0, 4096), "would make it");
  add_beside("a journal that names another file", "data.db-journal",
             journal_of(1, 4096) + "/etc/passwd" + big_endian(11, 4) + big_endian(1144, 4) +
                 "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
             "names another file for deletion");
  return cases;
}

// What is strange in them is not run, or does nothing; PocketBase restores them too.
inline std::vector<HarmlessArchive> archives_with_strange_databases(const std::string& data_db) {
  using namespace crafted;
  std::vector<HarmlessArchive> cases;
  const auto add = [&](const char* label, const std::string& database,
                       std::vector<CraftedItem> more = {}) {
    std::vector<CraftedItem> items{deflated("data.db", database)};
    for (CraftedItem& item : more) { items.push_back(std::move(item)); }
    cases.push_back({.label = std::string{"database: "} + label,
                     .bytes = CraftedZip{.items = std::move(items)}.build()});
  };
  const auto add_sql = [&](const char* label, const std::string& sql) {
    add(label, after_sql(data_db, sql));
  };
  add_sql(
      "triggers and views that load libraries",
      "CREATE VIEW evil AS SELECT load_extension('/tmp/evil.so') AS x;"
      "CREATE TRIGGER evil1 AFTER UPDATE ON _superusers BEGIN SELECT load_extension('evil'); END;"
      "CREATE TRIGGER evil2 AFTER INSERT ON _params BEGIN SELECT writefile('/tmp/evil', 'x'), "
      "edit('x', 'rm'), fts3_tokenizer('simple', x'00'); END");
  add_sql("views that never end",
          "CREATE VIEW endless AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
          "SELECT count(*) AS id FROM c");
  {
    std::string sql = "CREATE VIEW v0 AS SELECT 1 AS id;";
    for (int i = 1; i < 40; ++i) {
      const std::string below = "v" + std::to_string(i - 1);
      sql += "CREATE VIEW v" + std::to_string(i) + " AS SELECT a.id FROM " + below +
             " a UNION ALL SELECT b.id FROM " + below + " b;";
    }
    add_sql("views of views that double", sql);
  }
  add_sql("a view of itself",
          "CREATE TABLE x (id); CREATE VIEW a AS SELECT * FROM x; DROP TABLE x;"
          "CREATE VIEW x AS SELECT * FROM a");
  add_sql("a CHECK that asks for gigabytes",
          "CREATE TABLE t (n); INSERT INTO t VALUES (1); UPDATE sqlite_schema SET sql = "
          "'CREATE TABLE t (n CHECK (length(hex(zeroblob(400000000))) > 0))' WHERE name = 't'");
  // Each call compares a terabyte, and no handler of SQLite's is called in between.
  add_sql("a CHECK that takes days",
          "CREATE TABLE t (n); INSERT INTO t VALUES (1), (2), (3); UPDATE sqlite_schema SET sql = "
          "'CREATE TABLE t (n CHECK (instr(replace(hex(zeroblob(500000)), ''00'', ''aa''), "
          "replace(hex(zeroblob(250000)), ''00'', ''aa'') || ''b'') = n))' WHERE name = 't'");
  add_sql("generated columns that are never read",
          "CREATE TABLE t (n, g AS (hex(zeroblob(400000000)))); INSERT INTO t VALUES (1)");
  add_sql(
      "a virtual table of an unknown module",
      "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', 'evil', "
      "'evil', 0, 'CREATE VIRTUAL TABLE evil USING evil(x)')");
  add_sql("virtual tables over the database's own pages",
          "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', 'p', "
          "'p', 0, 'CREATE VIRTUAL TABLE p USING sqlite_dbpage'), ('table', 's', "
          "'s', 0, 'CREATE VIRTUAL TABLE s USING dbstat')");
  add_sql("full text and R*Tree tables",
          "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('hello');"
          "CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES (1, 2, 3)");
  add_sql("full text tables with garbage inside",
          "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('hello');"
          "UPDATE f_data SET block = x'ffffffffffffffff'");
  add_sql("expressions in indexes and defaults",
          "CREATE TABLE t (n DEFAULT (hex(zeroblob(400000000)))); INSERT INTO t VALUES (1);"
          "CREATE INDEX i ON t (length(n)) WHERE n > 0");
  add_sql("statistics that lie",
          "ANALYZE; UPDATE sqlite_stat1 SET stat = "
          "'9223372036854775807 9223372036854775807 -1 x unordered'");
  add_sql("of a newer PocketBase",
          "CREATE TABLE _future (id); ALTER TABLE _superusers ADD COLUMN passkey TEXT DEFAULT ''");
  add_sql("pages of 512 bytes", "PRAGMA page_size=512; VACUUM");
  add_sql("pages of 64 KiB", "PRAGMA page_size=65536; VACUUM");
  add_sql("marked for a WAL that is not there", "PRAGMA journal_mode=WAL");

  const std::string noise = zip::testing::deflate(data_db);
  add("a WAL of noise", data_db, {stored("data.db-wal", noise)});
  add("an empty WAL", data_db, {stored("data.db-wal", "")});
  add("a WAL with wrong salts", data_db,
      {stored("data.db-wal",
              wal_of({.content = std::string(4096, '\x5a'), .salt_of_frame = 0x33333333}))});
  add("a WAL with a wrong checksum", data_db,
      {stored("data.db-wal",
              patched(wal_of({.content = std::string(4096, '\x5a')}), 100, "damaged"))});
  add("a journal of noise", data_db, {stored("data.db-journal", noise)});
  add("an empty journal", data_db, {stored("data.db-journal", "")});
  add("a WAL, a journal and a -shm without their database", data_db,
      {stored("evil.db-wal", noise), stored("evil.db-journal", noise),
       stored("data.db-shm", noise)});
  return cases;
}

// Everything that is refused.
inline std::vector<HostileArchive> all_hostile(const std::string& data_db) {
  std::vector<HostileArchive> all = hostile_archives(data_db);
  for (HostileArchive& one : archives_with_broken_databases(data_db)) {
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace pv::jobs
