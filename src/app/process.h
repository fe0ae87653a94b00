// What is set once for the whole process.
#pragma once

#include <cstddef>

namespace pv::app {

// SIGPIPE becomes an error of write(2); as many descriptors as the system allows; the terminal's
// character set; few memory arenas. Before any thread is started.
void prepare_process();

// How many descriptors this process may have open.
[[nodiscard]] std::size_t descriptors_max();

// Gives memory that was freed back to the system, where it is enough to be worth it. For a server,
// now and then: what a job or a burst of requests had stays with the process else.
void give_back_memory();

}  // namespace pv::app
