// What there is to say about a shard and its nodes, in sentences. The status page and the table of
// `rpoguard status` show the same ones.
#pragma once

#include <string>
#include <vector>

#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

enum class Tone {
  plain,
  good,
  unsure,  ///< somebody should look at it
  bad,
};

/// "WAL archive", "hole of 2 segments", " at 0/2000000": the text is what the tone is about.
struct Remark {
  std::string subject{};  ///< remarks on one subject follow each other; empty: the node at hand
  Tone tone = Tone::plain;
  std::string text{};
  std::string more{};
  friend bool operator==(const Remark&, const Remark&) = default;
};

/// Subject of the remarks on how the exposure develops; its size is for others to show.
inline constexpr const char* kExposureSubject = "Exposure";

/// On all but nodes, writer and gate. What is in order has a remark too, plain or good. Pure.
std::vector<Remark> remarks_of(const ShardView& shard, Instant now);
/// Pure.
std::vector<Remark> remarks_of(const NodeView& node);

/// It asks for a person's eye.
bool is_trouble(const Remark& remark);
/// "WAL archive: hole of 2 segments at 0/2000000"
std::string render_remark(const Remark& remark);

}  // namespace rpoguard::core
