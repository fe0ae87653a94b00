#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "api/server_testing.h"

namespace pv::api {
namespace {

constexpr std::string_view kBlankFile =
    R"({"data":{"file":{"code":"validation_required","message":"Cannot be blank."}},"message":"An error occurred while validating the submitted data.","status":400})"
    "\n";
constexpr std::string_view kFileExists =
    R"({"data":{"file":{"code":"validation_backup_name_exists","message":"Backup file with the specified name already exists."}},"message":"An error occurred while validating the submitted data.","status":400})"
    "\n";

std::string file_part(const std::string& name) {
  return "name=\"file\"; filename=\"" + name + "\"";
}

Got send(TestServer& server, const std::string& body) {
  return server.admin_call("POST", "/api/backups/upload", {kMultipart}, body);
}

std::size_t files_in(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder)) { return 0; }
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
    ++count;
  }
  return count;
}

TEST(Upload, KeepsTheNameThatTheClientGave) {
  TestServer server{{.strict = true}};
  for (const char* name :
       {"UP 6 (x).ZIP", "日本.zip", "zipped.txt", "blob", ".zip", "@auto_pb_backup_x.zip"}) {
    EXPECT_EQ(send(server, multipart({{file_part(name), tiny_zip()}})).status, 204U) << name;
    EXPECT_EQ(send(server, multipart({{file_part(name), tiny_zip()}})).body, kFileExists) << name;
  }
  EXPECT_EQ(server.admin_call("GET", "/api/backups").json().as_array().size(), 6U);
  EXPECT_EQ(send(server, multipart({{file_part("dir/last.zip"), tiny_zip()}})).status, 204U);
  EXPECT_EQ(server.admin_call("GET", "/api/backups?fields=key").body.find("dir"),
            std::string::npos);
}

TEST(Upload, TakesTheFirstFileAlone) {
  TestServer server;
  const std::string body = multipart({{"name=\"note\"", "text"},
                                      {"name=\"file\"", "no file name"},
                                      {file_part("one.zip"), tiny_zip()},
                                      {file_part("two.zip"), tiny_zip()}});
  EXPECT_EQ(send(server, body).status, 204U);
  EXPECT_EQ(server.admin_call("GET", "/api/backups?fields=key").body, "[{\"key\":\"one.zip\"}]\n");
}

TEST(Upload, ABrokenFormNeverHappened) {
  TestServer server{{.strict = true}};
  const std::string whole = multipart({{file_part("a.zip"), tiny_zip()}});
  const std::pair<std::string_view, std::string> rows[] = {
      {"no parts", "--bnd--\r\n"},
      {"another field", multipart({{"name=\"other\"; filename=\"a.zip\"", tiny_zip()}})},
      {"another case", multipart({{"name=\"File\"; filename=\"a.zip\"", tiny_zip()}})},
      {"no closing boundary", whole.substr(0, whole.size() - 10)},
      {"cut in the file", whole.substr(0, 120)},
      {"not multipart at all", tiny_zip()},
      {"empty", ""}};
  for (const auto& [label, body] : rows) {
    EXPECT_EQ(send(server, body).body, kBlankFile) << label;
  }
  EXPECT_EQ(
      server.admin_call("POST", "/api/backups/upload", {{"Content-Type", "application/json"}}, "{}")
          .body,
      kBlankFile);
  Ask gone{.method = "POST", .target = "/api/backups/upload"};
  gone.headers = {{"Authorization", server.admin()}, kMultipart};
  gone.body = whole.substr(0, 150);
  gone.broken = true;
  gone.declared = whole.size();
  EXPECT_EQ(server.call(gone).body, kBlankFile);
  EXPECT_EQ(server.admin_call("GET", "/api/backups").body, "[]\n");
  server.start({.strict = true});  // waits for what the pool still discards
}

TEST(Upload, RefusesWhatIsNoZip) {
  TestServer server{{.strict = true}};
  const Got got = send(server, multipart({{file_part("bad.txt"), "hello"}}));
  EXPECT_EQ(got.status, 400U);
  EXPECT_TRUE(got.body.starts_with(
      R"({"data":{"file":{"code":"validation_invalid_mime_type","message":"\"bad_)"))
      << got.body;
  EXPECT_EQ(send(server, multipart({{file_part("bad.txt"), ""}})).status, 400U);
  EXPECT_EQ(send(server, multipart({{file_part("sig.zip"), "PK\x03\x04"}})).status, 204U);
}

