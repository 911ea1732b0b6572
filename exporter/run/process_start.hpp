// What a process may have inherited, and must not rely on.
#pragma once

#include <cstddef>

namespace rpoguard::run {

/// Opens those of the descriptors 0 to 2 that are closed on /dev/null: else the first file or
/// socket that is opened gets the number, and what is printed goes there. Call it before anything
/// is opened. False: one is closed and stays so.
bool open_standard_descriptors();

/// For `serve`, before anything else: nothing that was blocked or ignored for whoever started it
/// stays so. Until the program listens to signals itself, SIGHUP does nothing, since the
/// configuration is yet to be read, and SIGTERM and SIGINT end it. A reader of the log or a client
/// that goes away never does.
void reset_signals();

/// Raises the limit of open files as far as it may be; what it is then.
std::size_t raise_descriptor_limit();

}  // namespace rpoguard::run
