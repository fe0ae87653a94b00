#include "jobs/data_facts.h"

#include <algorithm>

#include "settings/settings.h"

namespace pv::jobs {
namespace {

// The migrations that PocketBase itself brings tell which version worked with a database last. Only
// those are listed of which the version is known.
std::string version_of(const std::vector<std::string>& migrations) {
  const bool has_v39 =
      std::binary_search(migrations.begin(), migrations.end(), "1778828400_normalize_indexes.go");
  return has_v39 ? "v0.39 or later" : "v0.23 or later";
}

Result<AppFacts> app_facts(sqlite::Connection& data, const datadir::Contents& contents,
                           const std::string& encryption_key) {
  AppFacts app;
  app.version = version_of(contents.migrations);
  if (!contents.migrations.empty()) { app.newest_migration = contents.migrations.back(); }
  const Result<settings::Settings> settings = settings::read(data, encryption_key);
  if (settings.has_value()) {
    app.name = settings->app_name;
    app.files_in_s3 = settings->storage_s3.enabled;
  } else if (settings.error().code == Code::kUnauthenticated) {
    app.settings_locked = true;
  } else {
    return fail(settings.error());
  }
  return app;
}

}  // namespace

Result<DataFacts> facts_of(sqlite::Connection& data, const std::string& encryption_key) {
  DataFacts facts;
  PV_TRY(facts.contents, datadir::contents_of(data));
  PV_TRY(facts.superusers, auth::list_superusers(data));
  std::erase_if(facts.superusers, [](const auth::Superuser& one) { return !one.has_password; });
  PV_TRY(facts.app, app_facts(data, facts.contents, encryption_key));
  return facts;
}

Deadline deadline_for(std::uint64_t bytes) {
  constexpr std::uint64_t kBytesPerSecondMin = 10'000'000;
  constexpr std::chrono::seconds kAtLeast{60};
  return Deadline::after(kAtLeast + std::chrono::seconds{bytes / kBytesPerSecondMin});
}

}  // namespace pv::jobs
