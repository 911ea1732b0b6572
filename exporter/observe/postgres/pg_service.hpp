// A connection service file: what a section of it adds to what the configuration says.
#pragma once

#include <string_view>
#include <variant>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/observe/postgres/pg_params.hpp"

namespace rpoguard::observe {

/// All that one connection is made with.
struct Login {
  core::ConnectSpec spec;
  Secrets secrets{};
};

/// Reads the section spec.service.name of `text` by libpq's rules (parseServiceFile in
/// fe-connect.c): the first section of the name and the first line of a keyword count, white space
/// at the ends of a line does not, # begins a comment. It fills in only ServiceSource::fills.
/// Stricter than libpq: a keyword that rpoguard does not take is an error, as are host, hostaddr
/// and port. The error names the file, the section and the line, never a value. Pure.
std::variant<Login, core::ProbeError> with_service(const core::ConnectSpec& spec,
                                                   std::string_view text);

}  // namespace rpoguard::observe
