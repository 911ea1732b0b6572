#include <sys/prctl.h>

#include "exporter/cli/commands.hpp"
#include "exporter/run/service.hpp"

namespace rpoguard::cli {

int serve(const std::string& config_file, core::Part part, const run::WebFiles& web_files) {
  // No core file, and no look into this memory by others of the same user: passwords are in it.
  ::prctl(PR_SET_DUMPABLE, 0);
  return run::run_service(config_file, part, web_files);
}

}  // namespace rpoguard::cli
