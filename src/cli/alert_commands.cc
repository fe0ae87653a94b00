// Alerts: what is wrong, who was told, and a test message.
#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/messages.h"
#include "cli/render.h"
#include "cli/report_messages.h"
#include "jobs/json_reader.h"

namespace pv::cli {
namespace {

using jobs::Reader;

// Calls `visit` with each object of the list.
template <class Visit>
void each(const json::object& report, std::string_view name, const Visit& visit) {
  const json::array* list = Reader{report}.array(name);
  if (list == nullptr) { return; }
  for (const json::value& one : *list) {
    if (const json::object* object = one.if_object()) { visit(Reader{*object}); }
  }
}

std::string column(const std::string& text, std::size_t width) {
  return padded_right(text, width) + "  ";
}

std::string render_open(const Words& words, const json::object& report, WallTime now) {
  std::string text;
  each(report, "open", [&](const Reader& alert) {
    const auto since = parse_date(alert.text("since"));
    const std::string title = words.told(alert.text("title"));
    text += (since ? words(phrase::kAlertSince, {title, ago(words, *since, now)})
                   : words(phrase::kAlert, {title})) +
            "\n";
    const std::string all = alert.text("text");
    for (std::string_view left = all; !left.empty();) {
      const std::size_t end = std::min(left.find('\n'), left.size());
      text += "  " + words.told(left.substr(0, end)) + "\n";
      left.remove_prefix(std::min(end + 1, left.size()));
    }
  });
  return text.empty() ? words(phrase::kNothingWrong) + "\n" : text;
}

std::string render_channels(const Words& words, const json::object& report) {
  constexpr std::size_t kIdWidth = 28;
  constexpr std::size_t kPresetWidth = 8;
  std::string text;
  each(report, "channels", [&](const Reader& channel) {
    text += "  " + column(printable(channel.text("id")), kIdWidth) +
            column(printable(channel.text("preset")), kPresetWidth) +
            printable(channel.text("place")) + "\n";
  });
  return text.empty() ? words(phrase::kNobodyIsTold) + "\n"
                      : words(phrase::kWhoIsTold) + "\n" + text;
}

std::string render_deliveries(const Words& words, const json::object& report) {
  constexpr std::size_t kIdWidth = 28;
  constexpr std::size_t kKindWidth = 10;
  constexpr std::size_t kStateWidth = 7;
  std::string text;
  each(report, "deliveries", [&](const Reader& delivery) {
    const std::string error = words.told(delivery.text("error"));
    text += "  " + printable(delivery.text("created").substr(0, 19)) + "  " +
            column(printable(delivery.text("channel")), kIdWidth) +
            column(words.told(delivery.text("kind")), kKindWidth) +
            column(words.told(delivery.text("state")), error.empty() ? 0 : kStateWidth) + error;
    while (text.ends_with(' ')) { text.pop_back(); }
    text += '\n';
  });
  return text.empty() ? text : words(phrase::kWhatWasSent) + "\n" + text;
}

std::vector<std::string> channels_of(const json::object& report) {
  std::vector<std::string> ids;
  each(report, "channels", [&](const Reader& channel) { ids.push_back(channel.text("id")); });
  return ids;
}

// Each of them, whatever becomes of the one before.
Result<Exit> test_all(const Context& context, Backups& backups) {
  PV_TRY(const json::object report, backups.alerts());
  const std::vector<std::string> ids = channels_of(report);
  if (ids.empty()) {
    return fail(Code::kNotFound, "nobody is to be told of alerts: see docs/alerts.md");
  }
  const Words& words = context.words();
  json::array results;
  std::string text;
  Exit exit = Exit::kDone;
  for (const std::string& id : ids) {
    const Result<void> sent = backups.test_alert(id, context.stop);
    if (!sent.has_value() && sent.error().code == Code::kCancelled) { return fail(sent.error()); }
    const std::string error = sent.has_value() ? std::string{} : printable(sent.error().what);
    text += words(phrase::kBecause, {printable(id), sent.has_value() ? words(phrase::kTestSent)
                                                                     : words.told(error)}) +
            "\n";
    results.push_back(json::object{{"channel", id}, {"error", error}});
    if (!sent.has_value()) { exit = exit_for(sent.error().code); }
  }
  context.show(json::object{{"tests", std::move(results)}}, text);
  return exit;
}

}  // namespace

Result<Exit> run_alerts(const Context& context) {
  const Words& words = context.words();
  PV_TRY(const Place place, open_place(context, Purpose::kAny));
  if (context.arguments.test && context.arguments.name.empty()) {
    return test_all(context, *place.backups);
  }
  if (context.arguments.test) {
    const std::string& channel = context.arguments.name;
    PV_CHECK(place.backups->test_alert(channel, context.stop));
    context.show(
        json::object{{"tests", json::array{json::object{{"channel", channel}, {"error", ""}}}}},
        words(phrase::kBecause, {printable(channel), words(phrase::kTestSent)}) + "\n");
    return Exit::kDone;
  }
  PV_TRY(const json::object report, place.backups->alerts());
  if (const std::string trouble = Reader{report}.text("settingsError"); !trouble.empty()) {
    const json::array* open = Reader{report}.array("open");
    const bool is_any_open = open != nullptr && !open->empty();
    context.show(report,
                 words(phrase::kAlertsUnknown, {words.told(trouble)}) + "\n" +
                     (is_any_open ? render_open(words, report, context.environment.clock.now())
                                  : std::string{}) +
                     render_deliveries(words, report));
    return Exit::kDone;
  }
  context.show(report, render_open(words, report, context.environment.clock.now()) +
                           render_channels(words, report) + render_deliveries(words, report));
  return Exit::kDone;
}

}  // namespace pv::cli
