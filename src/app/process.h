// What is set once for the whole process.
#pragma once

namespace pv::app {

// SIGPIPE becomes an error of write(2); as many descriptors as the system allows; the terminal's
// character set; few memory arenas. Before any thread is started.
void prepare_process();

}  // namespace pv::app
