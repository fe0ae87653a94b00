#include "jobs/live_settings.h"

namespace pv::jobs {
namespace {

constexpr std::size_t kProcessIdLength = 10;  // as PocketBase's

}  // namespace

LiveSettings::LiveSettings(datadir::DataDir& directory, std::string encryption_key,
                           const Clock& clock, Random& random)
    : directory_{directory},
      encryption_key_{std::move(encryption_key)},
      clock_{clock},
      random_{random},
      process_id_{random_text(random, kAlphanumeric, kProcessIdLength)} {
  refresh();
}

std::shared_ptr<const settings::Settings> LiveSettings::now() const {
  const std::lock_guard lock{mutex_};
  return now_;
}

bool LiveSettings::refresh() {
  const auto version = directory_.data_version();
  if (!version.has_value()) { return false; }
  {
    const std::lock_guard lock{mutex_};
    if (seen_ == *version) { return false; }
  }
  auto settings = directory_.read<settings::Settings>(
      [&](sqlite::Connection& data) { return settings::read(data, encryption_key_); });
  const std::lock_guard lock{mutex_};
  if (settings.has_value() || settings.error().code == Code::kUnauthenticated) { seen_ = *version; }
  if (!settings.has_value() || *settings == *now_) { return false; }
  now_ = std::make_shared<settings::Settings>(*std::move(settings));
  return true;
}

Result<boost::json::object> LiveSettings::show(settings::Edition edition) {
  return directory_.read<boost::json::object>(
      [&](sqlite::Connection& data) -> Result<boost::json::object> {
        PV_TRY(const settings::Document document, settings::read_document(data, encryption_key_));
        return document.shown(edition);
      });
}

Result<SettingsChange> LiveSettings::change(const std::vector<boost::json::object>& changes,
                                            settings::Edition edition) {
  Result<SettingsChange> changed =
      directory_.write<SettingsChange>([&](sqlite::Connection& data) -> Result<SettingsChange> {
        PV_TRY(sqlite::Transaction transaction, sqlite::Transaction::begin_immediate(data));
        PV_TRY(settings::Document document, settings::read_document(data, encryption_key_));
        for (const boost::json::object& change : changes) {
          std::vector<settings::Fault> faults = document.apply(change, edition);
          if (!faults.empty()) {
            return SettingsChange{.is_unreadable = true, .faults = std::move(faults)};
          }
        }
        if (std::vector<settings::Fault> faults = document.validate(); !faults.empty()) {
          return SettingsChange{.faults = std::move(faults)};
        }
        PV_CHECK(settings::save_document(data, document, encryption_key_, clock_, random_));
        PV_CHECK(transaction.commit());
        return SettingsChange{.shown = document.shown(edition)};
      });
  if (changed.has_value() && changed->faults.empty()) {
    announce();
    refresh();
  }
  return changed;
}

// A file that comes and goes in .notify, which PocketBase makes and watches. Without that folder
// nobody listens.
void LiveSettings::announce() const {
  const fs::Path file = directory_.path() / ".notify" / ("settings@" + process_id_);
  if (const auto made = fs::create_new(file); made.has_value()) {
    std::ignore = fs::remove_file(file);
  }
}

}  // namespace pv::jobs
