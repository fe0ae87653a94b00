// Tokens of servers that were signed in to: $XDG_CONFIG_HOME/pocketvault/logins.json, mode 0600,
//
//     {"https://app.example.com":{"email":"you@example.com","token":"..."}}
#pragma once

#include <optional>
#include <string>

#include "fs/file.h"

namespace pv::cli {

struct Login {
  std::string email;
  std::string token;
  friend bool operator==(const Login&, const Login&) = default;
};

class Logins {
 public:
  explicit Logins(fs::Path file) : file_{std::move(file)} {}

  // nullopt: never signed in there, or the file makes no sense.
  [[nodiscard]] std::optional<Login> find(const std::string& url) const;
  [[nodiscard]] Result<void> keep(const std::string& url, const Login& login);
  [[nodiscard]] Result<void> forget(const std::string& url);  // kNotFound
  [[nodiscard]] const fs::Path& file() const { return file_; }

 private:
  fs::Path file_;
};

// The moment a JWT says it ends; nullopt: it says none. Nothing is verified.
[[nodiscard]] std::optional<WallTime> token_end(std::string_view token);

}  // namespace pv::cli
