#include "notify/mail.h"

#include <algorithm>

#include "base/email.h"
#include "base/text.h"

namespace pv::notify {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool is_printable_ascii(char c) { return c >= ' ' && c <= '~'; }

// "Corner \"Shop\"" <a@example.com>
std::string header_of(const Address& address) {
  const std::string mailbox = "<" + address.email + ">";
  if (address.name.empty()) { return mailbox; }
  const std::string name = encode_header(address.name);
  if (name.starts_with("=?")) { return name + "\r\n " + mailbox; }
  std::string quoted;
  for (const char letter : name) {
    if (letter == '"' || letter == '\\') { quoted += '\\'; }
    quoted += letter;
  }
  return "\"" + quoted + "\" " + mailbox;
}

Result<void> check(const Address& address) {
  // Quoted local parts, the only ones in which such letters could stand, are no e-mail here.
  if (is_email(address.email)) { return {}; }
  return fail(Code::kInvalid, "not an e-mail address: " + printable(address.email));
}

std::string part(std::string_view type, std::string_view content) {
  return "Content-Type: text/" + std::string{type} +
         "; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
         to_quoted_printable(content);
}

}  // namespace

std::string encode_header(std::string_view given) {
  constexpr std::size_t kPlainMax = 200;
  // A line with such words has 76 letters at most, "Subject: " among them: 52 of base64, 39 bytes.
  constexpr std::size_t kWordBytes = 39;
  const std::string text = printable(given);
  const bool is_plain = std::ranges::all_of(text, is_printable_ascii) && text.size() <= kPlainMax &&
                        text.find("=?") == std::string::npos;
  if (is_plain) { return text; }
  std::string words;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view piece = rest.substr(0, whole_characters(rest, kWordBytes));
    if (!words.empty()) { words += "\r\n "; }
    words += "=?UTF-8?B?" + to_base64(as_bytes(piece)) + "?=";
    rest.remove_prefix(piece.size());
  }
  return words;
}

std::string to_quoted_printable(std::string_view text) {
  constexpr std::size_t kLineMax = 76;  // with the "=" of one that goes on
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  std::size_t column = 0;
  const auto put = [&](std::string_view letters) {
    if (column + letters.size() >= kLineMax) {
      result += "=\r\n";
      column = 0;
    }
    result += letters;
    column += letters.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (letter == '\r' && i + 1 < text.size() && text[i + 1] == '\n') { continue; }
    if (letter == '\n' || letter == '\r') {
      result += kLineEnd;
      column = 0;
      continue;
    }
    const bool is_last = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
    const bool is_blank = letter == ' ' || letter == '\t';
    if (is_blank ? !is_last : is_printable_ascii(letter) && letter != '=') {
      put({&letter, 1});
      continue;
    }
    const auto value = static_cast<unsigned char>(letter);
    const char escaped[] = {'=', kDigits[value >> 4U], kDigits[value & 15U]};
    put({escaped, sizeof escaped});
  }
  if (column > 0) { result += kLineEnd; }
  return result;
}

std::string text_of_html(std::string_view html) {
  std::string text;
  for (std::size_t at = 0; at < html.size();) {
    if (html[at] != '<') {
      text += html[at++];
      continue;
    }
    const std::size_t end = html.find('>', at);
    const std::string_view tag =
        html.substr(at + 1, end == std::string_view::npos ? 0 : end - at - 1);
    for (const std::string_view breaks : {"/p", "br", "/div", "/li", "/tr"}) {
      if (to_lower_ascii(tag.substr(0, breaks.size())) == breaks) { text += '\n'; }
    }
    // Where a link leads is what many of these mails are about.
    if (const std::size_t href = tag.find("href=\""); href != std::string_view::npos) {
      const std::string_view link = tag.substr(href + 6, tag.substr(href + 6).find('"'));
      if (link.starts_with("http")) { text += std::string{link} + " "; }
    }
    at = end == std::string_view::npos ? html.size() : end + 1;
  }
  return text;
}

Result<std::string> compose(const Mail& mail, WallTime now, Random& random) {
  constexpr std::size_t kIdLength = 20;
  PV_CHECK(check(mail.from));
  PV_CHECK(check(mail.to));
  std::string date = format_http_date(now);
  date.replace(date.rfind("GMT"), 3, "+0000");
  const std::string domain = mail.from.email.substr(mail.from.email.rfind('@'));
  std::string message = "From: " + header_of(mail.from) + "\r\nTo: " + header_of(mail.to) +
                        "\r\nSubject: " + encode_header(mail.subject) + "\r\nDate: " + date +
                        "\r\nMessage-ID: <" + random_text(random, kLowerAlphanumeric, kIdLength) +
                        domain + ">\r\nMIME-Version: 1.0\r\n";
  if (mail.is_automatic) { message += "Auto-Submitted: auto-generated\r\n"; }
  if (mail.html.empty()) { return message + part("plain", mail.text); }
  // No line of quoted-printable has "=_" in it, so none is taken for the boundary.
  const std::string boundary = "=_" + random_text(random, kLowerAlphanumeric, kIdLength);
  const std::string line = "--" + boundary;
  return message + "Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n" +
         line + "\r\n" + part("plain", mail.text) + "\r\n" + line + "\r\n" +
         part("html", mail.html) + "\r\n" + line + "--\r\n";
}

}  // namespace pv::notify