TEST(Upload, ReservedAndImpossibleNames) {
  TestServer server{{.strict = true}};
  EXPECT_EQ(send(server, multipart({{file_part("a.zip.attrs"), tiny_zip()}})).body, kFileExists);
  EXPECT_EQ(send(server, multipart({{file_part(std::string(300, 'a')), tiny_zip()}})).body,
            kFileExists);
  constexpr std::string_view kFailed =
      "{\"data\":{},\"message\":\"Failed to upload backup.\",\"status\":400}\n";
  for (const std::string& name : {std::string{"."}, std::string{".."}, std::string(251, 'a')}) {
    EXPECT_EQ(send(server, multipart({{file_part(name), tiny_zip()}})).body, kFailed) << name;
  }
  EXPECT_TRUE(std::filesystem::exists(server.path() / "data.db"));
}

TEST(Upload, IsNotRefusedForItsLengthButForItsSender) {
  TestServer server{{.strict = true}};
  EXPECT_EQ(server.call({.method = "POST", .target = "/api/backups/upload", .declared = 1ULL << 40})
                .status,
            401U);
  for (const char* target :
       {"/api/backups", "/api/nope", "/api/collections/_superusers/auth-with-password"}) {
    const Got got = server.call({.method = "POST", .target = target, .declared = 33'554'433});
    EXPECT_EQ(got.status, 413U) << target;
    EXPECT_EQ(got.message(), "Request entity too large.");
  }
  EXPECT_EQ(
      server.call({.method = "POST", .target = "/api/backups", .declared = 33'554'432}).status,
      401U);
}

// Whatever call of the store fails, there is an answer and no file stays behind.
TEST(Upload, LeavesNothingBehindWhicheverCallFails) {
  for (int call = 1;; ++call) {
    TestServer server;
    const std::string token = server.admin();
    std::atomic<int> calls = 0;
    server.store().hook = [&](std::string_view method) -> Result<void> {
      if (method != "create" && method != "write" && method != "commit") { return {}; }
      if (++calls == call) { return fail(Code::kNoSpace, "no space left on device"); }
      return {};
    };
    const std::string big = tiny_zip() + std::string(3 << 20, 'x');
    const Got got = send(server, multipart({{file_part("a.zip"), big}}));
    if (calls < call) {
      EXPECT_EQ(got.status, 204U);
      EXPECT_GT(call, 5) << "create, four writes of at most 1 MiB, commit";
      break;
    }
    EXPECT_EQ(got.status, 400U) << "call " << call;
    EXPECT_EQ(got.message(), "Failed to upload backup. Raw error: \nno space left on device.");
    EXPECT_EQ(server.admin_call("GET", "/api/backups").body, "[]\n") << "call " << call;
    EXPECT_EQ(files_in(server.path() / "backups"), 0U) << "call " << call;
  }
}

// A body of any size that is never in memory.
class EndlessZip final : public http::BodyReader {
 public:
  EndlessZip(std::string head, std::uint64_t zeros, std::string tail)
      : head_{std::move(head)}, zeros_{zeros}, tail_{std::move(tail)} {}

  http::Task<std::size_t> read(MutableBytes into) override {
    std::string& text = zeros_ > 0 ? head_ : tail_;
    const std::size_t from_text = std::min(into.size(), text.size());
    if (from_text > 0) {
      const Bytes bytes = as_bytes(text).first(from_text);
      std::copy(bytes.begin(), bytes.end(), into.begin());
      text.erase(0, from_text);
      co_return from_text;
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), zeros_));
    std::fill_n(into.begin(), count, std::byte{0});
    zeros_ -= count;
    co_return count;
  }

 private:
  std::string head_;
  std::uint64_t zeros_;
  std::string tail_;
};

// Sanitizers keep freed memory aside for a while.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsMeasurable = false;
#else
constexpr bool kMemoryIsMeasurable = true;
#endif

std::size_t resident_kib() {
  std::ifstream status{"/proc/self/statm"};
  std::size_t pages = 0;
  std::size_t resident = 0;
  status >> pages >> resident;
  return resident * 4;
}

TEST(Upload, StreamsWhateverTheSize) {
  TestServer server;
  constexpr std::uint64_t kZeros = 256 << 20;
  const std::string start =
      "--bnd\r\nContent-Disposition: form-data; " + file_part("big.zip") + "\r\n\r\n" + tiny_zip();
  EndlessZip body{start, kZeros, "\r\n--bnd--\r\n"};
  const Ask ask{.method = "POST",
                .target = "/api/backups/upload",
                .headers = {{"Authorization", server.admin()}, kMultipart},
                .chunked = true};
  const std::size_t before = resident_kib();
  EXPECT_EQ(server.call(ask, body).status, 204U);
  if (kMemoryIsMeasurable) { EXPECT_LT(resident_kib(), before + (32 << 10)) << "KiB"; }
  const Got listed = server.admin_call("GET", "/api/backups?fields=size");
  EXPECT_EQ(listed.body, "[{\"size\":" + std::to_string(kZeros + tiny_zip().size()) + "}]\n");
}

}  // namespace
}  // namespace pv::api
