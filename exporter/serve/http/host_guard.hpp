// Whether a listener may be asked for under the name that a request gives it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

/// A web page may give its own host name the listener's address and then read what the listener
/// says (DNS rebinding). It needs a name for that, and one that the public DNS can have: an address
/// is none, nor is a name without a dot, nor one below a top-level domain that is only for private
/// use. `more`: other names that may be; "*.example.com" is any below it, "*" any. `host` is the
/// header Host, with or without a port. A request without one comes from no browser.
bool is_own_host(std::string_view host, const std::vector<std::string>& more);

/// `handler` behind that rule: 421 for any other name. Not for whom the listener has authenticated:
/// a page's own password is not the listener's.
HttpHandler with_own_host(HttpHandler handler, std::vector<std::string> more);

}  // namespace rpoguard::serve
