#include "store/s3_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "base/text.h"
#include "s3/client.h"
#include "testing/fake_clock.h"
#include "testing/memory_io.h"
#include "testing/s3_gateway.h"
#include "testing/scripted_server.h"
#include "testing/store_contract.h"

namespace pv::testing {
namespace {

using namespace std::chrono_literals;
using store::BackupStore;

constexpr std::size_t kPartBytes = 5 << 20;  // the least that S3 takes

s3::Options options_at(const std::string& endpoint) {
  auto address = s3::Address::parse({endpoint, "backups", S3Gateway::kRegion, true});
  PV_ASSERT(address.has_value());
  s3::Options options{*address,
                      s3::fixed_credentials({S3Gateway::kAccessKey, S3Gateway::kSecret, {}, {}})};
  options.limits.wait_first = 1ms;
  return options;
}

store::S3StoreOptions small_parts() {
  store::S3StoreOptions options;
  options.part_bytes = kPartBytes;
  return options;
}

class S3Factory {
 public:
  static const char* missing() { return S3Gateway::is_missing() ? S3Gateway::kMissing : nullptr; }
  static constexpr bool kSourcesEndWithBackups = true;

  S3Factory() {
    if (missing() == nullptr) { gateway_.emplace(); }
  }
  std::unique_ptr<BackupStore> open(store::S3StoreOptions options = small_parts()) {
    return store::make_s3_store(
        options_at("http://" + (gateway_ ? gateway_->host() : "127.0.0.1:1")), std::move(options));
  }
  [[nodiscard]] bool is_empty() { return gateway_->leftovers().empty(); }
  [[nodiscard]] const S3Gateway& gateway() const { return *gateway_; }

 private:
  std::optional<S3Gateway> gateway_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(S3, StoreContract, S3Factory);

class S3Store : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* why = S3Factory::missing()) { GTEST_SKIP() << why; }
    factory_.emplace();
    store_ = factory_->open();
  }
  [[nodiscard]] const S3Gateway& gateway() const { return factory_->gateway(); }
  [[nodiscard]] s3::Client client() const {
    return s3::Client{options_at("http://" + gateway().host())};
  }

  std::optional<S3Factory> factory_;
  std::unique_ptr<BackupStore> store_;
};

std::string noise(std::size_t size_bytes) {
  std::string bytes(size_bytes, '\0');
  system_random().fill(std::as_writable_bytes(std::span{bytes}));
  return bytes;
}

TEST_F(S3Store, KeepsBackupsOfAnySizeAroundAPart) {
  for (const std::size_t size :
       {kPartBytes - 1, kPartBytes, kPartBytes + 1, 2 * kPartBytes, 3 * kPartBytes + 7}) {
    const std::string content = noise(size);
    const auto made = put(*store_, "a.zip", content);
    ASSERT_TRUE(made.has_value()) << made.error().what;
    EXPECT_EQ(made->size_bytes, size);
    EXPECT_TRUE(get(*store_, "a.zip").value() == content) << size;
    EXPECT_TRUE(store_->remove(name_of("a.zip")).has_value());
    EXPECT_TRUE(factory_->is_empty()) << size << ": " << gateway().leftovers().at(0);
  }
}

