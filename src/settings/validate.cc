// The rules of PocketBase for what may be saved. A rule about the form of a value lets nothing
// ("", 0) pass; only "required" does not.
#include <algorithm>
#include <boost/json/array.hpp>
#include <optional>
#include <set>

#include "base/cron.h"
#include "base/email.h"
#include "base/ip.h"
#include "settings/document.h"
#include "settings/formats.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

bool is_empty(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return value.get_string().empty();
    case json::kind::int64: return value.get_int64() == 0;
    case json::kind::array: return value.get_array().empty();
    default: return false;
  }
}

// The members of one object, and what is found wrong with them: the first thing of each, and of a
// hundred at most.
class Section {
 public:
  Section(const json::object& object, std::string path, std::vector<Fault>& faults)
      : object_{object}, path_{std::move(path)}, faults_{faults} {}

  [[nodiscard]] Section section(std::string_view name) const {
    return {at(name).get_object(), path_ + std::string{name} + ".", faults_};
  }
  [[nodiscard]] Section element(std::string_view list, std::size_t index) const {
    return {at(list).get_array().at(index).get_object(),
            path_ + std::string{list} + "." + std::to_string(index) + ".", faults_};
  }

  [[nodiscard]] bool flag(std::string_view name) const { return at(name).get_bool(); }
  [[nodiscard]] std::string_view text(std::string_view name) const { return at(name).get_string(); }
  [[nodiscard]] const json::array& list(std::string_view name) const {
    return at(name).get_array();
  }

  void require(std::string_view name, bool is_needed = true) {
    if (is_needed && is_empty(at(name))) { fault(name, "validation_required", "Cannot be blank."); }
  }
  void require_least(std::string_view name, std::int64_t least) {
    const json::value& value = at(name);
    if (is_empty(value) || value.get_int64() >= least) { return; }
    fault(name, "validation_min_greater_equal_than_required",
          "Must be no less than " + std::to_string(least) + ".", {{"threshold", least}});
  }
  void require_length(std::string_view name) {
    constexpr std::size_t kBytesMax = 255;
    if (text(name).size() <= kBytesMax) { return; }
    fault(name, "validation_length_out_of_range", "The length must be between 1 and 255.",
          {{"max", kBytesMax}, {"min", 1}});
  }
  template <class Predicate>
  void require_form(std::string_view name, Predicate is_good, std::string code,
                    std::string message) {
    if (is_empty(at(name)) || is_good(text(name))) { return; }
    fault(name, std::move(code), std::move(message));
  }
  void require_url(std::string_view name) {
    require_form(name, is_url, "validation_is_url", "Must be a valid URL.");
  }
  void require_host(std::string_view name) {
    require_form(name, is_host, "validation_is_host", "Must be a valid IP address or DNS name.");
  }
  void require_one_of(std::string_view name, std::initializer_list<std::string_view> values) {
    const auto is_good = [&](std::string_view text) {
      return std::ranges::find(values, text) != values.end();
    };
    require_form(name, is_good, "validation_in_invalid", "Must be a valid value.");
  }
  // PocketBase spells the code like this.
  void require_ips(std::string_view name) {
    for (std::size_t i = 0; i < list(name).size(); ++i) {
      const std::string_view ip = list(name)[i].get_string();
      const std::string field = std::string{name} + "." + std::to_string(i);
      if (ip.empty()) {
        fault(field, "validation_required", "Cannot be blank.");
      } else if (!is_ip_or_prefix(ip)) {
        fault(field, "validation_invlaid_ip_or_subnet", "Invalid IP or CIDR subnet.");
      }
    }
  }

  void fault(std::string_view name, std::string code, std::string message,
             json::object params = {}) {
    constexpr std::size_t kFaultsMax = 100;
    if (faults_.size() == kFaultsMax) { return; }
    std::string field = path_ + std::string{name};
    const bool is_known = std::ranges::find(faults_, field, &Fault::field) != faults_.end();
    if (is_known) { return; }
    faults_.push_back({std::move(field), std::move(code), std::move(message), std::move(params)});
  }

 private:
  [[nodiscard]] const json::value& at(std::string_view name) const { return object_.at(name); }

