#include "alerts/alerts.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <sstream>

#include "auth/superusers.h"
#include "base/text.h"
#include "base/translate.h"

namespace pv::alerts {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using settings::AlertSettings;
using state::AlertChange;
using state::AlertState;

constexpr std::chrono::seconds kLookEvery = 5min;
constexpr std::chrono::seconds kTryToWriteEvery = 1min;
constexpr std::chrono::hours kDeliveryAgeMax{24};
constexpr std::chrono::milliseconds kWebhookPatience = 20s;
// All mail goes by one server, which may not like many connections of one client. Of webhooks there
// are as many at most (settings/), so that even if all but one are silent, that one is told.
constexpr std::size_t kMailsAtOnce = 4;
constexpr std::size_t kWebhooksAtOnce = 20;
constexpr std::string_view kMail = "mail:";
constexpr std::size_t kAddressesMax = 20;             // of superusers
constexpr std::string_view kSucceeded = "succeeded";  // for pings alone
constexpr std::string_view kTimetable = "timetable";
constexpr std::string_view kMissed = "missed";
constexpr std::array<std::string_view, 4> kPingKinds{"failed", "missed", "unverified", "behind"};
// By which bounds these were judged when they began.
constexpr std::array<std::string_view, 2> kBoundKinds{"unverified", "spaceLow"};
// What PocketBase mails superusers of, and that it is over.
constexpr std::array<std::string_view, 3> kSuperuserKinds{"failed", "missed", "recovered"};

bool contains(const std::vector<std::string>& list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

template <class List>
std::vector<std::string> both(const std::vector<std::string>& a, const List& b) {
  std::vector<std::string> kinds;
  for (const std::string& kind : a) {
    if (std::ranges::find(b, kind) != b.end()) { kinds.push_back(kind); }
  }
  return kinds;
}

Channel channel_of(const AlertSettings::Webhook& hook, const std::vector<std::string>& on) {
  Channel channel{.id = "webhook:" + hook.name};
  channel.webhook =
      notify::Webhook{.name = hook.name,
                      .preset = notify::preset_of(hook.preset).value_or(notify::Preset::kJson),
                      .url = hook.url,
                      .secret = hook.secret,
                      .token = hook.token,
                      .chat_id = hook.chat_id};
  const std::vector<std::string> wanted = hook.on.empty() ? on : both(on, hook.on);
  channel.kinds = wanted;
  if (channel.webhook->preset == notify::Preset::kPing) {
    channel.kinds = both(wanted, kPingKinds);
    channel.kinds.emplace_back(kSucceeded);
  }
  return channel;
}

bool is_good(const state::Delivery& delivery) {
  const std::string_view kind = delivery.kind;
  return (kind == "recovered" && delivery.title != title_of_partly_over()) || kind == kSucceeded ||
         kind == "test";
}

std::string mark_of_bounds(std::string_view kind) { return "bounds of " + std::string{kind}; }

std::string text_of_bounds(const AlertSettings& settings) {
  return std::to_string(settings.unverified_after.count()) + " " +
         std::to_string(settings.space_low_percent) + " " +
         std::to_string(settings.space_low_bytes);
}

// Those of the mark; the others as they are.
AlertSettings with_bounds(AlertSettings settings, const state::Mark& mark) {
  std::istringstream text{mark.text};
  std::int64_t days = 0;
  AlertSettings then = settings;
  if (!(text >> days >> then.space_low_percent >> then.space_low_bytes)) { return settings; }
  then.unverified_after = std::chrono::days{days};
  return then;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? printable(name.data()) : "?";
}

const state::Mark* find_mark(const AlertState& state, std::string_view name) {
  const auto found = std::ranges::find(state.marks, name, &state::Mark::name);
  return found == state.marks.end() ? nullptr : &*found;
}

std::optional<WallTime> find_told(const AlertState& state, std::string_view kind,
                                  std::string_view channel) {
  const auto found = std::ranges::find_if(state.told, [&](const state::Told& one) {
    return one.kind == kind && one.channel == channel;
  });
  return found == state.told.end() ? std::nullopt : std::optional{found->at};
}

json::object to_json(const state::Delivery& delivery) {
  return {{"id", std::to_string(delivery.number)},
          {"channel", printable(delivery.channel)},
          {"kind", printable(delivery.kind)},
          {"reminder", delivery.is_reminder},
          {"title", printable(delivery.title)},
          {"created", format_pocketbase_date(delivery.created)},
          {"attempts", delivery.attempts},
          {"state", printable(delivery.outcome)},
          {"finished", delivery.ended ? json::value(format_pocketbase_date(*delivery.ended))
                                      : json::value(nullptr)},
          {"nextAttempt", delivery.ended ? json::value(nullptr)
                                         : json::value(format_pocketbase_date(delivery.next))},
          {"error", printable(delivery.error)}};
}

// `change` of each line; lines stay lines.
template <class Change>
std::string by_lines(std::string_view text, const Change& change) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines += change(text.substr(0, end));
    if (end < text.size()) { lines += '\n'; }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::chrono::seconds pause_after(std::int64_t failures) {
  constexpr std::chrono::seconds kFirst = 1min;
  constexpr std::chrono::seconds kMost = 1h;
  return std::min(kMost, kFirst * (1 << std::clamp<std::int64_t>(failures - 1, 0, 10)));
}

Alerts::Alerts(jobs::Vault& vault, Mailer& mailer, settings::VaultSettingsFile& own_settings,
               const Clock& clock, AlertsOptions options)
    : vault_{vault},
      mailer_{mailer},
      own_settings_{own_settings},
      clock_{clock},
      options_{std::move(options)},
      mail_couriers_{kMailsAtOnce,
                     [this](const auto& channel, const auto& stop) { serve(channel, stop); }},
      webhook_couriers_{kWebhooksAtOnce,
                        [this](const auto& channel, const auto& stop) { serve(channel, stop); }} {}

std::chrono::seconds Alerts::run(const std::stop_token& stop) {
  look();
  std::chrono::seconds rest = notebook().trouble().empty() ? kLookEvery : kTryToWriteEvery;
  const auto waiting = notebook().waiting();
  if (!waiting.has_value()) {
    options_.say(true, "alerts: " + waiting.error().what);
    return rest;
  }
  for (const state::Delivery& delivery : *waiting) {
    if (stop.stop_requested()) { break; }
    if (is_due(delivery)) {
      const bool is_mail = delivery.channel.starts_with(kMail);
      (is_mail ? mail_couriers_ : webhook_couriers_).go_to(delivery.channel);
      rest = std::min(rest, pause_after(1));  // no failure makes anything due sooner
      continue;
    }
    const auto left = std::chrono::ceil<std::chrono::seconds>(delivery.next - clock_.now());
    rest = std::clamp(left, std::chrono::seconds{1s}, rest);
  }
  return rest;
}

void Alerts::wait() {
  mail_couriers_.wait();
  webhook_couriers_.wait();
}

void Alerts::shut_down() {
  wishes_.request_stop();
  mail_couriers_.stop();
  webhook_couriers_.stop();
}

// -------------------------------------------------------------------------------------- channels

void Alerts::refresh() {
  const auto settings = mailer_.settings();
  const auto superusers = vault_.directory().read<std::vector<auth::Superuser>>(
      [](sqlite::Connection& data) { return auth::list_superusers(data); });
  const std::lock_guard lock{mutex_};
  if (settings.has_value()) { settings_ = *settings; }
  if (!superusers.has_value()) { return; }
  is_data_known_ = is_data_known_ || settings.has_value();
  superusers_.clear();
  for (const auth::Superuser& one : *superusers) {
    if (superusers_.size() < kAddressesMax) { superusers_.push_back(one.email); }
  }
}

std::vector<Channel> Alerts::channels() {
  const AlertSettings settings = own_settings_.now().alerts;
  std::vector<Channel> channels;
  const auto add_mail = [&](const std::string& email, std::vector<std::string> kinds) {
    channels.push_back(
        {.id = std::string{kMail} + email, .email = email, .kinds = std::move(kinds)});
  };
  for (const std::string& email : settings.mail_to) { add_mail(email, settings.on); }
  {
    const std::lock_guard lock{mutex_};
    if (settings.mail_to.empty() && settings.mail_superusers && settings_.smtp.enabled) {
      for (const std::string& email : superusers_) {
        add_mail(email, both(settings.on, kSuperuserKinds));
      }
    }
  }
  for (const AlertSettings::Webhook& hook : settings.webhooks) {
    channels.push_back(channel_of(hook, settings.on));
  }
  return channels;
}

// Of one that is not among channels(): whether that is so because the settings that name it can't
// be read.
bool Alerts::may_come_back(const std::string& channel) {
  if (!own_settings_.read().has_value()) { return true; }
  const AlertSettings settings = own_settings_.now().alerts;
  if (!channel.starts_with(kMail) || !settings.mail_to.empty() || !settings.mail_superusers) {
    return false;
  }
  const std::lock_guard lock{mutex_};
  return !is_data_known_;
}

Result<void> Alerts::send(const Channel& channel, const state::Delivery& delivery,
                          const std::stop_token& stop) {
  settings::Settings settings;
  {
    const std::lock_guard lock{mutex_};
    settings = settings_;
  }
  // What is stored is English, as the log and the answers of the API; who is told reads this.
  const Language language = own_settings_.now().alerts.language;
  const auto tell_line = [&](std::string_view line) { return told(language, line); };
  const notify::Notice notice{.id = std::to_string(delivery.number),
                              .kind = delivery.kind,
                              .is_good = is_good(delivery),
                              .is_reminder = delivery.is_reminder,
                              .app = printable(settings.app_name),
                              .title = told(language, delivery.title),
                              .text = by_lines(delivery.text, tell_line),
                              .at = delivery.created,
                              .language = language};
  if (options_.send) { return options_.send(channel, notice, stop); }
  if (channel.webhook) {
    return notify::post(*channel.webhook, notice, clock_.now(), mailer_.ca_file(), kWebhookPatience,
                        stop);
  }
  return mailer_.send(settings,
                      {.from = {},
                       .to = {.email = channel.email},
                       .subject = notify::subject_of(notice),
                       .text = notice.text,
                       .is_automatic = true},
                      stop);
}

// ------------------------------------------------------------------------------------------ look

void Alerts::look() {
  const WallTime now = clock_.now();
  refresh();
  tell_whether_written(
      notebook().write_down(now, [&](const auto& what) { options_.say(true, what); }));
  auto state = notebook().alerts();
  if (!state.has_value()) {
    options_.say(true, "alerts: " + state.error().what + "; they begin anew");
    notebook().begin_alerts();
    state.emplace();
  }
  tell_whether_settings_are_known();
  AlertChange change;
  const Sight sight = see(*state, now, change);
  judge(sight, *state, now, change);
  ping(sight, *state, now, change);
  if (!change.is_empty()) { note(std::move(change)); }
}

void Alerts::note(AlertChange change) {
  tell_whether_written(notebook().change_alerts(
      std::move(change), clock_.now(), [&](const std::string& what) { options_.say(true, what); }));
}

void Alerts::tell_whether_settings_are_known() {
  const auto own = own_settings_.read();
  const std::string trouble = own.has_value() ? "" : own.error().what;
  if (trouble == std::exchange(said_settings_trouble_, trouble) || trouble.empty()) { return; }
  options_.say(
      true, "who is to be alerted is not known, for settings of our own can't be read: " + trouble);
}

void Alerts::tell_whether_written(const Result<void>& written) {
  const std::string trouble = written.has_value() ? "" : written.error().what;
  {
    const std::lock_guard lock{mutex_};
    if (trouble == said_trouble_) { return; }
    said_trouble_ = trouble;
  }
  options_.say(!trouble.empty(),
               trouble.empty()
                   ? "vault.db can be written to again, and has all that was kept"
                   : "what happens is kept in memory until it can be written: " + trouble);
}

// When the backup was due that the open alert is about. Without a text it is about the store.
std::optional<WallTime> Alerts::missed_since(const AlertState& state) {
  const state::Mark* due = find_mark(state, kMissed);
  const bool is_open =
      std::ranges::find(state.open, kMissed, &state::OpenAlert::kind) != state.open.end();
  return is_open && due != nullptr && !due->text.empty() ? std::optional{due->at} : std::nullopt;
}

// Marks since when the timetable is as it is.
Sight Alerts::see(const AlertState& state, WallTime now, AlertChange& change) {
  auto survey = vault_.survey();
  if (!survey.has_value()) {
    if (!unseen_since_ || *unseen_since_ > now) { unseen_since_ = now; }
    Sight sight{.unseen_since = unseen_since_, .unseen_because = survey.error().what};
    sight.overview.health = vault_.health({});
    return sight;
  }
  unseen_since_.reset();
  jobs::Overview& overview = survey->overview;
  look_behind(overview, now);
  const state::Mark* known = find_mark(state, kTimetable);
  std::string& expression = overview.health.timetable.expression;
  if (!overview.health.memory_trouble.empty() && known != nullptr) { expression = known->text; }
  std::optional<WallTime> since;
  if (!expression.empty()) {
    const bool goes_on = known != nullptr && known->text == expression && known->at <= now;
    since = goes_on ? known->at : now;
    if (!goes_on) { change.marks.push_back({std::string{kTimetable}, expression, now}); }
  } else if (known != nullptr && !known->text.empty()) {
    change.marks.push_back({std::string{kTimetable}, "", now});
  }
  return Sight{.overview = std::move(overview),
               .backups = std::move(survey->listing.backups),
               .timetable_since = since,
               .missed_since = missed_since(state),
               .jitter_max = own_settings_.now().schedule.jitter_max,
               .behind_since = behind_since_,
               .behind = behind_};
}

void Alerts::look_behind(const jobs::Overview& overview, WallTime now) {
  const auto waiting = vault_.waiting();
  behind_.clear();
  if (waiting.has_value() && !waiting->empty()) {
    behind_ =
        "Backups that wait to be sent to their store: " + std::to_string(waiting->size()) + ".";
  }
  if (overview.mirror && (overview.mirror->missing > 0 || !overview.mirror->trouble.empty())) {
    behind_ += std::string{behind_.empty() ? "" : "\n"} +
               "Backups that the mirror lacks: " + std::to_string(overview.mirror->missing) + ".";
    if (!overview.mirror->trouble.empty()) {
      behind_ += "\nThe mirror: " + printable(overview.mirror->trouble) + ".";
    }
  }
  if (behind_.empty()) {
    behind_since_.reset();
  } else if (!behind_since_ || *behind_since_ > now) {
    behind_since_ = now;
  }
}

void Alerts::judge(const Sight& sight, const AlertState& state, WallTime now, AlertChange& change) {
  const OpenSince open_since = [&](std::string_view kind) {
    const auto found = std::ranges::find(state.open, kind, &state::OpenAlert::kind);
    return found == state.open.end() ? std::optional<WallTime>{} : found->since;
  };
  const std::vector<Condition> conditions =
      conditions_of(sight, own_settings_.now().alerts, open_since, now);
  mark_missed(conditions, sight, state, now, change);
  mark_bounds(conditions, state, now, change);
  open(conditions, state, now, change);
  const auto is_ended_by_settings = [&](const state::OpenAlert& alert) {
    const state::Mark* mark = find_mark(state, mark_of_bounds(alert.kind));
    if (mark == nullptr) { return false; }
    const AlertSettings then = with_bounds(own_settings_.now().alerts, *mark);
    return holds(alert.kind, sight, then, open_since, now);
  };
  close(conditions, sight, is_ended_by_settings, state, now, change);
}

void Alerts::mark_missed(const std::vector<Condition>& conditions, const Sight& sight,
                         const AlertState& state, WallTime now, AlertChange& change) {
  if (sight.unseen_since) { return; }
  const auto missed = std::ranges::find(conditions, kMissed, &Condition::kind);
  const state::Mark* known = find_mark(state, kMissed);
  if (missed != conditions.end()) {
    if (sight.missed_since) { return; }
    change.marks.push_back(
        {std::string{kMissed}, sight.overview.health.timetable.expression, missed->since});
  } else if (known != nullptr && !known->text.empty()) {
    change.marks.push_back({std::string{kMissed}, "", now});
  }
}

void Alerts::mark_bounds(const std::vector<Condition>& conditions, const AlertState& state,
                         WallTime now, AlertChange& change) {
  for (const std::string_view kind : kBoundKinds) {
    const bool is_new =
        std::ranges::find(state.open, kind, &state::OpenAlert::kind) == state.open.end();
    if (!is_new || std::ranges::find(conditions, kind, &Condition::kind) == conditions.end()) {
      continue;
    }
    change.marks.push_back({mark_of_bounds(kind), text_of_bounds(own_settings_.now().alerts), now});
  }
}

// Each channel hears of it once, whenever it was set, and then from time to time.
void Alerts::open(const std::vector<Condition>& conditions, const AlertState& state, WallTime now,
                  AlertChange& change) {
  const std::chrono::seconds remind_after = own_settings_.now().alerts.remind_after;
  const auto is_again_due = [&](WallTime told) {
    return remind_after.count() > 0 && now >= told + remind_after;
  };
  const std::vector<Channel> known = channels();
  for (const state::Told& one : state.told) {
    if (std::ranges::find(known, one.channel, &Channel::id) == known.end() &&
        !contains(change.gone, one.channel) && !may_come_back(one.channel)) {
      change.gone.push_back(one.channel);
    }
  }
  for (const Condition& condition : conditions) {
    const auto open = std::ranges::find(state.open, condition.kind, &state::OpenAlert::kind);
    const bool is_new = open == state.open.end();
    bool is_told = is_new || is_again_due(open->told);
    for (const Channel& channel : known) {
      if (!contains(channel.kinds, condition.kind)) { continue; }
      const auto told = find_told(state, condition.kind, channel.id);
      if (!is_new && told && !is_again_due(*told)) { continue; }
      state::Delivery delivery = notice(channel, condition.kind, condition.text, now);
      delivery.is_reminder = !is_new && told;
      change.deliveries.push_back(std::move(delivery));
      change.told.push_back({condition.kind, channel.id, now});
      is_told = true;
    }
    if (!is_told) { continue; }
    change.open.push_back(
        {condition.kind, is_new ? condition.since : open->since, now, condition.text});
    if (is_new) {
      options_.say(true, title_of(condition.kind) + ": " +
                             condition.text.substr(0, condition.text.find('\n')));
    }
  }
}

// That it is over is told to those who heard of it, also where they are not known just now.
void Alerts::close(const std::vector<Condition>& conditions, const Sight& sight,
                   const EndedBySettings& is_ended_by_settings, const AlertState& state,
                   WallTime now, AlertChange& change) {
  const auto line_of = [](const state::OpenAlert& alert) {
    return title_of(alert.kind) + ", since " + format_minute(alert.since) + ".\n";
  };
  std::vector<state::OpenAlert> over;
  std::string left;
  for (const state::OpenAlert& alert : state.open) {
    const bool lasts =
        std::ranges::find(conditions, alert.kind, &Condition::kind) != conditions.end();
    if (lasts || (sight.unseen_since && alert.kind != "failed")) {
      left += line_of(alert);
      continue;
    }
    change.closed.push_back(alert.kind);
    // What nobody asks for any more is over, and yet nothing became well.
    if (alert.kind == kMissed && !is_made_up_for(sight)) {
      options_.say(false, "no backups are asked for by the clock any more, so none is missed");
      continue;
    }
    if (is_ended_by_settings(alert)) {
      options_.say(false, "by the settings as they are now this is nothing to alert of: " +
                              line_of(alert).substr(0, line_of(alert).size() - 1));
      continue;
    }
    over.push_back(alert);
  }
  if (over.empty()) { return; }
  const std::string first = line_of(over.front());
  options_.say(false, "over: " + first.substr(0, first.find('\n')));
  std::vector<Channel> heard = channels();
  for (const state::Told& one : state.told) {
    if (std::ranges::find(heard, one.channel, &Channel::id) == heard.end() &&
        may_come_back(one.channel)) {
      heard.push_back({.id = one.channel, .kinds = {"recovered"}});
    }
  }
  for (const Channel& channel : heard) {
    if (!contains(channel.kinds, "recovered")) { continue; }
    std::string lines;
    for (const state::OpenAlert& alert : over) {
      if (find_told(state, alert.kind, channel.id)) { lines += line_of(alert); }
    }
    if (lines.empty()) { continue; }
    state::Delivery delivery =
        notice(channel, "recovered",
               "This is over:\n" + lines + (left.empty() ? "" : "This is not:\n" + left), now);
    if (!left.empty()) { delivery.title = title_of_partly_over(); }
    change.deliveries.push_back(std::move(delivery));
  }
}

// One for each backup that was made and is where it belongs, for services that worry when none
// comes. Those from before the first look are no news.
void Alerts::ping(const Sight& sight, const AlertState& state, WallTime now, AlertChange& change) {
  const auto& last = sight.overview.health.last_succeeded;
  const state::Mark* known = find_mark(state, kSucceeded);
  if (known == nullptr) {
    change.marks.push_back({std::string{kSucceeded}, last ? last->id : std::string{}, now});
    return;
  }
  if (!last || known->text == last->id || is_waiting(last->name)) { return; }
  change.marks.push_back({std::string{kSucceeded}, last->id, now});
  const std::string text = printable(last->name) + ", " + format_size(last->archive_bytes) + ".";
  for (const Channel& channel : channels()) {
    if (!contains(channel.kinds, kSucceeded)) { continue; }
    change.deliveries.push_back(notice(channel, std::string{kSucceeded}, text, now));
  }
}

bool Alerts::is_waiting(const std::string& name) const {
  const auto waiting = vault_.waiting();
  return waiting.has_value() && std::ranges::any_of(*waiting, [&](const store::Backup& backup) {
           return backup.name.text() == name;
         });
}

state::Delivery Alerts::notice(const Channel& channel, const std::string& kind,
                               const std::string& text, WallTime now) const {
  const std::string where =
      "Data directory: " + printable(vault_.directory().path().native()) + " on " + host_name();
  return {.channel = channel.id,
          .kind = kind,
          .title = title_of(kind),
          .text = text + (text.ends_with('\n') ? "" : "\n") + where,
          .created = now,
          .next = now,
          .ended = std::nullopt,
          .outcome = "waiting"};
}

// -------------------------------------------------------------------------------------- delivery

bool Alerts::is_due(const state::Delivery& delivery) const {
  // A clock that was set back must not keep it for ever.
  return delivery.next <= clock_.now() || delivery.next > clock_.now() + kDeliveryAgeMax;
}

// One after the other, until one fails.
void Alerts::serve(const std::string& channel, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto waiting = notebook().waiting();
    if (!waiting.has_value()) { return options_.say(true, "alerts: " + waiting.error().what); }
    const auto next = std::ranges::find(*waiting, channel, &state::Delivery::channel);
    if (next == waiting->end() || !is_due(*next) || !deliver(*next, stop)) { return; }
  }
}

// Whether it is done with.
bool Alerts::deliver(state::Delivery delivery, const std::stop_token& stop) {
  const std::vector<Channel> known = channels();
  const auto channel = std::ranges::find(known, delivery.channel, &Channel::id);
  if (channel == known.end() && may_come_back(delivery.channel)) { return false; }
  const bool is_wanted = channel != known.end() && contains(channel->kinds, delivery.kind);
  Result<void> sent;
  if (is_wanted) {
    sent = send(*channel, delivery, stop);
    if (!sent.has_value() && sent.error().code == Code::kCancelled) { return false; }
    ++delivery.attempts;
  }
  const WallTime now = clock_.now();
  const bool is_old = now - delivery.created > kDeliveryAgeMax;
  delivery.error = sent.has_value() ? "" : sent.error().what;
  if (!is_wanted) {
    delivery.outcome = "dropped";
    delivery.error = channel == known.end() ? "the channel is gone"
                                            : "the channel does not want what is of this kind now";
  } else if (sent.has_value()) {
    delivery.outcome = "sent";
  } else if (is_old) {
    delivery.outcome = "failed";
  } else {
    delivery.next = now + pause_after(delivery.attempts);
  }
  const bool is_done = delivery.outcome != "waiting";
  if (is_done) { delivery.ended = now; }
  if (!sent.has_value()) {
    options_.say(
        true, "an alert did not reach " + printable(delivery.channel) +
                  (is_done ? ", and is given up: "
                           : "; the next try is in " +
                                 std::to_string(pause_after(delivery.attempts).count()) + " s: ") +
                  printable(delivery.error));
  }
  note({.attempts = {std::move(delivery)}});
  return is_done;
}

// ----------------------------------------------------------------------------------- for people

Result<void> Alerts::test(const std::string& wanted, const std::stop_token& stop) {
  refresh();
  const std::vector<Channel> known = channels();
  const auto channel = std::ranges::find_if(known, [&](const Channel& one) {
    return one.id == wanted || one.id.substr(one.id.find(':') + 1) == wanted;
  });
  if (channel == known.end()) {
    std::string ids;
    for (const Channel& one : known) { ids += (ids.empty() ? "" : ", ") + one.id; }
    return fail(Code::kNotFound, "no channel " + printable(wanted) + "; there " +
                                     (ids.empty() ? "is none" : "are: " + ids));
  }
  const WallTime now = clock_.now();
  state::Delivery delivery{.number = notebook().new_number(now),
                           .channel = channel->id,
                           .kind = "test",
                           .title = title_of("test"),
                           .text = "This is how alerts about backups reach you.\nData directory: " +
                                   printable(vault_.directory().path().native()) + " on " +
                                   host_name(),
                           .created = now,
                           .attempts = 1,
                           .next = now,
                           .ended = std::nullopt,
                           .outcome = "sent"};
  const Result<void> sent = send(*channel, delivery, stop);
  if (!sent.has_value() && sent.error().code == Code::kCancelled) { return sent; }
  delivery.ended = clock_.now();
  if (!sent.has_value()) {
    delivery.outcome = "failed";
    delivery.error = sent.error().what;
  }
  // That it can't be noted makes no other message of it.
  std::ignore = notebook().change_alerts({.deliveries = {std::move(delivery)}}, now,
                                         [](const std::string&) {});
  return sent;
}

Result<json::object> Alerts::report() {
  constexpr std::size_t kCount = 200;
  refresh();
  PV_TRY(const AlertState state, notebook().alerts());
  PV_TRY(const std::vector<state::Delivery> deliveries, notebook().deliveries(kCount));
  json::array open;
  for (const state::OpenAlert& alert : state.open) {
    open.push_back(json::object{{"kind", printable(alert.kind)},
                                {"title", title_of(alert.kind)},
                                {"text", by_lines(alert.text, printable)},
                                {"since", format_pocketbase_date(alert.since)},
                                {"told", format_pocketbase_date(alert.told)}});
  }
  json::array channels_json;
  for (const Channel& channel : channels()) {
    channels_json.push_back(json::object{
        {"id", printable(channel.id)},
        {"preset", channel.webhook
                       ? notify::kPresetNames[static_cast<std::size_t>(channel.webhook->preset)]
                       : std::string_view{"mail"}},
        {"place", channel.webhook ? notify::place_of(*channel.webhook) : printable(channel.email)},
        {"on", json::array(channel.kinds.begin(), channel.kinds.end())}});
  }
  const auto own = own_settings_.read();
  json::array history;
  for (const state::Delivery& delivery : deliveries) { history.push_back(to_json(delivery)); }
  return json::object{
      {"open", std::move(open)},
      {"channels", std::move(channels_json)},
      {"deliveries", std::move(history)},
      {"settingsError", own.has_value() ? std::string{} : printable(own.error().what)}};
}

}  // namespace pv::alerts
