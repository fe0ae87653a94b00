// The settings of PocketBase as one document: what is stored, shown, changed and checked of them.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "settings/settings.h"
#include "settings/shape.h"

namespace pv::settings {

// Whose members a client sees and changes: v0.36 has no superuserIPs, rateLimits.excludedIPs and
// meta.accentColor. What is stored of these is kept either way.
enum class Edition { k036, k039 };

// Complete: what is not stored has PocketBase's default. Members that it does not know are kept.
class Document {
 public:
  Document();  // the defaults
  // Of what is stored as plain text. kDamaged: not JSON; or a member is of another type than
  // PocketBase's, which refuses it as well: the error names the first.
  [[nodiscard]] static Result<Document> parse(std::string_view text);
  [[nodiscard]] static Result<Document> of(const boost::json::value& stored);

  // Merges `change` (shape.h), unknown members ignored. With faults nothing is changed.
  [[nodiscard]] std::vector<Fault> apply(const boost::json::object& change, Edition edition);

  // All that is wrong by PocketBase's rules, one fault a field.
  [[nodiscard]] std::vector<Fault> validate() const;

  // Without passwords and secrets: their members are absent.
  [[nodiscard]] boost::json::object shown(Edition edition) const;
  // With them, unless they are empty. An empty smtp.password stays where it was stored: PocketBase
  // 0.39 always stores it, and would keep an old one where it is absent.
  [[nodiscard]] std::string stored() const;

  [[nodiscard]] Settings settings() const;

 private:
  boost::json::object root_;
  bool has_stored_password_ = false;  // smtp.password, be it empty
};

// An example of everything that a change may hold, passwords and secrets among it.
[[nodiscard]] const boost::json::object& shape_of(Edition edition);

// As settings::read(), but the whole document.
[[nodiscard]] Result<Document> read_document(sqlite::Connection& data,
                                             std::string_view encryption_key);

// Encrypted, where there is a key. The caller's transaction.
[[nodiscard]] Result<void> save_document(sqlite::Connection& data, const Document& document,
                                         std::string_view encryption_key, const Clock& clock,
                                         Random& random);

}  // namespace pv::settings
