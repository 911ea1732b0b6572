// Keeps the lease page in step with the view, whatever happens to the disk or the configuration.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exporter/core/model/view.hpp"
#include "exporter/serve/lease/lease_page.hpp"

namespace rpoguard::run {

/// Lives on the loop thread. Without a page readers find every lease closed, and rpoguard goes on.
class LeaseKeeper {
 public:
  /// Writes the view to the page of its specification. When path or shards have changed a new page
  /// takes over, also when somebody has cut the page short or removed it; when none can be made
  /// that is logged once and tried again after kRetry. Says
  /// whether readers find the view in the page; nullopt: none is configured.
  std::optional<bool> publish(const core::View& view, core::Instant now);
  /// Closes every lease for ever.
  void close() { page_.reset(); }

  static constexpr core::Duration kRetry = std::chrono::seconds(2);

 private:
  bool fits(const core::Spec& spec) const;
  void replace(const core::View& view, core::Instant now);
  void complain(const base::Error& error);

  std::unique_ptr<serve::LeasePage> page_;
  core::Instant retry_at_{};
  std::string complaint_;     // the last one, so that each is logged once
  std::string lost_to_peer_;  // the path at which another rpoguard has put its page
};

}  // namespace rpoguard::run
