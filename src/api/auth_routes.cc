// Signing in, for every auth collection of the directory.
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "base/ip.h"

namespace pv::api {
namespace {

namespace json = boost::json;

// Checking a password costs 60 ms of a processor; more than so many at once would only wait.
constexpr std::size_t kSignInsMax = 64;  // being checked or waiting for it: some 2 s of work

// A problem of the path's collection.
Problem no_collection(const Error& error) {
  if (error.code == Code::kNotFound) { return problem(404, phrase::kNoCollection); }
  if (error.code == Code::kInvalid) { return problem(404, phrase::kNoAuthCollection); }
  return problem_of(error);
}

bool password_enabled(const auth::Collection& collection) {
  const json::object methods = auth::auth_methods(collection);
  const json::value* password = methods.if_contains("password");
  if (password == nullptr || !password->is_object()) { return false; }
  const json::value* enabled = password->get_object().if_contains("enabled");
  return enabled != nullptr && enabled->is_bool() && enabled->get_bool();
}

Problem problem_of_form(FormFault fault) {
  switch (fault) {
    case FormFault::kMalformed: return problem(400, phrase::kLoading);
    case FormFault::kUnsupportedType: return problem(400, phrase::kUnsupportedType);
    case FormFault::kMisspelled:  // of lists, which these forms have none of
    case FormFault::kXml: return something_wrong();
    case FormFault::kTooLarge: return problem(413, phrase::kTooLarge);
  }
  return something_wrong();
}

FieldProblem to_field_problem(const auth::FieldError& error) {
  return {.field = error.field,
          .code = error.code,
          .message = say_text(error.message),
          .params = error.params};
}

Problem problem_of_refusal(const auth::SignInResult& result) {
  switch (*result.refusal) {
    case auth::SignInRefusal::kFields: {
      std::vector<FieldProblem> fields;
      for (const auth::FieldError& error : result.fields) {
        fields.push_back(to_field_problem(error));
      }
      return invalid(std::move(fields));
    }
    case auth::SignInRefusal::kFailed: return problem(400, phrase::kFailedToAuthenticate);
    case auth::SignInRefusal::kNotConfigured: return problem(403, phrase::kPasswordAuthOff);
    case auth::SignInRefusal::kRule: return problem(403, phrase::kAuthRule);
    case auth::SignInRefusal::kUnsupported: break;
  }
  Problem refused = problem(403, phrase::kSignInUnsupported, {result.message});
  refused.message.english = sentence(result.message);
  return refused;
}

json::object record_and_token(json::object record, std::string token) {
  json::object answer;
  answer.emplace("record", std::move(record));
  answer.emplace("token", std::move(token));
  return answer;
}

// Counts a sign-in while it is checked.
class SignInSlot {
 public:
  explicit SignInSlot(std::size_t& count) : count_{count} { ++count_; }
  ~SignInSlot() { --count_; }
  SignInSlot(const SignInSlot&) = delete;
  SignInSlot& operator=(const SignInSlot&) = delete;

