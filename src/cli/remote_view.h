// Looking into a backup that a pocketvault server keeps.
#pragma once

#include "cli/backups.h"
#include "curl/client.h"

namespace pv::cli {

// Sends a GET for a path of the server, signed; a successful answer's body goes to `sink` where
// there is one. What is no success is an error.
using Get = std::function<Result<curl::Reply>(const std::string& path, Sink* sink,
                                              const std::stop_token& stop)>;

[[nodiscard]] std::unique_ptr<ArchiveView> make_remote_view(Get get, const store::BackupName& name);

}  // namespace pv::cli
