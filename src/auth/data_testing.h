// For this room's tests: an open data.db that PocketBase wrote.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "auth/auth.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"

namespace pv::auth {

inline constexpr std::string_view kAdminEmail = "admin@example.com";
inline constexpr std::string_view kAdminPassword = "correct horse battery";
inline constexpr std::string_view kUserEmail = "user@example.com";
inline constexpr std::string_view kUserPassword = "wobbly table leg";

struct TestData {
  explicit TestData(const std::string& version = "0.39.11")
      : path{testing::unpack_pb_data(version, folder.path()) / "data.db"},
        db{*sqlite::Connection::open(path, {})} {}

  // The first column of the first row, as text; "" when there is no row.
  std::string text(std::string_view sql, std::span<const sqlite::Value> parameters = {}) {
    const auto rows = db.all(sql, parameters);
    EXPECT_TRUE(rows.has_value()) << rows.error().what;
    return rows && !rows->empty() ? sqlite::to_text(rows->front().front()) : std::string{};
  }
  void exec(std::string_view sql) {
    const auto done = db.exec(sql);
    ASSERT_TRUE(done.has_value()) << done.error().what;
  }
  // Sets one member of a collection's options, by JSON path.
  void set_option(const std::string& name, const std::string& json_path, const std::string& json) {
    exec("UPDATE _collections SET options = json_set(CAST(options AS TEXT), '" + json_path +
         "', json('" + json + "')) WHERE name = '" + name + "'");
  }
  Collection collection(std::string_view name) {
    auto found = find_collection(db, name);
    EXPECT_TRUE(found.has_value()) << found.error().what;
    return std::move(*found);
  }
  std::string id_of(const std::string& name) { return text("SELECT id FROM `" + name + "`"); }

  testing::TempFolder folder;
  std::filesystem::path path;
  sqlite::Connection db;
  testing::FakeClock clock;
};

inline constexpr std::array kTestVersions{"0.36.6", "0.39.11"};

}  // namespace pv::auth
