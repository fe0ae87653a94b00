// Trying the buckets of the settings.
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "places/bucket.h"

namespace pv::api {
namespace {

Problem bad_filesystem(std::string_view code, const Phrase& phrase) {
  Problem result = problem(400, phrase::kBucketTestFailed);
  result.fields.push_back(
      {.field = "filesystem", .code = std::string{code}, .message = say(phrase), .params = {}});
  return result;
}

Problem test_failed(const Error& error) {
  Problem failed = problem(400, phrase::kBucketTestFailedBecause, {error.what});
  failed.cause = error;
  return failed;
}

http::Task<void> try_it(const Services& services, settings::S3 section) {
  std::function<Result<void>()> work = [&random = services.parts.random,
                                        section = std::move(section)]() -> Result<void> {
    PV_TRY(s3::Options bucket, places::bucket_of(section));
    return places::try_bucket(std::move(bucket), random);
  };
  co_return co_await blocking<void>(services, std::move(work));
}

}  // namespace

AnswerTask test_bucket(Exchange& exchange) {
  static constexpr std::array<FormField, 1> kFields{{{"filesystem", "Filesystem"}}};
  Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  const std::string which = std::move(form.values["filesystem"]);
  if (which.empty()) {
    co_return tl::unexpected{bad_filesystem("validation_required", phrase::kBlank)};
  }
  if (which != "storage" && which != "backups") {
    co_return tl::unexpected{bad_filesystem("validation_in_invalid", phrase::kOneOf)};
  }
  const settings::S3& section =
      which == "storage" ? exchange.settings.storage_s3 : exchange.settings.backups_s3;
  if (!section.enabled) { co_return tl::unexpected{problem(400, phrase::kBucketNotEnabled)}; }
  const auto tried = co_await try_it(exchange.services, section);
  if (!tried.has_value()) { co_return tl::unexpected{test_failed(tried.error())}; }
  co_return empty_answer(204);
}

}  // namespace pv::api
