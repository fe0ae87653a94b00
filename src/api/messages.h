// Every sentence that the API says about an error, in English (PocketBase's words, where it has
// some) and in Simplified Chinese.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/phrase.h"

namespace pv::api {

// clang-format off
namespace phrase {
inline constexpr Phrase kSomethingWrong{"Something went wrong while processing your request.", "处理您的请求时出错。"};
inline constexpr Phrase kAuthRequired{"The request requires valid record authorization token.", "请求需要有效的记录授权令牌。"};
inline constexpr Phrase kNotAllowed{"The authorized record is not allowed to perform this action.", "已授权的记录无权执行此操作。"};
inline constexpr Phrase kInsufficient{"Insufficient permissions to access the resource.", "权限不足，无法访问该资源。"};
inline constexpr Phrase kOtherCollection{"The request requires auth record from {} collection.", "请求需要来自集合 {} 的已认证记录。"};
inline constexpr Phrase kForbidden{"You are not allowed to perform this request.", "您无权执行此请求。"};
inline constexpr Phrase kNotFound{"The requested resource wasn't found.", "未找到请求的资源。"};
inline constexpr Phrase kFileNotFound{"File not found.", "未找到文件。"};
inline constexpr Phrase kNoCollection{"Missing or invalid collection context.", "集合不存在或无效。"};
inline constexpr Phrase kNoAuthCollection{"Missing or invalid auth collection context.", "认证集合不存在或无效。"};
inline constexpr Phrase kTooLarge{"Request entity too large.", "请求体过大。"};
inline constexpr Phrase kLoading{"An error occurred while loading the submitted data.", "加载提交的数据时出错。"};
inline constexpr Phrase kUnsupportedType{"Unsupported Content-Type.", "不支持的 Content-Type。"};
inline constexpr Phrase kValidating{"An error occurred while validating the submitted data.", "验证提交的数据时出错。"};
inline constexpr Phrase kFailedToAuthenticate{"Failed to authenticate.", "身份验证失败。"};
inline constexpr Phrase kPasswordAuthOff{"The collection is not configured to allow password authentication.", "该集合未配置为允许密码认证。"};
inline constexpr Phrase kAuthRule{"The request doesn't satisfy the collection requirements to authenticate.", "请求不满足该集合的认证要求。"};
inline constexpr Phrase kSignInUnsupported{"Sign-in refused: {}", "拒绝登录：{}"};

inline constexpr Phrase kBusy{"Try again later - another backup/restore process has already been started.", "请稍后再试 - 另一个备份/恢复过程已经开始。"};
inline constexpr Phrase kNoFilesystem{"Failed to load backups filesystem.", "无法加载备份文件系统。"};
inline constexpr Phrase kListFailed{"Failed to retrieve backup items. Raw error: \n{}", "无法获取备份列表。原始错误：\n{}"};
inline constexpr Phrase kCreateFailed{"Failed to create backup.", "无法创建备份。"};
inline constexpr Phrase kCreateFailedBecause{"Failed to create backup. Raw error: \n{}", "无法创建备份。原始错误：\n{}"};
inline constexpr Phrase kUploadFailed{"Failed to upload backup.", "无法上传备份。"};
inline constexpr Phrase kUploadFailedBecause{"Failed to upload backup. Raw error: \n{}", "无法上传备份。原始错误：\n{}"};
inline constexpr Phrase kInUse{"The backup is currently being used and cannot be deleted.", "该备份正在使用中，无法删除。"};
inline constexpr Phrase kPinned{"The backup is pinned and cannot be deleted: unpin it first.", "该备份已被固定，无法删除：请先取消固定。"};
inline constexpr Phrase kDeleteFailed{"Invalid or already deleted backup file. Raw error: \n{}", "备份文件无效或已被删除。原始错误：\n{}"};
inline constexpr Phrase kNoBackup{"Missing or invalid backup file.", "备份文件不存在或无效。"};
inline constexpr Phrase kRestoreFailed{"Failed to restore backup. Raw error: \n{}", "无法恢复备份。原始错误：\n{}"};

inline constexpr Phrase kRestored{"Backup restored successfully.", "备份已成功恢复。"};

inline constexpr Phrase kMailTestFailed{"Failed to send the test email.", "发送测试邮件失败。"};
inline constexpr Phrase kMailTestFailedBecause{"Failed to send the test email. Raw error: \n{}", "发送测试邮件失败。原始错误：\n{}"};
inline constexpr Phrase kAlertTestFailed{"The test message could not be sent: {}", "无法发送测试消息：{}"};
inline constexpr Phrase kBucketTestFailed{"Failed to test the S3 filesystem.", "测试 S3 文件系统失败。"};
inline constexpr Phrase kBucketTestFailedBecause{"Failed to test the S3 filesystem. Raw error: \n{}", "测试 S3 文件系统失败。原始错误：\n{}"};
inline constexpr Phrase kBucketNotEnabled{"Failed to test the S3 filesystem. Raw error: \nS3 storage filesystem is not enabled.", "测试 S3 文件系统失败。原始错误：\nS3 存储文件系统未启用。"};

inline constexpr Phrase kSaveSettingsFailed{"An error occurred while saving the new settings.", "保存新设置时出错。"};
inline constexpr Phrase kInvalidFilter{"Invalid filter format.", "过滤器格式无效。"};
inline constexpr Phrase kNoCron{"Missing or invalid cron job.", "定时任务不存在或无效。"};

inline constexpr Phrase kTooMany{"Too Many Requests.", "请求过多。"};
inline constexpr Phrase kSuspended{"The data is just being replaced by a restore. Try again later.", "数据正在被恢复操作替换。请稍后再试。"};
inline constexpr Phrase kLostToOthers{"Another program replaced or removed the databases of this directory. Nothing that needs them is answered until they can be opened again: the server's log says what was found.", "此目录的数据库已被其他程序替换或删除。在能够重新打开之前，需要数据库的请求都无法应答：服务器日志中有具体说明。"};
inline constexpr Phrase kNoSettings{"The settings of the data directory can't be read.", "无法读取数据目录的设置。"};
inline constexpr Phrase kFailedBecause{"The request failed. Raw error: \n{}", "请求失败。原始错误：\n{}"};

inline constexpr Phrase kBlank{"Cannot be blank.", "不能为空。"};
inline constexpr Phrase kLengthBetween{"The length must be between {} and {}.", "长度必须在 {} 到 {} 之间。"};
inline constexpr Phrase kMatch{"Must be in a valid format.", "格式无效。"};
inline constexpr Phrase kOneOf{"Must be a valid value.", "必须是有效的值。"};
inline constexpr Phrase kUrl{"Must be a valid URL.", "必须是有效的 URL。"};
inline constexpr Phrase kEmail{"Must be a valid email address.", "必须是有效的电子邮件地址。"};
inline constexpr Phrase kNotUnique{"There is another one of this name.", "已存在同名项。"};
inline constexpr Phrase kAuthCollection{"Must be a valid auth collection id or name.", "必须是有效的认证集合 ID 或名称。"};
inline constexpr Phrase kHost{"Must be a valid IP address or DNS name.", "必须是有效的 IP 地址或 DNS 名称。"};
inline constexpr Phrase kHexColor{"Must be a valid hexadecimal color code.", "必须是有效的十六进制颜色代码。"};
inline constexpr Phrase kIpOrSubnet{"Invalid IP or CIDR subnet.", "无效的 IP 或 CIDR 子网。"};
inline constexpr Phrase kLeast{"Must be no less than {}.", "不能小于 {}。"};
inline constexpr Phrase kMost{"Must be no greater than {}.", "不能大于 {}。"};
inline constexpr Phrase kRuleConflict{"Rate limit rule configuration with label {} already exists or conflicts with another rule.", "标签为 {} 的速率限制规则已存在或与其他规则冲突。"};
inline constexpr Phrase kUnknownSetting{"There is no such setting.", "没有这个设置。"};
inline constexpr Phrase kWantsObject{"Must be an object.", "必须是对象。"};
inline constexpr Phrase kWantsList{"Must be a list.", "必须是列表。"};
inline constexpr Phrase kWantsFlag{"Must be true or false.", "必须是 true 或 false。"};
inline constexpr Phrase kWantsNumber{"Must be a whole number.", "必须是整数。"};
inline constexpr Phrase kWantsText{"Must be a text.", "必须是文本。"};
inline constexpr Phrase kInvalidValue{"Invalid value.", "无效的值。"};
inline constexpr Phrase kInvalidBecause{"Invalid value: {}.", "无效的值：{}。"};
inline constexpr Phrase kNameExists{"The backup file name is invalid or already exists.", "备份文件名无效或已存在。"};
inline constexpr Phrase kUploadExists{"Backup file with the specified name already exists.", "已存在同名的备份文件。"};
inline constexpr Phrase kMimeType{"\"{}\" mime type must be one of: application/zip.", "“{}”的 MIME 类型必须是以下之一：application/zip。"};
}  // namespace phrase
// clang-format on

// One thing said, ready in both languages.
struct Message {
  std::string english;
  std::string chinese;
  friend bool operator==(const Message&, const Message&) = default;
};

// `values` fill the places of the phrase. The English text is made a sentence.
[[nodiscard]] Message say(const Phrase& phrase,
                          std::initializer_list<std::string_view> values = {});

// For a text that comes from another room: translated when it fits a phrase, else as far as told()
// (base/translate.h) knows it.
[[nodiscard]] Message say_text(std::string_view english);

// PocketBase's rule: trimmed, the first letter a capital, a full stop unless it ends in . ? or !
[[nodiscard]] std::string sentence(std::string_view text);

[[nodiscard]] inline const std::string& in(Language language, const Message& message) {
  return language == Language::kChinese ? message.chinese : message.english;
}

// What the values of an Accept-Language header (RFC 9110 12.5.4) ask for: Chinese when a Chinese
// range (not of traditional script) weighs more than any English one and "*", or as much and stands
// before them.
[[nodiscard]] Language preferred_language(std::span<const std::string_view> accept_language);

}  // namespace pv::api
