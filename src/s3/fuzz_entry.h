// What the fuzz target does with one input; a test replays the corpus through it.
#pragma once

#include "s3/answers.h"
#include "s3/fault.h"
#include "s3/xml.h"

namespace pv::s3 {

// Reads `body` as every kind of answer. Stops the process when a list that was accepted has an
// object without a key, or when an error repeats a secret that the server sent back.
inline void fuzz_s3_answers(std::string_view body) {
  const auto list = parse_list(body);
  if (list.has_value()) {
    for (const Object& object : list->objects) { PV_ASSERT(!object.key.empty()); }
  }
  (void)parse_upload_id(body);
  (void)parse_copied_part(body);
  (void)parse_completed(body);
  const curl::Reply reply{403, {{"Date", std::string{body.substr(0, 64)}}}, std::string{body}};
  const Fault fault = read_fault(reply);
  (void)is_fault_in_success(reply);
  auto address = Address::parse({"localhost", "b", "r"});
  const Credentials credentials{"a", "S3CR3T", "T0K3N", {}};
  const Error error = explain(fault, *address, credentials, WallTime{});
  PV_ASSERT(error.what.find("S3CR3T") == std::string::npos);
  PV_ASSERT(error.what.find("T0K3N") == std::string::npos);
}

}  // namespace pv::s3
