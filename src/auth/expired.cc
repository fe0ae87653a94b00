#include "auth/expired.h"

#include <array>
#include <string>

#include "base/text.h"

namespace pv::auth {
namespace {

// `span`: the member of the collection's options that says how many seconds a row is good.
Result<void> remove_expired(sqlite::Connection& data, const Clock& clock, std::string_view table,
                            std::string_view span) {
  if (!data.has_table(table)) { return {}; }
  const std::string name{table};
  const std::string date = "strftime('%Y-%m-%d %H:%M:%fZ', ?1, '-' || json_extract(c.options, '$." +
                           std::string{span} + ".duration') || ' seconds')";
  const std::array<sqlite::Value, 1> parameters{format_pocketbase_date(clock.now())};
  PV_TRY(std::ignore,
         data.run("DELETE FROM " + name +
                      " WHERE EXISTS (SELECT 1 FROM _collections c WHERE c.id = " + name +
                      ".collectionRef AND c.type = 'auth' AND " + name + ".created < " + date + ")",
                  parameters));
  return {};
}

}  // namespace

Result<void> remove_expired_mfas(sqlite::Connection& data, const Clock& clock) {
  return remove_expired(data, clock, "_mfas", "mfa");
}

Result<void> remove_expired_otps(sqlite::Connection& data, const Clock& clock) {
  return remove_expired(data, clock, "_otps", "otp");
}

}  // namespace pv::auth
