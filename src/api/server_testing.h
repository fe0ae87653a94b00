// For tests of this room: a whole Api without sockets, over a directory, a store and a vault of its
// own.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "api/api.h"
#include "auth/superusers.h"
#include "base/text.h"
#include "store/folder_store.h"
#include "testing/fixtures.h"

namespace pv::api {

inline constexpr std::string_view kAdmin = "superuser@example.com";
inline constexpr std::string_view kUser = "user@example.com";
inline constexpr std::string_view kPassword = "correct horse battery";

// The bytes of a body in pieces; `broken`: then the client is gone.
class PiecesBody final : public http::BodyReader {
 public:
  explicit PiecesBody(std::string text, std::size_t piece_bytes = 64 << 10, bool broken = false)
      : text_{std::move(text)}, piece_bytes_{piece_bytes}, broken_{broken} {}

  http::Task<std::size_t> read(MutableBytes into) override {
    const std::size_t count = std::min({into.size(), piece_bytes_, text_.size() - at_});
    if (count == 0 && broken_) { co_return fail(Code::kUnavailable, "the client is gone"); }
    const Bytes piece = as_bytes(std::string_view{text_}.substr(at_, count));
    std::copy(piece.begin(), piece.end(), into.begin());
    at_ += count;
    co_return count;
  }
  [[nodiscard]] std::size_t taken() const { return at_; }

 private:
  std::string text_;
  std::size_t piece_bytes_;
  bool broken_;
  std::size_t at_ = 0;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct Ask {
  std::string method = "GET";
  std::string target;
  HeaderList headers = {};
  std::string body = {};
  bool chunked = false;
  bool broken = false;  // the body ends early
  std::optional<std::uint64_t> declared = {};
};

struct Got {
  unsigned status = 0;
  http::Headers headers;
  std::string body;
  bool omit_length = false;
  std::vector<http::BodyStream> streams;  // not read

  [[nodiscard]] std::string header(std::string_view name) const {
    std::string joined;
    for (const std::string_view value : headers.all(name)) {
      if (!joined.empty()) { joined += ", "; }
      joined += value;
    }
    return joined;
  }
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(body); }
  [[nodiscard]] std::string message() const {
    return std::string{json().at("message").as_string()};
  }
};

inline http::Request to_request(const Ask& ask) {
  http::Request request;
  request.method = ask.method;
  request.target = ask.target;
  const std::size_t question = std::min(ask.target.find('?'), ask.target.size());
  request.path = ask.target.substr(0, question);
  request.query = ask.target.substr(std::min(question + 1, ask.target.size()));
  request.headers.add("Host", "127.0.0.1:8090");
  for (const auto& [name, value] : ask.headers) { request.headers.add(name, value); }
  request.remote_ip = "127.0.0.1";
  request.chunked = ask.chunked;
  if (!ask.chunked) { request.content_length = ask.declared.value_or(ask.body.size()); }
  return request;
}

inline std::string read_body(const http::Response& response) {
  std::string body;
  for (const http::BodyPart& part : response.body) {
    if (const auto* text = std::get_if<std::string>(&part)) { body += *text; }
    if (const auto* slice = std::get_if<http::FileSlice>(&part)) {
      std::string bytes(slice->length, '\0');
      const auto count =
          slice->source->read_at(slice->offset, std::as_writable_bytes(std::span{bytes}));
      PV_ASSERT(count.has_value() && *count == slice->length);
      body += bytes;
    }
  }
  return body;
}

// Whether this thread runs coroutines just now: what blocks has no place there.
inline thread_local bool t_serves = false;

class Serving {
 public:
  Serving() { t_serves = true; }
  ~Serving() { t_serves = false; }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
};

inline void expect_may_block(std::string_view call) {
  EXPECT_FALSE(t_serves) << call << " of the store may block, and so all connections";
}

// Passes everything on; a test may put something before a call. None may come from the thread of
// the connections.
class HookedStore final : public store::BackupStore {
 public:
  explicit HookedStore(std::unique_ptr<store::BackupStore> inner) : inner_{std::move(inner)} {}

  // Called with the name of the method; an error is what the method then returns.
  std::function<Result<void>(std::string_view)> hook = [](std::string_view) {
    return Result<void>{};
  };

  bool remote = false;  // as is_remote() says

  [[nodiscard]] bool is_remote() override {
    std::ignore = before("is_remote");
    return remote;
  }
  Result<std::vector<store::Backup>> list() override {
    PV_CHECK(before("list"));
    return inner_->list();
  }
  Result<store::Backup> stat(const store::BackupName& name) override {
    PV_CHECK(before("stat"));
    return inner_->stat(name);
  }
  Result<std::unique_ptr<Source>> open(const store::BackupName& name) override {
    PV_CHECK(before("open"));
    return inner_->open(name);
  }
  Result<std::unique_ptr<store::Upload>> create(const store::BackupName& name,
                                                const UploadOptions& options) override {
    PV_CHECK(before("create"));
    PV_TRY(std::unique_ptr<store::Upload> upload, inner_->create(name, options));
    return std::make_unique<HookedUpload>(*this, std::move(upload));
  }
  Result<void> remove(const store::BackupName& name) override {
    PV_CHECK(before("remove"));
    return inner_->remove(name);
  }
  Result<std::size_t> sweep() override {
    expect_may_block("sweep");
    return inner_->sweep();
  }
  Result<std::optional<std::uint64_t>> free_bytes() override {
    expect_may_block("free_bytes");
    return inner_->free_bytes();
  }
  std::string describe() const override { return inner_->describe(); }

