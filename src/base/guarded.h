// What the standard library throws, as a value: where a thread has nobody above it to catch it.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <type_traits>

#include "base/error.h"

namespace pv {

// What `work` returns, a Result; kInternal where it throws (of memory, or of threads: nothing of
// ours does).
template <class Work>
[[nodiscard]] std::invoke_result_t<Work&> guarded(Work&& work) {
  try {
    return std::invoke(work);
  } catch (const std::exception& exception) {
    return fail(Code::kInternal, std::string{"unexpected: "} + exception.what());
  }
}

}  // namespace pv
