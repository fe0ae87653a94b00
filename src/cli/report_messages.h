// What lists and reports say, in English and in Simplified Chinese.
#pragma once

#include "base/phrase.h"

namespace pv::cli::phrase {

// clang-format off

// What is counted: Words::count().
inline constexpr Phrase kFiles{"{} file", "{} 个文件"};
inline constexpr Phrase kBytes{"{} byte", "{} 字节"};
inline constexpr Phrase kRecords{"{} record", "{} 条记录"};
inline constexpr Phrase kBackups{"{} backup", "{} 个备份"};
inline constexpr Phrase kCollections{"{} collection", "{} 个集合"};
inline constexpr Phrase kStrays{"{} stray", "{} 个遗留文件"};

// Spans of time.
inline constexpr Phrase kNow{"now", "刚刚"};
inline constexpr Phrase kSeconds{"{} s", "{} 秒"};
inline constexpr Phrase kMinutes{"{} min", "{} 分钟"};
inline constexpr Phrase kHours{"{} h", "{} 小时"};
inline constexpr Phrase kDays{"{} d", "{} 天"};
inline constexpr Phrase kAhead{"in {}", "{}后"};
inline constexpr Phrase kAgo{"{} ago", "{}前"};
inline constexpr Phrase kTook{" in {}", "，用时 {}"};

// Between values.
inline constexpr Phrase kAnd{"{}, {}", "{}，{}"};
inline constexpr Phrase kInBrackets{"{} ({})", "{}（{}）"};
inline constexpr Phrase kBecause{"{}: {}", "{}：{}"};
inline constexpr Phrase kAndMore{"{} and {} more", "{} 等，另有 {} 个"};
inline constexpr Phrase kOnly{" (only {})", "（仅 {}）"};
inline constexpr Phrase kNone{"none", "无"};
inline constexpr Phrase kUnknown{"unknown", "未知"};

// The list.
inline constexpr Phrase kNoBackups{"No backups.", "没有备份。"};
inline constexpr Phrase kHeadName{"NAME", "名称"};
inline constexpr Phrase kHeadSize{"SIZE", "大小"};
inline constexpr Phrase kHeadAge{"AGE", "距今"};
inline constexpr Phrase kHeadModified{"MODIFIED (UTC)", "修改时间 (UTC)"};
inline constexpr Phrase kHeadVerified{"VERIFIED", "校验"};
inline constexpr Phrase kIsPinned{"  pinned", "  已固定"};
inline constexpr Phrase kIncomplete{", incomplete: {} not in it", "，不完整：缺少 {}"};
inline constexpr Phrase kWaitsToBeSent{"  waits to be sent", "  等待发送"};

// Verdicts.
inline constexpr Phrase kDamagedVerdict{"DAMAGED, {}, {}", "已损坏，{}，{}"};
inline constexpr Phrase kChecksums{"checksums", "仅校验和"};
inline constexpr Phrase kQuick{"quick", "快速"};
inline constexpr Phrase kDeep{"deep", "深度"};
inline constexpr Phrase kSound{"sound", "完好"};
inline constexpr Phrase kVerdictTook{"{}, took {}", "{}，用时 {}"};
inline constexpr Phrase kNotKnown{"not known", "未知"};
inline constexpr Phrase kNever{"never", "从未"};

// show.
inline constexpr Phrase kLabelSize{"size", "大小"};
inline constexpr Phrase kLabelModified{"modified", "修改时间"};
inline constexpr Phrase kLabelContents{"contents", "内容"};
inline constexpr Phrase kLabelVerified{"verified", "校验"};
inline constexpr Phrase kLabelUnpacked{"unpacked", "解压后"};
inline constexpr Phrase kLabelDatabases{"databases", "数据库"};
inline constexpr Phrase kLabelStorage{"storage", "存储"};
inline constexpr Phrase kLabelPinned{"pinned", "固定"};
inline constexpr Phrase kLabelRestorable{"restorable", "可恢复"};
inline constexpr Phrase kDateOfAge{"{} (age: {})", "{}（距今：{}）"};
inline constexpr Phrase kPlainCantSay{"unknown: this server is a plain PocketBase, which can't say", "未知：这台服务器是普通的 PocketBase，无法告知"};
inline constexpr Phrase kSizeInFiles{"{} in {}", "{}，共 {}"};
inline constexpr Phrase kRestorable{"yes; `pocketvault verify` reads every byte of it", "是；`pocketvault verify` 会读取它的每一个字节"};
inline constexpr Phrase kNotRestorable{"no: data.db is missing", "否：缺少 data.db"};
inline constexpr Phrase kCantBeTakenOut{"  (can't be taken out: {})", "  （无法提取：{}）"};

// A job that has succeeded.
inline constexpr Phrase kMade{"Made {}", "已创建 {}"};
inline constexpr Phrase kMadeFrom{": {} from {}", "：{}，原始大小 {}"};
inline constexpr Phrase kUnchangedSince{", {} of it unchanged since {}", "，其中 {} 自 {} 以来未变"};
inline constexpr Phrase kSharesRest{"; on the disk it takes {}, the rest it shares with that one", "；占用磁盘 {}，其余与上述备份共享"};
inline constexpr Phrase kSentRest{"; {} of it was sent, the rest copied there from {}", "；其中 {} 已发送，其余由存储端从 {} 复制"};
inline constexpr Phrase kWritersWaited{"; writers waited {} ({})", "；写入等待了 {}（{}）"};
inline constexpr Phrase kWayPinned{"pinned", "快照"};
inline constexpr Phrase kDatabasesAre{"; databases: {}", "；数据库：{}"};
inline constexpr Phrase kOfItFromBucket{"; of it {}, from {}", "；其中 {} 来自 {}"};
inline constexpr Phrase kLeftOutAsAsked{"; left out as asked: {}", "；按要求略去：{}"};
inline constexpr Phrase kIsSound{"{} is sound: {}, {} unpacked, checked", "{} 完好：{}，解压后 {}，已检查"};
inline constexpr Phrase kTookOut{"Took {}{} out to {}: {}, {}, checked", "已把 {}{} 取出到 {}：{}，{}，已检查"};
inline constexpr Phrase kTookBack{"Took the last restore back{}; `pocketvault undo` once more would redo it", "已撤销最近一次恢复{}；再执行一次 `pocketvault undo` 可以重做"};
inline constexpr Phrase kRestored{"Restored {}", "已恢复 {}"};
inline constexpr Phrase kKeptUnchanged{"; unchanged and kept: {}, {}", "；未变而保留：{}，{}"};
inline constexpr Phrase kPutIntoBucket{"; in {}: {}", "；存入 {}：{}"};
inline constexpr Phrase kBeforeIsKept{"; the data before it is kept: `pocketvault undo` brings it back", "；原来的数据已保留：`pocketvault undo` 可以取回"};
inline constexpr Phrase kBeforeIsInBackup{"; the data before it is in the backup {}", "；原来的数据在备份 {} 中"};
inline constexpr Phrase kCodeLeftThere{"; the app's code in the backup was left there ({}): unzip FILE '.pocketvault-code/*'", "；备份中的应用代码没有取出（{}）：unzip FILE '.pocketvault-code/*'"};
inline constexpr Phrase kNote{"Note: {}", "注意：{}"};
inline constexpr Phrase kWarning{"Warning: {}", "警告：{}"};
inline constexpr Phrase kWarningAt{"Warning: {}: {}", "警告：{}：{}"};
inline constexpr Phrase kMoreWarnings{"Warning: and {} more; --json has all", "警告：另有 {} 条；--json 给出全部"};

// status.
inline constexpr Phrase kThereIsNone{"There is no backup.", "没有备份。"};
inline constexpr Phrase kNewestUnknown{"How old the newest backup is is not known.", "不知道最新的备份有多旧。"};
inline constexpr Phrase kNoneCounts{"There is no backup that counts.", "没有可靠的备份。"};
inline constexpr Phrase kNewest{"Newest backup: {}, {} ({}), {}.", "最新备份：{}，{}（{}），{}。"};
inline constexpr Phrase kNewestThatCounts{"Newest backup: {}, {} ({}), {}; newer ones don't count.", "最新备份：{}，{}（{}），{}；更新的备份不可靠。"};
inline constexpr Phrase kVerdictUnknown{"whether it was verified is not known: {}", "是否校验过未知：{}"};
inline constexpr Phrase kNeverVerified{"never verified", "从未校验"};
inline constexpr Phrase kVerified{"verified {} ({})", "{}校验过（{}）"};
inline constexpr Phrase kFoundDamaged{"DAMAGED, as a verification found {} ({}): {}", "已损坏，{}的校验（{}）发现：{}"};
inline constexpr Phrase kAtRisk{"At risk: {}.", "有风险：{}。"};
inline constexpr Phrase kStateBackups{"backups", "备份"};
inline constexpr Phrase kStateNotCounted{"not counted", "不可靠"};
inline constexpr Phrase kStateDamaged{"damaged", "已损坏"};
inline constexpr Phrase kStateVerifying{"verifying", "定时校验"};
inline constexpr Phrase kStateRetention{"retention", "保留规则"};
inline constexpr Phrase kStateMirror{"mirror", "镜像"};
inline constexpr Phrase kStateData{"data", "数据"};
inline constexpr Phrase kStateLastRun{"last run", "最近运行"};
inline constexpr Phrase kStateTrend{"trend", "趋势"};
inline constexpr Phrase kStateSchedule{"schedule", "定时"};
inline constexpr Phrase kStateReplaced{"replaced", "被替换"};
inline constexpr Phrase kStateCutOff{"cut off", "中断"};
inline constexpr Phrase kStateAtWork{"at work", "进行中"};
inline constexpr Phrase kStateInUse{"in use by", "使用者"};
inline constexpr Phrase kFreeThere{", {} free there", "，那里可用 {}"};
inline constexpr Phrase kFree{"{} free", "可用 {}"};
inline constexpr Phrase kNotCounted{"{}, {}: {}", "{}，{}：{}"};
inline constexpr Phrase kRun{"{} {}", "{}，{}"};
inline constexpr Phrase kByTheClock{", by the clock", "，定时执行"};
inline constexpr Phrase kWithWarnings{", {} warnings", "，{} 条警告"};
inline constexpr Phrase kNextAt{"{}, next {}", "{}，下次 {}"};
inline constexpr Phrase kNoServerRuns{"no server runs", "没有服务器在运行"};
inline constexpr Phrase kNoNext{"never", "无"};
inline constexpr Phrase kKeptUntil{"{}, kept until {}: {}", "{}，保留到 {}：{}"};
inline constexpr Phrase kUndoLeaves{"{}, which leaves {}", "{}，会留下 {}"};
inline constexpr Phrase kOnlyStrays{"only {}, in replaced-{}", "仅有 {}，在 replaced-{} 中"};
inline constexpr Phrase kIsCutOff{"a restore did not get to its end: start pocketvault on the directory (list, serve), which finishes it or takes it back", "一次恢复没有完成：请在此目录上运行 pocketvault（list、serve），它会完成或撤回这次恢复"};
inline constexpr Phrase kBegunBy{"{}, begun {}, process {}", "{}，{}开始，进程 {}"};
inline constexpr Phrase kUserProcess{"{} (process {})", "{}（进程 {}）"};
inline constexpr Phrase kAProgram{"a program", "某个程序"};
inline constexpr Phrase kLacksNothing{"{}, lacks nothing", "{}，不缺备份"};
inline constexpr Phrase kLacks{"{}, lacks {}: {}", "{}，缺少 {}：{}"};
inline constexpr Phrase kNamesAndMore{"{} and more", "{} 等"};
inline constexpr Phrase kLacksUnknown{"{}, what it lacks is not known: {}", "{}，缺少什么未知：{}"};

// replaced.
inline constexpr Phrase kNothingKept{"Nothing that a restore replaced is kept.", "没有保留任何被恢复替换的数据。"};
inline constexpr Phrase kHeadId{"ID", "编号"};
inline constexpr Phrase kHeadReplaced{"REPLACED", "替换于"};
inline constexpr Phrase kHeadKeptUntil{"KEPT UNTIL (UTC)", "保留到 (UTC)"};
inline constexpr Phrase kHeadBy{"BY", "替换为"};
inline constexpr Phrase kUndoOf{"undo of {}", "撤销 {}"};
inline constexpr Phrase kOnlyAndMore{" (only {} and {} more)", "（仅 {} 等，另有 {} 项）"};
inline constexpr Phrase kWithStrays{", with {}", "，另有 {}"};
inline constexpr Phrase kOnlyThese{", only {}", "，仅有 {}"};

// restore --dry-run.
inline constexpr Phrase kNothingFound{"Nothing was found out", "没有得到任何结果"};
inline constexpr Phrase kARestoreWould{"A restore of {}{} {}; nothing was changed now", "恢复 {}{} {}；现在没有改动任何东西"};
inline constexpr Phrase kWouldBeDone{"would be done", "可以进行"};
inline constexpr Phrase kWouldWarn{"would be done, with warnings", "可以进行，但有警告"};
inline constexpr Phrase kWouldBeRefused{"would be refused", "会被拒绝"};
inline constexpr Phrase kFindBecause{"because", "原因"};
inline constexpr Phrase kFindArchive{"archive", "压缩包"};
inline constexpr Phrase kFindApp{"app", "应用"};
inline constexpr Phrase kFindDatabases{"databases", "数据库"};
inline constexpr Phrase kFindAdded{"added", "新增"};
inline constexpr Phrase kFindRemoved{"removed", "移除"};
inline constexpr Phrase kFindChanged{"changed", "改变"};
inline constexpr Phrase kFindUnchanged{"unchanged", "不变"};
inline constexpr Phrase kFindUploads{"uploads", "上传文件"};
inline constexpr Phrase kFindRecords{"records", "记录"};
inline constexpr Phrase kFindMigrations{"migrations", "迁移"};
inline constexpr Phrase kFindSuperusers{"superusers", "超级用户"};
inline constexpr Phrase kFindNote{"note", "注意"};
inline constexpr Phrase kFindSpace{"space", "空间"};
inline constexpr Phrase kArchiveHolds{"{}, {} of {}", "{}，{}，共 {}"};
inline constexpr Phrase kMadeAt{", made {} UTC", "，创建于 {} UTC"};
inline constexpr Phrase kAppNamed{"\"{}\", ", "“{}”，"};
inline constexpr Phrase kSettingsLocked{", settings encrypted", "，设置已加密"};
inline constexpr Phrase kFilesInS3{", uploaded files in S3", "，上传文件在 S3 中"};
inline constexpr Phrase kNowApp{"now {}", "目前 {}"};
inline constexpr Phrase kFilesNamed{"{}, {}: {}", "{}，{}：{}"};
inline constexpr Phrase kMoreCollections{"and {} collections more; --json has all", "另有 {} 个集合；--json 给出全部"};
inline constexpr Phrase kAsManyIn{"as many as now in {}", "{}的记录数与目前相同"};
inline constexpr Phrase kOnlyInBackup{"only in the backup: {}", "仅在备份中：{}"};
inline constexpr Phrase kOnlyInPlace{"only in the data now: {}", "仅在目前的数据中：{}"};
inline constexpr Phrase kNoLonger{"no longer: {}", "不再有：{}"};
inline constexpr Phrase kGoInto{"{}, {}, go into {}", "{}，{}，存入 {}"};
inline constexpr Phrase kSpaceNeeded{"{} needed, {} free", "需要 {}，可用 {}"};
// clang-format on

}  // namespace pv::cli::phrase
