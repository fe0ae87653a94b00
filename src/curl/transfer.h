// What the clients of this room share: one transfer of libcurl that can be told to stop.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace pv::curl {

struct FreeEasy {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
};
struct FreeList {
  void operator()(::curl_slist* list) const { ::curl_slist_free_all(list); }
};
using List = std::unique_ptr<::curl_slist, FreeList>;

void append(List& list, const std::string& line);

// A proxy from the environment can't reach a server of this machine. IPv6 in brackets.
[[nodiscard]] bool is_loopback(const std::string& host);

[[nodiscard]] Code code_of(CURLcode code);

// An easy handle, and the loop that drives it. Connections stay open in between.
//
// Threads    One at a time; a stop may be requested from any.
class Transfer {
 public:
  Transfer();
  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  // Runs what easy() is set up for. nullopt: told to stop.
  [[nodiscard]] std::optional<CURLcode> run(const std::stop_token& stop);

 private:
  [[nodiscard]] std::optional<CURLcode> drive(const std::stop_token& stop);
  void hang_up();

  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::unique_ptr<CURL, FreeEasy> easy_;
};

}  // namespace pv::curl
