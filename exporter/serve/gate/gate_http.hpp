// HTTP/1.1 as the gate speaks it, on bytes: no socket, no clock.
#pragma once

#include "exporter/serve/http/http_message.hpp"
#include "exporter/serve/http/stream_server.hpp"

namespace rpoguard::serve {

/// Requests one after the other on a kept connection. A body is never read: whoever announces one
/// gets the answer, and then the connection ends, so that nothing of it is taken for a request.
/// Strict: lines end with CR LF, no folded lines, one length that is a number (RFC 9112, 6.3); else
/// 400 and the end of the connection. `handler` sees every method and any path (cut at
/// limits::kHttpPathBytesMax); ranges are ignored.
Protocol make_http_protocol(HttpHandler handler);

/// The limits that go with it, and what is said to who exceeds them.
StreamOptions http_stream_options();

}  // namespace rpoguard::serve
