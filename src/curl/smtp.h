// Sends mail by SMTP, over libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace pv::curl {

enum class SmtpTls {
  kFromTheStart,  // before the server says a word
  kIfOffered,     // STARTTLS, where the server knows it; in the clear otherwise
  kRequired,      // STARTTLS, or nothing is sent
};

struct SmtpServer {
  std::string host;  // a name or an IP address; IPv6 without brackets
  std::uint16_t port = 587;
  SmtpTls tls = SmtpTls::kRequired;
  std::string username{};  // empty, and no password: nobody signs in
  std::string password{};
  std::string auth{};                    // "PLAIN", "LOGIN"; empty: PLAIN
  std::string local_name = "localhost";  // that we say we are
  std::string ca_file{};  // PEM: whom to trust instead of the system's authorities; empty: those
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds total_timeout{30};
};

struct Envelope {
  std::string from;  // addresses without names
  std::string to;
  std::string message;  // headers and body, lines ended by CRLF
};

// Blocks. The server has the message then.
// Errors     kInvalid: a host or an address that is none. kUnauthenticated: the server refuses the
//            user name or the password. kDenied: its certificate is not trusted. kUnavailable: all
//            else, a refusal of the message among it. kCancelled. They name the server, and say
//            what it answered, but never a password.
[[nodiscard]] Result<void> send_mail(const SmtpServer& server, const Envelope& envelope,
                                     const std::stop_token& stop);

}  // namespace pv::curl
