// The target of an HTTP request, taken apart by rpoguard itself: cpp-httplib keeps the last piece
// of "a=b=c", and matches the path with recursive regular expressions, which a long one crashes.
#pragma once

#include <string>
#include <string_view>

#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

struct HttpTarget {
  std::string authority;  ///< of the absolute form ("http://host:port/path"), undecoded; else empty
  std::string path;
  HttpQuery query;
  bool path_cut = false;  ///< the path was longer than the limit; `path` is its start
};

/// Decodes "%41" and, in the query, '+'. Total: an escape that is none stays as it stands, so that
/// the strict parser of the value sees and refuses it. "a=b=c" is key "a" with value "b=c"; "a" is
/// key "a" with an empty value. Every pair is kept, and so is a
/// '#', which no request may have: what is dropped could be the epoch that fences. Thread-safe.
HttpTarget parse_target(std::string_view target);

}  // namespace rpoguard::serve
