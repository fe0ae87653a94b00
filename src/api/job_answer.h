// Jobs as the API shows them, and waiting for them.
#pragma once

#include <boost/json/object.hpp>
#include <memory>

#include "api/exchange.h"
#include "jobs/job.h"

namespace pv::api {

// {"id","kind","name","state","phase","bytesTotal","bytesDone","bytesPerSecond","started","finished","error",
//  "warnings","report"}, and "preflight" when it has ended as one: docs/api.md describes each.
[[nodiscard]] boost::json::object job_json(const jobs::Status& status);

// The same in that language, as far as it is for people.
[[nodiscard]] boost::json::object told_job(const jobs::Status& status, Language language);

// Continues when the job has ended, with how it did.
[[nodiscard]] boost::asio::awaitable<jobs::Status> wait_for_end(std::shared_ptr<jobs::Job> job);

// 202 with Location and the job.
[[nodiscard]] http::Response accepted(const Exchange& exchange, const jobs::Job& job);

}  // namespace pv::api
