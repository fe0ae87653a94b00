#include "notify/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace pv::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Zeros final : public Random {
 public:
  void fill(MutableBytes bytes) override { std::ranges::fill(bytes, std::byte{0}); }
};

constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};  // 2026-11-21 00:54:47

std::string composed(const Mail& mail) {
  Zeros random;
  const auto text = compose(mail, kNow, random);
  return text.has_value() ? *text : "error: " + text.error().what;
}

Mail plain(std::string subject, std::string text) {
  return {.from = {"support@example.com", "Support"},
          .to = {"ops@example.org"},
          .subject = std::move(subject),
          .text = std::move(text)};
}

TEST(Mail, IsHeadersAndABody) {
  Mail mail = plain("Backup failed", "one\ntwo");
  mail.is_automatic = true;
  EXPECT_EQ(composed(mail),
            "From: \"Support\" <support@example.com>\r\n"
            "To: <ops@example.org>\r\n"
            "Subject: Backup failed\r\n"
            "Date: Sat, 21 Nov 2026 00:54:47 +0000\r\n"
            "Message-ID: <aaaaaaaaaaaaaaaaaaaa@example.com>\r\n"
            "MIME-Version: 1.0\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "Content-Type: text/plain; charset=UTF-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "one\r\ntwo\r\n");
}

struct HeaderCase {
  const char* label;
  std::string given;
  std::string header;
};
const HeaderCase kHeaders[] = {
    {"plain", "Backup failed", "Backup failed"},
    {"nothing", "", ""},
    {"a line break makes no header", "a\r\nBcc: b@c.de", "a  Bcc: b@c.de"},
    {"a NUL", std::string{"a\0b", 3}, "a b"},
    {"not ASCII", "Bäckerei", "=?UTF-8?B?QsOkY2tlcmVp?="},
    {"what looks like a word", "=?a", "=?UTF-8?B?PT9h?="},
    {"words hold whole characters", std::string(38, 'a') + "ä",
     "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?=\r\n "
     "=?UTF-8?B?w6Q=?="},
    {"Chinese", "[Corner Shop] 备份已损坏或未校验：提醒",
     "=?UTF-8?B?W0Nvcm5lciBTaG9wXSDlpIfku73lt7LmjZ/lnY/miJbmnKrmoKE=?=\r\n "
     "=?UTF-8?B?6aqM77ya5o+Q6YaS?="},
    {"no UTF-8", "a\xFF", "=?UTF-8?B?Ye+/vQ==?="},
};
TEST(Mail, HeadersAreAsciiAndOneLineEach) {
  for (const HeaderCase& row : kHeaders) {
    EXPECT_EQ(encode_header(row.given), row.header) << row.label;
  }
}

struct QuotedCase {
  const char* label;
  std::string given;
  std::string quoted;
};
const QuotedCase kQuoted[] = {
    {"plain", "a b", "a b\r\n"},
    {"nothing", "", ""},
    {"line ends of every kind", "a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n"},
    {"an equals sign", "a=b", "a=3Db\r\n"},
    {"not ASCII", "ä", "=C3=A4\r\n"},
    {"a blank at the end of a line", "a \nb\t", "a=20\r\nb=09\r\n"},
    {"75 letters", std::string(75, 'a'), std::string(75, 'a') + "\r\n"},
    {"76 letters", std::string(76, 'a'), std::string(75, 'a') + "=\r\na\r\n"},
    {"no escape is cut", std::string(74, 'a') + "=", std::string(74, 'a') + "=\r\n=3D\r\n"},
    {"a dot alone", ".\n..", ".\r\n..\r\n"},
};
TEST(Mail, BodiesAreQuotedPrintable) {
  for (const QuotedCase& row : kQuoted) {
    EXPECT_EQ(to_quoted_printable(row.given), row.quoted) << row.label;
  }
}

TEST(Mail, NoLineOfAnyTextIsTooLong) {
  Mail mail = plain(std::string(5000, 'x') + "ä", std::string(5000, 'y'));
  mail.from.name = std::string(3000, '"');
  mail.html = std::string(5000, 'z');
  const std::string text = composed(mail);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find("\r\n", at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - at, 998U);
    at = end + 2;
  }
  EXPECT_EQ(std::ranges::count(text, '\n'), std::ranges::count(text, '\r'));
}

TEST(Mail, NamesOfPeopleAreQuoted) {
  Mail mail = plain("a", "b");
  mail.from.name = "The \"Shop\" \\ <x@y.z>";
  EXPECT_THAT(composed(mail),
              StartsWith("From: \"The \\\"Shop\\\" \\\\ <x@y.z>\" <support@example.com>\r\n"));
  mail.from.name = "Bäckerei";
  EXPECT_THAT(composed(mail),
              StartsWith("From: =?UTF-8?B?QsOkY2tlcmVp?=\r\n <support@example.com>\r\n"));
  mail.from.name = "";
  EXPECT_THAT(composed(mail), StartsWith("From: <support@example.com>\r\n"));
}

TEST(Mail, RefusesAddressesThatAreNone) {
  for (const char* address : {"", "a", "a@b", "a@example.com\r\nBcc: x@y.zz", "a b@example.com",
                              "<a@example.com>", "a@example.com,b@example.com"}) {
    Mail mail = plain("a", "b");
    mail.to.email = address;
    EXPECT_THAT(composed(mail), StartsWith("error: not an e-mail address")) << address;
    mail.to.email = "ops@example.org";
    mail.from.email = address;
    EXPECT_THAT(composed(mail), StartsWith("error: not an e-mail address")) << address;
  }
}

TEST(Mail, WithHtmlHasBothForms) {
  Mail mail = plain("a", "text");
  mail.html = "<p>html</p>";
  EXPECT_THAT(
      composed(mail),
      HasSubstr("Content-Type: multipart/alternative; boundary=\"=_aaaaaaaaaaaaaaaaaaaa\"\r\n"
                "\r\n"
                "--=_aaaaaaaaaaaaaaaaaaaa\r\n"
                "Content-Type: text/plain; charset=UTF-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                "text\r\n\r\n"
                "--=_aaaaaaaaaaaaaaaaaaaa\r\n"
                "Content-Type: text/html; charset=UTF-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                "<p>html</p>\r\n\r\n"
                "--=_aaaaaaaaaaaaaaaaaaaa--\r\n"));
  mail.text = "--=_aaaaaaaaaaaaaaaaaaaa--\nafter";
  EXPECT_THAT(composed(mail), HasSubstr("--=3D_aaaaaaaaaaaaaaaaaaaa--\r\nafter"));
}

TEST(Mail, APageBecomesText) {
  EXPECT_EQ(text_of_html("<p>Hello,</p><p>see <a class=\"b\" href=\"http://a/b\">here</a>.</p>"),
            "Hello,\nsee http://a/b here.\n");
  EXPECT_EQ(text_of_html("a<br/>b<"), "a\nb");
  EXPECT_EQ(text_of_html(""), "");
}

}  // namespace
}  // namespace pv::notify
