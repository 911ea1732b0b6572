// The same program, compiled as C++: the header must be both.
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/lease_reader/lease_reader.c"
