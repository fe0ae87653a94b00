#include "fs/give.h"

#include <unistd.h>

#include <optional>

namespace pv::fs {
namespace {

// nullopt: there is nobody to give to.
std::optional<Stat> owner_in(const Result<Stat>& model) {
  if (::geteuid() != 0 || !model.has_value()) { return std::nullopt; }
  return *model;
}

}  // namespace

void give_like(const Path& model, const Path& made) {
  const auto owner = owner_in(stat(model));
  if (owner) { std::ignore = ::lchown(made.c_str(), owner->owner, owner->group); }
}

void give_like(const Path& model, const Fd& made) {
  const auto owner = owner_in(stat(model));
  if (owner) { std::ignore = ::fchown(made.get(), owner->owner, owner->group); }
}

void give_like(const Fd& model, const Fd& made) {
  const auto owner = owner_in(stat(model, Path{}));
  if (owner) { std::ignore = ::fchown(made.get(), owner->owner, owner->group); }
}

}  // namespace pv::fs
