// What is against relying on a directory's backups, though the newest of them looks well.
#pragma once

#include <string>
#include <vector>

namespace pv::jobs {

struct Overview;

struct Risk {
  std::string kind;  // docs/api.md, "Status"; empty: a server that tells none
  std::string text;  // a sentence without its full stop, for people
  friend bool operator==(const Risk&, const Risk&) = default;
};

// The gravest first; without any nothing is known against them. Of a server's status, what that
// says itself.
[[nodiscard]] std::vector<Risk> risks_of(const Overview& overview);
// The text of the first; empty without any.
[[nodiscard]] std::string risk_of(const Overview& overview);

// Whether the last backup that was not cancelled failed, and nobody made one since.
[[nodiscard]] bool is_last_failed(const Overview& overview);

}  // namespace pv::jobs
