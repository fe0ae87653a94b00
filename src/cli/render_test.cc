#include "cli/render.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/wall_time.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/render_status.h"

namespace pv::cli {
namespace {

using namespace std::chrono_literals;

const Words kWords{Language::kEnglish};
constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};  // 2026-11-21 00:54:47 UTC

store::Backup backup_of(std::string_view key, std::uint64_t size, std::chrono::seconds age) {
  return {store::BackupName::parse(key).value(), size, kNow - age, {}};
}

TEST(Render, ListIsATable) {
  EXPECT_EQ(render_list(kWords, {}, kNow), "No backups.\n");
  const state::Verdict damaged{
      .depth = state::Depth::kQuick, .at = kNow - 2h, .reason = "x", .records = std::nullopt};
  EXPECT_EQ(render_list(kWords,
                        {{backup_of("日本.zip", 370'000'000, 3h), damaged},
                         {backup_of("a.zip", 512, 59s), std::nullopt}},
                        kNow),
            "NAME          SIZE   AGE  MODIFIED (UTC)    VERIFIED\n"
            "日本.zip  370.0 MB   3 h  2026-11-20 21:54  DAMAGED, 2 h ago, quick\n"
            "a.zip        512 B  59 s  2026-11-21 00:53  -\n");
}

TEST(Render, VerdictsSayWhatWasFoundAndWhen) {
  Summary summary{backup_of("a.zip", 1000, 3h), Contents{}};
  const auto has = [&](const std::string& words) {
    return render_summary(kWords, summary, kNow).find("verified   " + words + "\n") !=
           std::string::npos;
  };
  EXPECT_TRUE(has("never"));
  summary.verdict = {.is_sound = true,
                     .depth = state::Depth::kDeep,
                     .at = kNow - 2h,
                     .records = 1,
                     .took = 2500ms};
  EXPECT_TRUE(has("2 h ago, deep: sound, 1 record, took 2.5 s"))
      << render_summary(kWords, summary, kNow);
  summary.verdict = {.is_sound = false,
                     .depth = state::Depth::kQuick,
                     .at = kNow,
                     .reason = "bad\tCRC",
                     .records = std::nullopt,
                     .took = 3ms};
  EXPECT_TRUE(has("DAMAGED, now, quick: bad CRC, took 3 ms"))
      << render_summary(kWords, summary, kNow);
  summary.unknown_because = "no right";
  EXPECT_TRUE(has("not known"));
}

TEST(Render, StatusSaysWhetherTheNewestIsVerified) {
  jobs::Overview overview;
  EXPECT_EQ(render_newest(kWords, overview, kNow), "There is no backup.");
  overview.newest = backup_of("a.zip", 1000, 3h);
  const std::string start = "Newest backup: a.zip, 3 h ago (1.0 kB), ";
  EXPECT_EQ(render_newest(kWords, overview, kNow), start + "never verified.");
  overview.newest_verdict = {
      .is_sound = true, .depth = state::Depth::kQuick, .at = kNow - 1h, .records = std::nullopt};
  EXPECT_EQ(render_newest(kWords, overview, kNow), start + "verified 1 h ago (quick).");
  overview.newest_verdict->is_sound = false;
  overview.newest_verdict->reason = "x";
  EXPECT_EQ(render_newest(kWords, overview, kNow),
            start + "DAMAGED, as a verification found 1 h ago (quick): x.");
  overview.unknown_because = "y";
  EXPECT_EQ(render_newest(kWords, overview, kNow),
            start + "whether it was verified is not known: y.");
}

TEST(Render, StatusTellsOfBackupsThatDoNotCount) {
  jobs::Overview overview;
  overview.discounted = {{backup_of("cut.zip", 5, 1h), "damaged: cut off"}};
  EXPECT_EQ(render_newest(kWords, overview, kNow), "There is no backup that counts.");
  overview.newest = backup_of("a.zip", 1000, 3h);
  const std::string text = render_status(kWords, overview, kNow);
  EXPECT_TRUE(text.starts_with(
      "Newest backup: a.zip, 3 h ago (1.0 kB), never verified; newer ones don't count.\n"))
      << text;
  EXPECT_NE(text.find("  not counted  cut.zip, 1 h ago: damaged: cut off\n"), std::string::npos)
      << text;
}

TEST(Render, AgesHaveOneUnit) {
  EXPECT_EQ(format_age(kWords, kNow, kNow), "now");
  EXPECT_EQ(format_age(kWords, kNow - 59s, kNow), "59 s");
  EXPECT_EQ(format_age(kWords, kNow - 60s, kNow), "1 min");
  EXPECT_EQ(format_age(kWords, kNow - 47h, kNow), "47 h");
  EXPECT_EQ(format_age(kWords, kNow - 48h, kNow), "2 d");
  EXPECT_EQ(format_age(kWords, kNow + 2min, kNow), "in 2 min") << "another machine's clock";
}

TEST(Render, SummarySaysWhatCanBeRestored) {
  Summary summary{backup_of("a.zip", 1000, 3h),
                  Contents{42, 5000, {"data.db", "auxiliary.db"}, 40, true}};
  const std::string whole = render_summary(kWords, summary, kNow);
  for (const char* words : {"a.zip\n", "1.0 kB (1000 bytes)", "5.0 kB in 42 files",
                            "data.db, auxiliary.db", "40 files", "restorable yes"}) {
    EXPECT_NE(whole.find(words), std::string::npos) << words << " in\n" << whole;
  }
  summary.contents->has_data_db = false;
  EXPECT_NE(render_summary(kWords, summary, kNow).find("no: data.db is missing"),
            std::string::npos);
  summary.contents.reset();
  EXPECT_NE(render_summary(kWords, summary, kNow).find("plain PocketBase"), std::string::npos);
}

jobs::Status succeeded(jobs::Kind kind) {
  jobs::Status status;
  status.id = "abcdefghijklmno";
  status.kind = kind;
  status.name = "a.zip";
  status.state = jobs::State::kSucceeded;
  status.phase = "commit";
  status.started = kNow;
  status.finished = kNow + 2500ms;
  status.report = {.entries = 42,
                   .raw_bytes = 800'000'000,
                   .archive_bytes = 370'000'000,
                   .pause = 170us,
                   .way = "pinned",
                   .copied_bytes = 5,
                   .previous = "b.zip",
                   .structure = "sound",
                   .replaced_id = "x1"};
  return status;
}

TEST(Render, SuccessIsOneLine) {
  EXPECT_EQ(render_success(kWords, succeeded(jobs::Kind::kBackup)),
            "Made a.zip: 370.0 MB from 800.0 MB in 2.5 s, 5 B of it unchanged since b.zip; writers "
            "waited 0.17 ms (pinned)"
            "; databases: sound");
  jobs::Status partial = succeeded(jobs::Kind::kBackup);
  partial.report.left_out = {2, 1'200'000, {"auxiliary.db", "storage/x"}};
  EXPECT_TRUE(render_success(kWords, partial).ends_with("; left out as asked: 2 files, 1.2 MB"));
  EXPECT_EQ(render_success(kWords, succeeded(jobs::Kind::kVerify)),
            "a.zip is sound: 42 files, 800.0 MB unpacked, checked in 2.5 s");
  for (const jobs::Kind kind : {jobs::Kind::kRestore, jobs::Kind::kUndo}) {
    EXPECT_NE(render_success(kWords, succeeded(kind)).find("pocketvault undo"), std::string::npos);
  }
}

TEST(Render, ABackupThatSharesBlocksSaysHowMuchItTakes) {
  jobs::Status status = succeeded(jobs::Kind::kBackup);
  status.report.shared_bytes = status.report.archive_bytes - 7'000'000;
  EXPECT_NE(render_success(kWords, status).find("on the disk it takes 7.0 MB, the rest it shares"),
            std::string::npos)
      << render_success(kWords, status);
}

TEST(Render, ReplacedDataIsListedWithItsStrays) {
  EXPECT_EQ(render_kept(kWords, {}, kNow), "Nothing that a restore replaced is kept.\n");
  const jobs::Kept plain{
      .id = "one", .from = "a.zip", .at = kNow - 2h, .until = kNow, .bytes = 3'000'000};
  jobs::Kept part = plain;
  part.units = {"storage/a", "storage/b"};
  part.strays = 1;
  jobs::Kept rest = plain;
  rest.can_undo = false;
  rest.strays = 12;
  EXPECT_EQ(
      render_kept(kWords, {plain, part, rest}, kNow),
      "ID               REPLACED    SIZE        KEPT UNTIL (UTC)  BY\n"
      "one              2 h ago     3.0 MB      2026-11-21 00:54  a.zip\n"
      "one              2 h ago     3.0 MB      2026-11-21 00:54  a.zip (only storage/a and 1 "
      "more), with 1 stray\n"
      "one              2 h ago     3.0 MB      2026-11-21 00:54  a.zip, only 12 strays\n");
  jobs::Overview overview;
  overview.kept = {plain, part, rest};
  const std::string status = render_status(kWords, overview, kNow);
  EXPECT_NE(status.find(": pocketvault undo one\n"), std::string::npos) << status;
  EXPECT_NE(status.find(": pocketvault undo one, which leaves 1 stray\n"), std::string::npos);
  EXPECT_NE(status.find(": only 12 strays, in replaced-one\n"), std::string::npos);
}

TEST(Render, NothingIsNextWhereNoServerRuns) {
  jobs::Overview overview;
  overview.health.timetable = {.expression = "0 3 * * *", .next = kNow, .missed = {}};
  overview.is_served = true;
  EXPECT_NE(render_status(kWords, overview, kNow).find("0 3 * * *, next 2026-"), std::string::npos);
  overview.is_served = false;
  const std::string status = render_status(kWords, overview, kNow);
  EXPECT_NE(status.find("0 3 * * *, no server runs\n"), std::string::npos) << status;
}

TEST(Render, ARestoreSaysWhatItKept) {
  jobs::Status status = succeeded(jobs::Kind::kRestore);
  EXPECT_EQ(render_success(kWords, status).find("unchanged"), std::string::npos);
  status.report.unchanged_files = 2;
  status.report.unchanged_bytes = 3'000'000;
  EXPECT_NE(render_success(kWords, status).find("unchanged and kept: 2 files, 3.0 MB"),
            std::string::npos)
      << render_success(kWords, status);
  const jobs::Status back = job_from_json(json::parse(json_text(to_json(status)))).value();
  EXPECT_EQ(back.report.unchanged_files, 2U);
  EXPECT_EQ(back.report.unchanged_bytes, 3'000'000U);
}

TEST(Render, ChineseColumnsAreAligned) {
  const Words chinese{Language::kChinese};
  const state::Verdict damaged{
      .depth = state::Depth::kQuick, .at = kNow - 2h, .reason = "x", .records = std::nullopt};
  EXPECT_EQ(render_list(chinese,
                        {{backup_of("日本.zip", 370'000'000, 3h), damaged},
                         {backup_of("a.zip", 512, 59s), std::nullopt}},
                        kNow),
            "名称          大小    距今  修改时间 (UTC)    校验\n"
            "日本.zip  370.0 MB  3 小时  2026-11-20 21:54  已损坏，2 小时前，快速\n"
            "a.zip        512 B   59 秒  2026-11-21 00:53  -\n");
  const jobs::Kept kept{
      .id = "one", .from = "a.zip", .at = kNow - 2h, .until = kNow, .bytes = 3'000'000};
  EXPECT_EQ(render_kept(chinese, {kept}, kNow),
            "编号             替换于      大小        保留到 (UTC)      替换为\n"
            "one              2 小时前    3.0 MB      2026-11-21 00:54  a.zip\n");
}

TEST(Render, StatusSpeaksChinese) {
  const Words chinese{Language::kChinese};
  jobs::Overview overview;
  overview.is_served = true;
  overview.backups = 2;
  overview.backups_bytes = 1000;
  overview.newest = backup_of("a.zip", 1000, 3h);
  overview.newest_verdict = {
      .is_sound = true, .depth = state::Depth::kDeep, .at = kNow - 1h, .records = std::nullopt};
  overview.discounted = {{backup_of("cut.zip", 5, 1h), "damaged: the file ends too early"}};
  overview.health.trend = jobs::Trend{.bytes_per_day = 1'200'000, .span = 48h};
  overview.health.timetable = {.expression = "0 3 * * *", .next = {}, .missed = kNow};
  EXPECT_EQ(render_status(chinese, overview, kNow),
            "最新备份：a.zip，3 小时前（1.0 kB），1 小时前校验过（深度）；更新的备份不可靠。\n"
            "有风险：错过了应在 2026-11-21 00:54:47.000Z 进行的备份。\n"
            "  备份         2，1.0 kB\n"
            "  不可靠       cut.zip，1 小时前：已损坏：文件过早结束\n"
            "  趋势         压缩包每天增大 1.2 MB。\n"
            "  定时         0 3 * * *，下次 无\n");
}

TEST(Render, WarningsAreCutAndMadeSafeForATerminal) {
  const std::vector<jobs::Warning> warnings{{"a\x1b[2J\n", "vanished"}, {"", "b"}, {"c", "d"}};
  EXPECT_EQ(render_warnings(kWords, warnings, 2),
            (std::vector<std::string>{"Warning: a [2J : vanished", "Warning: b",
                                      "Warning: and 1 more; --json has all"}));
  EXPECT_EQ(render_warnings(kWords, warnings, 3).size(), 3U);
}

TEST(JobJson, ComesBackAsItWas) {
  jobs::Status status = succeeded(jobs::Kind::kRestore);
  status.state = jobs::State::kFailed;
  status.error = Error{Code::kNoSpace, "the disk is full"};
  status.warnings = {{"f", "vanished"}};
  status.bytes_done = 5;
  status.report.left_out = {1, 4, {"x"}};
  status.bytes_total = ~std::uint64_t{0};
  const jobs::Status back = job_from_json(json::parse(json_text(to_json(status)))).value();
  EXPECT_EQ(back.id, status.id);
  EXPECT_EQ(back.kind, status.kind);
  EXPECT_EQ(back.state, status.state);
  EXPECT_EQ(back.name, status.name);
  EXPECT_EQ(back.phase, status.phase);
  EXPECT_EQ(back.report.left_out, status.report.left_out);
  EXPECT_EQ(back.started, status.started);
  EXPECT_EQ(back.finished, status.finished);
  EXPECT_EQ(back.error, status.error);
  EXPECT_EQ(back.warnings, status.warnings);
  EXPECT_EQ(back.bytes_done, status.bytes_done);
  EXPECT_EQ(back.bytes_total, status.bytes_total);
  EXPECT_EQ(back.report.entries, status.report.entries);
  EXPECT_EQ(back.report.raw_bytes, status.report.raw_bytes);
  EXPECT_EQ(back.report.archive_bytes, status.report.archive_bytes);
  EXPECT_EQ(back.report.pause, status.report.pause);
  EXPECT_EQ(back.report.way, status.report.way);
  EXPECT_EQ(back.report.copied_bytes, status.report.copied_bytes);
  EXPECT_EQ(back.report.shared_bytes, status.report.shared_bytes);
  EXPECT_EQ(back.report.previous, status.report.previous);
  EXPECT_EQ(back.report.structure, status.report.structure);
  EXPECT_EQ(back.report.replaced_id, status.report.replaced_id);
}

TEST(JobJson, WritesNumbersAsPeopleDo) {
  const std::string text = json_text(to_json(succeeded(jobs::Kind::kBackup)));
  EXPECT_NE(text.find("\"pauseMs\":0.17,"), std::string::npos) << text;
  EXPECT_EQ(json_text(json::parse(R"({"a":[1,"\n\u0001",null,true,{}],"b":0.0})")),
            R"({"a":[1,"\n\u0001",null,true,{}],"b":0})");
}

TEST(JobJson, NamesThatAreNoUtf8StillMakeValidJson) {
  jobs::Status status = succeeded(jobs::Kind::kBackup);
  status.warnings = {{"\xff.jpg", "vanished"}};
  EXPECT_NO_THROW(json::parse(json_text(to_json(status))));
}

TEST(JobJson, RefusesWhatIsNoJobAndBearsWhatIsOdd) {
  for (const char* text : {"[]", "{}", "null", R"({"id":"x","kind":"party","state":"running"})",
                           R"({"id":"x","kind":"backup","state":"happy"})",
                           R"({"kind":"backup","state":"running"})"}) {
    EXPECT_EQ(job_from_json(json::parse(text)).error().code, Code::kInvalid) << text;
  }
  const auto odd = job_from_json(json::parse(
      R"({"id":"x","kind":"backup","state":"running","bytesTotal":-1,"bytesDone":1e300,)"
      R"("report":{"pauseMs":1e300},"warnings":[5,{}],"error":"no","started":7})"));
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->bytes_total, 0U);
  EXPECT_EQ(odd->warnings.size(), 1U);
}

