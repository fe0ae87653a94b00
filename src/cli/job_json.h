// JSON of jobs and backups: what --json prints, and what a pocketvault server sends.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "cli/backups.h"
#include "jobs/json_reader.h"

namespace pv::cli {

namespace json = boost::json;

[[nodiscard]] json::object to_json(const jobs::Status& status);
[[nodiscard]] json::object to_json(const store::Backup& backup);
[[nodiscard]] json::object to_json(const jobs::ListedBackup& listed);
[[nodiscard]] json::object to_json(const Summary& summary);
[[nodiscard]] json::object to_json(const jobs::ContentItem& item);
[[nodiscard]] json::object to_json(const Error& error);  // {"code","message"}

// kInvalid: not what it should be. Unknown members are ignored, absent ones have their defaults.
[[nodiscard]] Result<jobs::Status> job_from_json(const json::value& value);
[[nodiscard]] Result<store::Backup> backup_from_json(const json::value& value);
[[nodiscard]] Result<jobs::ListedBackup> listed_from_json(const json::value& value);
[[nodiscard]] Result<Summary> summary_from_json(const json::value& value);
[[nodiscard]] Result<jobs::ContentItem> item_from_json(const json::value& value);

// Compact, with numbers as people write them: 0.017, where Boost's own writer says 1.7E-2.
[[nodiscard]] std::string json_text(const json::value& value);
void append_json(std::string& text, const json::value& value);

using jobs::parse_date;

}  // namespace pv::cli
