#include "jobs/reopening.h"

#include <utility>

#include "base/text.h"
#include "datadir/fresh.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"

namespace pv::jobs {

Reopening::Reopening(datadir::DataDir& directory, Hooks hooks)
    : directory_{directory}, hooks_{std::move(hooks)} {}

// Not in the middle of another process's exchange, nor what one left that was cut off: to repair
// that is for the next start, which looks for other users first.
Result<bool> Reopening::try_to_open() {
  Result<fs::FileLock> lock = fail(Code::kNotFound, "no folder");
  if (fs::exists(directory_.vault_folder())) {
    lock = restore::take_swap_lock(directory_.vault_folder(), std::chrono::milliseconds{0});
    if (!lock.has_value() && lock.error().code == Code::kBusy) { return fail(lock.error()); }
  }
  if (restore::is_cut_off(directory_.path())) {
    return fail(Code::kUnsupported,
                "a restore was cut off in what lies there now: start pocketvault again, which "
                "finishes it or takes it back");
  }
  return directory_.reopen(hooks_.claim);
}

// With the folder .pocketvault alone the lock goes as well.
void Reopening::hold_on() {
  Result<void> claimed;
  if (!fs::exists(directory_.vault_folder())) {
    claimed = datadir::make_vault_folder(directory_.path());
  }
  if (claimed.has_value() && hooks_.claim) { claimed = hooks_.claim(); }
  const std::string why = claimed.has_value() ? std::string{} : claimed.error().what;
  if (!why.empty() && why != told_why_) { hooks_.say(true, why); }
  told_why_ = why;
}

void Reopening::tick() {
  directory_.note_wals();
  if (const auto lost = directory_.lost(); lost && *lost != told_) {
    told_ = *lost;
    hooks_.say(true, told_ +
                         ": requests that need the databases are answered with 503 until what lies "
                         "there can be opened");
  }
  if (told_.empty()) { return hold_on(); }
  const Result<bool> reopened = try_to_open();
  if (!reopened.has_value()) {
    const Error& error = reopened.error();
    if (error.code == Code::kBusy && error.what == told_) { return; }  // not yet
    if (error.what == told_why_) { return; }
    told_why_ = error.what;
    hooks_.say(true, "what lies in " + printable(directory_.path().native()) +
                         " can't be opened: " + told_why_);
    return;
  }
  // What a restore of our own has closed it opens itself.
  if (!*reopened && !directory_.data_version().has_value()) { return; }
  hooks_.say(false, "the databases were opened anew: what lies in " +
                        printable(directory_.path().native()) + " is served from now on");
  told_.clear();
  told_why_.clear();
}

}  // namespace pv::jobs