TEST(Dates, AreReadWithABlankOrAT) {
  const WallTime expected = kNow + 907ms;
  EXPECT_EQ(parse_date("2026-11-21 00:54:47.907Z"), expected);
  EXPECT_EQ(parse_date("2026-11-21T00:54:47.907Z"), expected);
  EXPECT_EQ(parse_date("2026-11-21 00:54:47Z"), kNow);
  EXPECT_EQ(parse_date("9999-12-31 23:59:59.999Z"), kLatestTime);
  EXPECT_EQ(parse_date("0001-01-01 00:00:00.000Z"), kEarliestTime);
  for (const char* text : {"", "2026-11-21", "2026-13-21 00:00:00", "2026-02-30 00:00:00",
                           "2026-11-21 24:00:00", "yesterday at eight o'clock"}) {
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
  }
}

TEST(ExitStatus, FollowsTheKindOfError) {
  struct Expected {
    Code code;
    int status;
  };
  constexpr Expected kExpected[] = {
      {Code::kInvalid, 2},     {Code::kNotFound, 5},        {Code::kExists, 1},
      {Code::kDenied, 8},      {Code::kUnauthenticated, 4}, {Code::kBusy, 6},
      {Code::kDamaged, 7},     {Code::kNoSpace, 8},         {Code::kUnavailable, 8},
      {Code::kUnsupported, 1}, {Code::kCancelled, 130},     {Code::kInternal, 1}};
  for (const Expected& expected : kExpected) {
    EXPECT_EQ(static_cast<int>(exit_for(expected.code)), expected.status)
        << code_name(expected.code);
  }
}

TEST(ExitStatus, OfAJobFollowsHowItEnded) {
  jobs::Status status = succeeded(jobs::Kind::kBackup);
  EXPECT_EQ(exit_for(status), Exit::kDone);
  status.warnings = {{"f", "vanished"}};
  EXPECT_EQ(exit_for(status), Exit::kWarnings);
  status.state = jobs::State::kCancelled;
  EXPECT_EQ(exit_for(status), Exit::kCancelled);
  status.state = jobs::State::kFailed;
  status.error = Error{Code::kInvalid, "x"};
  EXPECT_EQ(exit_for(status), Exit::kFailed);
  status.kind = jobs::Kind::kVerify;
  EXPECT_EQ(exit_for(status), Exit::kDamaged) << "no data.db in it";
  status.error->code = Code::kUnsupported;
  EXPECT_EQ(exit_for(status), Exit::kFailed) << "encrypted: nobody says that it is damaged";
  status.error->code = Code::kNoSpace;
  EXPECT_EQ(exit_for(status), Exit::kStorage);
}

}  // namespace
}  // namespace pv::cli