TEST_F(S3Store, SendsPartsOfOneSize) {
  const std::string content = noise(2 * kPartBytes + 5);
  ScriptedServer proxy{[&](const std::string& request) { return gateway().forward(request); }};
  const auto through = store::make_s3_store(options_at(proxy.url()), small_parts());
  auto upload = through->create(name_of("a.zip"), {"a.zip"}).value();
  for (std::size_t at = 0; at < content.size(); at += 777'777) {  // as it comes, not by parts
    ASSERT_TRUE(upload->write(as_bytes(std::string_view{content}.substr(at, 777'777))).has_value());
  }
  ASSERT_TRUE(upload->commit().has_value());
  std::vector<std::size_t> sizes;
  for (const std::string& request : proxy.requests()) {
    if (request.find("?partNumber=") < request.find('\n')) {
      sizes.push_back(request.size() - request.find("\r\n\r\n") - 4);
    }
  }
  std::sort(sizes.begin(), sizes.end());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5, kPartBytes, kPartBytes}));
  EXPECT_TRUE(get(*store_, "a.zip").value() == content);
}

// How many parts were sent, and how many the server was asked to copy.
struct Asked {
  int sent = 0;
  int copied = 0;
};
Asked asked_of(const ScriptedServer& proxy) {
  Asked asked;
  for (const std::string& request : proxy.requests()) {
    if (request.find("partNumber=") > request.find('\n')) { continue; }
    const bool is_copy = request.find("x-amz-copy-source:") < request.find("\r\n\r\n");
    ++(is_copy ? asked.copied : asked.sent);
  }
  return asked;
}

// What the backup before it has need not be sent: also where it lies elsewhere there. Where the
// place was guessed wrong it is.
TEST_F(S3Store, RepeatsPartsOfTheBackupBefore) {
  const std::string before = noise(4 * kPartBytes);
  ASSERT_TRUE(put(*store_, "a.zip", before).has_value());
  const std::string more = noise(1000);
  const std::string wrong = noise(kPartBytes + 1000);
  ScriptedServer proxy{[&](const std::string& request) { return gateway().forward(request); }};
  for (const int plain_parts_max : {10'000, 1}) {  // 1: the others are gathered
    SCOPED_TRACE(plain_parts_max);
    auto options = small_parts();
    options.plain_parts_max = plain_parts_max;
    const auto through = store::make_s3_store(options_at(proxy.url()), options);
    auto upload = through->create(name_of("b.zip"), {"b.zip", name_of("a.zip")}).value();
    ASSERT_TRUE(upload->can_repeat());
    constexpr std::uint64_t kFrom = 7777;
    const std::string_view same = std::string_view{before}.substr(kFrom, 3 * kPartBytes);
    ASSERT_TRUE(upload->write(as_bytes(more)).has_value());
    for (std::size_t at = 0; at < same.size(); at += 777'777) {
      ASSERT_TRUE(upload->repeat(as_bytes(same.substr(at, 777'777)), kFrom + at).has_value());
    }
    ASSERT_TRUE(upload->repeat(as_bytes(wrong), 5).has_value());
    ASSERT_TRUE(upload->write(as_bytes(more)).has_value());
    ASSERT_TRUE(upload->commit().has_value());
    EXPECT_TRUE(get(*store_, "b.zip").value() == more + std::string{same} + wrong + more);
    EXPECT_EQ(upload->repeated_bytes(), 2 * kPartBytes);
    ASSERT_TRUE(store_->remove(name_of("b.zip")).has_value());
    EXPECT_EQ(gateway().leftovers(), std::vector<std::string>{"a.zip"});
  }
}

TEST_F(S3Store, SendsEverythingWhereCopiesDontSucceed) {
  const std::string content = noise(6 * kPartBytes);
  ASSERT_TRUE(put(*store_, "a.zip", content).has_value());
  enum class Why { kUnable, kOtherEtags, kGone };
  for (const Why why : {Why::kUnable, Why::kOtherEtags, Why::kGone}) {
    SCOPED_TRACE(static_cast<int>(why));
    ScriptedServer proxy{[&](const std::string& request) -> std::string {
      const bool is_copy = request.find("x-amz-copy-source:") < request.find("\r\n\r\n");
      if (is_copy && why == Why::kUnable) {
        return "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n";
      }
      std::string answer = gateway().forward(request);
      const std::size_t etag = answer.find("<ETag>");
      if (is_copy && why == Why::kOtherEtags && etag != std::string::npos) {
        answer[answer.find_first_of("0123456789abcdef", etag + 6)] = 'x';
      }
      return answer;
    }};
    const auto through = store::make_s3_store(options_at(proxy.url()), small_parts());
    const char* repeats = why == Why::kGone ? "gone.zip" : "a.zip";
    auto upload = through->create(name_of("b.zip"), {"b.zip", name_of(repeats)}).value();
    ASSERT_TRUE(upload->repeat(as_bytes(content), 0).has_value());
    ASSERT_TRUE(upload->commit().has_value());
    EXPECT_EQ(upload->repeated_bytes(), 0U);
    EXPECT_TRUE(get(*store_, "b.zip").value() == content);
    const Asked asked = asked_of(proxy);
    EXPECT_EQ(asked.sent, 6);
    EXPECT_EQ(asked.copied > 0, why != Why::kGone);
    EXPECT_LT(asked.copied, 6 + (why == Why::kUnable ? 1 : 0)) << "it is not asked for ever";
    ASSERT_TRUE(store_->remove(name_of("b.zip")).has_value());
    EXPECT_EQ(gateway().leftovers(), std::vector<std::string>{"a.zip"});
  }
}

TEST_F(S3Store, GathersPartsWhereTheyWouldBeTooMany) {
  store::S3StoreOptions options = small_parts();
  options.plain_parts_max = 2;
  options.gathered_bytes = 2 * kPartBytes;
  const auto gathering = factory_->open(options);
  for (const std::size_t parts : {3U, 4U, 5U, 7U}) {
    const std::string content = noise(parts * kPartBytes - 3);
    const auto made = put(*gathering, "a.zip", content);
    ASSERT_TRUE(made.has_value()) << made.error().what;
    EXPECT_TRUE(get(*store_, "a.zip").value() == content) << parts;
    EXPECT_TRUE(store_->remove(name_of("a.zip")).has_value());
    EXPECT_TRUE(factory_->is_empty()) << parts << ": " << gateway().leftovers().at(0);
  }
  auto dropped = gathering->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(dropped->write(as_bytes(noise(4 * kPartBytes))).has_value());
  dropped.reset();
  EXPECT_TRUE(factory_->is_empty());
}

TEST_F(S3Store, LeavesNoPartOfAnUploadThatIsDroppedOrLost) {
  auto upload = store_->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(upload->write(as_bytes(noise(2 * kPartBytes + 1))).has_value());
  // Both parts are there: a server may finish one that is cut off on its way after the upload
  // ended.
  const Deadline deadline = Deadline::after(20s);
  const auto parts_there = [&] {
    const auto names = gateway().leftovers();
    return std::count_if(names.begin(), names.end(), [](const std::string& name) {
      return name.ends_with("/1") || name.ends_with("/2");
    });
  };
  while (parts_there() < 2 && !deadline.passed()) { std::this_thread::sleep_for(1ms); }
  ASSERT_EQ(parts_there(), 2);
  EXPECT_TRUE(store_->list().value().empty()) << "nor is its note a backup";
  upload.reset();
  EXPECT_TRUE(factory_->is_empty()) << gateway().leftovers().at(0);

  auto late = store_->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(late->write(as_bytes(noise(2 * kPartBytes))).has_value());
  ASSERT_TRUE(put(*store_, "a.zip", "first").has_value());
  EXPECT_EQ(late->commit().error().code, Code::kExists);
  late.reset();
  EXPECT_EQ(get(*store_, "a.zip").value(), "first");
  EXPECT_TRUE(store_->remove(name_of("a.zip")).has_value());
  EXPECT_TRUE(factory_->is_empty()) << gateway().leftovers().at(0);
}

TEST_F(S3Store, SweepsWhatACrashLeftAndNothingElse) {
  store::S3StoreOptions gathering = small_parts();
  gathering.plain_parts_max = 2;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // a process that dies while it uploads
    auto upload = factory_->open(gathering)->create(name_of("a.zip"), {"a.zip"});
    const bool written =
        upload.has_value() && (*upload)->write(as_bytes(noise(4 * kPartBytes + 1))).has_value();
    ::_exit(written ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  s3::Client others = client();
  const s3::Multipart foreign = others.start("a.zip", {}).value();

  // One that died before it removed what it had made a part of.
  const std::string gathered = noise(20'000);
  ASSERT_TRUE(others.put(".pocketvault-upload/id.3", as_bytes(gathered), {}, s3::IfTaken::kReplace)
                  .has_value());

  EXPECT_EQ(store_->sweep().value(), 0U) << "it may still be written";
  store::S3StoreOptions impatient = small_parts();
  impatient.abandoned_after = 0s;
  EXPECT_EQ(factory_->open(impatient)->sweep().value(), 2U);
  EXPECT_TRUE(others.put_part(foreign, 1, as_bytes("x")).has_value()) << "not ours";
  EXPECT_TRUE(others.abort(foreign).has_value());
  EXPECT_TRUE(factory_->is_empty()) << gateway().leftovers().at(0);
}

TEST_F(S3Store, ListsMoreThanAPage) {
  for (int i = 0; i < 2003; ++i) {
    write_file(gateway().folder() / ("n" + std::to_string(10'000 + i)), "x");
  }
  const auto backups = store_->list().value();
  ASSERT_EQ(backups.size(), 2003U);
  EXPECT_EQ(backups.back().name.text(), "n12002");
}

TEST_F(S3Store, AListThatNeverEndsIsAnError) {
  ScriptedServer server{[](const std::string&) {
    return http_answer_keeping(200,
                               "<ListBucketResult><IsTruncated>true</IsTruncated>"
                               "<NextContinuationToken>on</NextContinuationToken>"
                               "</ListBucketResult>");
  }};
  const auto endless = store::make_s3_store(options_at(server.url()));
  const auto backups = endless->list();
  ASSERT_FALSE(backups.has_value());
  EXPECT_EQ(backups.error().code, Code::kInvalid);
  EXPECT_EQ(server.requests().size(), 1000U);
}

TEST_F(S3Store, SaysEveryHourThatAnUploadGoesOn) {
  FakeClock clock{system_clock().now()};  // far from the server's, signatures would be refused
  ScriptedServer proxy{[&](const std::string& request) { return gateway().forward(request); }};
  const auto notes = [&] {
    const auto requests = proxy.requests();
    return std::count_if(requests.begin(), requests.end(), [](const std::string& request) {
      return request.starts_with("PUT /backups/.pocketvault-upload/");
    });
  };
  s3::Options options = options_at(proxy.url());
  options.world.clock = &clock;
  options.limits.transfer_timeout = 3h;  // of parts that are on their way when the hour passes
  const auto slow = store::make_s3_store(options, small_parts());
  auto upload = slow->create(name_of("a.zip"), {"a.zip"}).value();
  const std::string part = noise(kPartBytes);
  for (int i = 0; i < 3; ++i) { ASSERT_TRUE(upload->write(as_bytes(part)).has_value()); }
  const auto at_first = notes();
  EXPECT_EQ(at_first, 1);
  clock.advance(61min);
  ASSERT_TRUE(upload->write(as_bytes(part)).has_value());
  EXPECT_GT(notes(), at_first);
}

TEST_F(S3Store, KeepsToItsPrefix) {
  store::S3StoreOptions options;
  options.prefix = "one/";
  const auto one = factory_->open(options);
  ASSERT_TRUE(put(*one, "a.zip", "1").has_value());
  ASSERT_TRUE(put(*store_, "b.zip", "2").has_value());
  EXPECT_EQ(keys(*one), (std::vector<std::string>{"a.zip"}));
  EXPECT_EQ(keys(*store_), (std::vector<std::string>{"b.zip", "one/a.zip"}));
  EXPECT_EQ(get(*one, "a.zip").value(), "1");
  EXPECT_TRUE(one->describe().ends_with(", under one/")) << one->describe();
}

// The ranges that were asked for, in their order.
std::vector<ByteRange> ranges_of(const std::vector<std::string>& requests) {
  std::vector<ByteRange> ranges;
  for (const std::string& request : requests) {
    const std::size_t at = request.find("Range: bytes=");
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (at == std::string::npos ||
        std::sscanf(request.c_str() + at, "Range: bytes=%lu-%lu", &first, &last) != 2) {
      continue;
    }
    ranges.push_back({first, last - first + 1});
  }
  return ranges;
}

// Reads `content` in `ways` places at once, each in order, as threads that extract do; what was
// asked of the server for that.
std::vector<ByteRange> ranges_for_reading(const S3Gateway& gateway, const std::string& content,
                                          std::size_t ways) {
  constexpr std::size_t kStep = 100'000;
  ScriptedServer proxy{[&](const std::string& request) { return gateway.forward(request); }};
  const auto through = store::make_s3_store(options_at(proxy.url()), small_parts());
  const auto source = through->open(name_of("a.zip")).value();
  std::string read(content.size(), '\0');
  const std::size_t share = (content.size() + ways - 1) / ways;
  for (std::size_t at = 0; at < share; at += kStep) {
    for (std::size_t way = 0; way < ways; ++way) {
      const std::size_t start = std::min(way * share + at, content.size());
      const std::size_t end = std::min((way + 1) * share, content.size());
      const auto into = std::span{read}.subspan(start, std::min(kStep, end - start));
      EXPECT_EQ(source->read_at(start, std::as_writable_bytes(into)).value(), into.size());
    }
  }
  EXPECT_TRUE(read == content);
  return ranges_of(proxy.requests());
}

std::uint64_t sum_of(const std::vector<ByteRange>& ranges) {
  std::uint64_t sum = 0;
  for (const ByteRange& range : ranges) { sum += range.size_bytes; }
  return sum;
}

TEST_F(S3Store, FetchesAheadOfWhoReadsInOrder) {
  const std::string content = noise(12'345'678);
  ASSERT_TRUE(put(*store_, "a.zip", content).has_value());
  const std::vector<ByteRange> for_one = ranges_for_reading(gateway(), content, 1);
  EXPECT_EQ(sum_of(for_one), content.size()) << "no byte twice";
  EXPECT_LE(for_one.size(), 14U) << "a round trip for each step would be 124";
  // Here what is fetched ahead of the first is what the second began with, and has been forgotten.
  const std::vector<ByteRange> for_two = ranges_for_reading(gateway(), content, 2);
  EXPECT_LE(sum_of(for_two), content.size() + (7U << 20U));
}

TEST_F(S3Store, FetchesLittleWhereOnePlaceIsLookedAt) {
  ASSERT_TRUE(put(*store_, "a.zip", noise(12'345'678)).has_value());
  ScriptedServer proxy{[&](const std::string& request) { return gateway().forward(request); }};
  const auto through = store::make_s3_store(options_at(proxy.url()), small_parts());
  const auto source = through->open(name_of("a.zip")).value();
  std::array<std::byte, 30> header{};
  for (const std::uint64_t offset : {9'000'000U, 3'000'000U, 6'000'000U, 9'000'030U}) {
    ASSERT_EQ(source->read_at(offset, header).value(), header.size());
  }
  const std::vector<ByteRange> ranges = ranges_of(proxy.requests());
  EXPECT_EQ(ranges.size(), 3U);
  for (const ByteRange& range : ranges) { EXPECT_LE(range.size_bytes, 256U << 10U); }
}

TEST_F(S3Store, NoticesThatABackupIsReplacedWhileItIsRead) {
  put(*store_, "a.zip", "first").value();
  const auto source = store_->open(name_of("a.zip")).value();
  s3::Client others = client();
  ASSERT_TRUE(others.put("a.zip", as_bytes("other"), {}, s3::IfTaken::kReplace).has_value());
  std::string into(5, '.');
  EXPECT_EQ(source->read_at(0, std::as_writable_bytes(std::span{into})).error().code,
            Code::kDamaged);
}

TEST_F(S3Store, ReadsAcrossBlocksAndFromManyThreads) {
  const std::string content = noise((9 << 20) + 5);
  put(*store_, "a.zip", content).value();
  const auto source = store_->open(name_of("a.zip")).value();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random{static_cast<unsigned>(i)};
      for (int step = 0; step < 20; ++step) {
        const std::size_t at = random() % content.size();
        std::string into(random() % (5 << 20), '.');
        const auto count = source->read_at(at, std::as_writable_bytes(std::span{into})).value();
        EXPECT_EQ(count, std::min(into.size(), content.size() - at));
        EXPECT_TRUE(std::string_view{into}.substr(0, count) ==
                    std::string_view{content}.substr(at, count));
      }
    });
  }
  for (std::thread& thread : threads) { thread.join(); }
}

// Breaks one request in twenty, in one of the ways in which networks and servers do.
class Unreliable {
 public:
  explicit Unreliable(const S3Gateway& gateway) : gateway_{gateway} {}

  std::string operator()(std::string request) {
    if (random_() % 20 != 0) { return gateway_.forward(request); }
    ++faults_;
    switch (random_() % 5) {
      case 0: return {};  // it never got there
      case 1: return http_answer(503, "<Error><Code>SlowDown</Code></Error>");
      case 2: (void)gateway_.forward(request); return {};  // the reply is lost
      case 3: {                                            // the reply is cut short
        const std::string reply = gateway_.forward(request);
        return reply.substr(0, reply.size() - 1);
      }
      default: {  // a byte of the body changes on its way
        if (request.ends_with("\r\n\r\n")) { return {}; }
        request.back() = static_cast<char>(request.back() ^ 1);
        return gateway_.forward(request);
      }
    }
  }
  [[nodiscard]] int faults() const { return faults_; }

 private:
  const S3Gateway& gateway_;
  std::mt19937 random_{20261126};
  std::atomic<int> faults_ = 0;
};

TEST_F(S3Store, LosesNothingWhenOneRequestInTwentyFails) {
  Unreliable unreliable{gateway()};
  ScriptedServer proxy{[&](const std::string& request) { return unreliable(request); }};
  const auto shaky = store::make_s3_store(options_at(proxy.url()), small_parts());
  std::map<std::string, std::string> contents;
  for (int i = 0; i < 60; ++i) {
    const std::string key = std::to_string(1000 + i) + ".zip";
    contents[key] = noise(i % 20 == 0 ? 3 * kPartBytes : 1000);
    const auto made = put(*shaky, key, contents[key]);
    ASSERT_TRUE(made.has_value()) << made.error().what;
    if (i % 4 == 0) {
      const auto removed = shaky->remove(name_of(key));
      ASSERT_TRUE(removed.has_value()) << removed.error().what;
      contents.erase(key);
    }
  }
  EXPECT_GE(unreliable.faults(), 10);
  EXPECT_EQ(keys(*store_).size(), contents.size());
  for (const auto& [key, content] : contents) {
    EXPECT_TRUE(get(*shaky, key).value() == content) << key;
    EXPECT_TRUE(get(*store_, key).value() == content) << key;
  }
}

template <class Value>
std::optional<Code> code_of(const Result<Value>& result) {
  return result.has_value() ? std::nullopt : std::optional{result.error().code};
}

// Asks for a stop as soon as the server has got a further request that `is_it`.
std::jthread stop_at(ScriptedServer& server, std::stop_source& source,
                     std::function<bool(const std::string&)> is_it) {
  const std::size_t seen = server.requests().size();
  return std::jthread{[&server, &source, seen, is_it = std::move(is_it)](std::stop_token given_up) {
    while (!given_up.stop_requested()) {
      const auto requests = server.requests();
      if (std::any_of(requests.begin() + static_cast<std::ptrdiff_t>(seen), requests.end(),
                      is_it)) {
        break;
      }
      std::this_thread::sleep_for(1ms);
    }
    source.request_stop();
  }};
}

TEST(S3StoreUntil, EveryCallToASilentServerEndsWithTheStop) {
  ScriptedServer server{[](const std::string&) { return std::string{ScriptedServer::kHang}; }};
  const auto store = store::make_s3_store(options_at(server.url()), small_parts());
  const auto any = [](const std::string&) { return true; };
  const std::pair<const char*, std::function<std::optional<Code>(BackupStore&)>> kCalls[] = {
      {"list", [](BackupStore& s) { return code_of(s.list()); }},
      {"stat", [](BackupStore& s) { return code_of(s.stat(name_of("a.zip"))); }},
      {"open", [](BackupStore& s) { return code_of(s.open(name_of("a.zip"))); }},
      {"create", [](BackupStore& s) { return code_of(s.create(name_of("a.zip"), {})); }},
      {"remove", [](BackupStore& s) { return code_of(s.remove(name_of("a.zip"))); }},
      {"sweep", [](BackupStore& s) { return code_of(s.sweep()); }}};
  for (const auto& [label, call] : kCalls) {
    std::stop_source source;
    const auto until = store->until(source.get_token());
    const std::jthread stopper = stop_at(server, source, any);
    EXPECT_EQ(call(*until), Code::kCancelled) << label;
  }
}

TEST_F(S3Store, AStopEndsAnUploadAndNothingStaysOfIt) {
  std::atomic<bool> is_silent = false;
  // The parts get no answer any more; what discards the upload does.
  ScriptedServer proxy{[&](const std::string& request) {
    const bool hangs = is_silent && request.starts_with("PUT");
    return hangs ? std::string{ScriptedServer::kHang} : gateway().forward(request);
  }};
  const auto store = store::make_s3_store(options_at(proxy.url()), small_parts());
  std::stop_source source;
  const auto until = store->until(source.get_token());
  auto upload = until->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(upload->write(as_bytes(noise(2 * kPartBytes + 1))).has_value());
  is_silent = true;
  const std::jthread stopper =
      stop_at(proxy, source, [](const std::string& request) { return request.starts_with("PUT"); });
  const std::string part = noise(kPartBytes);
  Result<void> written;
  while (written.has_value()) { written = upload->write(as_bytes(part)); }
  EXPECT_EQ(written.error().code, Code::kCancelled) << written.error().what;
  upload.reset();
  EXPECT_TRUE(factory_->is_empty()) << gateway().leftovers().at(0);
}

TEST_F(S3Store, ABackupWhoseLastAnswerAStopCutOffIsTakenBack) {
  std::stop_source source;
  // The object is made, but its maker does not get to know.
  ScriptedServer proxy{[&](const std::string& request) {
    std::string answer = gateway().forward(request);
    if (!request.starts_with("PUT /backups/a.zip")) { return answer; }
    source.request_stop();
    return std::string{ScriptedServer::kHang};
  }};
  const auto store = store::make_s3_store(options_at(proxy.url()), small_parts());
  const auto until = store->until(source.get_token());
  EXPECT_EQ(code_of(put(*until, "a.zip", "content")), Code::kCancelled);
  EXPECT_TRUE(factory_->is_empty()) << gateway().leftovers().at(0);
}

TEST_F(S3Store, AStopEndsReadingAndWhatIsReadAhead) {
  const std::string content = noise(12 << 20);
  ASSERT_TRUE(put(*store_, "a.zip", content).has_value());
  std::atomic<bool> is_silent = false;
  ScriptedServer proxy{[&](const std::string& request) {
    return is_silent ? std::string{ScriptedServer::kHang} : gateway().forward(request);
  }};
  const auto store = store::make_s3_store(options_at(proxy.url()), small_parts());
  std::stop_source source;
  const auto reading = store->until(source.get_token())->open(name_of("a.zip")).value();
  std::string block(1 << 20, '\0');
  ASSERT_TRUE(reading->read_at(0, std::as_writable_bytes(std::span{block})).has_value());
  is_silent = true;
  const std::jthread stopper = stop_at(proxy, source, [](const std::string&) { return true; });
  Result<std::size_t> read = std::size_t{0};
  for (std::uint64_t offset = 0; read.has_value() && offset < content.size(); offset += 1 << 20) {
    read = reading->read_at(offset, std::as_writable_bytes(std::span{block}));
  }
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Code::kCancelled) << read.error().what;
}

TEST_F(S3Store, AServerWithoutConditionsIsLookedAtBefore) {
  // It forgets the condition; what it is told to do unconditionally, it does.
  std::atomic<bool> is_there = false;
  ScriptedServer server{[&](const std::string& request) {
    if (request.starts_with("HEAD") && !is_there) { return http_answer(404, ""); }
    return http_answer(200, "x", "ETag: \"e\"\r\nLast-Modified: Thu, 26 Nov 2026 10:00:00 GMT\r\n");
  }};
  const auto old = store::make_s3_store(options_at(server.url()));
  auto upload = old->create(name_of("a.zip"), {"a.zip"}).value();
  ASSERT_TRUE(upload->write(as_bytes("x")).has_value());
  is_there = true;
  EXPECT_EQ(upload->commit().error().code, Code::kExists);
}

TEST_F(S3Store, OthersReadWhatItWroteAndItReadsTheirs) {
  if (run("rclone version").status != 0) { GTEST_SKIP() << "rclone is not installed"; }
  const TempFolder folder;
  const std::string ours = noise(2 * kPartBytes + 1);
  const std::string theirs = noise(2 * kPartBytes + 2);
  const std::string rclone =
      "env -u AWS_CA_BUNDLE RCLONE_CONFIG=/dev/null RCLONE_S3_PROVIDER=Other "
      "RCLONE_S3_NO_CHECK_BUCKET=true "
      "RCLONE_S3_ENDPOINT=http://" +
      gateway().host() + " RCLONE_S3_REGION=" + S3Gateway::kRegion +
      " RCLONE_S3_ACCESS_KEY_ID=" + S3Gateway::kAccessKey + " RCLONE_S3_SECRET_ACCESS_KEY='" +
      S3Gateway::kSecret +
      "' timeout 60 rclone -q --retries 2 --s3-upload-cutoff 5M --s3-chunk-size 5M ";
  put(*store_, "ours +1.zip", ours).value();
  const auto fetched =
      run(rclone + "copyto ':s3:backups/ours +1.zip' '" + (folder / "ours").string() + "'");
  ASSERT_EQ(fetched.status, 0) << fetched.output;
  EXPECT_TRUE(read_file(folder / "ours") == ours);
  write_file(folder / "theirs", theirs);
  const auto sent =
      run(rclone + "copyto '" + (folder / "theirs").string() + "' ':s3:backups/theirs +1.zip'");
  ASSERT_EQ(sent.status, 0) << sent.output;
  EXPECT_TRUE(get(*store_, "theirs +1.zip").value() == theirs);
  EXPECT_EQ(keys(*store_), (std::vector<std::string>{"ours +1.zip", "theirs +1.zip"}));
}

}  // namespace
}  // namespace pv::testing
