#include "s3/client.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "base/text.h"
#include "s3/checksum.h"
#include "s3/s3_testing.h"
#include "s3/sidecar.h"
#include "testing/scripted_server.h"

namespace pv::s3 {
namespace {

using namespace std::chrono_literals;
using pv::testing::FakeClock;
using pv::testing::http_answer;
using pv::testing::http_answer_keeping;
using pv::testing::ScriptedServer;
using Milliseconds = std::vector<std::chrono::milliseconds>;

constexpr const char* kSecret = "Very/Secret+Key=";

std::string xml_error(const std::string& code, const std::string& message = "because") {
  return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message +
         "</Message></Error>";
}

const std::string kEmptyList =
    "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

// A client of a scripted server, on a clock that moves only when it would wait.
class Scripted : public ::testing::Test {
 protected:
  Client& client(ScriptedServer::Script script) {
    server_.emplace(std::move(script));
    Options options = options_for(server_->url(), {"AKID", kSecret, {}, {}});
    options.world = {&clock_, &random_, [this](auto span, const auto&) { waits_(span); }};
    options.limits = limits_;
    options.on_try = [this](const Tried& tried) {
      const std::lock_guard lock{mutex_};
      tried_.push_back(tried);
    };
    return client_.emplace(std::move(options));
  }
  Error list_error(ScriptedServer::Script script) {
    return client(std::move(script)).list("", "").error();
  }
  [[nodiscard]] std::size_t requests() const { return server_->requests().size(); }

