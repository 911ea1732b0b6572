// Every bound of rpoguard by name. A limit that relates to another says so with a static_assert.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core::limits {

inline constexpr std::size_t kShardsMax = 1000;
inline constexpr std::size_t kNodesPerShardMax = 16;
/// Room for as many shards and nodes, each node with a dozen keys of its own.
inline constexpr std::size_t kConfigBytesMax = kShardsMax * kNodesPerShardMax * 512;
inline constexpr std::size_t kConfigNodesMax = kShardsMax * kNodesPerShardMax * 32;
inline constexpr std::size_t kConfigDepthMax = 16;
inline constexpr std::size_t kNameBytesMax = 63;
inline constexpr std::size_t kQueryBytesMax = 4096;  ///< epoch.query
inline constexpr std::size_t kUrlBytesMax = 2048;    ///< as written, before {shard} is replaced
inline constexpr std::size_t kPointerBytesMax = 1024;
inline constexpr std::size_t kCommandWordsMax = 64;  ///< program and arguments

/// A reading of the writer or a copy that is older than this many probe intervals (plus one
/// time-out) no longer tells who the writer is.
inline constexpr int kStaleIntervals = 2;

/// A yes must last for so many probe intervals: an evaluation may come late, and the gate shall
/// stay open until the next.
inline constexpr int kLeaseIntervalsMin = 2;

/// No node is asked more often.
inline constexpr Duration kProbeIntervalMin = std::chrono::milliseconds(100);

/// A server's clock that has drifted by more than this part, beyond the error of reading it, has
/// been set.
inline constexpr double kClockDriftMax = 0.001;
inline constexpr Duration kClockReadError = std::chrono::milliseconds(10);

inline constexpr Duration kReconnectBackoffMax = std::chrono::seconds(5);
inline constexpr Duration kReconnectBackoffMin = std::chrono::milliseconds(200);
inline constexpr Duration kDnsTtl = std::chrono::seconds(30);

inline constexpr std::size_t kHttpPathBytesMax = 256;
inline constexpr std::size_t kTrackLooksMax = 64;  ///< looks at a node since one at the writer
/// A mark that was written later in its run, or further on, vouches for no copy: what the run had
/// written before it may be missing there.
inline constexpr Duration kMarkDelayMax = std::chrono::seconds(10);
inline constexpr std::int64_t kMarkBytesMax = 16 * 1024 * 1024;
/// A checkpoint that lies further ahead of its server's clock was made before that clock was set
/// back.
inline constexpr Duration kCheckpointAheadMax = std::chrono::seconds(2);
/// No stamp is above it (rpoguard.cluster_promote takes half of it for `above`, and counts on from
/// there), and no number of a witness: one that is would leave none for the next promotion.
inline constexpr std::int64_t kEpochMax = 2'000'000'000'000'000'000;

// Of one session with a server, which may be hostile or broken. An honest answer is some ten
// kilobytes, and costs a tenth of a millisecond.
inline constexpr std::size_t kPgLoginBytesMax = 128 * 1024;    ///< a chain of certificates fits
inline constexpr std::size_t kPgAnswerBytesMax = 1024 * 1024;  ///< to one question
inline constexpr std::size_t kPgIdleBytesMax = 64 * 1024;      ///< unasked, between all questions
inline constexpr int kPgUnreadBytesMax = 64 * 1024;            ///< in the kernel
/// Of the processor, for reading what the server sends after the login; each question earns some
/// back.
inline constexpr Duration kPgTimeMax = std::chrono::milliseconds(100);
inline constexpr Duration kPgTimePerQuestion = std::chrono::milliseconds(5);

inline constexpr std::size_t kReplicationRowsMax = 64;
inline constexpr std::size_t kSlotsMax = 64;

inline constexpr std::size_t kHooksMax = 16;
inline constexpr std::size_t kHookQueueMax = 256;              ///< events that wait for one hook
inline constexpr std::size_t kHookAnswerBytesMax = 64 * 1024;  ///< of what a receiver says
inline constexpr std::size_t kJournalEventsMax = 1000;
/// rpoguard does not start with fewer: its listeners, its log, and one for each thing that it may
/// have to open at the same time. Each node takes one more.
inline constexpr std::size_t kDescriptorsMin = 64;
inline constexpr std::size_t kStateBytesMax = 1024 * 1024;       ///< of a shard's file in state_dir
inline constexpr std::size_t kLogBytesWaitingMax = 1024 * 1024;  ///< for who reads stderr slowly
inline constexpr std::size_t kOperatorTextBytesMax = 500;        ///< who and why, of a freeze
inline constexpr Duration kWaiverMax = std::chrono::hours(24 * 30);  ///< of an operator
inline constexpr Duration kFreezeMax = std::chrono::hours(24 * 366);

/// The WAL clock reaches back this far; older proofs are "unknown".
inline constexpr Duration kWalClockReach = std::chrono::hours(24);

}  // namespace rpoguard::core::limits
