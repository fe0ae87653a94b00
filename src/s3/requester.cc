#include "s3/requester.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace pv::s3 {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kAnswerBytesMax = 8 << 20;  // a page of 1,000 keys takes at most 4 MB

curl::ClientOptions client_options(const Options& options) {
  curl::ClientOptions result;
  result.connect_timeout = options.limits.connect_timeout;
  result.stall_timeout = options.limits.stall_timeout;
  result.body_bytes_max = kAnswerBytesMax;
  result.ca_file = options.ca_file;
  return result;
}

class BytesSource final : public Source {
 public:
  explicit BytesSource(Bytes bytes) : bytes_{bytes} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= bytes_.size()) { return std::size_t{0}; }
    const Bytes rest = bytes_.subspan(static_cast<std::size_t>(offset));
    const std::size_t count = std::min(rest.size(), into.size());
    std::memcpy(into.data(), rest.data(), count);
    return count;
  }

 private:
  const Bytes bytes_;
};

// Seconds or a date; nullopt: neither.
std::optional<milliseconds> retry_after(const curl::Reply& reply, WallTime now) {
  const auto value = curl::find_header(reply.headers, "Retry-After");
  if (!value.has_value()) { return std::nullopt; }
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), seconds);
  if (error == std::errc{} && end == value->data() + value->size()) {
    return milliseconds{std::chrono::seconds{seconds}};
  }
  const auto date = parse_http_date(*value);
  if (!date.has_value()) { return std::nullopt; }
  return std::max(0ms, std::chrono::duration_cast<milliseconds>(*date - now));
}

}  // namespace

struct Requester::Failure {
  Error error;
  Remedy remedy = Remedy::kNone;
  std::optional<milliseconds> retry_after{};
};

// Counts the tries of one call and says whether, and after how long, there is a further one.
class Requester::Attempts {
 public:
  Attempts(const Options& options, const Call& call)
      : options_{options},
        end_{options.world.clock->steady_now() +
             std::min(milliseconds{call.is_transfer ? options.limits.transfer_timeout
                                                    : options.limits.control_timeout},
                      call.time_max.value_or(milliseconds::max()))} {}

  [[nodiscard]] milliseconds left() const {
    const auto span = end_ - options_.world.clock->steady_now();
    return std::max(0ms, std::chrono::duration_cast<milliseconds>(span));
  }
  [[nodiscard]] int count() const { return count_; }

  // nullopt: no further one.
  std::optional<milliseconds> wait_before_next(const Failure& failure) {
    const bool is_once_only =
        failure.remedy == Remedy::kCorrectClock || failure.remedy == Remedy::kRenewCredentials;
    if (failure.remedy == Remedy::kNone || count_ >= options_.limits.tries_max) {
      return std::nullopt;
    }
    if (is_once_only) {
      bool& done = failure.remedy == Remedy::kCorrectClock ? clock_corrected_ : renewed_;
      if (std::exchange(done, true)) { return std::nullopt; }
      ++count_;
      return 0ms;
    }
    const milliseconds asked = failure.retry_after.value_or(0ms);
    const milliseconds span = std::max(asked, jittered());
    if (asked > options_.limits.retry_after_max || span >= left()) { return std::nullopt; }
    ++count_;
    return span;
  }

 private:
  // "Full jitter": anything up to a span that doubles, so that clients do not come back in step.
  milliseconds jittered() {
    const int doublings = std::min(count_ - 1, 16);
    const auto most =
        std::min(options_.limits.wait_first * (1 << doublings), options_.limits.wait_max);
    std::uint64_t random = 0;
    options_.world.random->fill(std::as_writable_bytes(std::span{&random, 1}));
    return milliseconds{random % (static_cast<std::uint64_t>(most.count()) + 1)};
  }

  const Options& options_;
  const std::chrono::steady_clock::time_point end_;
  int count_ = 1;
  bool clock_corrected_ = false;
  bool renewed_ = false;
};

Requester::Requester(Options options)
    : options_{std::move(options)},
      credentials_{options_.credentials, *options_.world.clock},
      clients_{client_options(options_), options_.limits.at_once} {}

