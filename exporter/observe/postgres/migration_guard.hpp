// What the migration refuses to take over.
#pragma once

#include <string>

namespace rpoguard::observe {

/// A statement for the start of the migration, with pg_catalog as search_path. It fails if schema
/// rpoguard, or what has one of the names that the migration makes there, belongs to neither a
/// superuser nor whoever runs it, or if something on its tables (a trigger, a rule, a default)
/// would run what somebody else has made. `with_marks`: the script makes those, too.
std::string migration_guard(bool with_marks);

}  // namespace rpoguard::observe
