// The commands of rpoguard. Each returns its exit code; messages for people go to stdout, problems
// to stderr.
#pragma once

#include <string>

#include "exporter/cli/ops_target.hpp"
#include "exporter/core/model/part.hpp"
#include "exporter/run/web_keeper.hpp"

namespace rpoguard::cli {

/// Watches the shards of that part until SIGTERM or SIGINT (exit 0), or until it cannot go on (exit
/// 1).
int serve(const std::string& config_file, core::Part part, const run::WebFiles& web_files);

/// 0: the files are valid; 1: every problem with its place. With more than one part, who watches
/// what.
int check_config(const std::string& config_file, std::uint32_t parts,
                 const run::WebFiles& web_files);

/// Prints the migration for psql.
int print_sql(const std::string& role, const std::string& home_region, bool with_canary,
              bool with_marks);

struct StatusOptions {
  std::string config_file;  ///< finds the ops listener ...
  std::string url;          ///< ... unless this names it, e.g. http://127.0.0.1:10187
  Access access;
  std::string shard;  ///< only this one; empty: all
  bool watch = false;
  bool json = false;
  bool live = false;  ///< only whether rpoguard itself works
  bool color = false;
};
/// 0: every shown shard takes writes (live: rpoguard works); 1: at least one does not (it does
/// not); 2: rpoguard does not answer.
int status(const StatusOptions& options);

/// What all orders to a running rpoguard have.
struct OrderOptions {
  std::string config_file;  ///< finds the ops listener and the token ...
  std::string url;          ///< ... unless these name them
  std::string token_file;
  Access access;
  std::string by;  ///< empty: the login name
  std::string reason;
};

struct FreezeOptions {
  OrderOptions order;
  std::string shard;  ///< empty: all
  bool freeze = true;
  std::string length;  ///< a duration; empty: without end ...
  std::string until;   ///< ... unless this gives one
};
/// 0: done; 1: refused, and the text says why; 2: rpoguard does not answer.
int freeze(const FreezeOptions& options);

struct WaiverOptions {
  OrderOptions order;
  std::string shard;
  bool waive = true;
  std::string length;  ///< a duration, or ...
  std::string until;   ///< ... when it ends
};
/// The same.
int waive(const WaiverOptions& options);

struct LowerOptions {
  OrderOptions order;
  std::string shard;
  std::string epoch;       ///< a number, or ...
  std::string generation;  ///< ... this one
};
/// The same.
int lower(const LowerOptions& options);

struct NodeOptions {
  OrderOptions order;
  std::string node;  ///< SHARD/NODE
};
/// The same, for "forget-rival" and "readmit". REQUIRES: names_node(options.node)
int order_for_node(const NodeOptions& options, const std::string& verb);
/// SHARD/NODE, neither of them empty.
bool names_node(const std::string& text);

}  // namespace rpoguard::cli
