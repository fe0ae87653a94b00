// One connection's socket: reads and writes that wait without a thread, each with a deadline, all
// ended by cut().
//
// Threads    The thread of the io_context. send_file() reads on the pool, see there.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <limits>
#include <span>

#include "http/message.h"

namespace pv::http {

class Wire {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr TimePoint kNever = TimePoint::max();

  explicit Wire(boost::asio::ip::tcp::socket socket) : socket_{std::move(socket)} {}

  // Whether there is something to read (the end of the stream too). kUnavailable: cut, broken, or
  // `deadline` passed.
  [[nodiscard]] Task<void> wait_readable(TimePoint deadline);

  // At least one byte; 0: the peer has closed its side.
  [[nodiscard]] Task<std::size_t> read_some(MutableBytes into, TimePoint deadline);

  // All of `pieces` (at most 8), in one go where the kernel takes it. `stall`: how long it may take
  // none. `more`: something follows at once, so a part-filled packet may wait.
  struct WriteOptions {
    std::chrono::milliseconds stall{0};
    bool more = false;
  };
  [[nodiscard]] Task<void> write(std::span<const Bytes> pieces, WriteOptions options);

  // Sends a slice. Its source is read, or sendfile(2) is called, on the pool: a page that is not in
  // memory costs up to 10 ms of disk, for which the one I/O thread must not stand still. (Looking
  // first whether pages are in memory, with mincore or RWF_NOWAIT, was no help: sendfile reads on
  // past what was looked at.) The socket never blocks, so a slow client occupies no thread of the
  // pool, and a slice at a time goes in turn with those of other clients.
  [[nodiscard]] Task<void> send_file(WorkPool& pool, FileSlice slice, WriteOptions options);

  // No more bytes from us; what is on its way still arrives.
  void shutdown_send();

  // Everything that waits ends now, everything later fails at once. The descriptor stays open until
  // the Wire goes, since the pool may still be using it.
  void cut();
  [[nodiscard]] bool is_cut() const { return cut_; }

  // Called now and then: ends the wait whose deadline has passed. Cheaper than a timer for each of
  // 10,000 connections.
  void expire(TimePoint now);

  [[nodiscard]] std::string remote_ip() const;

 private:
  [[nodiscard]] Task<void> wait(boost::asio::ip::tcp::socket::wait_type what, TimePoint deadline);
  [[nodiscard]] boost::asio::awaitable<void> give_way(std::size_t bytes);
  [[nodiscard]] Task<void> send_by_sendfile(WorkPool& pool, FileSlice& slice,
                                            std::chrono::milliseconds stall);
  [[nodiscard]] Task<void> send_by_reading(WorkPool& pool, FileSlice slice, WriteOptions options);

  boost::asio::ip::tcp::socket socket_;
  TimePoint deadline_ = kNever;
  std::size_t moved_ = 0;  // bytes since the thread was last given to others
  bool expired_ = false;
  bool cut_ = false;
};

}  // namespace pv::http