 private:
  class HookedUpload final : public store::Upload {
   public:
    HookedUpload(HookedStore& owner, std::unique_ptr<store::Upload> inner)
        : owner_{owner}, inner_{std::move(inner)} {}
    ~HookedUpload() override { expect_may_block("the end of an upload"); }
    Result<void> write(Bytes bytes) override {
      PV_CHECK(owner_.before("write"));
      return inner_->write(bytes);
    }
    bool can_patch() const override { return inner_->can_patch(); }
    Result<void> patch(std::uint64_t offset, Bytes bytes) override {
      return inner_->patch(offset, bytes);
    }
    Result<store::Backup> commit() override {
      PV_CHECK(owner_.before("commit"));
      return inner_->commit();
    }

   private:
    HookedStore& owner_;
    std::unique_ptr<store::Upload> inner_;
  };

  Result<void> before(std::string_view call) {
    expect_may_block(call);
    return hook(call);
  }

  std::unique_ptr<store::BackupStore> inner_;
};

// A fresh directory with one superuser and one record in users, as PocketBase's answers were
// recorded with. One thread; a request is played to its end before call() returns.
class TestServer {
 public:
  explicit TestServer(Options options = {}) {
    directory_ = value_of(datadir::DataDir::open(
        folder_ / "pb_data", {.create = true, .owner = true}, clock_, system_random()));
    const auto made = directory_->write<void>([&](sqlite::Connection& db) {
      return auth::create_superuser(db, kAdmin, kPassword, clock_, system_random());
    });
    PV_ASSERT(made.has_value());
    sql("INSERT INTO users (id, email, password, tokenKey, verified, created, updated) "
        "SELECT 'usr000000000001', 'user@example.com', password, hex(randomblob(20)), 1, created, "
        "updated FROM _superusers WHERE email = 'superuser@example.com'");
    store_ =
        std::make_unique<HookedStore>(store::make_folder_store(folder_ / "pb_data" / "backups"));
    start(std::move(options));
  }

  // Another Api over the same data.
  void start(Options options) {
    api_.reset();
    vault_ = std::make_unique<jobs::Vault>(*directory_, *store_, computing_, clock_,
                                           system_random(), jobs::VaultOptions{});
    settings_ = std::make_unique<jobs::LiveSettings>(*directory_, options.encryption_key, clock_,
                                                     system_random());
    own_settings_ = std::make_unique<settings::VaultSettingsFile>(directory_->vault_folder());
    scheduler_ = std::make_unique<schedule::Scheduler>(
        *vault_, *settings_, *own_settings_, clock_, system_random(), schedule::SchedulerOptions{});
    log_ = std::make_unique<jobs::RequestLog>(*directory_, *settings_, clock_);
    mailer_ = std::make_unique<alerts::Mailer>(
        *directory_, clock_, system_random(),
        alerts::MailerOptions{.encryption_key = options.encryption_key,
                              .sendmail_places = {sendmail().string()}});
    alerts_ = std::make_unique<alerts::Alerts>(*vault_, *mailer_, *own_settings_, clock_);
    api_ =
        std::make_unique<Api>(Parts{*vault_, *directory_, *settings_, *own_settings_, *scheduler_,
                                    *log_, *alerts_, pools_, clock_, system_random()},
                              std::move(options));
  }

  void sql(const std::string& statement) {
    const auto done =
        directory_->write<void>([&](sqlite::Connection& db) { return db.exec(statement); });
    PV_ASSERT(done.has_value());
  }

  std::string settings_row() {
    return value_of(
        directory_->read<std::string>([](sqlite::Connection& db) -> Result<std::string> {
          PV_TRY(const auto row,
                 db.one("SELECT CAST(value AS TEXT) FROM _params WHERE id = 'settings'"));
          return sqlite::to_text(row.value().at(0));
        }));
  }

  Got call(const Ask& ask) {
    PiecesBody body{ask.body, 64 << 10, ask.broken};
    return call(ask, body);
  }

  Got call(const Ask& ask, http::BodyReader& body) {
    std::vector<Running> running(1);
    begin(ask, body, running[0]);
    finish(running);
    return std::move(running[0].got);
  }

