// argv -> command -> exit code.
#pragma once

namespace rpoguard::cli {

/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage or unreachable.
int run(int argc, char** argv);

}  // namespace rpoguard::cli
