// Why a listener cannot be opened, worded once for both servers.
#pragma once

#include <string>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/serve/http/listen_host.hpp"

namespace rpoguard::serve {

inline base::Error listen_error(const core::ListenSpec& listen, const std::string& why) {
  return {.message = "cannot listen on " + render_listener(listen.host, listen.port) + ": " + why,
          .hint = "is another rpoguard running, or the address not one of this machine?"};
}

}  // namespace rpoguard::serve
