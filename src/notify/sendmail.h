// Mail through the machine's own sendmail, as PocketBase sends it while SMTP is off.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace pv::notify {

// /usr/sbin/sendmail, /usr/bin/sendmail, and where `search_path` (PATH) has one.
[[nodiscard]] std::vector<std::string> sendmail_places(const std::string& search_path);

// Gives `message` (lines end with CRLF) to the first of `places` that can be run, and waits for its
// end, `patience` at most. `to` is an address, checked.
// Errors     kUnsupported: there is no sendmail, in PocketBase's words. kUnavailable: it failed;
// the
//            text is the first line that it complained with. kCancelled.
[[nodiscard]] Result<void> run_sendmail(const std::vector<std::string>& places,
                                        const std::string& to, const std::string& message,
                                        std::chrono::seconds patience, const std::stop_token& stop);

}  // namespace pv::notify
