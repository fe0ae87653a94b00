#include "restore/record.h"

#include <openssl/sha.h>

#include <array>

#include "base/text.h"

namespace pv::restore {
namespace {

constexpr std::string_view kPlain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/@+";
constexpr std::string_view kChecksumWord = "sha256 ";

std::string checksum(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return to_hex(std::as_bytes(std::span{digest}));
}

std::string escape(std::string_view value) {
  std::string text;
  for (const char letter : value) {
    if (kPlain.find(letter) != std::string_view::npos) {
      text += letter;
    } else {
      text += '%' + to_hex(as_bytes({&letter, 1}));
    }
  }
  return text;
}

int digit(char letter) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::size_t value = kDigits.find(letter);
  return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

Result<std::string> unescape(std::string_view text) {
  std::string value;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      value += text[at];
      continue;
    }
    if (text.size() - at < 3) { return fail(Code::kDamaged, "a bad escape"); }
    const int high = digit(text[at + 1]);
    const int low = digit(text[at + 2]);
    if (high < 0 || low < 0) { return fail(Code::kDamaged, "a bad escape"); }
    value += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return value;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

std::string encode_record(std::string_view title, const Record& record) {
  std::string text = std::string{title} + '\n';
  for (const auto& [word, value] : record) { text += word + ' ' + escape(value) + '\n'; }
  return text + std::string{kChecksumWord} + checksum(text) + '\n';
}

Result<Record> decode_record(std::string_view title, std::string_view text) {
  const std::size_t last = text.rfind(std::string{'\n'} + std::string{kChecksumWord});
  if (last == std::string_view::npos) { return fail(Code::kDamaged, "no checksum"); }
  std::string_view body = text.substr(0, last + 1);
  if (text.substr(last + 1) != std::string{kChecksumWord} + checksum(body) + '\n') {
    return fail(Code::kDamaged, "the checksum does not match");
  }
  if (const std::string_view found = take_line(body); found != title) {
    return fail(Code::kUnsupported, "it is a \"" + printable(found.substr(0, 80)) + "\"");
  }
  Record record;
  while (!body.empty()) {
    const std::string_view line = take_line(body);
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) { return fail(Code::kDamaged, "a line without a value"); }
    PV_TRY(std::string value, unescape(line.substr(blank + 1)));
    record.emplace_back(std::string{line.substr(0, blank)}, std::move(value));
  }
  return record;
}

std::string value_of(const Record& record, std::string_view word) {
  for (const auto& [key, value] : record) {
    if (key == word) { return value; }
  }
  return {};
}

std::vector<std::string> values_of(const Record& record, std::string_view word) {
  std::vector<std::string> values;
  for (const auto& [key, value] : record) {
    if (key == word) { values.push_back(value); }
  }
  return values;
}

}  // namespace pv::restore
