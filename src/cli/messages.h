// What the commands say, in English and in Simplified Chinese: results, questions, advice. Reports
// have report_messages.h, what comes from other rooms known_texts.h, --help help_texts.h.
#pragma once

#include "base/phrase.h"

namespace pv::cli::phrase {

// clang-format off

// How a command ends.
inline constexpr Phrase kError{"Error: {}", "错误：{}"};
inline constexpr Phrase kErrorAt{"Error: {}: {}", "错误：{}：{}"};
inline constexpr Phrase kUnexpected{"Error: unexpected: {}", "错误：意外情况：{}"};
inline constexpr Phrase kCancelled{"Cancelled; nothing was left behind.", "已取消；没有留下任何东西。"};
inline constexpr Phrase kOutputLost{"Error: the result could not be written to standard output: disk full?", "错误：结果无法写到标准输出：磁盘满了？"};

// What a person can do about it.
inline constexpr Phrase kSignIn{"Sign in: pocketvault login --url {} EMAIL, or set POCKETVAULT_TOKEN.", "请登录：pocketvault login --url {} EMAIL，或设置 POCKETVAULT_TOKEN。"};
inline constexpr Phrase kSeeList{"See what there is: pocketvault list{}", "查看有哪些备份：pocketvault list{}"};
inline constexpr Phrase kTryLater{"Try again when the other work has ended.", "请等另一项工作结束后再试。"};
inline constexpr Phrase kFreeSpace{"Free some space, or keep backups elsewhere: --backups-dir DIR.", "请腾出空间，或把备份放到别处：--backups-dir DIR。"};
inline constexpr Phrase kRunAsOwner{"{} belongs to {}: run this as that user.", "{} 属于 {}：请以该用户身份运行。"};
inline constexpr Phrase kIsServerThere{"Is the server running, and is this its address?", "服务器在运行吗？地址对吗？"};
inline constexpr Phrase kVerifyAll{"Check every backup with: pocketvault verify NAME.", "请逐个校验备份：pocketvault verify NAME。"};

// What is at work: for the progress, and before an error.
inline constexpr Phrase kDoBackup{"backup", "备份"};
inline constexpr Phrase kDoBackupNamed{"backup {}", "备份 {}"};
inline constexpr Phrase kDoVerify{"verify {}", "校验 {}"};
inline constexpr Phrase kDoRestore{"restore {}", "恢复 {}"};
inline constexpr Phrase kDoCheck{"check {}", "预检 {}"};
inline constexpr Phrase kDoUndo{"undo", "撤销"};
inline constexpr Phrase kDoSend{"send", "发送"};
inline constexpr Phrase kDoMirror{"mirror", "镜像"};
inline constexpr Phrase kDoCopy{"copy {}", "复制 {}"};
inline constexpr Phrase kDoDelete{"delete {}", "删除 {}"};
inline constexpr Phrase kDoDownload{"download {}", "下载 {}"};
inline constexpr Phrase kDoUpload{"upload {}", "上传 {}"};
inline constexpr Phrase kDoGet{"get {}", "提取 {}"};

// Progress.
inline constexpr Phrase kDoneOfTotal{"{} of {}", "{}，共 {}"};
inline constexpr Phrase kEta{"ETA {}", "剩余 {}"};
inline constexpr Phrase kLeft{"{} left", "剩余 {}"};

// Questions.
inline constexpr Phrase kNobodyToAsk{"Error: not confirmed: nobody is there to ask; give --yes if you are sure.", "错误：未确认：没有人可以询问；如果确定，请加 --yes。"};
inline constexpr Phrase kTypeToGoOn{"Type {} to go on: ", "输入 {} 以继续："};
inline constexpr Phrase kNotConfirmed{"Not confirmed; nothing was changed.", "未确认；没有改动任何东西。"};
inline constexpr Phrase kReplacesAll{"This replaces all data of {} by {}.", "这会把 {} 的全部数据替换为 {}。"};
inline constexpr Phrase kReplacesPart{"This replaces {}, and nothing else, of {} by {}.", "这只会替换 {}（{} 的其余内容不动），换成 {}。"};
inline constexpr Phrase kBackupOfAge{"{} ({}, age: {})", "{}（{}，距今：{}）"};
inline constexpr Phrase kTheFile{"the file {}", "文件 {}"};
inline constexpr Phrase kReplacedIsKept{"What is replaced is kept for a while: `pocketvault undo` brings it back.", "被替换的数据会保留一段时间：`pocketvault undo` 可以取回。"};
inline constexpr Phrase kReplacedIsGone{"What is replaced is gone then.", "被替换的数据将无法找回。"};
inline constexpr Phrase kReplacedIsBackedUp{"What is replaced is backed up before, and not kept otherwise.", "被替换的数据会事先备份，此外不再保留。"};
inline constexpr Phrase kTakesLastBack{"This takes the last restore of {} back. What was written since goes with it, and is kept too.", "这会撤销 {} 的最近一次恢复。此后写入的内容也会一并撤下，并同样保留。"};
inline constexpr Phrase kTakesOneBack{"This takes restore {} of {} back. What was written since goes with it, and is kept too.", "这会撤销编号为 {} 的恢复（{}）。此后写入的内容也会一并撤下，并同样保留。"};
inline constexpr Phrase kRemovesReplaced{"This removes what restores of {} replaced. It can't be had back then.", "这会删除 {} 的恢复所替换下来的数据，之后无法再取回。"};

// Backups that are made, sent, copied, deleted.
inline constexpr Phrase kEarlierStillWait{"Earlier backups still wait to be sent: {}", "先前的备份仍在等待发送：{}"};
inline constexpr Phrase kSentEarlier{"Sent {}, which had waited.", "已发送先前等待的 {}。"};
inline constexpr Phrase kSent{"Sent {}", "已发送 {}"};
inline constexpr Phrase kNoneWaits{"No backup waits to be sent.", "没有等待发送的备份。"};
inline constexpr Phrase kWaitsInSpool{"Waits in the spool, and can be restored: {}", "在暂存区等待发送，可以恢复：{}"};
inline constexpr Phrase kCopiedToMirror{"Copied {} to the mirror, {}.", "已把 {} 复制到镜像：{}。"};
inline constexpr Phrase kMirrorLacks{"Warning: the mirror, {}, lacks backups, and gets them with the next one: {}", "警告：镜像（{}）缺少备份，下一次备份时会补上：{}"};
inline constexpr Phrase kTheMirror{"The mirror, {}.", "镜像：{}。"};
inline constexpr Phrase kCopied{"Copied {}", "已复制 {}"};
inline constexpr Phrase kThereAlready{"There already: {}", "已经存在：{}"};
inline constexpr Phrase kDeleted{"Deleted {}", "已删除 {}"};
inline constexpr Phrase kDeletedCount{"Deleted: {}.", "已删除：{}。"};
inline constexpr Phrase kSavedBackup{"Saved {} as {}: {}", "已把 {} 保存为 {}：{}"};
inline constexpr Phrase kSavedFile{"Saved {} of {} as {}: {}", "已把 {}（取自 {}）保存为 {}：{}"};
inline constexpr Phrase kFilesAndSize{"{} files, {}", "{} 个文件，{}"};
inline constexpr Phrase kLeftOutOther{"Warning: {} was left out: a link or a device", "警告：{} 已略去：是链接或设备"};
inline constexpr Phrase kUploaded{"Uploaded {}: {}", "已上传 {}：{}"};
inline constexpr Phrase kVerdictsUnknown{"Warning: what verifications found is not known: {}", "警告：校验结果未知：{}"};
inline constexpr Phrase kServerDoesIt{"A server runs on this directory ({}): it does the work.", "此数据目录上有服务器在运行（{}）：由它来完成。"};

// What stays and what goes.
inline constexpr Phrase kDoPin{"pin {}", "固定 {}"};
inline constexpr Phrase kDoUnpin{"unpin {}", "取消固定 {}"};
inline constexpr Phrase kPinned{"Pinned {}", "已固定 {}"};
inline constexpr Phrase kUnpinned{"Unpinned {}", "已取消固定 {}"};
inline constexpr Phrase kNoRetention{"No retention is set, so nothing is to go: see --keep-last and so on, or the setting retention.", "没有设置保留规则，因此不会删除任何备份：见 --keep-last 等选项，或设置 retention。"};
inline constexpr Phrase kTheRetention{"The retention {}.", "保留规则：{}。"};
inline constexpr Phrase kToGo{"To go: {}, {}", "将删除：{}，{}"};
inline constexpr Phrase kNothingGoes{"Nothing is to go.", "没有要删除的备份。"};
inline constexpr Phrase kAndReason{"{}; {}", "{}；{}"};
inline constexpr Phrase kToStay{"To stay:", "将保留："};
inline constexpr Phrase kDeletesFor{"This deletes {} of {}. They can't be had back then.", "这会删除 {}（{}），之后无法再取回。"};

// config.
inline constexpr Phrase kConfigFine{"{} is fine", "{} 没有问题"};

// status.
inline constexpr Phrase kBackupDamaged{"Error: a verification found a backup damaged; delete it when it is of no use.", "错误：校验发现有备份已损坏；没有用处时请删除它。"};
inline constexpr Phrase kTooOld{"Error: no backup is as young as was asked for.", "错误：没有足够新的备份。"};
inline constexpr Phrase kNoBackup{"Error: there is no backup that one could rely on; `pocketvault backup` makes one.", "错误：没有可以依靠的备份；用 `pocketvault backup` 制作一个。"};
inline constexpr Phrase kNotKnownWell{"Error: it is not known whether backups are made as they should be.", "错误：不知道备份是否按应有的方式进行。"};
inline constexpr Phrase kMissed{"Error: a backup that was due has been missed.", "错误：错过了一次到期的备份。"};

// serve, once it listens.
inline constexpr Phrase kServerStarted{"{} Server started at {}", "{} 服务器已启动：{}"};
inline constexpr Phrase kServerBackups{"Backups:", "备份："};
inline constexpr Phrase kNoSuperuserYet{"(!) There is no superuser yet, and only superusers can make backups. Make the first:", "(!) 还没有超级用户，而只有超级用户才能创建备份。请创建第一个："};

// Alerts.
inline constexpr Phrase kNothingWrong{"Nothing is wrong.", "一切正常。"};
inline constexpr Phrase kAlert{"{}:", "{}："};
inline constexpr Phrase kAlertSince{"{}, since {}:", "{}，始于 {}："};
inline constexpr Phrase kAlertsUnknown{"What is wrong and who is told is not known, for settings of our own can't be read: {}", "无法读取我们自己的设置，因此不知道有什么问题以及会通知谁：{}"};
inline constexpr Phrase kNobodyIsTold{"Nobody is told.", "没有通知对象。"};
inline constexpr Phrase kWhoIsTold{"Who is told:", "通知对象："};
inline constexpr Phrase kWhatWasSent{"What was sent:", "发送记录："};
inline constexpr Phrase kTestSent{"sent", "已发送"};

// Accounts. The English is PocketBase's.
inline constexpr Phrase kSuperuserCreated{"Successfully created new superuser {}!", "已创建超级用户 {}！"};
inline constexpr Phrase kSuperuserSaved{"Successfully saved superuser {}!", "已保存超级用户 {}！"};
inline constexpr Phrase kSuperuserUpdated{"Successfully changed superuser {} password!", "已更改超级用户 {} 的密码！"};
inline constexpr Phrase kSuperuserIpsCleared{"Successfully cleared SuperuserIPs setting!", "已清除 SuperuserIPs 设置！"};
inline constexpr Phrase kSuperuserIpsUpdated{"Successfully updated SuperuserIPs setting:", "已更新 SuperuserIPs 设置："};
inline constexpr Phrase kSuperuserDeleted{"Successfully deleted superuser {}!", "已删除超级用户 {}！"};
inline constexpr Phrase kAskNewPassword{"New password (at least 8 characters): ", "新密码（至少 8 个字符）："};
inline constexpr Phrase kAskAgain{"Once more: ", "再输入一次："};
inline constexpr Phrase kAskEmail{"E-mail: ", "电子邮件："};
inline constexpr Phrase kAskPassword{"Password: ", "密码："};
inline constexpr Phrase kPlainHttp{"Warning: over http:// the password can be read on its way; use https://", "警告：通过 http:// 发送的密码可能被窃听；请使用 https://"};
inline constexpr Phrase kSignedIn{"Signed in to {} as {}", "已登录 {}，账号 {}"};
inline constexpr Phrase kUntil{" until {} UTC", "，有效期至 {} UTC"};
inline constexpr Phrase kForgotLogin{"Forgot the login for {}", "已删除 {} 的登录信息"};
// clang-format on

}  // namespace pv::cli::phrase
