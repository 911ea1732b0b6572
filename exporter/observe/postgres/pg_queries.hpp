// All SQL of rpoguard's probes and the decoders of the answers. Pure: text out, rows in.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exporter/core/model/observation.hpp"
#include "exporter/observe/postgres/row_set.hpp"

namespace rpoguard::observe {

/// Behind a number that is above core::limits::kEpochMax.
inline constexpr const char* kBeyondEpochs =
    ", which is above all that a promotion can reach: correct it";

/// The oldest server whose answers are understood (server_version_num).
inline constexpr int kServerVersionMin = 120000;

/// What a session does about rpoguard.cluster_state: a statement that names a missing table fails,
/// so there is one variant for each case.
enum class EpochTable { ignored, absent, present };
inline constexpr std::size_t kEpochTableCount = 3;

/// Whether the light statement reads what ALTER ROLE and ALTER DATABASE set: the two catalogs that
/// it needs for this may be locked.
enum class CommitLevels { asked, left_out };

/// Pins the transaction that a message without BEGIN is: whatever the server, the database and the
/// role have as their defaults. Sets nothing that outlives it. For the simple protocol.
std::string in_own_transaction(const std::string& sql);

/// The first message of every session with a server itself, for the simple protocol: which process
/// answers. Sets nothing that outlives it.
std::string backend_sql();
/// Absent: it is the process that the login was made with, `login_pid`. Else a pooler stands
/// between, and what would be set here would stay on a connection of others.
std::optional<core::ProbeError> decode_backend(const RowSet& answer, int login_pid);

/// The second: pins the settings the others rely on and tells whether the epoch table is there, for
/// a server of this version (>= kServerVersionMin). For the simple protocol. `statement_timeout` is
/// the server's own bound, below our deadline.
std::string session_sql(int server_version, core::Duration statement_timeout,
                        EpochTable epoch_table);
/// Reads the answer: is the table there? Error: the answer does not parse.
std::variant<EpochTable, core::ProbeError> decode_session(const RowSet& answer,
                                                          EpochTable epoch_table);

/// The light statement, for a server of this version (>= kServerVersionMin).
std::string light_sql(int server_version, EpochTable epoch_table,
                      CommitLevels commit_levels = CommitLevels::asked);
/// Who keeps this session from reading the table of epochs.
std::string epoch_lock_sql();
/// Who keeps it from reading the catalogs of CommitLevels. The answer is of the same form.
std::string settings_lock_sql();
/// nullopt: nobody. Error: the answer does not parse.
std::variant<std::optional<core::EpochLock>, core::ProbeError> decode_epoch_lock(
    const RowSet& answer);

/// The slow statement.
std::string slow_sql(int server_version);

/// When the backends of this session's server were started.
std::string backends_sql();
/// nullopt where the server does not tell. Error: the answer does not parse.
std::variant<std::optional<core::WallTime>, core::ProbeError> decode_backends(const RowSet& answer);

/// Whether this session's server has marks of runs, and rpoguard may use them.
std::string marks_sql();
struct MarkObjects {
  bool there = false;
  std::string problem;  ///< why they are of no use; empty: they are
};
/// Error: the answer does not parse.
std::variant<MarkObjects, core::ProbeError> decode_marks(const RowSet& answer);

/// The last mark that the server holds.
std::string last_mark_sql();
/// nullopt: none. Error: the answer does not parse.
std::variant<std::optional<core::RunMark>, core::ProbeError> decode_last_mark(const RowSet& answer);

/// Marks the run of this session's server, in a transaction of its own, for the simple protocol.
/// Waits for no standby and no disk, and for `timeout` at most.
std::string mark_run_sql(core::Duration timeout);

/// How a timeline came about, for a server that has rpoguard.timeline_history().
std::string history_sql(core::Timeline timeline);
/// nullopt where the server has no such file. Error: the answer does not parse, or is of another
/// timeline.
std::variant<std::optional<core::TimelineHistory>, core::ProbeError> decode_history(
    const RowSet& answer, core::Timeline timeline);

/// What gives this session's role the rights that it lacks, in one text; NULL: none is known to be
/// missing.
std::string missing_grants_sql();

/// The .ready files of a server that archives.
std::string ready_sql();
std::variant<core::ArchiverFacts::Ready, core::ProbeError> decode_ready(const RowSet& answer);

/// The answer to the operator's epoch query (core::ShardSpec::epoch_query): one row, the epoch and,
/// optionally, the region of its writer. nullopt: no row, or NULL. Error: anything else.
std::variant<std::optional<core::StampedEpoch>, core::ProbeError> decode_epoch_query(
    const RowSet& answer);

/// Who answers at a writer endpoint, for the simple protocol. Stands alone: a pooler may give any
/// session, with any settings. Sets nothing that outlives it.
std::string endpoint_sql();
/// commit_took is left to the caller.
std::variant<core::EndpointFacts, core::ProbeError> decode_endpoint(const RowSet& answer);
/// Commits one row of rpoguard.canary in a transaction of its own, for the simple protocol. Commits
/// of one name wait for each other, at most `lock_timeout`: while one hangs, the server keeps no
/// more than that one. Whether a commit waits for standbys is as the session has it.
std::string canary_sql(const std::string& name, core::Duration lock_timeout);

struct LightAnswer {
  core::NodeFacts facts;  ///< session is left to the caller
  bool epoch_table_exists = false;
};

/// Columns by name in the first answer, by index from then on: one decoder per session. A NULL
/// where a value must be, or anything that does not parse, is bad_answer. Not thread-safe.
class LightDecoder {
 public:
  static constexpr std::size_t kColumns = 46;
  std::variant<LightAnswer, core::ProbeError> decode(const RowSet& answer);

 private:
  std::optional<std::array<std::size_t, kColumns>> index_;
};

/// Like LightDecoder, for the slow statement.
class SlowDecoder {
 public:
  static constexpr std::size_t kColumns = 7;
  std::variant<core::SlowFacts, core::ProbeError> decode(const RowSet& answer);

 private:
  std::optional<std::array<std::size_t, kColumns>> index_;
};

}  // namespace rpoguard::observe
