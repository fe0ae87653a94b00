// Carries out what a journal says, and takes it back.
//
//     out   each current entry goes to `aside`      data.db first: nobody opens it without its WAL
//     sync
//     in    each new entry comes from `incoming`    data.db last: nobody opens it before the rest
//
// Where an app may go on, a folder or file that is on both sides does neither: the new one goes to
// `aside` first, and when it is to come the two change places. So no moment is left in which the
// app, finding no folder, makes one. And at any moment the old data lies in its place or in
// `aside`, never among what is staged: that may be cleared away once no journal is there, even
// where somebody has removed the journal by hand.
//
// Each step looks at where the entries lie, so all of it can be begun again after a crash at any of
// its calls, as often as it takes. What lies in the directory and is on neither side (a program was
// started between crash and recovery, and made databases of its own) goes to replaced-ID/stray: a
// stranger's WAL beside a database of ours would be applied to it. Where only units are exchanged,
// all else is left alone: what has come up since in the place of something new is no stray, and the
// exchange is taken back. What goes back to where it was staged is cleared away later, so what a
// program has been at work in meanwhile goes to replaced-ID/stray instead.
#pragma once

#include "restore/journal.h"

namespace pv::restore {

// Writes the journal, goes forward, ends the journal; when that fails, goes back. On an error the
// directory is as it was, unless the error says that taking it back failed too: then the journal
// stays, and finish_exchange() goes on.
[[nodiscard]] Result<void> exchange(const fs::Path& directory, const Journal& journal, Disk& disk);

// Goes on with an exchange that was cut off, and ends its journal: forward when it can, for the new
// data was checked and on disk before the journal was written.
[[nodiscard]] Result<Recovery> finish_exchange(const fs::Path& directory, const Journal& journal,
                                               Disk& disk);

}  // namespace pv::restore