WallTime Requester::server_now() const {
  return options_.world.clock->now() + std::chrono::seconds{skew_seconds_.load()};
}

Result<curl::Reply> Requester::send(const Call& call, std::stop_token stop, int* tries) {
  Attempts attempts{options_, call};
  for (;;) {
    auto outcome = try_once(call, attempts, stop);
    if (tries != nullptr) { *tries = attempts.count(); }
    if (outcome.has_value()) { return std::move(*outcome); }
    const auto span = attempts.wait_before_next(outcome.error());
    if (span.has_value() && *span > 0ms) { options_.world.wait(*span, stop); }
    if (stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    if (!span.has_value()) {
      return fail(outcome.error().error.within(options_.address.describe()));
    }
  }
}

tl::expected<curl::Reply, Requester::Failure> Requester::try_once(const Call& call,
                                                                  const Attempts& attempts,
                                                                  const std::stop_token& stop) {
  const auto give_up = [](Error error) {
    const Remedy remedy = error.code == Code::kUnavailable ? Remedy::kRetry : Remedy::kNone;
    return tl::unexpected<Failure>{Failure{std::move(error), remedy}};
  };
  auto credentials = credentials_.get(stop);
  if (!credentials.has_value()) { return give_up(credentials.error()); }
  auto lease = clients_.take(stop);
  if (!lease.has_value()) { return give_up(lease.error()); }
  curl::Request request = sign(call, *credentials);
  request.total_timeout = attempts.left();
  if (call.is_long_work) { request.stall_timeout = options_.limits.transfer_timeout; }
  BytesSource body{call.body};
  if (call.method == "PUT" || !call.body.empty()) { request.body = &body; }
  auto reply = call.sink == nullptr ? lease->client().send(request, stop)
                                    : lease->client().download(request, *call.sink, stop);
  if (options_.on_try) {
    options_.on_try({call.method, reply.has_value() ? reply->status : 0, attempts.count() > 1});
  }
  if (!reply.has_value()) { return give_up(reply.error()); }
  if (reply->is_success() && (call.sink != nullptr || !is_fault_in_success(*reply))) {
    return std::move(*reply);
  }
  return tl::unexpected<Failure>{failure_of(*reply, *credentials)};
}

curl::Request Requester::sign(const Call& call, const Credentials& credentials) const {
  const Address& address = options_.address;
  const WallTime now = server_now();
  Signable signable{call.method, address.path_of(call.key), call.query, call.headers, {}};
  if (call.before_try) { call.before_try(signable.headers); }
  const bool is_hashed = !call.is_transfer || !address.is_encrypted();
  signable.payload_hash = is_hashed ? sha256_hex(call.body) : std::string{kUnsignedPayload};
  signable.headers.emplace_back("Host", address.host());
  signable.headers.emplace_back("X-Amz-Date", amz_date(now));
  signable.headers.emplace_back("X-Amz-Content-Sha256", signable.payload_hash);
  if (!credentials.session_token.empty()) {
    signable.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  curl::Request request;
  request.method = call.method;
  request.url = address.origin() + signable.path;
  if (!call.query.empty()) { request.url += "?" + encode_query(call.query); }
  request.headers = signable.headers;
  request.headers.emplace_back("Authorization",
                               authorization(signable, credentials, {address.region()}, now));
  request.on_answer = call.on_answer;
  return request;
}

Requester::Failure Requester::failure_of(const curl::Reply& reply, const Credentials& credentials) {
  const WallTime now = options_.world.clock->now();
  const Fault fault = read_fault(reply);
  Failure failure{explain(fault, options_.address, credentials, now),
                  remedy_for(fault, credentials, now), retry_after(reply, now)};
  if (failure.remedy == Remedy::kCorrectClock) {
    if (fault.server_time.has_value()) {
      skew_seconds_ =
          std::chrono::duration_cast<std::chrono::seconds>(*fault.server_time - now).count();
    } else {
      failure.remedy = Remedy::kNone;
    }
  }
  if (failure.remedy == Remedy::kRenewCredentials) { credentials_.forget(credentials); }
  return failure;
}

}  // namespace pv::s3