  Limits limits_;
  FakeClock clock_;
  HighestRandom random_;
  Waits waits_{clock_};
  std::mutex mutex_;
  std::vector<Tried> tried_;
  std::optional<ScriptedServer> server_;
  std::optional<Client> client_;
};

TEST_F(Scripted, AFailingServerIsAskedAgainAfterWaitsThatGrow) {
  limits_.wait_first = 255ms;  // one less than a power of two: see HighestRandom
  const Error error =
      list_error([](const auto&) { return http_answer(503, xml_error("SlowDown")); });
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_NE(error.what.find("SlowDown: because"), std::string::npos) << error.what;
  EXPECT_EQ(requests(), 6U);
  const auto spans = waits_.spans();
  ASSERT_EQ(spans.size(), 5U);
  EXPECT_EQ(spans[0], 255ms);
  for (std::size_t i = 0; i < spans.size(); ++i) { EXPECT_LE(spans[i], 255ms * (1 << i)); }
}

TEST_F(Scripted, WhatFailsInPassingSucceeds) {
  int calls = 0;
  Client& client = this->client([&](const auto&) -> std::string {
    switch (++calls) {
      case 1: return http_answer(500, xml_error("InternalError"));
      case 2: return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<ListBucket";  // breaks off
      case 3: return "";                                                            // closes
      case 4: return http_answer(503, "<html>not S3's own</html>");
      default: return http_answer(200, kEmptyList);
    }
  });
  EXPECT_TRUE(client.list("", "").value().objects.empty());
  EXPECT_EQ(calls, 5);
  ASSERT_EQ(tried_.size(), 5U);
  const std::vector<int> statuses{500, 0, 0, 503, 200};
  for (std::size_t i = 0; i < tried_.size(); ++i) {
    EXPECT_EQ(tried_[i].status, statuses[i]) << i;
    EXPECT_EQ(tried_[i].is_again, i > 0) << i;
    EXPECT_EQ(tried_[i].method, "GET");
  }
}

TEST_F(Scripted, ARefusalIsFinal) {
  EXPECT_EQ(
      list_error([](const auto&) { return http_answer(403, xml_error("AccessDenied")); }).code,
      Code::kDenied);
  EXPECT_EQ(requests(), 1U);
}

TEST_F(Scripted, AServerSaysHowLongToWait) {
  int calls = 0;
  const auto script = [&](const auto&) {
    return ++calls < 2 ? http_answer(503, xml_error("SlowDown"), "Retry-After: 30\r\n")
                       : http_answer(200, kEmptyList);
  };
  EXPECT_TRUE(client(script).list("", "").has_value());
  EXPECT_EQ(waits_.spans(), Milliseconds{30s});
  EXPECT_EQ(
      list_error([](const auto&) { return http_answer(503, "", "Retry-After: 86400\r\n"); }).code,
      Code::kUnavailable);
  EXPECT_EQ(requests(), 1U) << "nobody waits a day";
}

TEST_F(Scripted, AllTriesTogetherHaveADeadline) {
  const Error error = list_error(
      [](const auto&) { return http_answer(503, xml_error("SlowDown"), "Retry-After: 25\r\n"); });
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(waits_.spans(), (Milliseconds{25s, 25s})) << "a third would end after 60 s";
}

TEST_F(Scripted, AServerThatStallsIsGivenUp) {
  limits_.stall_timeout = 1s;
  limits_.tries_max = 1;
  EXPECT_EQ(list_error([](const auto&) { return std::string{ScriptedServer::kHang}; }).code,
            Code::kUnavailable);
}

// libcurl averages over six seconds, so one that has taken a body is given up only after them.
TEST_F(Scripted, ButItMayBeSilentWhileItPutsAnObjectTogether) {
  limits_.stall_timeout = 1s;
  limits_.tries_max = 1;
  Client& client = this->client([](const std::string& request) {
    if (request.starts_with("PUT")) {
      std::this_thread::sleep_for(3s);  // its work
      return http_answer(200, "<CopyPartResult><ETag>\"e\"</ETag></CopyPartResult>");
    }
    if (request.starts_with("POST")) {
      std::this_thread::sleep_for(9s);
      return http_answer(200,
                         "<CompleteMultipartUploadResult><ETag>\"e\"</ETag>"
                         "</CompleteMultipartUploadResult>");
    }
    return std::string{
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\nConnection: close\r\n"
        "Last-Modified: Thu, 26 Nov 2026 10:00:00 GMT\r\n\r\n"};
  });
  const Multipart upload{"a", "id", {}};
  const auto part = client.copy_part(upload, 1, {"b", "\"e\"", 0, 5});
  EXPECT_TRUE(part.has_value()) << part.error().what;
  const auto made = client.complete(upload, {{1, "\"e\"", {}, {}}}, {5, 0}, {}, IfTaken::kRefuse);
  EXPECT_TRUE(made.has_value()) << made.error().what;
}

// AWS with a KMS key, and MinIO: ETags that look like MD5s and are none.
TEST_F(Scripted, EtagsAreComparedOnlyWhereTheyAreMd5s) {
  const std::string other(32, 'a');
  std::string etag_of_part;
  Client& client = this->client([&](const std::string& request) {
    if (request.starts_with("PUT")) {
      return http_answer(200, "", "ETag: " + etag_of_part + "\r\n");
    }
    if (request.starts_with("POST")) {
      return http_answer(200, "<CompleteMultipartUploadResult><ETag>" + other +
                                  "-1</ETag></CompleteMultipartUploadResult>");
    }
    return std::string{
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\nConnection: close\r\n"
        "Last-Modified: Thu, 26 Nov 2026 10:00:00 GMT\r\n\r\n"};
  });
  const Multipart upload{"a", "id", Multipart::Check::kMd5};
  const auto complete = [&](const std::string& etag) {
    etag_of_part = etag;
    const Part part = client.put_part(upload, 1, as_bytes("bytes")).value();
    return client.complete(upload, {part}, {5, 0}, {}, IfTaken::kReplace);
  };
  EXPECT_TRUE(complete(other).has_value());
  const auto damaged = complete(to_hex(as_bytes(md5(as_bytes("bytes")))));
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, Code::kDamaged);
}

TEST_F(Scripted, EndlessAnswersEnd) {
  EXPECT_EQ(list_error([](const auto&) {
              return http_answer(200, "<ListBucketResult>" + std::string(10 << 20, ' '));
            }).code,
            Code::kInvalid);
}

TEST_F(Scripted, AClockThatIsWrongIsCorrectedByTheServersOnce) {
  FakeClock server_clock{clock_.now() + 90min};
  const std::string date = "Date: " + format_http_date(server_clock.now()) + "\r\n";
  const std::string right = "X-Amz-Date: " + format_stamp(server_clock.now()).substr(0, 8);
  int refused = 0;
  const auto strict = [&](const std::string& request) {
    const std::string stamp = format_stamp(server_clock.now());
    const std::string wanted = "X-Amz-Date: " + stamp.substr(0, 8) + "T" + stamp.substr(8) + "Z";
    if (request.find(wanted) != std::string::npos) { return http_answer(200, kEmptyList); }
    ++refused;
    return http_answer(403, xml_error("RequestTimeTooSkewed"), date);
  };
  Client& client = this->client(strict);
  EXPECT_TRUE(client.list("", "").has_value());
  EXPECT_TRUE(client.list("", "").has_value());
  EXPECT_EQ(refused, 1) << "it is remembered";
  EXPECT_EQ(client.server_now(), server_clock.now());

  const Error error = list_error(
      [&](const auto&) { return http_answer(403, xml_error("RequestTimeTooSkewed"), date); });
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_NE(error.what.find("this machine's clock is 90 minutes behind the server's"),
            std::string::npos)
      << error.what;
  EXPECT_EQ(requests(), 2U);
}

class Renewed final : public CredentialSource {
 public:
  [[nodiscard]] Result<Credentials> fetch(std::stop_token /*stop*/) override {
    ++calls;
    return Credentials{"KEY" + std::to_string(calls.load()), kSecret, "TOKEN", {}};
  }
  std::atomic<int> calls = 0;
};

TEST_F(Scripted, ExpiredCredentialsAreRenewedOnce) {
  ScriptedServer server{[](const std::string& request) {
    return request.find("Credential=KEY2/") != std::string::npos
               ? http_answer(200, kEmptyList)
               : http_answer(400, xml_error("ExpiredToken"));
  }};
  Options options = options_for(server.url(), {});
  const auto source = std::make_shared<Renewed>();
  options.credentials = source;
  Client client{std::move(options)};
  EXPECT_TRUE(client.list("", "").has_value());
  EXPECT_EQ(source->calls, 2);
  EXPECT_NE(server.requests()[0].find("X-Amz-Security-Token: TOKEN\r\n"), std::string::npos);
  EXPECT_NE(server.requests()[0].find(";x-amz-security-token,"), std::string::npos) << "signed";
}

struct WordsCase {
  const char* code;
  int status;
  const char* headers;
  Code expected;
  const char* words;
};
constexpr WordsCase kWords[] = {
    {"NoSuchBucket", 404, "", Code::kInvalid, "there is no bucket backups"},
    {"InvalidAccessKeyId", 403, "", Code::kDenied, "the access key is not known there"},
    {"SignatureDoesNotMatch", 403, "", Code::kDenied, "the secret does not fit the access key"},
    {"AccessDenied", 403, "", Code::kDenied, "access is denied"},
    {"PermanentRedirect", 301, "x-amz-bucket-region: us-west-2\r\n", Code::kInvalid,
     "not in the region eu-test-1, but in us-west-2"},
    {"AuthorizationHeaderMalformed", 400, "", Code::kInvalid, "not in the region eu-test-1"},
    {"QuotaExceeded", 403, "", Code::kNoSpace, "takes no more"},
    {"Whatever", 400, "", Code::kInvalid, "the server refuses (Whatever: because)"},
};

TEST_F(Scripted, RefusalsAreToldInPlainWords) {
  for (const WordsCase& given : kWords) {
    const Error error = list_error([&](const auto&) {
      return http_answer(given.status, xml_error(given.code), given.headers);
    });
    EXPECT_EQ(error.code, given.expected) << given.code;
    EXPECT_NE(error.what.find(given.words), std::string::npos) << error.what;
    EXPECT_TRUE(error.what.starts_with("S3 bucket backups at http://127.0.0.1:")) << error.what;
  }
}

TEST_F(Scripted, WhoCantBeReachedIsNamed) {
  limits_.tries_max = 1;
  Options options = options_for("https://no-such-host.invalid", {"AKID", kSecret, {}, {}}, false);
  options.limits = limits_;
  const Error error = Client{std::move(options)}.list("", "").error();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_NE(error.what.find("backups.no-such-host.invalid"), std::string::npos) << error.what;
}

TEST_F(Scripted, NoErrorHoldsASecretEvenIfTheServerSendsItBack) {
  const auto source = std::make_shared<Renewed>();
  for (const char* code : {"SignatureDoesNotMatch", "ExpiredToken", "PermanentRedirect", "X"}) {
    ScriptedServer server{[&](const auto&) {
      return http_answer(403, xml_error(code, std::string{"<![CDATA["} + kSecret + " TOKEN]]>"),
                         std::string{"x-amz-bucket-region: "} + kSecret + "\r\n");
    }};
    Options options = options_for(server.url(), {});
    options.credentials = source;
    const Error error = Client{std::move(options)}.list("", "").error();
    EXPECT_EQ(error.what.find(kSecret), std::string::npos) << error.what;
    EXPECT_EQ(error.what.find("TOKEN"), std::string::npos) << error.what;
    EXPECT_EQ(server.requests()[0].find(kSecret), std::string::npos) << "nor is it sent";
  }
}

TEST_F(Scripted, ConnectionsAreUsedAgain) {
  Client& client = this->client([](const auto&) { return http_answer_keeping(200, kEmptyList); });
  for (int i = 0; i < 5; ++i) { EXPECT_TRUE(client.list("", "").has_value()); }
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(Scripted, NoMoreRequestsGoAtOnceThanAllowed) {
  limits_.at_once = 2;
  Client& client = this->client([](const auto&) { return http_answer_keeping(200, kEmptyList); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(client.list("", "").has_value()); });
  }
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_LE(server_->connections(), 2);
}

TEST_F(Scripted, ReadsGoOnWhereTheConnectionBroke) {
  int calls = 0;
  Client& client = this->client([&](const std::string& request) -> std::string {
    EXPECT_NE(request.find("If-Match: \"e\"\r\n"), std::string::npos);
    if (++calls == 1) {
      return "HTTP/1.1 206 P\r\nContent-Range: bytes 10-19/100\r\nContent-Length: 10\r\n\r\n0123";
    }
    EXPECT_NE(request.find("Range: bytes=14-19\r\n"), std::string::npos) << request;
    return http_answer(206, "456789", "Content-Range: bytes 14-19/100\r\n");
  });
  std::string into(10, '.');
  const MutableBytes bytes = std::as_writable_bytes(std::span{into});
  ASSERT_TRUE(client.read({"a.zip", "\"e\"", 10, 10}, bytes).has_value());
  EXPECT_EQ(into, "0123456789");
}

TEST_F(Scripted, ReadsNoticeWhatIsNotTheRangeOfThatObject) {
  struct Case {
    const char* label;
    std::string answer;
    Code expected;
  };
  const Case cases[] = {
      {"changed", http_answer(412, xml_error("PreconditionFailed")), Code::kDamaged},
      {"removed", http_answer(404, xml_error("NoSuchKey")), Code::kNotFound},
      {"whole", http_answer(200, "0123456789"), Code::kUnsupported},
      {"elsewhere", http_answer(206, "0123456789", "Content-Range: bytes 0-9/100\r\n"),
       Code::kUnsupported},
      {"too much", http_answer(206, "01234567890", "Content-Range: bytes 10-20/100\r\n"),
       Code::kDamaged},
      {"too little", http_answer(206, "012", "Content-Range: bytes 10-12/100\r\n"), Code::kDamaged},
  };
  for (const Case& given : cases) {
    std::string into(10, '.');
    const auto outcome =
        client([&](const auto&) {
          return given.answer;
        }).read({"a.zip", "\"e\"", 10, 10}, std::as_writable_bytes(std::span{into}));
    EXPECT_EQ(outcome.error().code, given.expected) << given.label;
    EXPECT_EQ(requests(), 1U) << given.label;
  }
}

TEST_F(Scripted, ALostReplyToACreationIsNoCollision) {
  int puts = 0;
  bool is_ours = true;
  Client& client = this->client([&](const std::string& request) -> std::string {
    if (request.starts_with("HEAD")) {
      return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: \"e\"\r\nConnection: close\r\n"
             "Last-Modified: Thu, 26 Nov 2026 10:00:00 GMT\r\nx-amz-meta-pocketvault-upload: " +
             std::string{is_ours ? "mine" : "other"} + "\r\n\r\n";
    }
    EXPECT_NE(request.find("If-None-Match: *\r\n"), std::string::npos);
    return ++puts % 2 == 1 ? std::string{} : http_answer(412, xml_error("PreconditionFailed"));
  });
  const NewObject object{"application/zip", "a.zip", "mine"};
  EXPECT_TRUE(client.put("a.zip", as_bytes("x"), object, IfTaken::kRefuse).has_value());
  is_ours = false;
  EXPECT_EQ(client.put("a.zip", as_bytes("x"), object, IfTaken::kRefuse).error().code,
            Code::kExists);
}

TEST_F(Scripted, AServerWithoutConditionsIsFoundOut) {
  Client& ignoring = client([](const auto&) { return http_answer(200, ""); });
  EXPECT_FALSE(ignoring.refuses_to_replace("scratch").value());
  Client& refusing = client([](const std::string& request) {
    return request.find("If-None-Match") == std::string::npos
               ? http_answer(200, "")
               : http_answer(501, xml_error("NotImplemented"));
  });
  EXPECT_FALSE(refusing.refuses_to_replace("scratch").value());
  EXPECT_TRUE(refusing.put("a", as_bytes("x"), {}, IfTaken::kRefuse).has_value());
  Client& keeping = client([](const std::string& request) {
    return request.find("If-None-Match") == std::string::npos
               ? http_answer(200, "")
               : http_answer(412, xml_error("PreconditionFailed"));
  });
  EXPECT_TRUE(keeping.refuses_to_replace("scratch").value());
}

TEST_F(Scripted, AWrongByteNeverCountsAsSuccess) {
  const std::string complete =
      "<CompleteMultipartUploadResult><ETag>\"x-1\"</ETag><ChecksumCRC32C>";
  Client& client = this->client([&](const std::string& request) {
    if (request.starts_with("PUT")) {
      return http_answer(200, "", "ETag: \"x\"\r\nx-amz-checksum-crc32c: AAAAAA==\r\n");
    }
    return http_answer(200, complete + "AAAAAA==</ChecksumCRC32C></CompleteMultipartUploadResult>");
  });
  const Multipart upload{"a.zip", "id", Multipart::Check::kWhole};
  EXPECT_EQ(client.put_part(upload, 1, as_bytes("bytes")).error().code, Code::kDamaged);
  EXPECT_EQ(client
                .complete(upload, {{1, "\"x\"", {}, {}}}, {5, crc32c(as_bytes("bytes"))}, {},
                          IfTaken::kRefuse)
                .error()
                .code,
            Code::kDamaged);
  const std::string other_etag = "\"00000000000000000000000000000000-1\"";
  Client& old = this->client([&](const auto&) {
    return http_answer(200, "<CompleteMultipartUploadResult><ETag>" + other_etag +
                                "</ETag></CompleteMultipartUploadResult>");
  });
  const std::string sum = md5(as_bytes("bytes"));
  EXPECT_EQ(old.complete({"a.zip", "id", Multipart::Check::kMd5},
                         {{1, "\"" + to_hex(as_bytes(sum)) + "\"", {}, sum}}, {5, 0}, {},
                         IfTaken::kRefuse)
                .error()
                .code,
            Code::kDamaged);
}

TEST_F(Scripted, AnErrorInsideASuccessIsAnError) {
  EXPECT_EQ(client([](const auto&) { return http_answer(200, xml_error("InternalError")); })
                .complete({"a", "id", {}}, {}, {}, {}, IfTaken::kRefuse)
                .error()
                .code,
            Code::kUnavailable);
  EXPECT_EQ(requests(), 6U);
}

TEST(Address, PutsTheBucketWhereItBelongs) {
  struct Case {
    const char* endpoint;
    bool force_path_style;
    const char* url;
  };
  const Case cases[] = {
      {"s3.example.com", false, "https://b.s3.example.com/k%20k/%2B"},
      {"https://S3.example.com:443/", true, "https://s3.example.com/b/k%20k/%2B"},
      {"http://minio:9000", false, "http://b.minio:9000/k%20k/%2B"},
      {"http://127.0.0.1:80", false, "http://127.0.0.1/b/k%20k/%2B"},
      {"http://[::1]:9000/base/", false, "http://[::1]:9000/base/b/k%20k/%2B"},
  };
  for (const Case& given : cases) {
    const Address address =
        Address::parse({given.endpoint, "b", "r", given.force_path_style}).value();
    EXPECT_EQ(address.origin() + address.path_of("k k/+"), given.url);
  }
  for (const char* endpoint : {"", "ftp://x", "https://", "https://user:password@host", "a b",
                               "host?x", "host#x", "https://host\n"}) {
    const Error error = Address::parse({endpoint, "b", "r", true}).error();
    EXPECT_EQ(error.code, Code::kInvalid) << endpoint;
    EXPECT_EQ(error.what.find("password"), std::string::npos);
  }
  EXPECT_EQ(Address::parse({"host", "a/b", "r", true}).error().code, Code::kInvalid);
  EXPECT_EQ(Address::parse({"host", "", "r", true}).error().code, Code::kInvalid);
  EXPECT_EQ(Address::parse({"host", "b", "", true}).error().code, Code::kInvalid);
}

TEST(Checksum, IsThatOfTheStandards) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
  EXPECT_EQ(crc32c_text(0xE3069283U), "4waSgw==");
  EXPECT_EQ(to_hex(as_bytes(md5(as_bytes("abc")))), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(Checksum, TellsWhetherAnEtagFits) {
  const std::string content(25, 'x');
  const auto hex = [](std::string_view text) { return to_hex(as_bytes(md5(as_bytes(text)))); };
  const std::string_view all{content};
  const std::string in_parts =
      hex(md5(as_bytes(all.substr(0, 10))) + md5(as_bytes(all.substr(0, 10))) +
          md5(as_bytes(all.substr(0, 5)))) +
      "-3";
  for (const std::string& etag : {hex(content), "\"" + hex(content) + "\"", in_parts}) {
    EtagHasher hasher{10};
    for (std::size_t at = 0; at < content.size(); at += 7) {
      ASSERT_TRUE(hasher.write(as_bytes(all.substr(at, 7))).has_value());
    }
    EXPECT_TRUE(hasher.fits(etag)) << etag;
  }
  EtagHasher other{10};
  ASSERT_TRUE(other.write(as_bytes("y")).has_value());
  EXPECT_FALSE(other.fits(hex(content)));
}

TEST(Sidecar, IsReadBackAsItWasWritten) {
  const Attributes attributes{"image/png", "Näme \"1\".png"};
  EXPECT_EQ(attributes_in(sidecar_of(attributes)), attributes);
  EXPECT_EQ(attributes_in("[]"), (Attributes{std::string{kUnknownType}, ""}));
  const auto hostile = attributes_in(
      R"({"user.content_type":"a/b\r\nX: y","user.metadata":{"original-filename":5}})");
  EXPECT_EQ(hostile, (Attributes{"a/b  X: y", ""}));
}

}  // namespace
}  // namespace pv::s3
