// A database whose owner waits for others to call what he has made.
#pragma once

#include <string>

#include "tests/support/server.hpp"

namespace rpoguard::test {

/// Makes the role `mallory` and gives it the database, which it makes if there is none. In schema
/// public it then stands, for each function, operator, relation and common type of pg_catalog, a
/// namesake that raises "baited", and the database's search_path has public first: a statement that
/// names anything without its schema, and has not set the search_path, fails.
void plant_hostile_objects(const Server& server, const std::string& dbname);

}  // namespace rpoguard::test
