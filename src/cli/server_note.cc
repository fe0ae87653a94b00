#include "cli/server_note.h"

#include <signal.h>

#include <boost/json.hpp>
#include <cerrno>

namespace pv::cli {
namespace {

fs::Path note_path(const fs::Path& vault_folder) { return vault_folder / "server.json"; }

bool is_alive(int pid) { return ::kill(pid, 0) == 0 || errno == EPERM; }

}  // namespace

Result<void> write_server_note(const fs::Path& vault_folder, const ServerNote& note) {
  const boost::json::object line{
      {"pid", note.pid}, {"url", note.url}, {"commandKey", note.command_key}};
  return fs::write_file_atomically(note_path(vault_folder), boost::json::serialize(line) + "\n",
                                   0600);
}

void remove_server_note(const fs::Path& vault_folder) {
  std::ignore = fs::remove_file(note_path(vault_folder));
}

std::optional<ServerNote> read_server_note(const fs::Path& vault_folder) {
  constexpr std::uint64_t kNoteBytesMax = 4096;
  const auto text = fs::read_file(note_path(vault_folder), kNoteBytesMax);
  if (!text.has_value()) { return std::nullopt; }
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(*text, error);
  if (error || !value.is_object()) { return std::nullopt; }
  const auto* pid = value.get_object().if_contains("pid");
  const auto* url = value.get_object().if_contains("url");
  if (pid == nullptr || !pid->is_int64() || url == nullptr || !url->is_string()) {
    return std::nullopt;
  }
  constexpr std::int64_t kPidMax = 1 << 30;
  if (pid->get_int64() <= 0 || pid->get_int64() > kPidMax) { return std::nullopt; }
  ServerNote note{static_cast<int>(pid->get_int64()), std::string{url->get_string()}, {}};
  const auto* key = value.get_object().if_contains("commandKey");
  if (key != nullptr && key->is_string()) { note.command_key = key->get_string(); }
  if (!is_alive(note.pid)) { return std::nullopt; }
  return note;
}

}  // namespace pv::cli
