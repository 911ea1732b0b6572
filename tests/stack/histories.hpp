// Servers whose history is not what their positions say: that have lost WAL, or that were opened by
// hand. And what rpoguard says of them.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/rpoguard_process.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// What /api/v1/view says of a node of the only shard. Throws std::runtime_error when there is none
/// of that name.
nlohmann::json node_json(const Rpoguard& rpoguard, const std::string& name);
/// unknown, assumed, follows or diverged; "none" of the writer, and while there is none.
std::string lineage_of(const Rpoguard& rpoguard, const std::string& name);

/// A crash-consistent copy of a server's data directory, as a snapshot of its volume is one. The
/// server crashes for it, and is started again.
class VolumeSnapshot {
 public:
  explicit VolumeSnapshot(Server& server);
  /// The server loses all that it has written since.
  void restore();

 private:
  Server& server_;
  TempDir kept_;
};

/// The standby is opened by hand instead of being promoted: it goes on writing on its timeline.
void open_without_promotion(Server& standby);
/// The server is started as a standby of the other, with the data that it has.
void follow(Server& server, const Server& upstream);

/// Do records of two histories have the same lengths? If so, neither PostgreSQL nor its copies
/// notice where one was left for the other.
enum class Records { line_up, do_not };
const char* name_of(Records records);

/// Two histories of one table: rows are of the first, or of what was written instead.
inline constexpr const char* kOrdersSql = "create table orders (history int, n int, note text)";
/// Each row is a transaction of its own, at this synchronous_commit. Returns when all are
/// acknowledged.
void place_orders(const Server& writer, int history, int count, Records records,
                  const std::string& wait_for = "on");
/// Rows of that history; 0 if there is no such table.
std::size_t orders_on(const Server& server, int history);

/// Promotes the copy, prints how many of the acknowledged rows of history 2 it has, and returns
/// that.
std::size_t orders_after_promotion(const char* what, std::size_t acknowledged, Server& copy);

}  // namespace rpoguard::test
