#pragma once

#include <atomic>
#include <concepts>

namespace pv::jobs {

// An option that may change while jobs run: each look finds the old value or the new one.
template <class T>
class Tunable {
 public:
  // Of all that T can be made of without a word, as if this were one.
  template <std::convertible_to<T> U>
  Tunable(U value) : value_{static_cast<T>(value)} {}  // NOLINT(google-explicit-constructor)
  Tunable(const Tunable& other) : value_{other.get()} {}
  Tunable& operator=(const Tunable& other) {
    value_ = other.get();
    return *this;
  }
  [[nodiscard]] T get() const { return value_.load(); }
  operator T() const { return get(); }  // NOLINT(google-explicit-constructor)

 private:
  std::atomic<T> value_;
};

}  // namespace pv::jobs
