// Tells people when something is wrong with their backups, and when all is well again.
//
// What is wrong is derived from the directory and its history at each look, not handed on by what
// went wrong: so a crash, another process, or a server that was away make no difference. What is
// told, to whom and whether it arrived is in vault.db, and goes on after a restart; while that
// can't be written, it is in memory, and nobody hears of anything later for that.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "alerts/alert_conditions.h"
#include "alerts/couriers.h"
#include "alerts/mailer.h"
#include "jobs/vault.h"
#include "notify/webhook.h"
#include "settings/vault_settings.h"
#include "state/alerts.h"

namespace pv::alerts {

// Where a notice goes: an address, or a webhook.
struct Channel {
  std::string id;  // "mail:ops@example.com", "webhook:Team"
  std::string email{};
  std::optional<notify::Webhook> webhook{};
  std::vector<std::string> kinds{};  // that it wants to know
};

struct AlertsOptions {
  // Told in one line what is worth knowing; from any thread, several at once.
  std::function<void(bool is_warning, const std::string& what)> say =
      [](bool /*is_warning*/, const std::string& /*what*/) {};
  // How a notice is sent; for tests, and from any thread. Empty: as a channel has it.
  std::function<Result<void>(const Channel&, const notify::Notice&, const std::stop_token&)> send =
      {};
};

// Threads    run() on one thread; the others on any. All block. What is due is sent by threads of
//            its own, so that a channel which does not answer holds up no other.
// Lifetime   What it is made of outlives it.
class Alerts {
 public:
  Alerts(jobs::Vault& vault, Mailer& mailer, settings::VaultSettingsFile& own_settings,
         const Clock& clock, AlertsOptions options = {});

  // Looks, and has what is due sent. How long nothing will be due, if nothing happens.
  [[nodiscard]] std::chrono::seconds run(const std::stop_token& stop);
  // Until what run() has set going is sent, or has failed; for tests.
  void wait();

  // Sends a test message at once; `channel` is an id, or the name or address in it. kNotFound:
  // there is no such channel, and the text says which there are. The rest as it is when sending
  // fails.
  [[nodiscard]] Result<void> test(const std::string& channel, const std::stop_token& stop);

  // Of what is sent at somebody's wish: told to stop when the process ends.
  [[nodiscard]] std::stop_token wishes() const { return wishes_.get_token(); }
  // Whatever is on its way ends, and nothing more is sent.
  void shut_down();

  // docs/api.md, "Alerts". Strings are valid UTF-8.
  [[nodiscard]] Result<boost::json::object> report();

  [[nodiscard]] Mailer& mailer() { return mailer_; }

 private:
  void look();
  [[nodiscard]] Sight see(const state::AlertState& state, WallTime now, state::AlertChange& change);
  void judge(const Sight& sight, const state::AlertState& state, WallTime now,
             state::AlertChange& change);
  [[nodiscard]] static std::optional<WallTime> missed_since(const state::AlertState& state);
  void mark_missed(const std::vector<Condition>& conditions, const Sight& sight,
                   const state::AlertState& state, WallTime now, state::AlertChange& change);
  void ping(const Sight& sight, const state::AlertState& state, WallTime now,
            state::AlertChange& change);
  void open(const std::vector<Condition>& conditions, const state::AlertState& state, WallTime now,
            state::AlertChange& change);
  using EndedBySettings = std::function<bool(const state::OpenAlert&)>;
  void close(const std::vector<Condition>& conditions, const Sight& sight,
             const EndedBySettings& is_ended_by_settings, const state::AlertState& state,
             WallTime now, state::AlertChange& change);
  void mark_bounds(const std::vector<Condition>& conditions, const state::AlertState& state,
                   WallTime now, state::AlertChange& change);
  [[nodiscard]] bool is_waiting(const std::string& name) const;
  void tell_whether_settings_are_known();
  [[nodiscard]] state::Delivery notice(const Channel& channel, const std::string& kind,
                                       const std::string& text, WallTime now) const;
  void note(state::AlertChange change);
  void tell_whether_written(const Result<void>& written);
  void look_behind(const jobs::Overview& overview, WallTime now);
  [[nodiscard]] bool is_due(const state::Delivery& delivery) const;
  void serve(const std::string& channel, const std::stop_token& stop);
  [[nodiscard]] bool deliver(state::Delivery delivery, const std::stop_token& stop);
  [[nodiscard]] Result<void> send(const Channel& channel, const state::Delivery& delivery,
                                  const std::stop_token& stop);
  [[nodiscard]] std::vector<Channel> channels();
  [[nodiscard]] bool may_come_back(const std::string& channel);
  void refresh();
  [[nodiscard]] state::Notebook& notebook() const { return vault_.notebook(); }

  jobs::Vault& vault_;
  Mailer& mailer_;
  settings::VaultSettingsFile& own_settings_;
  const Clock& clock_;
  const AlertsOptions options_;

  // Of the thread that calls run().
  std::optional<WallTime> unseen_since_;
  std::optional<WallTime> behind_since_;
  std::string behind_;
  std::string said_settings_trouble_;

  std::stop_source wishes_;
  std::mutex mutex_;
  // As they could be read last: a data.db that is damaged is what people want to be told of.
  settings::Settings settings_;
  std::vector<std::string> superusers_;
  bool is_data_known_ = false;  // both of these were read once
  std::string said_trouble_;    // of vault.db

  // Last, so that they are back before the rest goes.
  Couriers mail_couriers_;
  Couriers webhook_couriers_;
};

// After so many failures in a row the next attempt comes so much later: a minute, then twice as
// long each time, an hour at most.
[[nodiscard]] std::chrono::seconds pause_after(std::int64_t failures);

}  // namespace pv::alerts
