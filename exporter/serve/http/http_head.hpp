// A request head, before cpp-httplib gets to see it.
#pragma once

#include <string>
#include <string_view>

namespace rpoguard::serve {

/// A method by its form, not by its meaning: letters, digits, '-' and '_', at most 32.
bool is_method(std::string_view text);

/// A header that starts with it was there before, under the same name.
inline constexpr char kRepeated = '~';

/// What of the head cpp-httplib does not get to see.
struct Withheld {
  std::string method;  ///< as the client wrote it; empty: it is none, the head is unchanged
  bool range = false;  ///< a Range header was there
  bool body = false;   ///< a body is announced
};

/// Replaces the method by GET, since cpp-httplib answers 400 to those it does not know and treats
/// some of the others in its own way, and makes Range unrecognisable, since cpp-httplib parses it
/// by a recursive regular expression before any hook is called, and answers a few KiB of
/// overlapping ranges with gigabytes. Of headers with the same name it marks all but the first,
/// since which one cpp-httplib finds depends on its version. `head` ends with its empty line.
/// Thread-safe.
Withheld withhold(std::string& head);

}  // namespace rpoguard::serve
