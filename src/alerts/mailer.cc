#include "alerts/mailer.h"

#include <algorithm>
#include <limits>

#include "curl/smtp.h"
#include "notify/sendmail.h"

namespace pv::alerts {
namespace {

constexpr std::chrono::seconds kSendmailPatience{30};

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

curl::SmtpTls tls_of(const settings::Smtp& smtp) {
  if (smtp.tls) { return curl::SmtpTls::kFromTheStart; }
  const bool has_secret = !smtp.username.empty() || !smtp.password.empty();
  return has_secret && !is_this_machine(smtp.host) ? curl::SmtpTls::kRequired
                                                   : curl::SmtpTls::kIfOffered;
}

Result<curl::SmtpServer> server_of(const settings::Smtp& smtp, const std::string& ca_file) {
  if (smtp.port < 1 || smtp.port > std::numeric_limits<std::uint16_t>::max()) {
    return fail(Code::kInvalid, "smtp.port of the settings is no port");
  }
  return curl::SmtpServer{.host = smtp.host,
                          .port = static_cast<std::uint16_t>(smtp.port),
                          .tls = tls_of(smtp),
                          .username = smtp.username,
                          .password = smtp.password,
                          .auth = smtp.auth_method,
                          .local_name = smtp.local_name.empty() ? "localhost" : smtp.local_name,
                          .ca_file = ca_file};
}

}  // namespace

Mailer::Mailer(datadir::DataDir& directory, const Clock& clock, Random& random,
               MailerOptions options)
    : directory_{directory}, clock_{clock}, random_{random}, options_{std::move(options)} {}

Result<settings::Settings> Mailer::settings() {
  return directory_.read<settings::Settings>(
      [this](sqlite::Connection& data) { return settings::read(data, options_.encryption_key); });
}

Result<void> Mailer::send(const settings::Settings& settings, notify::Mail mail,
                          const std::stop_token& stop) {
  mail.from = {settings.sender_address, settings.sender_name};
  PV_TRY(std::string message, notify::compose(mail, clock_.now(), random_));
  if (!settings.smtp.enabled) {
    return notify::run_sendmail(options_.sendmail_places, mail.to.email, message, kSendmailPatience,
                                stop);
  }
  PV_TRY(const curl::SmtpServer server, server_of(settings.smtp, options_.ca_file));
  return curl::send_mail(
      server, {.from = mail.from.email, .to = mail.to.email, .message = std::move(message)}, stop);
}

}  // namespace pv::alerts
