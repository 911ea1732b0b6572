// Which alerts an Alertmanager has to be told of, and when again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/model/units.hpp"
#include "exporter/core/tell/alert.hpp"

namespace rpoguard::notify {

/// An alert is told again so often while it lasts ...
inline constexpr core::Duration kAlertResend = std::chrono::seconds(15);
/// ... and Alertmanager takes it for resolved so long after the last time, as if by Prometheus.
inline constexpr core::Duration kAlertGoodFor = 4 * kAlertResend;

/// Not thread-safe. Time is a parameter.
class AlertBook {
 public:
  using Labels = std::map<std::string, std::string>;

  struct Message {
    core::Alert alert;
    core::WallTime starts;
    core::WallTime ends;  ///< not after `now`: it is over
    std::uint64_t version = 0;
  };

  /// All that is wrong with one shard now.
  void set(const std::string& shard, const std::vector<core::Alert>& alerts, core::Instant now,
           core::WallTime wall);
  /// Shards that are not watched any more: what they had is over.
  void keep_only(const std::vector<std::string>& shards, core::WallTime wall);

  /// What is to be told now. From here on the receiver may know of it, so its end is told too.
  std::vector<Message> take_due(core::Instant now, core::WallTime wall);
  /// When take_due() has something to tell; absent: not before the next set().
  std::optional<core::Instant> next_due() const;
  /// They have been delivered, as asked for at `now`.
  void sent(const std::vector<Message>& messages, core::Instant now);

 private:
  struct Entry {
    std::string shard;
    core::Alert alert;
    core::Instant since;  ///< it has been wrong since then
    core::WallTime starts{};
    bool handed_out = false;
    std::optional<core::Instant> told;  ///< for certain
    std::optional<core::WallTime> over;
    std::uint64_t version = 0;  ///< changes when it ends or comes back
  };

  static core::Instant due_at(const Entry& entry);
  void end(std::map<Labels, Entry>::iterator entry, core::WallTime wall);

  std::map<Labels, Entry> entries_;
  std::uint64_t versions_ = 0;
};

}  // namespace rpoguard::notify
