#include "app/reload.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pv::app {
namespace {

std::string value_in(const std::vector<cli::Setting>& settings, const std::string& key) {
  const auto found = std::ranges::find(settings, key, &cli::Setting::key);
  if (found == settings.end() || found->value.empty()) { return "none"; }
  return printable(cli::shown_value(*found));
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) { all += (all.empty() ? "" : ", ") + word; }
  return all;
}

}  // namespace

OptionChanges changes_of(const std::vector<cli::Setting>& started,
                         const std::vector<cli::Setting>& before,
                         const std::vector<cli::Setting>& now) {
  OptionChanges changes;
  for (const cli::Setting& setting : now) {
    const bool is_live = cli::spec_of(setting.key).is_live;
    const std::vector<cli::Setting>& other = is_live ? before : started;
    const auto was = std::ranges::find(other, setting.key, &cli::Setting::key);
    if (was != other.end() && was->value == setting.value) { continue; }
    if (is_live) {
      changes.taken.push_back(setting.key + ": " + value_in(now, setting.key) +
                              " (was: " + value_in(before, setting.key) + ")");
    } else {
      changes.need_restart.push_back(setting.key);
    }
  }
  return changes;
}

std::optional<cli::ServeOptions> Reload::read() {
  if (!started_.reread) { return std::nullopt; }
  Result<cli::ServeOptions> read = started_.reread();
  if (!read.has_value()) {
    spdlog::error("the options were not taken, all stays as it was: {}",
                  printable(read.error().what));
    return std::nullopt;
  }
  const OptionChanges changes = changes_of(started_.settings, now_.settings, read->settings);
  spdlog::info("the options were read again (SIGHUP): {}",
               changes.taken.empty() ? "nothing to take" : joined(changes.taken));
  if (!changes.need_restart.empty()) {
    spdlog::warn("these need a restart: {}", joined(changes.need_restart));
  }
  now_ = *std::move(read);
  return now_;
}

}  // namespace pv::app
