#include "jobs/preflight_json.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.h"
#include "jobs/json_reader.h"

namespace pv::jobs {
namespace {

// Of lists that a server sends.
constexpr std::size_t kListMax = 20'000;

json::value count_json(const std::optional<std::uint64_t>& count) {
  // Not with braces: those would make an array of one.
  return count ? json::value(*count) : json::value(nullptr);
}

json::array names_json(const std::vector<std::string>& names) {
  json::array array;
  for (const std::string& name : names) { array.emplace_back(name); }
  return array;
}

json::object files_json(const restore::Files& files) {
  return {{"files", files.files}, {"bytes", files.bytes}, {"names", names_json(files.names)}};
}

json::object names_json(const Names& names) {
  return {{"count", names.count}, {"names", names_json(names.names)}};
}

json::object app_json(const AppFacts& app) {
  return {{"app", printable(app.name)},
          {"version", app.version},
          {"newestMigration", printable(app.newest_migration)},
          {"settingsLocked", app.settings_locked},
          {"filesInS3", app.files_in_s3}};
}

json::object changes_json(const restore::Changes& changes) {
  return {{"added", files_json(changes.added)},
          {"removed", files_json(changes.removed)},
          {"changed", files_json(changes.changed)},
          {"same", files_json(changes.same)},
          {"unread", names_json(changes.unread)}};
}

json::array databases_json(const std::vector<restore::DatabaseChange>& databases) {
  json::array array;
  for (const restore::DatabaseChange& database : databases) {
    array.push_back(json::object{{"name", database.name},
                                 {"bytesBefore", count_json(database.bytes_before)},
                                 {"bytesAfter", count_json(database.bytes_after)}});
  }
  return array;
}

json::array collections_json(const std::vector<CollectionChange>& collections) {
  json::array array;
  for (const CollectionChange& change : collections) {
    array.push_back(json::object{{"name", change.name},
                                 {"type", change.type},
                                 {"inPlace", change.is_in_place},
                                 {"inArchive", change.is_in_archive},
                                 {"before", count_json(change.before)},
                                 {"after", count_json(change.after)}});
  }
  return array;
}

// Calls `take(reader)` for each object of the list.
template <class Take>
void for_each_object(const json::array* array, const Take& take) {
  for (std::size_t i = 0; array != nullptr && i < std::min(array->size(), kListMax); ++i) {
    if (const json::object* object = (*array)[i].if_object()) { take(Reader{*object}); }
  }
}

std::vector<std::string> names_from(const json::array* array) {
  std::vector<std::string> names;
  for (std::size_t i = 0; array != nullptr && i < std::min(array->size(), kListMax); ++i) {
    if ((*array)[i].is_string()) { names.emplace_back((*array)[i].get_string()); }
  }
  return names;
}

restore::Files files_from(const json::object* object) {
  if (object == nullptr) { return {}; }
  const Reader from{*object};
  return {.files = from.count("files"),
          .bytes = from.count("bytes"),
          .names = names_from(from.array("names"))};
}

Names counted_from(const json::object* object) {
  if (object == nullptr) { return {}; }
  const Reader from{*object};
  return {.count = from.count("count"), .names = names_from(from.array("names"))};
}

AppFacts app_from(const Reader& from) {
  return {.name = from.text("app"),
          .version = from.text("version"),
          .newest_migration = from.text("newestMigration"),
          .settings_locked = from.flag("settingsLocked"),
          .files_in_s3 = from.flag("filesInS3")};
}

restore::Changes changes_from(const Reader& from, const json::array* databases) {
  restore::Changes changes{.added = files_from(from.object("added")),
                           .removed = files_from(from.object("removed")),
                           .changed = files_from(from.object("changed")),
                           .same = files_from(from.object("same")),
                           .databases = {},
                           .unread = names_from(from.array("unread"))};
  for_each_object(databases, [&](const Reader& database) {
    changes.databases.push_back({.name = database.text("name"),
                                 .bytes_before = database.count_if_there("bytesBefore"),
                                 .bytes_after = database.count_if_there("bytesAfter")});
  });
  return changes;
}

void take_facts(const Reader& from, Preflight& into) {
  if (const json::object* archive = from.object("archive")) {
    const Reader facts{*archive};
    into.archive = app_from(facts);
    into.made = parse_date(facts.text("made"));
    into.way = facts.text("way");
  }
  if (const json::object* in_place = from.object("inPlace")) {
    into.in_place = app_from(Reader{*in_place});
  }
}

}  // namespace

json::object to_json(const Preflight& preflight) {
  json::array reasons;
  for (const Error& reason : preflight.reasons) {
    reasons.push_back(
        json::object{{"code", code_name(reason.code)}, {"message", printable(reason.what)}});
  }
  json::object archive = app_json(preflight.archive);
  archive["made"] = nullptr;
  if (preflight.made) { archive["made"] = format_pocketbase_date(*preflight.made); }
  archive["way"] = preflight.way;
  json::object object{
      {"verdict", verdict_name(preflight.verdict)},
      {"reasons", std::move(reasons)},
      {"space", {{"needed", preflight.space_needed}, {"free", preflight.space_free}}},
      {"databasesChecked", preflight.databases_checked},
      {"files", nullptr},
      {"databases", json::array{}},
      {"collections", collections_json(preflight.collections)},
      {"migrations",
       {{"onlyInArchive", names_json(preflight.migrations_only_in_archive)},
        {"onlyInPlace", names_json(preflight.migrations_only_in_place)}}},
      {"superusers", names_json(preflight.superusers)},
      {"superusersLost", names_json(preflight.superusers_lost)},
      {"archive", std::move(archive)},
      {"inPlace", nullptr}};
  if (preflight.changes) {
    object["files"] = changes_json(*preflight.changes);
    object["databases"] = databases_json(preflight.changes->databases);
  }
  if (preflight.in_place) { object["inPlace"] = app_json(*preflight.in_place); }
  return object;
}

json::array to_json(const std::vector<CollectionRecords>& collections) {
  json::array array;
  for (const CollectionRecords& collection : collections) {
    array.push_back(json::object{{"name", collection.name}, {"records", collection.records}});
  }
  return array;
}

Preflight preflight_from(const json::object& object) {
  const Reader from{object};
  Preflight result;
  result.verdict = Verdict::kRefused;
  for (const Verdict verdict : {Verdict::kOk, Verdict::kWarnings}) {
    if (verdict_name(verdict) == from.text("verdict")) { result.verdict = verdict; }
  }
  for_each_object(from.array("reasons"), [&](const Reader& reason) {
    result.reasons.push_back({code_of(reason.text("code")), reason.text("message")});
  });
  if (const json::object* space = from.object("space")) {
    result.space_needed = Reader{*space}.count("needed");
    result.space_free = Reader{*space}.count("free");
  }
  result.databases_checked = from.flag("databasesChecked");
  if (const json::object* files = from.object("files")) {
    result.changes = changes_from(Reader{*files}, from.array("databases"));
  }
  for_each_object(from.array("collections"), [&](const Reader& collection) {
    result.collections.push_back({.name = collection.text("name"),
                                  .type = collection.text("type"),
                                  .is_in_place = collection.flag("inPlace"),
                                  .is_in_archive = collection.flag("inArchive"),
                                  .before = collection.count_if_there("before"),
                                  .after = collection.count_if_there("after")});
  });
  if (const json::object* migrations = from.object("migrations")) {
    const Reader names{*migrations};
    result.migrations_only_in_archive = counted_from(names.object("onlyInArchive"));
    result.migrations_only_in_place = counted_from(names.object("onlyInPlace"));
  }
  result.superusers = counted_from(from.object("superusers"));
  result.superusers_lost = counted_from(from.object("superusersLost"));
  take_facts(from, result);
  return result;
}

std::vector<CollectionRecords> collections_from(const json::array* array) {
  std::vector<CollectionRecords> collections;
  for_each_object(array, [&](const Reader& from) {
    collections.push_back({.name = from.text("name"), .records = from.count("records")});
  });
  return collections;
}

}  // namespace pv::jobs
