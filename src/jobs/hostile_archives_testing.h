// Archives that try something, and archives that only look strange: a table, each made here. Those
// with a hostile database inside are in hostile_databases_testing.h.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "zip/crafted_zip_testing.h"

namespace pv::jobs {

// Where an archive is refused. Until kContent not a byte of it is extracted.
enum class Refused { kAsArchive, kAsPlan, kAsContent };

struct HostileArchive {
  std::string label;
  std::string bytes;
  Refused at = Refused::kAsArchive;
  std::string says = {};  // part of the error
  Code code = Code::kDamaged;
};

// Restored: exactly these files beside data.db.
struct HarmlessArchive {
  std::string label;
  std::string bytes;
  std::map<std::string, std::string> files = {};
};

namespace crafted {

using zip::testing::CraftedEnd;
using zip::testing::CraftedHeader;
using zip::testing::CraftedItem;
using zip::testing::CraftedZip;
using zip::testing::deflate;
using zip::testing::deflated;
using zip::testing::Descriptor;
using zip::testing::extra_field;
using zip::testing::number;
using zip::testing::stored;
using zip::testing::with_descriptor;

// data.db, then the others.
inline CraftedZip with(const std::string& data_db, std::vector<CraftedItem> items) {
  CraftedZip zip;
  zip.items.push_back(deflated("data.db", data_db));
  for (CraftedItem& item : items) { zip.items.push_back(std::move(item)); }
  return zip;
}

inline CraftedZip ending(CraftedZip zip, CraftedEnd end) {
  zip.end = std::move(end);
  return zip;
}

template <class Thing, class Change>
Thing changed(Thing thing, const Change& change) {
  change(thing);
  return thing;
}

inline std::string folders(int count) {
  std::string name;
  for (int i = 0; i < count; ++i) { name += "d/"; }
  return name;
}

// The zip64 end record and its locator.
struct End64 {
  std::uint64_t entries = 0;
  std::uint64_t directory_bytes = 0;
  std::uint64_t directory_offset = 0;
  std::uint64_t record_offset = 0;
  std::uint32_t disk = 0;
};
inline std::string end_records_64(const End64& end) {
  return number(zip::kEnd64Signature, 4) + number(44, 8) + number(45, 2) + number(45, 2) +
         number(end.disk, 4) + number(end.disk, 4) + number(end.entries, 8) +
         number(end.entries, 8) + number(end.directory_bytes, 8) + number(end.directory_offset, 8) +
         number(zip::kLocator64Signature, 4) + number(0, 4) + number(end.record_offset, 8) +
         number(1, 4);
}

}  // namespace crafted

inline std::vector<HostileArchive> archives_with_hostile_names(const std::string& data_db) {
  using namespace crafted;
  struct NameCase {
    const char* label;
    std::string name;
    const char* says;
  };
  const NameCase names[] = {
      {"climbs", "../x", "leads outside the data directory"},
      {"climbs in the middle", "a/../../x", "leads outside the data directory"},
      {"climbs at the end", "a/../..", "leads outside the data directory"},
      {"climbs behind a dot", "./../x", "leads outside the data directory"},
      {"climbs behind a slash", "/../x", "leads outside the data directory"},
      {"climbs as a folder", "../x/", "leads outside the data directory"},
      {"climbs by far", "a/b/../../../../../../etc/cron.d/x", "leads outside the data directory"},
      {"climbs out of storage", "storage/../../x", "leads outside the data directory"},
      {"the directory itself", ".", "in the place of the data directory itself"},
      {"the directory by a detour", "a/..", "in the place of the data directory itself"},
      {"NUL", std::string("data.db\0.png", 12), "NUL byte"},
      {"NUL in a folder", std::string("a\0/b", 4), "NUL byte"},
      {"a part of 256 bytes", "a/" + std::string(256, 'x'), "over 255 bytes"},
      {"4096 bytes", std::string(200, 'x') + folders(100) + std::string(4096 - 400, 'y'),
       "too long"},
      {"65,535 bytes", std::string(65'535, 'x'), "too long"},
      {"200 folders deep", folders(200) + "f", "in too many folders"},
      {"data.db again", "data.db", "twice"},
      {"data.db again with a dot", "./data.db", "twice"},
      {"data.db again by slashes", "//data.db", "twice"},
      {"data.db again by a detour", "a/../data.db", "twice"},
      {"data.db as a folder's file", "data.db/x", "both as a file and as a folder"},
      {"data.db as a folder too", "data.db/", "both as a file and as a folder"},
      {"auxiliary.db as a folder", "auxiliary.db/", "is a folder, not a database"},
  };
  std::vector<HostileArchive> cases;
  for (const NameCase& one : names) {
    cases.push_back({.label = std::string{"name: "} + one.label,
                     .bytes = with(data_db, {stored(one.name, "evil")}).build(),
                     .at = Refused::kAsPlan,
                     .says = one.says});
  }
  const auto add = [&](const char* label, std::vector<CraftedItem> items, const char* says) {
    cases.push_back({.label = std::string{"names: "} + label,
                     .bytes = CraftedZip{.items = std::move(items)}.build(),
                     .at = Refused::kAsPlan,
                     .says = says});
  };
  const CraftedItem data = deflated("data.db", data_db);
  add("none at all", {}, "no data.db");
  add("no data.db", {stored("auxiliary.db", data_db)}, "no data.db");
  add("data.db in another case", {stored("DATA.DB", data_db)}, "no data.db");
  add("a wrapper folder", {stored("pb_data/data.db", data_db)}, "pack the content of that folder");
  add("data.db a folder", {stored("data.db/", "")}, "no data.db");
  add("data.db a symbolic link", {stored("data.db", "/etc/passwd", 0120777)}, "no data.db");
  add("data.db a device", {stored("data.db", "", 0060666)}, "no data.db");
  add("a file, then a folder", {data, stored("a", "x"), stored("a/b", "x")},
      "both as a file and as a folder");
  add("a folder, then a file", {data, stored("a/b", "x"), stored("a", "x")},
      "both as a file and as a folder");
  add("a folder by its mode", {data, stored("a", "", 040755), stored("a", "x")},
      "both as a file and as a folder");
  return cases;
}

inline std::vector<HostileArchive> archives_that_disagree(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  const std::string text(5000, 'x');
  // `says` of the entry "a.txt", found when it is extracted.
  const auto add = [&](const char* label, CraftedItem item, const char* says) {
    cases.push_back({.label = std::string{"two accounts: "} + label,
                     .bytes = with(data_db, {std::move(item)}).build(),
                     .at = Refused::kAsContent,
                     .says = says});
  };
  const CraftedItem good = deflated("a.txt", text);
  using Item = CraftedItem;
  add("name", changed(good, [](Item& it) { it.local.name = "b.txt"; }), "about the name");
  add("a name that climbs in the local header",
      changed(good, [](Item& it) { it.local.name = "../x."; }), "about the name");
  add("a longer name", changed(good, [](Item& it) { it.local.name = "a.txt/"; }), "about the name");
  add("method", changed(good, [](Item& it) { it.local.method = 0; }), "about the method");
  add("raw size", changed(good, [](Item& it) { it.local.raw_bytes += 1; }), "about the size");
  add("packed size", changed(good, [](Item& it) { it.local.packed_bytes -= 1; }), "about the size");
  add("CRC", changed(good, [](Item& it) { it.local.crc32 ^= 1; }), "about the checksum");
  add("encrypted", changed(good, [](Item& it) { it.local.flags |= 1; }), "about the flags");
  add("descriptor", changed(good, [](Item& it) { it.local.flags |= 8; }), "about the flags");
  add("descriptor with other sizes",
      changed(with_descriptor(good, Descriptor::kSigned),
              [](Item& it) { it.descriptor = it.descriptor.substr(0, 12) + number(1, 4); }),
      "data descriptor and directory disagree");
  add("descriptor that is absent",
      changed(with_descriptor(good, Descriptor::kSigned), [](Item& it) { it.descriptor = ""; }),
      "data descriptor and directory disagree");
  add("no local header", changed(good, [](Item& it) { it.offset = 4; }), "overlap");
  cases.back().at = Refused::kAsArchive;
  add("zip64 in the local header says another size",
      changed(good,
              [&](Item& it) {
                it.local.raw_bytes = 0xFFFFFFFF;
                it.local.extra = extra_field(1, number(5001, 8) + number(it.data.size(), 8));
              }),
      "about the size");
  add("raw size one more in both",
      changed(good, [](Item& it) { it.both([](auto& header) { ++header.raw_bytes; }); }),
      "5000 bytes came out, 5001 were declared");
  add("raw size one less in both",
      changed(good, [](Item& it) { it.both([](auto& header) { --header.raw_bytes; }); }),
      "more comes out than the 4999 bytes declared");
  add("packed size one less in both",
      changed(good, [](Item& it) { it.both([](auto& header) { --header.packed_bytes; }); }),
      "ends too early");
  add("bytes behind the deflate stream",
      changed(good,
              [](Item& it) {
                it.data += "hidden";
                it.both([](auto& header) { header.packed_bytes += 6; });
              }),
      "bytes follow the end of its compressed data");
  add("CRC wrong in both",
      changed(good, [](Item& it) { it.both([](auto& header) { header.crc32 ^= 1; }); }),
      "checksum (CRC-32) is wrong");
  add("garbage for deflate",
      changed(good, [](Item& it) { it.data.assign(it.data.size(), '\xff'); }), "a.txt");
  return cases;
}

inline std::vector<HostileArchive> archives_that_unfold(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  const CraftedItem data = deflated("data.db", data_db);
  const CraftedItem zeros = deflated("a", std::string(1 << 20, '\0'));

  CraftedItem modest = zeros;  // a megabyte that calls itself ten bytes
  modest.both([](CraftedHeader& header) { header.raw_bytes = 10; });
  cases.push_back({.label = "bomb: more comes out than declared",
                   .bytes = CraftedZip{.items = {data, modest}}.build(),
                   .at = Refused::kAsContent,
                   .says = "more comes out than the 10 bytes declared"});

  CraftedItem boaster = zeros;
  boaster.both([](CraftedHeader& header) { header.raw_bytes = 0xFFFFFFF0; });
  cases.push_back({.label = "bomb: more declared than deflate can make",
                   .bytes = CraftedZip{.items = {data, boaster}}.build(),
                   .says = "can't hold"});

  // Entries that share one kernel: 10,000 of 1 MB in 46 bytes each.
  CraftedZip shared{.items = {data, zeros}};
  for (int i = 0; i < 10'000; ++i) {
    CraftedItem& one = shared.items.emplace_back();
    one.central = zeros.central;
    one.central.name = "a" + std::to_string(i);
    one.local = one.central;
    one.local.name = "";
    one.offset = static_cast<std::uint32_t>(CraftedZip{.items = {data}}.build().size());
  }
  cases.push_back(
      {.label = "bomb: entries in one place", .bytes = shared.build(), .says = "overlap"});

  // Each entry quotes, as stored blocks of its own stream, the headers of those behind it.
  CraftedItem inner = deflated("inner", "kernel");
  const std::string quoted = number(zip::kLocalSignature, 4) + number(20, 2) +
                             inner.local.middle() + inner.local.name + inner.data;
  CraftedItem outer = stored("outer", quoted);
  inner.local.name = "";
  inner.data = "";
  inner.offset = static_cast<std::uint32_t>(CraftedZip{.items = {data}}.build().size() - 22 -
                                            (46 + 7) + 30 + 5);
  cases.push_back({.label = "bomb: an entry that quotes another",
                   .bytes = CraftedZip{.items = {data, outer, inner}}.build(),
                   .says = "overlap"});
  return cases;
}

inline std::vector<HostileArchive> archives_not_for_us(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  struct Way {
    const char* label;
    std::uint16_t flags;
    std::uint16_t method;
    const char* says;
  };
  const Way ways[] = {
      {"encrypted, traditional", 0x0001, 8, "is encrypted"},
      {"encrypted, strong", 0x0041, 8, "is encrypted"},
      {"encrypted, AES", 0x0001, 99, "is encrypted"},
      {"encrypted, directory masked", 0x2001, 8, "is encrypted"},
      {"shrink", 0, 1, "packed by method 1;"},
      {"implode", 0, 6, "packed by method 6;"},
      {"deflate64", 0, 9, "packed by method 9;"},
      {"bzip2", 0, 12, "packed by method 12;"},
      {"LZMA", 0, 14, "packed by method 14;"},
      {"Zstandard", 0, 93, "packed by method 93;"},
      {"xz", 0, 95, "packed by method 95;"},
      {"PPMd", 0, 98, "packed by method 98;"},
      {"AES without the flag", 0, 99, "packed by method 99;"},
      {"unknown", 0, 0xFFFF, "packed by method 65535;"},
  };
  for (const Way& way : ways) {
    CraftedItem item = deflated("a", std::string(100, 'x'));
    item.both([&](CraftedHeader& header) {
      header.flags = way.flags;
      header.method = way.method;
    });
    cases.push_back({.label = std::string{"packed: "} + way.label,
                     .bytes = with(data_db, {item}).build(),
                     .at = Refused::kAsPlan,
                     .says = way.says,
                     .code = Code::kUnsupported});
  }
  return cases;
}

inline std::vector<HostileArchive> archives_with_false_ends(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  const CraftedZip good = with(data_db, {stored("a", "x")});
  const std::string bytes = good.build();
  const auto directory = static_cast<std::uint32_t>(bytes.find("PK\1\2"));
  const auto directory_bytes = static_cast<std::uint32_t>(bytes.size() - 22 - directory);
  const auto add = [&](const char* label, std::string made, const char* says,
                       Code code = Code::kDamaged) {
    cases.push_back({.label = std::string{"end: "} + label,
                     .bytes = std::move(made),
                     .says = says,
                     .code = code});
  };
  const auto end = [&](CraftedEnd given) { return ending(good, std::move(given)).build(); };
  add("nothing", "", "not a zip archive");
  add("its signature alone", "PK\5\6", "not a zip archive");
  add("text", std::string(100'000, 'x'), "not a zip archive");
  add("a local header alone", bytes.substr(0, 30), "not a zip archive");
  add("another disk", end({.disk = 1}), "several disks", Code::kUnsupported);
  add("the directory on another disk", end({.directory_disk = 1}), "several disks",
      Code::kUnsupported);
  add("fewer entries on this disk", end({.entries_here = 1}), "several disks", Code::kUnsupported);
  add("one entry fewer", end({.entries_here = 1, .entries = 1}), "more than the declared 1");
  add("one entry more", end({.entries_here = 3, .entries = 3}), "does not fit");
  add("60,000 entries", end({.entries_here = 60'000, .entries = 60'000}), "does not fit");
  add("no entries but a directory", end({.entries_here = 0, .entries = 0}), "does not fit");
  add("a directory of 4 GB", end({.directory_bytes = 0xFFFFFFF0}), "outside the file");
  add("a directory too short", end({.directory_bytes = directory_bytes - 1}), "");
  add("a directory too long", end({.directory_bytes = directory_bytes + 1}), "");
  add("a directory beyond the file", end({.directory_offset = 0x7FFFFFFF}), "outside the file");
  add("a directory one byte off", end({.directory_offset = directory - 1}), "");
  add("a directory that is the data", end({.directory_offset = 0}), "");
  add("65,536 bytes behind it", bytes + std::string(65'536, '\0'), "not a zip archive");
  add("a comment longer than the file",
      changed(bytes, [](std::string& it) { it[it.size() - 2] = 100; }), "passes the end");
  // A whole second directory in the comment: who searches from the end sees another archive.
  CraftedZip other = with(data_db, {stored("other", "y")});
  add("an archive behind the archive", bytes + other.build(), "two in one");
  {
    const std::string second = number(zip::kEndSignature, 4) + number(0, 4) + number(2, 2) +
                               number(2, 2) + number(directory_bytes + 22, 4) +
                               number(directory, 4) + number(0, 2);
    add("a fitting end record in the comment", ending(good, {.comment = second}).build(),
        "two end records");
  }
  CraftedZip flooded = good;
  for (int i = 0; i < 3000; ++i) {
    flooded.after += number(zip::kEndSignature, 4) + number(0, 4) + number(3, 2) + number(3, 2) +
                     number(directory_bytes, 4) + number(directory, 4) + number(0, 2);
  }
  add("a flood of end records", flooded.build(), "");
  return cases;
}

inline std::vector<HostileArchive> archives_with_false_64(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  const auto add_end = [&](const char* label, const std::function<void(End64&)>& change,
                           const char* says, Code code = Code::kDamaged) {
    CraftedZip zip = with(data_db, {stored("a", "x")});
    zip.before_end = [&](std::uint64_t offset, std::uint64_t bytes) {
      End64 end{.entries = 2,
                .directory_bytes = bytes,
                .directory_offset = offset,
                .record_offset = offset + bytes};
      change(end);
      return end_records_64(end);
    };
    zip.end = {.disk = 0xFFFF,
               .directory_disk = 0xFFFF,
               .entries_here = 0xFFFF,
               .entries = 0xFFFF,
               .directory_bytes = 0xFFFFFFFF,
               .directory_offset = 0xFFFFFFFF};
    cases.push_back({.label = std::string{"zip64 end: "} + label,
                     .bytes = zip.build(),
                     .says = says,
                     .code = code});
  };
  add_end(
      "2^64 - 1 entries", [](End64& end) { end.entries = ~std::uint64_t{0}; }, "does not fit");
  add_end(
      "one entry more", [](End64& end) { end.entries = 3; }, "does not fit");
  add_end(
      "a directory of 2^64 - 1 bytes", [](End64& end) { end.directory_bytes = ~std::uint64_t{0}; },
      "outside the file");
  add_end(
      "a directory at 2^64 - 10", [](End64& end) { end.directory_offset = ~std::uint64_t{0} - 10; },
      "outside the file");
  add_end(
      "another disk", [](End64& end) { end.disk = 1; }, "several disks", Code::kUnsupported);
  CraftedZip promised = with(data_db, {stored("a", "x")});
  promised.end = {.directory_offset = 0xFFFFFFFF};
  cases.push_back({.label = "zip64 end: promised, absent",
                   .bytes = promised.build(),
                   .says = "zip64 end record is missing"});
  CraftedZip double_tongued = with(data_db, {stored("a", "x")});
  double_tongued.before_end = [](std::uint64_t offset, std::uint64_t bytes) {
    return end_records_64({.entries = 2,
                           .directory_bytes = bytes,
                           .directory_offset = offset,
                           .record_offset = offset + bytes});
  };
  double_tongued.end = {.entries_here = 1, .entries = 1};
  cases.push_back({.label = "zip64 end: contradicted by the short one",
                   .bytes = double_tongued.build(),
                   .says = "end record and zip64 end record disagree"});

  const auto add = [&](const char* label, const std::string& extra, const char* says,
                       const std::function<void(CraftedItem&)>& change) {
    CraftedItem item = stored("a.txt", "x");
    item.central.extra = extra;
    change(item);
    cases.push_back({.label = std::string{"zip64 entry: "} + label,
                     .bytes = with(data_db, {item}).build(),
                     .says = says});
  };
  const auto raw = [](CraftedItem& item) { item.central.raw_bytes = 0xFFFFFFFF; };
  const auto place = [](CraftedItem& item) { item.offset = 0xFFFFFFFF; };
  add("promised, absent", "", "a.txt", raw);
  add("too short", extra_field(1, number(1, 4)), "a.txt", raw);
  add("longer than the extra field", number(1, 2) + number(100, 2) + number(1, 8), "a.txt", raw);
  add("2^64 - 1 raw bytes", extra_field(1, number(~std::uint64_t{0}, 8)), "can't hold", raw);
  add("2^64 - 1 bytes, stored",
      extra_field(1, number(~std::uint64_t{0}, 8) + number(~std::uint64_t{0}, 8)),
      "reach into the directory or beyond the file",
      [](CraftedItem& item) { item.central.raw_bytes = item.central.packed_bytes = 0xFFFFFFFF; });
  add("at 2^64 - 1", extra_field(1, number(~std::uint64_t{0}, 8)), "beyond the file", place);
  add("at 2^64 - 40, so that its end wraps round",
      extra_field(1, number(~std::uint64_t{0} - 39, 8)), "beyond the file", place);
  return cases;
}

inline std::vector<HostileArchive> archives_with_false_places(const std::string& data_db) {
  using namespace crafted;
  std::vector<HostileArchive> cases;
  const CraftedItem data = deflated("data.db", data_db);
  const std::string good = CraftedZip{.items = {data, stored("a", "x")}}.build();
  const auto directory = static_cast<std::uint32_t>(good.find("PK\1\2"));
  const auto add = [&](const char* label, const std::function<void(CraftedItem&)>& change,
                       const char* says, Code code = Code::kDamaged,
                       Refused at = Refused::kAsArchive) {
    CraftedItem item = stored("a", "x");
    change(item);
    cases.push_back({.label = std::string{"place: "} + label,
                     .bytes = CraftedZip{.items = {data, item}}.build(),
                     .at = at,
                     .says = says,
                     .code = code});
  };
  add(
      "in another entry", [](CraftedItem& item) { item.offset = 50; }, "overlap");
  add(
      "at another entry", [](CraftedItem& item) { item.offset = 0; }, "overlap");
  add(
      "in the directory", [&](CraftedItem& item) { item.offset = directory; },
      "reach into the directory");
  add(
      "beyond the file", [](CraftedItem& item) { item.offset = 0x7FFFFFFF; }, "beyond the file");
  add(
      "its data in the directory",
      [](CraftedItem& item) {
        item.both([](auto& header) { header.packed_bytes = header.raw_bytes = 60; });
      },
      "reach into the directory");
  add(
      "its extra field in the directory",
      [](CraftedItem& item) {
        item.local.extra = number(0x7777, 2) + number(60'000, 2);
        item.data = "";
        item.central.packed_bytes = item.central.raw_bytes = 1;
      },
      "reach into what follows", Code::kDamaged, Refused::kAsContent);
  add(
      "on another disk", [](CraftedItem& item) { item.disk = 3; }, "several disks",
      Code::kUnsupported);
  add(
      "one byte beside its header", [&](CraftedItem& item) { item.offset = directory - 33; },
      "overlap");
  add(
      "without a name",
      [](CraftedItem& item) { item.both([](auto& header) { header.name = ""; }); }, "has no name");
  return cases;
}

inline std::vector<HostileArchive> hostile_archives(const std::string& data_db) {
  std::vector<HostileArchive> all;
  for (const auto& part : {archives_with_hostile_names(data_db), archives_that_disagree(data_db),
                           archives_that_unfold(data_db), archives_not_for_us(data_db),
                           archives_with_false_ends(data_db), archives_with_false_64(data_db),
                           archives_with_false_places(data_db)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// Names that are strange but lead nowhere.
inline std::vector<HarmlessArchive> archives_with_strange_names(const std::string& data_db) {
  using namespace crafted;
  struct NameCase {
    const char* label;
    std::string name;
    std::string becomes;
  };
  const NameCase names[] = {
      {"a dot in front", "./a.txt", "a.txt"},
      {"absolute", "/etc/passwd", "etc/passwd"},
      {"slashes", "//a///b", "a/b"},
      {"a detour inside", "a/../in.txt", "in.txt"},
      {"backslashes", "..\\..\\x", "..\\..\\x"},
      {"a drive letter", "C:\\x", "C:\\x"},
      {"a drive letter as a folder", "C:/x", "C:/x"},
      {"a colon, as a stream of NTFS", "data.db:evil", "data.db:evil"},
      {"control characters", "a\n\x1b[31mred\x7f", "a\n\x1b[31mred\x7f"},
      {"not UTF-8", "\xff\xfe\x80", "\xff\xfe\x80"},
      {"blanks and dots", " a . ..b ...", " a . ..b ..."},
      {"a device of DOS", "CON", "CON"},
      {"an option", "--help", "--help"},
      {"255 bytes", std::string(255, 'x'), std::string(255, 'x')},
      {"127 folders deep", folders(127) + "f", folders(127) + "f"},
  };
  std::vector<HarmlessArchive> cases;
  for (const NameCase& one : names) {
    cases.push_back({.label = std::string{"name: "} + one.label,
                     .bytes = with(data_db, {stored(one.name, "content")}).build(),
                     .files = {{one.becomes, "content"}}});
  }
  // On a file system that tells them apart they are different files, as PocketBase restores them.
  cases.push_back(
      {.label = "names: equal but for case",
       .bytes =
           with(data_db, {stored("a", "1"), stored("A", "2"), stored("Data.db-x", "3")}).build(),
       .files = {{"a", "1"}, {"A", "2"}, {"Data.db-x", "3"}}});
  cases.push_back(
      {.label = "names: equal but for Unicode form",
       .bytes =
           with(data_db, {stored("caf\xc3\xa9", "NFC"), stored("cafe\xcc\x81", "NFD")}).build(),
       .files = {{"caf\xc3\xa9", "NFC"}, {"cafe\xcc\x81", "NFD"}}});
  cases.push_back(
      {.label = "names: of programs' own places, left out",
       .bytes =
           with(
               data_db,
               {stored("backups/evil.zip", "x"), stored(".pocketvault/restore.journal", "x"),
                stored(".pocketvault/lock", "x"), stored(".pocketvault-code/pb_hooks/a.pb.js", "x"),
                stored(".pb_temp_to_delete/x", "x"), stored("a/../.pocketvault/swap.lock", "x"),
                stored("./backups", "x"), stored("lost+found/x", "x"), stored("kept", "y")})
               .build(),
       .files = {{"kept", "y"}}});
  return cases;
}

inline std::vector<HarmlessArchive> archives_with_strange_kinds(const std::string& data_db) {
  using namespace crafted;
  std::vector<HarmlessArchive> cases;
  cases.push_back(
      {.label = "kinds: links, devices, pipes, sockets are left out",
       .bytes = with(data_db, {stored("link", "/etc/passwd", 0120777), stored("pipe", "", 0010666),
                               stored("tty", "", 0020666), stored("disk", "", 0060666),
                               stored("socket", "", 0140666), stored("kept", "y")})
                    .build(),
       .files = {{"kept", "y"}}});
  cases.push_back({.label = "kinds: a link in a folder's place leads nowhere",
                   .bytes = with(data_db, {stored("storage", "/tmp", 0120777),
                                           stored("storage/evil", "inside")})
                                .build(),
                   .files = {{"storage/evil", "inside"}}});
  CraftedItem hard = stored("hard", "content");
  hard.both([](CraftedHeader& header) {  // PKWARE's Unix field, which may name a link's target
    header.extra = extra_field(0x000D, number(0, 12) + "/etc/shadow");
  });
  cases.push_back({.label = "kinds: a hard link by an extra field is a file",
                   .bytes = with(data_db, {hard}).build(),
                   .files = {{"hard", "content"}}});
  CraftedItem from_dos = stored("from.dos", "content");
  from_dos.made_by = 20;
  from_dos.mode = 0120777;  // means nothing there
  cases.push_back({.label = "kinds: made on DOS, without modes",
                   .bytes = with(data_db, {from_dos}).build(),
                   .files = {{"from.dos", "content"}}});
  cases.push_back({.label = "kinds: folders with and without their files",
                   .bytes = with(data_db, {stored("./", "", 040755), stored("f/", "", 040700),
                                           stored("f/a", "x"), stored("f/", "", 040755)})
                                .build(),
                   .files = {{"f/a", "x"}}});
  return cases;
}

inline std::vector<HarmlessArchive> archives_of_strange_make(const std::string& data_db) {
  using namespace crafted;
  const std::map<std::string, std::string> a{{"a", std::string(3000, 'a')}};
  const CraftedItem item = deflated("a", a.at("a"));
  const CraftedItem plain = stored("a", a.at("a"));
  std::vector<HarmlessArchive> cases;
  const auto add = [&](const char* label, const CraftedZip& zip) {
    cases.push_back({.label = std::string{"make: "} + label, .bytes = zip.build(), .files = a});
  };
  struct DescriptorCase {
    const char* label;
    Descriptor kind;
  };
  for (const DescriptorCase& one : {DescriptorCase{"signed", Descriptor::kSigned},
                                    DescriptorCase{"unsigned", Descriptor::kUnsigned},
                                    DescriptorCase{"signed, 64 bits", Descriptor::kSigned64},
                                    DescriptorCase{"unsigned, 64 bits", Descriptor::kUnsigned64}}) {
    add((std::string{"descriptor, deflated, "} + one.label).c_str(),
        with(data_db, {with_descriptor(item, one.kind)}));
    add((std::string{"descriptor, stored, "} + one.label).c_str(),
        with(data_db, {with_descriptor(plain, one.kind)}));
  }
  const auto change = [&](const char* label, const std::function<void(CraftedZip&)>& how) {
    CraftedZip zip = with(data_db, {item});
    how(zip);
    add(label, zip);
  };
  change("bytes before", [](auto& zip) { zip.before = "#!/bin/sh\nexit 1\n"; });
  change("a megabyte before", [](auto& zip) { zip.before.assign(1 << 20, 'x'); });
  change("a byte behind", [](auto& zip) { zip.after = "x"; });
  change("65,535 bytes behind", [](auto& zip) { zip.after.assign(65'535, '\0'); });
  change("a comment", [](auto& zip) { zip.end.comment = "made on a Tuesday"; });
  change("a comment as long as can be", [](auto& zip) { zip.end.comment.assign(65'535, 'c'); });
  change("a comment with an end record that fits nothing",
         [](auto& zip) { zip.end.comment = "PK\5\6" + std::string(18, '\7') + "and so on"; });
  change("a comment that ends as an end record", [](auto& zip) {
    zip.end.comment = number(zip::kEndSignature, 4) + number(0, 4) + number(1, 2) + number(1, 2) +
                      number(46, 4) + number(7, 4) + number(0, 2);
  });
  change("the directory in another order", [](auto& zip) { zip.is_reversed = true; });
  change("gaps between entries", [](auto& zip) {
    for (CraftedItem& one : zip.items) { one.gap.assign(777, 'g'); }
  });
  change("comments on entries", [](auto& zip) { zip.items[1].comment.assign(65'535, 'c'); });
  change("unknown extra fields", [](auto& zip) {
    zip.items[1].both([](auto& header) { header.extra = extra_field(0x7777, "whatever"); });
  });
  change("an extra field cut off", [](auto& zip) {
    zip.items[1].both([](auto& header) { header.extra = number(0x7777, 2) + "\xff"; });
  });
  change("another name in the Unicode path field", [](auto& zip) {
    zip.items[1].both([](CraftedHeader& header) {
      header.extra =
          extra_field(0x7075, "\1" + number(zip::crc32(as_bytes(header.name)), 4) + "../../evil");
    });
  });
  change("needless zip64 records", [](auto& zip) {
    zip.before_end = [](std::uint64_t offset, std::uint64_t bytes) {
      return end_records_64({.entries = 2,
                             .directory_bytes = bytes,
                             .directory_offset = offset,
                             .record_offset = offset + bytes});
    };
  });
  change("needless zip64 records behind other bytes", [](auto& zip) {
    zip.before = "before";
    zip.before_end = [](std::uint64_t offset, std::uint64_t bytes) {
      return end_records_64({.entries = 2,
                             .directory_bytes = bytes,
                             .directory_offset = offset,
                             .record_offset = offset + bytes});
    };
  });
  change("UTF-8 flag and compression options",
         [](auto& zip) { zip.items[1].both([](auto& header) { header.flags |= 0x0806; }); });
  const std::string nested = with(data_db, {item}).build();
  cases.push_back({.label = "make: an archive within the archive",
                   .bytes = with(data_db, {stored("inner.zip", nested)}).build(),
                   .files = {{"inner.zip", nested}}});
  cases.push_back({.label = "make: 4 MB in 4 KB, as declared",
                   .bytes = with(data_db, {deflated("zeros", std::string(4 << 20, '\0'))}).build(),
                   .files = {{"zeros", std::string(4 << 20, '\0')}}});
  return cases;
}

inline std::vector<HarmlessArchive> harmless_archives(const std::string& data_db) {
  std::vector<HarmlessArchive> all;
  for (const auto& part :
       {archives_with_strange_names(data_db), archives_with_strange_kinds(data_db),
        archives_of_strange_make(data_db)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace pv::jobs
