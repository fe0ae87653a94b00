#pragma once

#include <atomic>

namespace pv::jobs {

// An option that may change while jobs run: each look finds the old value or the new one.
template <class T>
class Tunable {
 public:
  Tunable(T value) : value_{value} {}  // NOLINT(google-explicit-constructor): stands for its value
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
