// From the configuration to running hooks.
#pragma once

#include <memory>

#include "exporter/core/model/spec.hpp"
#include "exporter/notify/hooks.hpp"
#include "exporter/serve/view_store.hpp"

namespace rpoguard::run {

/// Hooks of every type, which log what becomes of their deliveries; apply() is up to the caller.
std::unique_ptr<notify::Hooks> make_hooks(std::shared_ptr<const core::Clock> clock,
                                          std::shared_ptr<const serve::ViewStore> views);

/// The hooks of a configuration, ready to run: an Alertmanager's alerts get the labels that
/// Prometheus would add, job and instance, where they are not written. `ops_port`: as bound.
std::vector<core::HookSpec> hooks_of(const core::Spec& spec, std::uint16_t ops_port);

}  // namespace rpoguard::run