  const json::object& object_;
  std::string path_;
  std::vector<Fault>& faults_;
};

void check_smtp(Section smtp) {
  const bool enabled = smtp.flag("enabled");
  smtp.require("host", enabled);
  smtp.require_host("host");
  smtp.require("port", enabled);
  smtp.require_least("port", 0);
  smtp.require_one_of("authMethod", {"PLAIN", "LOGIN"});
  smtp.require_host("localName");
}

void check_s3(Section s3) {
  s3.require_url("endpoint");
  for (const char* name : {"endpoint", "bucket", "region", "accessKey", "secret"}) {
    s3.require(name, s3.flag("enabled"));
  }
}

void check_backups(Section backups) {
  const std::string_view cron = backups.text("cron");
  if (!cron.empty()) {
    const auto parsed = Cron::parse(cron);
    if (!parsed.has_value()) {
      backups.fault("cron", "validation_invalid_cron", parsed.error().what);
    }
  }
  backups.require("cronMaxKeep", !cron.empty());
  backups.require_least("cronMaxKeep", 1);
  check_s3(backups.section("s3"));
}

void check_meta(Section meta) {
  for (const char* name : {"appName", "senderName"}) {
    meta.require(name);
    meta.require_length(name);
  }
  meta.require("appURL");
  meta.require_url("appURL");
  meta.require("senderAddress");
  meta.require_form("senderAddress", is_email, "validation_is_email",
                    "Must be a valid email address.");
  meta.require_form("accentColor", is_hex_color, "validation_is_hex_color",
                    "Must be a valid hexadecimal color code.");
}

void check_batch(Section batch) {
  const bool enabled = batch.flag("enabled");
  batch.require("maxRequests", enabled);
  batch.require_least("maxRequests", 0);
  batch.require("timeout", enabled);
  batch.require_least("timeout", 0);
  batch.require_least("maxBodySize", 0);
}

// The first rule that is for requests which one before it is for.
std::optional<std::size_t> find_conflict(const json::array& rules) {
  std::set<std::string> keys;  // none begins with another
  for (const json::value& one : rules) {
    const json::object& rule = one.get_object();
    std::string key = std::string{rule.at("label").get_string()} + "@@" +
                      std::string{rule.at("audience").get_string()};
    // Those that begin with `key` follow it at once; one that it begins with is right before it,
    // for all between the two would begin with that one as well.
    const auto next = keys.lower_bound(key);
    const bool conflicts = (next != keys.end() && next->starts_with(key)) ||
                           (next != keys.begin() && key.starts_with(*std::prev(next)));
    if (conflicts) { return keys.size(); }
    keys.insert(next, std::move(key));
  }
  return std::nullopt;
}

void check_rate_limits(Section limits) {
  limits.require_ips("excludedIPs");
  const json::array& rules = limits.list("rules");
  limits.require("rules", limits.flag("enabled"));
  if (const auto conflict = find_conflict(rules)) {
    Section rule = limits.element("rules", *conflict);
    const std::string label{rule.text("label")};
    rule.fault("label", "validation_conflicting_rate_limit_rule",
               "Rate limit rule configuration with label " + label +
                   " already exists or conflicts with another rule.",
               {{"label", label}});
    return;  // PocketBase looks no further
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Section rule = limits.element("rules", i);
    rule.require("label");
    rule.require_form("label", is_rate_limit_label, "validation_match_invalid",
                      "Must be in a valid format.");
    for (const char* name : {"maxRequests", "duration"}) {
      rule.require(name);
      rule.require_least(name, 1);
    }
    rule.require_one_of("audience", {"@guest", "@auth"});
  }
}

}  // namespace

std::vector<Fault> Document::validate() const {
  std::vector<Fault> faults;
  Section root{root_, "", faults};
  root.require_ips("superuserIPs");
  check_smtp(root.section("smtp"));
  check_backups(root.section("backups"));
  check_s3(root.section("s3"));
  check_meta(root.section("meta"));
  check_rate_limits(root.section("rateLimits"));
  check_batch(root.section("batch"));
  root.section("logs").require_least("maxDays", 0);
  return faults;
}

}  // namespace pv::settings
