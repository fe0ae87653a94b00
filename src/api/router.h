// Which route a request is for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace pv::api {

enum class Route {
  kUnknown,
  kHealth,
  kListBackups,
  kCreateBackup,
  kUploadBackup,
  kDownloadBackup,
  kDeleteBackup,
  kRestoreBackup,
  kFileToken,
  kAuthMethods,
  kAuthRefresh,
  kAuthWithPassword,
  kShowSettings,
  kChangeSettings,
  kTestBucket,
  kTestEmail,
  kListLogs,
  kLogStats,
  kShowLog,
  kListCrons,
  kRunCron,
  // Not PocketBase's; absent in the strict manner.
  kDownloadToken,
  kListJobs,
  kShowJob,
  kCancelJob,
  kEvents,
  kShowBackup,
  kVerifyBackup,
  kListEntries,
  kSendEntry,
  kPreflightBackup,
  kUndo,
  kStatus,
  kShowVaultSettings,
  kChangeVaultSettings,
  kListHistory,
  kListReplaced,
  kDeleteReplaced,
  kPreviewRetention,
  kPrune,
  kPinBackup,
  kUnpinBackup,
  kShowAlerts,
  kTestAlert,
  kMetrics,
  kHealthz,
  kReadyz,
};

enum class Access {
  kAnyone,     // or the route decides itself
  kSuperuser,  // 401 for guests, 403 for others
};

struct Match {
  Route route = Route::kUnknown;
  Access access = Access::kAnyone;
  std::vector<std::string> values;  // of the {...} segments, percent-decoded
};

// By method (HEAD counts as GET) and path, both exact. A {...} segment is one that is not empty; it
// is decoded after splitting, so that %2F belongs to it. A last one with dots takes all that
// follows.
[[nodiscard]] Match match_route(std::string_view method, std::string_view path, bool strict);

// 307 to the cleaned path, from "/_" to "/_/", or from "www." + `listen_host` to the same without
// "www."; nullopt: the request is fine as it is.
[[nodiscard]] std::optional<http::Response> redirect(const http::Request& request,
                                                     std::string_view listen_host);

}  // namespace pv::api