  struct Running {
    bool done = false;
    Got got;
  };
  // Starts a request without playing it to its end.
  void begin(const Ask& ask, http::BodyReader& body, Running& running) {
    boost::asio::co_spawn(context_, run(to_request(ask), body, running), boost::asio::detached);
  }
  void finish(const std::vector<Running>& all) {
    context_.restart();
    const auto open = [&] {
      return std::any_of(all.begin(), all.end(), [](const Running& one) { return !one.done; });
    };
    const Serving serving;
    while (open()) { PV_ASSERT(context_.run_one_for(std::chrono::minutes{2}) > 0); }
  }
  // Lets what was begun go on for a while.
  void play(std::chrono::milliseconds span) {
    context_.restart();
    const Serving serving;
    context_.run_for(span);
  }

  std::string sign_in(std::string_view collection, std::string_view email) {
    Ask ask{.method = "POST",
            .target = "/api/collections/" + std::string{collection} + "/auth-with-password",
            .headers = {{"Content-Type", "application/json"}}};
    ask.body = R"({"identity":")" + std::string{email} + R"(","password":")" +
               std::string{kPassword} + "\"}";
    return text(call(ask), "token");
  }
  std::string file_token(const std::string& token) {
    return text(call({.method = "POST",
                      .target = "/api/files/token",
                      .headers = {{"Authorization", token}}}),
                "token");
  }
  const std::string& admin() {
    if (admin_.empty()) { admin_ = sign_in("_superusers", kAdmin); }
    return admin_;
  }
  const std::string& user() {
    if (user_.empty()) { user_ = sign_in("users", kUser); }
    return user_;
  }

  // As the superuser.
  Got admin_call(std::string method, std::string target, HeaderList headers = {},
                 std::string body = "") {
    headers.emplace_back("Authorization", admin());
    return call({.method = std::move(method),
                 .target = std::move(target),
                 .headers = std::move(headers),
                 .body = std::move(body)});
  }
  Got admin_json(std::string method, std::string target, std::string body,
                 HeaderList headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    return admin_call(std::move(method), std::move(target), std::move(headers), std::move(body));
  }

  static std::string text(const Got& got, std::string_view key) {
    return std::string{got.json().at(key).as_string()};
  }

  HookedStore& store() { return *store_; }
  jobs::Vault& vault() { return *vault_; }
  schedule::Scheduler& scheduler() { return *scheduler_; }
  jobs::LiveSettings& settings() { return *settings_; }
  jobs::RequestLog& log() { return *log_; }
  datadir::DataDir& directory() { return *directory_; }
  std::filesystem::path path() const { return folder_ / "pb_data"; }
  // The program that sends mail; there is none until a test puts it there.
  std::filesystem::path sendmail() const { return folder_ / "sendmail"; }

 private:
  template <class T>
  static T value_of(Result<T> result) {
    PV_ASSERT(result.has_value());
    return *std::move(result);
  }

  boost::asio::awaitable<void> run(http::Request request, http::BodyReader& body,
                                   Running& running) {
    const bool is_head = request.method == "HEAD";
    http::Response response = co_await api_->handle(std::move(request), body);
    if (is_head) { response.body.clear(); }  // as the server, which measures it alone
    running.got.status = response.status;
    running.got.body = read_body(response);
    for (http::BodyPart& part : response.body) {
      if (auto* stream = std::get_if<http::BodyStream>(&part)) {
        running.got.streams.push_back(std::move(*stream));
      }
    }
    running.got.omit_length = response.omit_length;
    running.got.headers = std::move(response.headers);
    running.done = true;
  }

  const Clock& clock_ = system_clock();
  testing::TempFolder folder_;
  boost::asio::io_context context_{1};
  WorkPool computing_{2};
  Pools pools_;
  std::unique_ptr<datadir::DataDir> directory_;
  std::unique_ptr<HookedStore> store_;
  std::unique_ptr<jobs::Vault> vault_;
  std::unique_ptr<jobs::LiveSettings> settings_;
  std::unique_ptr<settings::VaultSettingsFile> own_settings_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<jobs::RequestLog> log_;
  std::unique_ptr<alerts::Mailer> mailer_;
  std::unique_ptr<alerts::Alerts> alerts_;
  std::unique_ptr<Api> api_;
  std::string admin_;
  std::string user_;
};

// The archive of 113 bytes that the recorded requests upload.
inline std::string tiny_zip() {
  return *from_base64(
      "UEsDBBQAAAAAAAAAIViGphA2BQAAAAUAAAAFAAAAYS50eHRoZWxsb1BLAQIUAxQAAAAAAAAAIViGphA2BQAAAAUAAAAF"
      "AA"
      "AAAAAAAAAAAACAAQAAAABhLnR4dFBLBQYAAAAAAQABADMAAAAoAAAAAAA=");
}

struct FilePart {
  std::string disposition;  // after "form-data; "
  std::string content;
};

inline std::string multipart(const std::vector<FilePart>& parts) {
  std::string body;
  for (const FilePart& part : parts) {
    body += "--bnd\r\nContent-Disposition: form-data; " + part.disposition + "\r\n\r\n" +
            part.content + "\r\n";
  }
  return body + "--bnd--\r\n";
}

inline const std::pair<std::string, std::string> kMultipart{"Content-Type",
                                                            "multipart/form-data; boundary=bnd"};

}  // namespace pv::api
