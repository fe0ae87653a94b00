#include "curl/library.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>
#include <string>

#undef curl_easy_getinfo  // curl.h checks the types of their arguments by macros of these names
#undef curl_easy_setopt

namespace pv::curl {
namespace {

struct Library {
  Library() : handle{::dlopen(kName, RTLD_NOW | RTLD_LOCAL)} {
    if (handle == nullptr) { error = ::dlerror(); }
  }

  // Of libcurl 7.16 and all later: https://curl.se/libcurl/abi.html
  static constexpr const char* kName = "libcurl.so.4";
  void* handle;  // stays open: connections may live until the process ends
  std::string error;
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

// The function of that name; null when there is none.
template <typename Function>
Function find(const char* name) {
  return library().handle == nullptr ? nullptr
                                     : reinterpret_cast<Function>(::dlsym(library().handle, name));
}

template <typename Result, typename First, typename... Others>
First first_parameter(Result (*)(First, Others...));

// Const from libcurl 8.6 on.
using UrlToRead = decltype(first_parameter(&::curl_url_get));

}  // namespace

Result<void> load_library() {
  if (library().handle != nullptr) { return {}; }
  return fail(Code::kUnavailable,
              "libcurl can't be loaded (Debian has it in libcurl4): " + library().error);
}

}  // namespace pv::curl

// What libcurl declares, defined anew.
// NOLINTBEGIN(bugprone-macro-parentheses,bugprone-branch-clone): types and lists of arguments can't
// stand in parentheses; the branches differ in types.
#define PV_HAND_ON(result, failure, name, parameters, arguments)       \
  result name parameters {                                             \
    static const auto real = pv::curl::find<decltype(&::name)>(#name); \
    return real == nullptr ? failure : real arguments;                 \
  }
#define PV_HAND_ON_VOID(name, parameters, arguments)                   \
  void name parameters {                                               \
    static const auto real = pv::curl::find<decltype(&::name)>(#name); \
    if (real != nullptr) { real arguments; }                           \
  }

// libcurl's two variadic functions have an enumeration before the dots, which C takes for an int.
#pragma GCC diagnostic ignored "-Wvarargs"

extern "C" {

PV_HAND_ON(CURLcode, CURLE_FAILED_INIT, curl_global_init, (long flags), (flags))
PV_HAND_ON_VOID(curl_free, (void* memory), (memory))

PV_HAND_ON(CURL*, nullptr, curl_easy_init, (), ())
PV_HAND_ON_VOID(curl_easy_cleanup, (CURL * easy), (easy))
PV_HAND_ON_VOID(curl_easy_reset, (CURL * easy), (easy))
PV_HAND_ON(const char*, "libcurl is not there", curl_easy_strerror, (CURLcode code), (code))

// The option's number tells the type of its value: https://curl.se/libcurl/c/curl_easy_setopt.html
CURLcode curl_easy_setopt(CURL* easy, CURLoption option, ...) {
  static const auto real = pv::curl::find<decltype(&::curl_easy_setopt)>("curl_easy_setopt");
  if (real == nullptr) { return CURLE_FAILED_INIT; }
  std::va_list values;
  va_start(values, option);
  CURLcode code = CURLE_UNKNOWN_OPTION;
  switch (option / 10'000 * 10'000) {
    case CURLOPTTYPE_LONG: code = real(easy, option, va_arg(values, long)); break;
    case CURLOPTTYPE_OBJECTPOINT:
    case CURLOPTTYPE_BLOB: code = real(easy, option, va_arg(values, void*)); break;
    case CURLOPTTYPE_FUNCTIONPOINT: code = real(easy, option, va_arg(values, void (*)())); break;
    case CURLOPTTYPE_OFF_T: code = real(easy, option, va_arg(values, curl_off_t)); break;
    default: break;
  }
  va_end(values);
  return code;
}

// All that it tells it writes to where a pointer leads.
CURLcode curl_easy_getinfo(CURL* easy, CURLINFO info, ...) {
  static const auto real = pv::curl::find<decltype(&::curl_easy_getinfo)>("curl_easy_getinfo");
  if (real == nullptr) { return CURLE_FAILED_INIT; }
  std::va_list values;
  va_start(values, info);
  const CURLcode code = real(easy, info, va_arg(values, void*));
  va_end(values);
  return code;
}

PV_HAND_ON(CURLM*, nullptr, curl_multi_init, (), ())
PV_HAND_ON(CURLMcode, CURLM_BAD_HANDLE, curl_multi_cleanup, (CURLM * multi), (multi))
PV_HAND_ON(CURLMcode, CURLM_BAD_HANDLE, curl_multi_add_handle, (CURLM * multi, CURL* easy),
           (multi, easy))
PV_HAND_ON(CURLMcode, CURLM_BAD_HANDLE, curl_multi_remove_handle, (CURLM * multi, CURL* easy),
           (multi, easy))
PV_HAND_ON(CURLMcode, CURLM_BAD_HANDLE, curl_multi_perform, (CURLM * multi, int* running),
           (multi, running))
PV_HAND_ON(CURLMcode, CURLM_BAD_HANDLE, curl_multi_poll,
           (CURLM * multi, curl_waitfd extra[], unsigned extras, int timeout_ms, int* ready),
           (multi, extra, extras, timeout_ms, ready))
PV_HAND_ON(CURLMcode, CURLM_BAD_HANDLE, curl_multi_wakeup, (CURLM * multi), (multi))
PV_HAND_ON(CURLMsg*, nullptr, curl_multi_info_read, (CURLM * multi, int* left), (multi, left))

PV_HAND_ON(curl_slist*, nullptr, curl_slist_append, (curl_slist * list, const char* text),
           (list, text))
PV_HAND_ON_VOID(curl_slist_free_all, (curl_slist * list), (list))

PV_HAND_ON(curl_mime*, nullptr, curl_mime_init, (CURL * easy), (easy))
PV_HAND_ON_VOID(curl_mime_free, (curl_mime * mime), (mime))
PV_HAND_ON(curl_mimepart*, nullptr, curl_mime_addpart, (curl_mime * mime), (mime))
PV_HAND_ON(CURLcode, CURLE_FAILED_INIT, curl_mime_name, (curl_mimepart * part, const char* name),
           (part, name))
PV_HAND_ON(CURLcode, CURLE_FAILED_INIT, curl_mime_filename,
           (curl_mimepart * part, const char* name), (part, name))
PV_HAND_ON(CURLcode, CURLE_FAILED_INIT, curl_mime_type, (curl_mimepart * part, const char* type),
           (part, type))
PV_HAND_ON(CURLcode, CURLE_FAILED_INIT, curl_mime_data,
           (curl_mimepart * part, const char* data, std::size_t size), (part, data, size))
PV_HAND_ON(CURLcode, CURLE_FAILED_INIT, curl_mime_data_cb,
           (curl_mimepart * part, curl_off_t size, curl_read_callback read, curl_seek_callback seek,
            curl_free_callback release, void* user),
           (part, size, read, seek, release, user))

PV_HAND_ON(CURLU*, nullptr, curl_url, (), ())
PV_HAND_ON_VOID(curl_url_cleanup, (CURLU * url), (url))
PV_HAND_ON(CURLUcode, CURLUE_BAD_HANDLE, curl_url_get,
           (pv::curl::UrlToRead url, CURLUPart what, char** part, unsigned flags),
           (url, what, part, flags))
PV_HAND_ON(CURLUcode, CURLUE_BAD_HANDLE, curl_url_set,
           (CURLU * url, CURLUPart what, const char* part, unsigned flags),
           (url, what, part, flags))

}  // extern "C"
// NOLINTEND(bugprone-macro-parentheses,bugprone-branch-clone)
