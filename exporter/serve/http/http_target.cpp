#include "exporter/serve/http/http_target.hpp"

#include <algorithm>

#include "exporter/base/percent.hpp"
#include "exporter/base/text.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::serve {
namespace {

HttpQuery parse_query(std::string_view text) {
  HttpQuery query;
  while (!text.empty()) {
    const std::string_view pair = base::take_until(text, '&');
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    query.emplace(base::percent_decode(pair.substr(0, equals), true),
                  base::percent_decode(value, true));
  }
  return query;
}

// Takes "http://host:port" off the front; empty: it is not there.
std::string_view take_authority(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!base::starts_with_ignoring_case(target, scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    target = rest.substr(end);
    return rest.substr(0, end);
  }
  return {};
}

}  // namespace

HttpTarget parse_target(std::string_view target) {
  HttpTarget result;
  result.authority = take_authority(target);
  if (!result.authority.empty() && !target.starts_with('/')) result.path = "/";
  const std::size_t question = target.find('?');
  result.path += base::percent_decode(target.substr(0, question));
  if (question != std::string_view::npos) result.query = parse_query(target.substr(question + 1));
  if (result.path.size() > core::limits::kHttpPathBytesMax) {
    result.path.resize(core::limits::kHttpPathBytesMax);
    result.path_cut = true;
  }
  return result;
}

}  // namespace rpoguard::serve
