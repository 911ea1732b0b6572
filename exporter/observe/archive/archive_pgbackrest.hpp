// The answer of `pgbackrest info --output=json`. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "exporter/base/result.hpp"
#include "exporter/core/model/observation.hpp"

namespace rpoguard::observe {

/// An answer longer than this is an error.
inline constexpr std::size_t kPgbackrestInfoBytesMax = 4 * 1024 * 1024;

/// What pgBackRest says of the one stanza in the answer: of its current database, over all
/// repositories. Only the oldest and the newest segment: a hole between them does not show. An
/// error where the answer is anything else, or the stanza is not in order.
base::Result<core::ArchiveFacts> decode_pgbackrest_info(std::string_view json);

}  // namespace rpoguard::observe