 private:
  std::size_t& count_;
};

http::Task<auth::SignInResult> check_password(Exchange& exchange, auth::Collection collection,
                                              FormValues values) {
  const Parts& parts = exchange.services.parts;
  auth::SignIn request{.identity = values["identity"],
                       .password = values["password"],
                       .identity_field = values["identityField"],
                       .user_agent = exchange.header("User-Agent"),
                       .real_ip = exchange.ip};
  auth::Access access;
  access.read = [&parts](const auth::Access::Work& work) {
    return parts.directory.read<void>(work);
  };
  access.write = [&parts](const auth::Access::Work& work) {
    return parts.directory.write<void>(work);
  };
  std::function<Result<auth::SignInResult>()> work = [&parts, access = std::move(access),
                                                      collection = std::move(collection),
                                                      request = std::move(request)] {
    return auth::sign_in(access, collection, request, parts.clock, parts.random);
  };
  co_return co_await http::offload<auth::SignInResult>(exchange.services.parts.pools.passwords,
                                                       std::move(work));
}

// The record with a token: a new one, or the one that was presented.
http::Task<json::object> record_answer(const Services& services, auth::Collection collection,
                                       std::string record_id,
                                       std::optional<std::string> presented) {
  const Clock& clock = services.parts.clock;
  std::function<Result<json::object>(sqlite::Connection&)> work =
      [&clock, collection = std::move(collection), record_id = std::move(record_id),
       presented = std::move(presented)](sqlite::Connection& data) -> Result<json::object> {
    PV_TRY(json::object record, auth::read_record(data, collection, record_id));
    if (presented) { return record_and_token(std::move(record), *presented); }
    PV_TRY(std::string token,
           auth::issue_token(data, collection, record_id, auth::TokenKind::kAuth, clock));
    return record_and_token(std::move(record), std::move(token));
  };
  co_return co_await reading<json::object>(services, std::move(work));
}

}  // namespace

http::Task<auth::Collection> find_collection(const Services& services, std::string id_or_name) {
  std::function<Result<auth::Collection>(sqlite::Connection&)> work =
      [id_or_name = std::move(id_or_name)](sqlite::Connection& data) {
        return auth::find_collection(data, id_or_name);
      };
  co_return co_await reading<auth::Collection>(services, std::move(work));
}

AnswerTask sign_in(Exchange& exchange) {
  const Services& services = exchange.services;
  auto collection = co_await find_collection(services, exchange.value());
  if (!collection.has_value()) { co_return tl::unexpected{no_collection(collection.error())}; }
  if (!password_enabled(*collection)) {
    co_return tl::unexpected{problem(403, phrase::kPasswordAuthOff)};
  }
  constexpr std::array<FormField, 3> kFields{{{"identity"}, {"password"}, {"identityField"}}};
  Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault) { co_return tl::unexpected{problem_of_form(*form.fault)}; }
  SignInGuard& guard = services.limiters.sign_ins;
  const Clock& clock = services.parts.clock;
  if (services.sign_ins >= kSignInsMax || !guard.begin(exchange.ip, clock.steady_now())) {
    co_return tl::unexpected{problem(429, phrase::kTooMany)};
  }
  const SignInSlot slot{services.sign_ins};
  const auto result = co_await check_password(exchange, *collection, std::move(form.values));
  if (!result.has_value() || result->refusal != auth::SignInRefusal::kFailed) {
    guard.take_back(exchange.ip, clock.steady_now());
  }
  if (!result.has_value()) { co_return tl::unexpected{problem_of(result.error())}; }
  if (result->refusal) { co_return tl::unexpected{problem_of_refusal(*result)}; }
  if (collection->is_superusers() && !allowed_ip(exchange.ip, exchange.settings.superuser_ips)) {
    co_return tl::unexpected{problem(403, phrase::kForbidden)};
  }
  const auto answer =
      co_await record_answer(services, *collection, result->record_id, std::nullopt);
  if (!answer.has_value()) { co_return tl::unexpected{problem_of(answer.error())}; }
  co_return json_answer(exchange, 200, *answer);
}

AnswerTask refresh(Exchange& exchange) {
  auto collection = co_await find_collection(exchange.services, exchange.value());
  const bool known = collection.has_value() || collection.error().code == Code::kInvalid;
  if (!known) { co_return tl::unexpected{no_collection(collection.error())}; }
  if (!exchange.who) { co_return tl::unexpected{problem(401, phrase::kAuthRequired)}; }
  const auth::Principal who = *exchange.who;
  if (!collection.has_value() || collection->id != who.collection_id) {
    co_return tl::unexpected{problem(403, phrase::kOtherCollection, {who.collection_name})};
  }
  // The body says nothing, but it must be one that could be read.
  constexpr std::array<FormField, 1> kNothing{{{""}}};
  const Form form = co_await read_form(exchange.request, exchange.body, kNothing);
  if (form.fault == FormFault::kUnsupportedType) {
    co_return tl::unexpected{problem(400, phrase::kUnsupportedType)};
  }
  if (form.fault) { co_return tl::unexpected{something_wrong()}; }
  std::optional<std::string> presented;
  if (!who.refreshable) { presented = who.token; }
  const auto answer =
      co_await record_answer(exchange.services, *collection, who.record_id, std::move(presented));
  if (!answer.has_value()) { co_return tl::unexpected{problem_of(answer.error())}; }
  co_return json_answer(exchange, 200, *answer);
}

AnswerTask auth_methods(Exchange& exchange) {
  const auto collection = co_await find_collection(exchange.services, exchange.value());
  if (!collection.has_value()) { co_return tl::unexpected{no_collection(collection.error())}; }
  co_return json_answer(exchange, 200, auth::auth_methods(*collection));
}

AnswerTask file_token(Exchange& exchange) {
  if (!exchange.who) { co_return tl::unexpected{problem(401, phrase::kAuthRequired)}; }
  const Clock& clock = exchange.services.parts.clock;
  std::function<Result<std::string>(sqlite::Connection&)> work =
      [&clock, who = *exchange.who](sqlite::Connection& data) -> Result<std::string> {
    PV_TRY(const auth::Collection collection, auth::find_collection(data, who.collection_id));
    return auth::issue_token(data, collection, who.record_id, auth::TokenKind::kFile, clock);
  };
  auto token = co_await reading<std::string>(exchange.services, std::move(work));
  if (!token.has_value()) { co_return tl::unexpected{problem_of(token.error())}; }
  json::object answer;
  answer.emplace("token", *std::move(token));
  co_return json_answer(exchange, 200, answer);
}

}  // namespace pv::api
