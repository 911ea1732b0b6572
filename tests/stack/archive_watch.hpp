// A shard and its WAL archive under the eyes of rpoguard's own loop, beside a listing of our own.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "exporter/run/monitor.hpp"
#include "exporter/run/system_clock.hpp"

#include "tests/support/server.hpp"

namespace rpoguard::test {

/// Where an archive that holds these file names (in whatever directory, with or without hash and
/// compression) ends without a hole, seen from its oldest segment of the timeline. Walks name by
/// name; shares no code with the product. REQUIRES: only whole files in it. nullopt: no segment.
std::optional<core::Lsn> listed_frontier(const std::string& directory, std::uint32_t timeline,
                                         std::uint64_t segment_bytes);

/// Monitor in a thread of its own: what `rpoguard serve` runs, without its listeners. The view is
/// that of one shard.
class ArchiveWatch {
 public:
  ArchiveWatch(const std::vector<const Server*>& servers, const core::ArchiveSpec& archive);
  ~ArchiveWatch();
  ArchiveWatch(const ArchiveWatch&) = delete;
  ArchiveWatch& operator=(const ArchiveWatch&) = delete;

  core::ArchiveView archive() const;
  core::Instant now() const { return clock_.now(); }
  /// Until the predicate over the archive's view holds; false when the deadline passes first.
  template <typename Predicate>
  [[nodiscard]] bool becomes(Predicate&& predicate) const {
    return wait([&] { return predicate(archive()); });
  }
  /// The view of a look that began after now.
  std::optional<core::ArchiveView> next_look() const;

  /// For `looks` looks one after the other: the frontier shown lies between what `listing` gives
  /// before and after. The first that does not is described; empty: all agree.
  template <typename Listing>
  [[nodiscard]] std::string compare(int looks, Listing&& listing) const {
    for (int i = 0; i < looks; ++i) {
      const std::optional<core::Lsn> before = listing();
      const auto seen = next_look();
      const std::optional<core::Lsn> after = listing();
      if (!seen) return "no look: " + failure();
      if (seen->frontier < before || seen->frontier > after)
        return "look " + std::to_string(i) + ": " + render(seen->frontier) + " shown, " +
               render(before) + " to " + render(after) + " listed; " + seen->note;
    }
    return "";
  }

 private:
  std::string failure() const;
  static std::string render(const std::optional<core::Lsn>& position);
  static bool wait(const std::function<bool()>& predicate);

  run::SystemClock clock_;
  serve::ViewStore views_;
  TempDir state_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> stays_{loop_.get_executor()};
  run::Monitor monitor_{loop_, clock_, views_};
  std::thread thread_;
};

}  // namespace rpoguard::test
