// What the standard library throws, as a value: where a thread has nobody above it to catch it.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <type_traits>

#include "base/error.h"

namespace pv {

template <class Value>
struct GuardedResult {
  using Type = Result<Value>;
};
template <class Value>
struct GuardedResult<Result<Value>> {
  using Type = Result<Value>;
};

// What `work` returns, a Result or what would be in one; kInternal where it throws (of memory, or
// of threads: nothing of ours does).
template <class Work>
[[nodiscard]] typename GuardedResult<std::invoke_result_t<Work&>>::Type guarded(Work&& work) {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
      std::invoke(work);
      return {};
    } else {
      return std::invoke(work);
    }
  } catch (const std::exception& exception) {
    return fail(Code::kInternal, std::string{"unexpected: "} + exception.what());
  }
}

}  // namespace pv
