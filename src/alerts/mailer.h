// Mail in the name of the app, as PocketBase's settings have it.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "datadir/data_dir.h"
#include "notify/mail.h"
#include "settings/settings.h"

namespace pv::alerts {

struct MailerOptions {
  std::string encryption_key = {};  // of the settings
  // Whom servers of mail and webhooks must be vouched for by; empty: the system's authorities.
  std::string ca_file = {};
  std::vector<std::string> sendmail_places = {};  // notify::sendmail_places()
};

// Threads    All methods, any thread; they block.
// Lifetime   What it is made of outlives it.
class Mailer {
 public:
  Mailer(datadir::DataDir& directory, const Clock& clock, Random& random, MailerOptions options);

  // The settings as they are now. The errors are those of settings::read() and DataDir::read().
  [[nodiscard]] Result<settings::Settings> settings();

  // By SMTP where that is enabled, else by sendmail. `mail.from` is that of the settings, whatever
  // it says. A password goes over a connection with TLS alone, or to this machine: as in
  // PocketBase. Errors     As curl::send_mail() and notify::run_sendmail(); kInvalid: an address
  // that is none.
  [[nodiscard]] Result<void> send(const settings::Settings& settings, notify::Mail mail,
                                  const std::stop_token& stop);

  [[nodiscard]] const std::string& ca_file() const { return options_.ca_file; }

 private:
  datadir::DataDir& directory_;
  const Clock& clock_;
  Random& random_;
  const MailerOptions options_;
};

}  // namespace pv::alerts
