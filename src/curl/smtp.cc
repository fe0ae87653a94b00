#include "curl/smtp.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "curl/client.h"
#include "curl/library.h"
#include "curl/transfer.h"

namespace pv::curl {
namespace {

// Of one host, so that it says nothing else in a URL.
bool is_plain_host(std::string_view host) {
  constexpr std::size_t kLengthMax = 255;
  return !host.empty() && host.size() <= kLengthMax && is_utf8(host) &&
         std::ranges::none_of(host, [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == '\x7F' ||
                  std::string_view{"/\\?#@[]%"}.find(c) != std::string_view::npos;
         });
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

// One mail on its way.
class Sending {
 public:
  Sending(CURL* easy, const SmtpServer& server, const Envelope& envelope)
      : easy_{easy}, server_{server}, envelope_{envelope} {
    const bool is_v6 = server.host.find(':') != std::string::npos;
    host_ = is_v6 ? "[" + server.host + "]" : server.host;
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  Result<void> prepare() {
    if (!is_plain_host(server_.host)) {
      return fail(Code::kInvalid, "the mail server's host is none: " + printable(server_.host));
    }
    for (const std::string* text :
         {&envelope_.from, &envelope_.to, &server_.username, &server_.password}) {
      if (!is_one_line(*text)) {
        return fail(Code::kInvalid, "an address, user name or password of mail has a line break");
      }
    }
    const bool is_tls = server_.tls == SmtpTls::kFromTheStart;
    const std::string url = (is_tls ? "smtps://" : "smtp://") + host_ + ":" +
                            std::to_string(server_.port) + "/" + escape(server_.local_name);
    append(to_, "<" + envelope_.to + ">");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_USE_SSL,
        static_cast<long>(server_.tls == SmtpTls::kIfOffered ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name that is looked up for long does not hold up a stop
    set(CURLOPT_PROXY, "");       // those of the environment are for HTTP
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(server_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT, static_cast<long>(server_.total_timeout.count()));
    if (!server_.ca_file.empty()) { set(CURLOPT_CAINFO, server_.ca_file.c_str()); }
    if (signs_in()) {
      set(CURLOPT_USERNAME, server_.username.c_str());
      set(CURLOPT_PASSWORD, server_.password.c_str());
      set(CURLOPT_LOGIN_OPTIONS, server_.auth == "LOGIN" ? "AUTH=LOGIN" : "AUTH=PLAIN");
    }
    set(CURLOPT_MAIL_FROM, ("<" + envelope_.from + ">").c_str());
    set(CURLOPT_MAIL_RCPT, to_.get());
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Sending::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Sending::on_answer);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_ERRORBUFFER, error_text_);
    return {};
  }

  Result<void> finish(CURLcode code) {
    if (code == CURLE_OK) { return {}; }
    if (is_unasked_) {
      return fail(
          Code::kUnauthenticated,
          where() + " offers no way to sign in, and a user name is given: nothing was sent");
    }
    const std::string answer = answer_for_people();
    const std::string said = answer.empty() ? "" : "; it said: " + answer;
    if (code == CURLE_LOGIN_DENIED) {
      return fail(Code::kUnauthenticated,
                  (signs_in() ? where() +
                                    " refuses the user name or the password, or this way to "
                                    "sign in (" +
                                    (server_.auth.empty() ? "PLAIN" : server_.auth) + ")"
                              : where() + " wants somebody to sign in") +
                      said);
    }
    if (code == CURLE_USE_SSL_FAILED) {
      return fail(Code::kUnavailable, where() + " offers no TLS, and none is to be done without");
    }
    const std::string text = error_text_[0] != '\0' ? error_text_ : ::curl_easy_strerror(code);
    return fail(code_of(code), where() + (code == CURLE_SSL_CONNECT_ERROR ? ": no TLS: " : ": ") +
                                   printable(text) + said);
  }

  [[nodiscard]] std::string where() const {
    return "the mail server " + printable(host_) + ":" + std::to_string(server_.port);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    PV_ASSERT(::curl_easy_setopt(easy_, option, value) == CURLE_OK);
  }

  [[nodiscard]] bool signs_in() const {
    return !server_.username.empty() || !server_.password.empty();
  }

  // Not where it repeats what it was told to sign in with.
  [[nodiscard]] std::string answer_for_people() const {
    if (signs_in()) {
      const std::string plain = std::string{'\0'} + server_.username + '\0' + server_.password;
      for (const std::string& secret :
           {server_.password, to_base64(as_bytes(server_.password)), to_base64(as_bytes(plain))}) {
        if (!secret.empty() && answer_.find(secret) != std::string::npos) { return {}; }
      }
    }
    return printable(answer_);
  }

  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* user) {
    auto& self = *static_cast<Sending*>(user);
    const std::size_t left = self.envelope_.message.size() - self.sent_;
    const std::size_t taken = std::min(left, size * count);
    std::memcpy(into, self.envelope_.message.data() + self.sent_, taken);
    self.sent_ += taken;
    return taken;
  }

  static std::size_t on_answer(char* line, std::size_t size, std::size_t count, void* user) {
    constexpr std::size_t kLengthMax = 300;
    auto& self = *static_cast<Sending*>(user);
    const std::string_view text{line, size * count};
    const bool is_refusal = text.starts_with('4') || text.starts_with('5');
    if (is_refusal) { self.answer_ = trim_blanks(text.substr(0, kLengthMax)); }
    self.is_signed_in_ = self.is_signed_in_ || text.starts_with("235");
    // libcurl goes on without signing in where the server offers no way to: the message stays here.
    self.is_unasked_ = text.starts_with("354") && self.signs_in() && !self.is_signed_in_;
    return self.is_unasked_ ? 0 : size * count;
  }

  CURL* easy_;
  const SmtpServer& server_;
  const Envelope& envelope_;
  std::string host_;
  List to_;
  std::size_t sent_ = 0;
  bool is_signed_in_ = false;
  bool is_unasked_ = false;  // it would take the message from anybody
  std::string answer_;       // the last line with which the server refused something
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace

Result<void> send_mail(const SmtpServer& server, const Envelope& envelope,
                       const std::stop_token& stop) {
  PV_CHECK(load_library());
  Transfer transfer;
  Sending sending{transfer.easy(), server, envelope};
  PV_CHECK(sending.prepare());
  const std::optional<CURLcode> code = transfer.run(stop);
  if (!code) { return fail(Code::kCancelled, sending.where() + ": cancelled"); }
  return sending.finish(*code);
}

}  // namespace pv::curl
