// PocketBase's test mail.
#include <algorithm>
#include <array>

#include "alerts/template_mail.h"
#include "api/exchange.h"
#include "api/forms.h"
#include "base/email.h"

namespace pv::api {
namespace {

struct Wish {
  std::string email;
  std::string which;       // template
  std::string collection;  // id or name
};

void refuse(std::vector<FieldProblem>& faults, std::string field, std::string code,
            Message message) {
  faults.push_back({.field = std::move(field),
                    .code = std::move(code),
                    .message = std::move(message),
                    .params = {}});
}

// PocketBase's rules: the first thing wrong with each field.
std::vector<FieldProblem> faults_of(const Wish& wish) {
  constexpr std::size_t kLengthMax = 255;
  std::vector<FieldProblem> faults;
  const auto is_too_long = [&](const char* field, const std::string& text) {
    if (text.size() <= kLengthMax) { return false; }
    refuse(faults, field, "validation_length_out_of_range",
           say(phrase::kLengthBetween, {"1", "255"}));
    faults.back().params = {{"min", 1}, {"max", kLengthMax}};
    return true;
  };
  if (wish.email.empty()) {
    refuse(faults, "email", "validation_required", say(phrase::kBlank));
  } else if (!is_too_long("email", wish.email) && !is_email(wish.email)) {
    refuse(faults, "email", "validation_is_email", say(phrase::kEmail));
  }
  if (wish.which.empty()) {
    refuse(faults, "template", "validation_required", say(phrase::kBlank));
  } else if (!alerts::mail_template_of(wish.which)) {
    refuse(faults, "template", "validation_in_invalid", say(phrase::kOneOf));
  }
  std::ignore = is_too_long("collection", wish.collection);
  return faults;
}

Problem refused(std::vector<FieldProblem> faults) {
  Problem result = problem(400, phrase::kMailTestFailed);
  result.fields = std::move(faults);
  return result;
}

bool has_fault(const std::vector<FieldProblem>& faults, std::string_view field) {
  return std::ranges::find(faults, field, &FieldProblem::field) != faults.end();
}

http::Task<void> send(const Services& services, Wish wish, auth::Collection collection) {
  std::function<Result<void>()> work = [parts = services.parts, wish = std::move(wish),
                                        collection = std::move(collection)]() -> Result<void> {
    alerts::Mailer& mailer = parts.alerts.mailer();
    PV_TRY(const settings::Settings settings, mailer.settings());
    return mailer.send(settings,
                       alerts::fill_template(collection, *alerts::mail_template_of(wish.which),
                                             wish.email, settings, parts.clock.now(), parts.random),
                       parts.alerts.wishes());
  };
  co_return co_await asking_peer<void>(services, std::move(work));
}

}  // namespace

AnswerTask test_email(Exchange& exchange) {
  static constexpr std::array<FormField, 3> kFields{
      {{"email", "Email"}, {"template", "Template"}, {"collection", "Collection"}}};
  Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  const Wish wish{.email = form.values["email"],
                  .which = form.values["template"],
                  .collection = form.values["collection"]};
  std::vector<FieldProblem> faults = faults_of(wish);
  const std::string which =
      wish.collection.empty() ? std::string{auth::kSuperusers} : wish.collection;
  const auto collection = co_await find_collection(exchange.services, which);
  const bool is_none = !collection.has_value() && (collection.error().code == Code::kNotFound ||
                                                   collection.error().code == Code::kInvalid);
  if (!collection.has_value() && !is_none) {
    co_return tl::unexpected{problem_of(collection.error())};
  }
  if (is_none && !has_fault(faults, "collection")) {
    refuse(faults, "collection", "validation_invalid_auth_collection",
           say(phrase::kAuthCollection));
  }
  if (!faults.empty()) { co_return tl::unexpected{refused(std::move(faults))}; }
  const auto sent = co_await send(exchange.services, wish, *collection);
  if (sent.has_value()) { co_return empty_answer(204); }
  Problem failed = problem(400, phrase::kMailTestFailedBecause, {sent.error().what});
  failed.cause = sent.error();
  co_return tl::unexpected{std::move(failed)};
}

}  // namespace pv::api
