// The recorded requests of real PocketBase, played against the strict manner.
#include "api/api.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <fstream>
#include <map>
#include <regex>

#include "api/server_testing.h"

namespace pv::api {
namespace {

namespace json = boost::json;

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// As tests/fixtures' notes say: what differs from run to run gets a name.
std::string normalised(std::string text) {
  const std::pair<const char*, const char*> rules[] = {
      {R"re("\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z")re", "\"{{date}}\""},
      {R"re("size":\d{4,})re", "\"size\":\"{{size}}\""},
      {R"re([A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})re", "{{token}}"},
      {R"re("id":"[a-z0-9]{15}")re", "\"id\":\"{{id}}\""},
      {R"re(_\d{14}\.zip)re", "_{{stamp}}.zip"},
      {R"re("realIP":"[^"]*")re", "\"realIP\":\"{{ip}}\""},
      {R"re(_[a-z0-9]{10}(\.[a-z0-9]+\\" mime type must be one of))re", "_{{rand}}$1"},
      {R"re((Raw error: \\n).*?(","status"))re", "$1{{raw_error}}$2"},
  };
  for (const auto& [pattern, name] : rules) {
    text = std::regex_replace(text, std::regex{pattern}, name);
  }
  return text;
}

std::string sha256(const std::string& text) {
  std::array<std::byte, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
  return to_hex(digest);
}

std::string shown_body(const Got& got) {
  const bool text = is_utf8(got.body) && got.body.find('\0') == std::string::npos;
  if (text && got.header("Content-Type") != "application/zip") { return normalised(got.body); }
  if (got.body.size() >= 1000) { return "{{binary}}"; }
  if (got.body.empty()) { return ""; }
  return "{{binary len=" + std::to_string(got.body.size()) + " sha256=" + sha256(got.body) + "}}";
}

// Plays lines of recorded requests.
class Replay {
 public:
  explicit Replay(TestServer& server) : server_{server} {
    words_["superuser_email"] = kAdmin;
    words_["superuser_password"] = kPassword;
    words_["superuser_token"] = server.admin();
    words_["user_token"] = server.user();
    words_["file_token"] = server.file_token(server.admin());
  }

  void play(const json::object& line) {
    const std::string id{line.at("id").as_string()};
    SCOPED_TRACE(id);
    const Got got = server_.call(to_ask(line));
    EXPECT_EQ(got.status, line.at("status_0366").to_number<unsigned>());
    EXPECT_EQ(shown_body(got), line.at("body_0366").as_string());
    for (const auto& [name, value] : line.at("headers_0366").as_object()) {
      const std::string shown = name == "last-modified" ? "{{httpdate}}" : got.header(name);
      EXPECT_EQ(shown, value.as_string()) << name;
    }
    if (const json::value* capture = line.if_contains("capture")) { keep(*capture, got); }
  }

 private:
  std::string fill(std::string text) const {
    for (const auto& [word, value] : words_) {
      text = replace_all(text, "{{" + word + "}}", value);
    }
    return text;
  }

  Ask to_ask(const json::object& line) const {
    Ask ask{.method = std::string{line.at("method").as_string()},
            .target = fill(std::string{line.at("path").as_string()})};
    for (const auto& [name, value] : line.at("headers").as_object()) {
      ask.headers.emplace_back(name, fill(std::string{value.as_string()}));
    }
    const json::value& body = line.at("body");
    if (body.is_null()) { return ask; }
    if (const json::value* value = body.as_object().if_contains("json")) {
      ask.headers.emplace_back("Content-Type", "application/json");
      ask.body = fill(json::serialize(*value));
    } else if (const json::value* raw = body.as_object().if_contains("raw")) {
      ask.body = fill(std::string{raw->as_string()});
    } else {
      ask.headers.emplace_back(kMultipart);
      ask.body = multipart(parts_of(body.as_object().at("multipart").as_array()));
    }
    return ask;
  }

  static std::vector<FilePart> parts_of(const json::array& array) {
    std::vector<FilePart> parts;
    for (const json::value& item : array) {
      const json::object& part = item.as_object();
      FilePart made{"name=\"" + std::string{part.at("name").as_string()} + "\"", ""};
      if (const json::value* file = part.if_contains("filename")) {
        made.disposition += "; filename=\"" + std::string{file->as_string()} + "\"";
      }
      if (const json::value* type = part.if_contains("content_type")) {
        made.disposition += "\r\nContent-Type: " + std::string{type->as_string()};
      }
      const json::value* text = part.if_contains("text");
      made.content = text != nullptr
                         ? std::string{text->as_string()}
                         : *from_base64(std::string_view{part.at("base64").as_string()});
      parts.push_back(std::move(made));
    }
    return parts;
  }

  void keep(const json::value& capture, const Got& got) {
    const std::regex wanted{std::string{capture.at("list_key_regex").as_string()}};
    const json::value list = got.json();
    for (const json::value& backup : list.as_array()) {
      const std::string key{backup.at("key").as_string()};
      if (std::regex_search(key, wanted)) {
        words_[std::string{capture.at("name").as_string()}] = key;
        return;
      }
    }
    ADD_FAILURE() << "nothing to remember in " << got.body;
  }

  TestServer& server_;
  std::map<std::string, std::string> words_;
};

TEST(StrictManner, AnswersTheRecordedRequestsAsPocketBaseDid) {
  TestServer server{{.strict = true}};
  Replay replay{server};
  std::ifstream lines{testing::fixture("golden-ordinary.jsonl")};
  std::size_t played = 0;
  for (std::string line; std::getline(lines, line);) {
    const json::value value = json::parse(line);
    replay.play(value.as_object());
    ++played;
  }
  EXPECT_EQ(played, 45U);
}

}  // namespace
}  // namespace pv::api
