#include "http/wire.h"

#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>

namespace pv::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<>> kAwait{asio::use_awaitable};

// What one connection may move before others get a turn: 0.1 to 0.3 ms of copying.
constexpr std::size_t kTurnBytes = std::size_t{1} << 20;
constexpr std::size_t kSliceBytes = std::size_t{1} << 20;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::size_t kPiecesMax = 8;

tl::unexpected<Error> gone(const char* why) {
  return fail(Code::kUnavailable, std::string{"client: "} + why);
}

// Unlike send(), sendfile() has no flag against SIGPIPE.
void block_sigpipe() {
  static thread_local const bool blocked = [] {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    return ::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0;
  }();
  (void)blocked;
}

struct Sent {
  std::uint64_t bytes = 0;
  bool full = false;   // the socket takes no more now
  bool ended = false;  // the file did
  bool unfit = false;  // sendfile can't read this file
};

Result<Sent> sendfile_some(int socket, int file, std::uint64_t offset, std::uint64_t length) {
  block_sigpipe();
  Sent sent;
  auto at = static_cast<off_t>(offset);
  while (sent.bytes < length) {
    const ssize_t count = ::sendfile(socket, file, &at, length - sent.bytes);
    if (count > 0) {
      sent.bytes += static_cast<std::uint64_t>(count);
    } else if (count == 0) {
      sent.ended = true;
      break;
    } else if (errno == EAGAIN) {
      sent.full = true;
      break;
    } else if ((errno == EINVAL || errno == ENOSYS) && sent.bytes == 0) {
      sent.unfit = true;
      break;
    } else if (errno != EINTR) {
      return fail(errno_error(errno, "sendfile"));
    }
  }
  return sent;
}

}  // namespace

Task<void> Wire::wait(tcp::socket::wait_type what, TimePoint deadline) {
  if (cut_) { co_return gone("cut off"); }
  deadline_ = deadline;
  const auto [error] = co_await socket_.async_wait(what, kAwait);
  deadline_ = kNever;
  moved_ = 0;
  if (cut_) { co_return gone("cut off"); }
  if (expired_) {
    expired_ = false;
    co_return gone("too slow");
  }
  if (error) { co_return gone(error.message().c_str()); }
  co_return Result<void>{};
}

asio::awaitable<void> Wire::give_way(std::size_t bytes) {
  moved_ += bytes;
  if (moved_ >= kTurnBytes) {
    moved_ = 0;
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
}

Task<void> Wire::wait_readable(TimePoint deadline) {
  return wait(tcp::socket::wait_read, deadline);
}

Task<std::size_t> Wire::read_some(MutableBytes into, TimePoint deadline) {
  for (;;) {
    if (cut_) { co_return gone("cut off"); }
    const ssize_t count = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (count >= 0) {
      // A turn costs something even when it moves little.
      co_await give_way(static_cast<std::size_t>(count) + 1024);
      co_return static_cast<std::size_t>(count);
    }
    if (errno == EAGAIN) {
      PV_CO_CHECK(co_await wait(tcp::socket::wait_read, deadline));
    } else if (errno != EINTR) {
      co_return fail(errno_error(errno, "client"));
    }
  }
}

Task<void> Wire::write(std::span<const Bytes> pieces, WriteOptions options) {
  PV_ASSERT(pieces.size() <= kPiecesMax);
  std::array<iovec, kPiecesMax> parts{};
  std::size_t count = 0;
  for (const Bytes piece : pieces) {
    if (!piece.empty()) {
      parts[count].iov_base = const_cast<std::byte*>(piece.data());
      parts[count++].iov_len = piece.size();
    }
  }
  std::size_t first = 0;
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (options.more ? MSG_MORE : 0);
  while (first < count) {
    if (cut_) { co_return gone("cut off"); }
    msghdr message{};
    message.msg_iov = parts.data() + first;
    message.msg_iovlen = count - first;
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, flags);
    if (sent < 0) {
      if (errno == EAGAIN) {
        const TimePoint deadline = std::chrono::steady_clock::now() + options.stall;
        PV_CO_CHECK(co_await wait(tcp::socket::wait_write, deadline));
      } else if (errno != EINTR) {
        co_return fail(errno_error(errno, "client"));
      }
      continue;
    }
    auto left = static_cast<std::size_t>(sent);
    co_await give_way(left);
    while (first < count && left >= parts[first].iov_len) { left -= parts[first++].iov_len; }
    if (left > 0) {
      parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + left;
      parts[first].iov_len -= left;
    }
  }
  co_return Result<void>{};
}

Task<void> Wire::send_file(WorkPool& pool, FileSlice slice, WriteOptions options) {
  if (slice.source->descriptor() >= 0) {
    PV_CO_CHECK(co_await send_by_sendfile(pool, slice, options.stall));
  }
  PV_CO_CHECK(co_await send_by_reading(pool, std::move(slice), options));
  co_return Result<void>{};
}

// Leaves in `slice` what sendfile could not read.
Task<void> Wire::send_by_sendfile(WorkPool& pool, FileSlice& slice,
                                  std::chrono::milliseconds stall) {
  const int socket = socket_.native_handle();
  while (slice.length > 0) {
    if (cut_) { co_return gone("cut off"); }
    std::function<Result<Sent>()> work = [socket, source = slice.source, offset = slice.offset,
                                          length =
                                              std::min<std::uint64_t>(slice.length, kSliceBytes)] {
      return sendfile_some(socket, source->descriptor(), offset, length);
    };
    PV_CO_TRY(const Sent sent, co_await offload(pool, std::move(work)));
    slice.offset += sent.bytes;
    slice.length -= sent.bytes;
    if (sent.unfit) { break; }
    if (sent.ended) { co_return fail(Code::kDamaged, "a file became shorter while it was sent"); }
    if (sent.full) {
      const TimePoint deadline = std::chrono::steady_clock::now() + stall;
      PV_CO_CHECK(co_await wait(tcp::socket::wait_write, deadline));
    }
  }
  co_return Result<void>{};
}

Task<void> Wire::send_by_reading(WorkPool& pool, FileSlice slice, WriteOptions options) {
  if (slice.length == 0) { co_return Result<void>{}; }
  // Shared: the pool may hold it a moment longer than this coroutine.
  const auto buffer =
      std::make_shared<std::vector<std::byte>>(std::min<std::uint64_t>(slice.length, kReadBytes));
  while (slice.length > 0) {
    const std::size_t want = std::min<std::uint64_t>(slice.length, buffer->size());
    std::function<Result<std::size_t>()> work = [buffer, source = slice.source, want,
                                                 offset = slice.offset] {
      return source->read_at(offset, MutableBytes{*buffer}.first(want));
    };
    PV_CO_TRY(const std::size_t count, co_await offload(pool, std::move(work)));
    if (count == 0) { co_return fail(Code::kDamaged, "a source ended while it was sent"); }
    const Bytes piece = Bytes{*buffer}.first(count);
    const std::span<const Bytes> pieces{&piece, 1};
    PV_CO_CHECK(co_await write(pieces, options));
    slice.offset += count;
    slice.length -= count;
  }
  co_return Result<void>{};
}

void Wire::shutdown_send() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Wire::cut() {
  if (cut_) { return; }
  cut_ = true;
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.cancel(ignored);
}

void Wire::expire(TimePoint now) {
  if (now < deadline_) { return; }
  deadline_ = kNever;
  expired_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

std::string Wire::remote_ip() const {
  boost::system::error_code error;
  const tcp::endpoint peer = socket_.remote_endpoint(error);
  if (error) { return {}; }
  asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address.to_string();
}

}  // namespace pv::http
