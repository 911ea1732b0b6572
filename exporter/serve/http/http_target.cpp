#include "exporter/serve/http/http_target.hpp"

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

}  // namespace

HttpTarget parse_target(std::string_view target) {
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  HttpTarget result;
  result.path = base::percent_decode(target.substr(0, question));
  if (question != std::string_view::npos) result.query = parse_query(target.substr(question + 1));
  if (result.path.size() > core::limits::kHttpPathBytesMax) {
    result.path.resize(core::limits::kHttpPathBytesMax);
    result.path_cut = true;
  }
  return result;
}

}  // namespace rpoguard::serve
