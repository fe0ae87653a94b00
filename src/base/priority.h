// Work that gives way to everything else.
#pragma once

namespace pv {

// From now on the calling thread, and every thread that it starts, gets processor time (nice 19)
// only as others leave it. For good, as below.
void give_way_to_computing();

// From now on the calling thread, and every thread that it starts, gets processor time (nice 19)
// and, where the I/O scheduler knows classes, the disk (idle class) only as others leave them. For
// good: without privileges there is no way back. What the system refuses is left as it is.
void give_way();

}  // namespace pv
