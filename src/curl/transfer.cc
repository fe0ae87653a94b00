#include "curl/transfer.h"

#include <sys/socket.h>

#include <mutex>
#include <string_view>

namespace pv::curl {
namespace {

void initialise_once() {
  static std::once_flag once;
  std::call_once(once, [] { PV_ASSERT(::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

}  // namespace

void append(List& list, const std::string& line) {
  ::curl_slist* longer = ::curl_slist_append(list.get(), line.c_str());
  PV_ASSERT(longer != nullptr);
  std::ignore = list.release();
  list.reset(longer);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         host.starts_with("127.");
}

Code code_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return Code::kInvalid;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return Code::kDenied;
    case CURLE_OUT_OF_MEMORY: return Code::kInternal;
    default: return Code::kUnavailable;
  }
}

Transfer::Transfer() {
  initialise_once();
  multi_.reset(::curl_multi_init());
  easy_.reset(::curl_easy_init());
  PV_ASSERT(multi_ != nullptr && easy_ != nullptr);
}

std::optional<CURLcode> Transfer::run(const std::stop_token& stop) {
  PV_ASSERT(::curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK);
  const std::stop_callback wake{stop, [this] { ::curl_multi_wakeup(multi_.get()); }};
  const std::optional<CURLcode> code = drive(stop);
  if (!code) { hang_up(); }
  ::curl_multi_remove_handle(multi_.get(), easy_.get());
  return code;
}

// libcurl would say goodbye to a mail server, and wait for its answer: minutes, where nothing
// bounds it. Before the server's greeting libcurl does not tell the socket.
void Transfer::hang_up() {
  const char* scheme = nullptr;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_SCHEME, &scheme);
  if (scheme == nullptr || !std::string_view{scheme}.starts_with("SMTP")) { return; }
  ::curl_easy_setopt(easy_.get(), CURLOPT_SERVER_RESPONSE_TIMEOUT, 1L);
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (::curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
      socket != CURL_SOCKET_BAD) {
    ::shutdown(socket, SHUT_RDWR);
  }
}

std::optional<CURLcode> Transfer::drive(const std::stop_token& stop) {
  constexpr int kWaitMilliseconds = 1000;
  for (;;) {
    if (stop.stop_requested()) { return std::nullopt; }
    int running = 0;
    if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK) { return CURLE_FAILED_INIT; }
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg == CURLMSG_DONE) { return message->data.result; }
    }
    if (running == 0) { return CURLE_FAILED_INIT; }
    ::curl_multi_poll(multi_.get(), nullptr, 0, kWaitMilliseconds, nullptr);
  }
}

}  // namespace pv::curl
