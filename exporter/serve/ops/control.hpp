// The verbs that change something, over the ops listener: POST /-/freeze, /-/unfreeze, /-/waive,
// /-/unwaive, /-/forget-rival, /-/readmit and /-/lower.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "exporter/base/result.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

struct FreezeOrder {
  std::optional<std::string> shard;  ///< absent: all of them
  bool freeze = true;                ///< false: end a freeze
  std::string by;
  std::string reason;                   ///< may be empty when a freeze is ended
  std::optional<core::WallTime> until;  ///< absent: until somebody ends it
};

struct WaiverOrder {
  std::string shard;
  bool waive = true;  ///< false: end a waiver
  std::string by;
  std::string reason;      ///< may be empty when a waiver is ended
  core::WallTime until{};  ///< of a waiver
};

struct LowerOrder {
  std::string shard;
  bool epoch = true;  ///< false: the generation
  std::int64_t to = 0;
  std::string by;
  std::string reason;
};

/// What has become of an order, for its caller.
struct Reply {
  bool done = true;
  std::string text;
};

struct NodeOrder {
  std::string shard;
  core::NodeWord word;
};
/// The text says why it is not carried out; empty: it is in force and on disk.
using NodeVerb = std::function<base::Result<std::string>(const NodeOrder&)>;

struct Control {
  /// The listener's address is of the loopback: nobody else can reach it.
  bool loopback = false;
  /// Reads the token; null: none is configured.
  std::function<base::Result<std::string>()> token;
  /// Carries the order out and waits until it is in force and on disk. The text is for the caller.
  std::function<base::Result<std::string>(const FreezeOrder&)> freeze;
  std::function<base::Result<Reply>(const WaiverOrder&)> waive;
  std::function<base::Result<Reply>(const LowerOrder&)> lower;
  NodeVerb forget_rival;  ///< a rival is struck off
  NodeVerb readmit;       ///< a copy counts again
};

/// Whether the caller may change something; an answer if not. With a token only who presents it as
/// a bearer token may. Without one, whoever the listener has authenticated, and callers on this
/// machine while the listener cannot be reached from elsewhere; no web page may in their name, and
/// no proxy that says it is one. A proxy on this machine that does not say so cannot be told from a
/// caller on it.
std::optional<HttpResponse> refuse_stranger(const Control& control, const HttpRequest& request);

/// POST /-/freeze?shard=ID|all=true&by=WHO&reason=WHY[&for=DURATION|&until=TIME] and
/// POST /-/unfreeze?shard=ID|all=true&by=WHO[&reason=WHY].
HttpResponse answer_freeze(const Control& control, const core::View* view, core::WallTime now,
                           const HttpRequest& request);

/// POST /-/waive?shard=ID&by=WHO&reason=WHY&for=DURATION|until=TIME and
/// POST /-/unwaive?shard=ID&by=WHO[&reason=WHY].
HttpResponse answer_waive(const Control& control, const core::View* view, core::WallTime now,
                          const HttpRequest& request);

/// POST /-/lower?shard=ID&by=WHO&reason=WHY&epoch=NUMBER|generation=NUMBER
HttpResponse answer_lower(const Control& control, const core::View* view,
                          const HttpRequest& request);

/// POST /-/forget-rival?shard=ID&node=NAME&by=WHO&reason=WHY
HttpResponse answer_forget_rival(const Control& control, const core::View* view,
                                 const HttpRequest& request);

/// POST /-/readmit?shard=ID&node=NAME&by=WHO&reason=WHY
HttpResponse answer_readmit(const Control& control, const core::View* view,
                            const HttpRequest& request);

/// Asks for a control verb with a bearer token, which refuse_stranger() judges.
bool brings_token(const HttpRequest& request);

/// 127.0.0.0/8, ::1, ::ffff:127.0.0.0/8
bool is_loopback(std::string_view address);

}  // namespace rpoguard::serve
