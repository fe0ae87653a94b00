// What went wrong with a request, in PocketBase's shape. The only place where an error becomes an
// HTTP status.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "api/messages.h"
#include "base/error.h"
#include "http/message.h"

namespace pv::api {

// data.<field> = {"code", "message", "params"}; "params" only where the rule has some.
struct FieldProblem {
  std::string field;  // "name"; with dots in nested objects: "backups.s3.bucket"
  std::string code;
  Message message;
  boost::json::object params;
  std::string unknown = {};  // a client's own name after it, which is not split: settings::Fault
};

struct Problem {
  unsigned status = 400;
  Message message;
  std::vector<FieldProblem> fields;
  std::optional<Error> cause;  // for the log, never for the client
};

// What a route answers.
using Answer = tl::expected<http::Response, Problem>;

[[nodiscard]] Problem problem(unsigned status, const Phrase& phrase,
                              std::initializer_list<std::string_view> values = {});

[[nodiscard]] Problem not_found();
[[nodiscard]] Problem something_wrong();
[[nodiscard]] Problem busy();
// 400 "An error occurred while validating the submitted data."
[[nodiscard]] Problem invalid(std::vector<FieldProblem> fields);
[[nodiscard]] Problem invalid(FieldProblem field);

// An error that the route has no words of its own for. 404 for kNotFound, 503 for kBusy (the data
// is being exchanged), else PocketBase's 400 for anything unclassified.
[[nodiscard]] Problem problem_of(const Error& error);
// The same, but the text of the error is shown, for routes of our own: 404 for kNotFound, 400.
[[nodiscard]] Problem explained(const Error& error);

// {"data":...,"message":...,"status":...} and a newline.
[[nodiscard]] std::string to_body(const Problem& problem, Language language);

// `is_head`: without the body.
[[nodiscard]] http::Response to_response(const Problem& problem, Language language, bool is_head);

}  // namespace pv::api
