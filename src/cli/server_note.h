// How a command finds the server that runs on the same data directory: `.pocketvault/server.json`,
// {"pid":123,"url":"http://127.0.0.1:8090","commandKey":"..."}, mode 0600, there while it runs.
#pragma once

#include <optional>
#include <string>

#include "fs/file.h"

namespace pv::cli {

struct ServerNote {
  int pid = 0;
  std::string url;  // where it can be reached from this machine, without a slash at the end
  // Sent in kCommandHeader, it makes a --strict server answer with jobs and all that is ours.
  std::string command_key = {};
  friend bool operator==(const ServerNote&, const ServerNote&) = default;
};

inline constexpr std::string_view kCommandHeader = "Pocketvault-Command";

// For the server: once it listens, and when it stops. `vault_folder` is DataDir::vault_folder().
[[nodiscard]] Result<void> write_server_note(const fs::Path& vault_folder, const ServerNote& note);
void remove_server_note(const fs::Path& vault_folder);

// nullopt: no note, an unreadable one, or its process is gone (a crash leaves the file behind).
[[nodiscard]] std::optional<ServerNote> read_server_note(const fs::Path& vault_folder);

}  // namespace pv::cli
