// Named links and the words that control them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "demo/tools/link.hpp"

namespace rpoguard::demo {

using Links = std::map<std::string, std::unique_ptr<Link>>;

/// Carries out one command line and returns the reply, which ends with a newline. A reply that
/// begins with "error: " changed nothing.
///
///   status                          one logfmt line per link
///   cut NAME [to_target|to_client]  heal NAME   refuse NAME
///   delay NAME MILLISECONDS         rate NAME BYTES_PER_SECOND     (0 = none)
///
/// NAME "all" stands for every link.
std::string control_links(const Links& links, const std::string& command);

/// "name=listen_port:target_host:target_port", listen_port 0 = a free one. Throws
/// std::invalid_argument, or std::system_error if the port is taken.
void add_link(Links& links, const std::string& text);

}  // namespace rpoguard::demo
