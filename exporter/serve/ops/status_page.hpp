// The page a person opens first.
#pragma once

#include <string>

#include "exporter/core/model/view.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

/// A self-contained HTML page, without scripts, that reloads itself. `view` may be null. Decided as
/// of `now`; `wall` dates it.
HttpResponse render_status_page(const core::View* view, core::Instant now, core::WallTime wall);

}  // namespace rpoguard::serve
