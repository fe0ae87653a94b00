#include "api/problem.h"

#include <boost/json/value.hpp>
#include <utility>

#include "api/json.h"
#include "base/translate.h"
#include "datadir/data_dir.h"

namespace pv::api {
namespace {

namespace json = boost::json;

json::object to_object(const FieldProblem& field, Language language) {
  json::object object{{"code", field.code}, {"message", in(language, field.message)}};
  if (!field.params.empty()) { object.emplace("params", sorted(field.params)); }
  return object;
}

// The object in which the last part of a dotted path belongs, and that part. No form is as deep as
// kDepthMax; below it dots are letters, so that no path makes objects too deep to be written.
std::pair<json::object*, std::string_view> place_of(std::string_view path, json::object& root) {
  constexpr int kDepthMax = 8;
  json::object* object = &root;
  for (int depth = 0;; ++depth) {
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos || depth == kDepthMax) { return {object, path}; }
    json::value& inner = (*object)[path.substr(0, dot)];
    if (!inner.is_object()) { inner.emplace_object(); }
    object = &inner.get_object();
    path.remove_prefix(dot + 1);
  }
}

// The cause, where it stands at the end, is another room's English.
std::string message_in(Language language, const Problem& problem) {
  std::string text = in(language, problem.message);
  if (language == Language::kEnglish || !problem.cause) { return text; }
  const std::string& because = problem.cause->what;
  if (because.empty() || !text.ends_with(because)) { return text; }
  text.resize(text.size() - because.size());
  return text + told(language, because);
}

}  // namespace

Problem problem(unsigned status, const Phrase& phrase,
                std::initializer_list<std::string_view> values) {
  Problem result;
  result.status = status;
  result.message = say(phrase, values);
  return result;
}

Problem not_found() { return problem(404, phrase::kNotFound); }
Problem something_wrong() { return problem(400, phrase::kSomethingWrong); }
Problem busy() { return problem(400, phrase::kBusy); }

Problem invalid(std::vector<FieldProblem> fields) {
  Problem result = problem(400, phrase::kValidating);
  result.fields = std::move(fields);
  return result;
}

Problem invalid(FieldProblem field) {
  std::vector<FieldProblem> fields;
  fields.push_back(std::move(field));
  return invalid(std::move(fields));
}

namespace {

bool tells_of_loss(const Error& error) {
  return error.code == Code::kBusy && error.what.find(datadir::kLostToOthers) != std::string::npos;
}

// Without a cause: the log has it from jobs::Reopening, and strangers could fill the log with it.
Problem lost() { return problem(503, phrase::kLostToOthers); }

}  // namespace

Problem problem_of(const Error& error) {
  if (error.code == Code::kNotFound) { return not_found(); }
  if (tells_of_loss(error)) { return lost(); }
  Problem result = something_wrong();
  if (error.code == Code::kBusy) { result = problem(503, phrase::kSuspended); }
  if (error.code == Code::kInternal) { result.status = 500; }
  result.cause = error;
  return result;
}

Problem explained(const Error& error) {
  if (error.code == Code::kNotFound) { return not_found(); }
  if (tells_of_loss(error)) { return lost(); }
  if (error.code == Code::kBusy) { return busy(); }
  Problem result = problem(400, phrase::kFailedBecause, {error.what});
  result.cause = error;
  return result;
}

std::string to_body(const Problem& problem, Language language) {
  json::object data;
  for (const FieldProblem& field : problem.fields) {
    const auto [object, name] = place_of(field.field, data);
    object->insert_or_assign(std::string{name} + field.unknown, to_object(field, language));
  }
  json::object object;
  object.emplace("data", sorted(data));
  object.emplace("message", message_in(language, problem));
  object.emplace("status", problem.status);
  return to_json(object) + "\n";
}

http::Response to_response(const Problem& problem, Language language, bool is_head) {
  http::Response response;
  response.status = problem.status;
  response.headers.add("Content-Type", "application/json");
  if (is_head) { return response; }
  std::string body = to_body(problem, language);
  response.omit_length = body.size() > 2048;  // as Go's server, which buffers so much
  response.body.emplace_back(std::move(body));
  return response;
}

}  // namespace pv::api
