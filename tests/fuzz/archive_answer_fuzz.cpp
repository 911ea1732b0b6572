// What a WAL archive may show: file names, the JSON of pgbackrest info, and first pages. Whatever
// it is, it must end in facts that hold their promises, or in an error.
//
// The first byte says what the rest is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/core/judge/archive.hpp"
#include "exporter/observe/archive/archive_file.hpp"
#include "exporter/observe/archive/archive_names.hpp"
#include "exporter/observe/archive/archive_pgbackrest.hpp"

namespace {

using namespace rpoguard;

void require(bool condition) {
  if (!condition) std::abort();
}

// ArchiveFacts::runs are rising, disjoint and maximal, and so the frontier can be computed.
void check(const base::Result<core::ArchiveFacts>& answer) {
  if (!answer) {
    require(!answer.error().message.empty());
    return;
  }
  const core::ArchiveFacts& facts = answer.value();
  for (std::size_t i = 0; i < facts.runs.size(); ++i) {
    const core::ArchivedRun& run = facts.runs[i];
    require(run.timeline.value > 0 && run.first <= run.last);
    if (i == 0) continue;
    const core::ArchivedRun& before = facts.runs[i - 1];
    require(before < run);
    if (before.timeline == run.timeline && before.log == run.log)
      require(std::uint64_t{before.last} + 1 < run.first);
  }
  for (const std::uint32_t timeline : {1U, 2U, 0xFFFFFFFFU}) {
    core::WalPath path{core::Timeline{timeline}, core::TimelineHistory{}, 16U * 1024 * 1024};
    if (timeline == 2) path.history->steps.push_back({core::Timeline{1}, core::Lsn{0x123456789}});
    const auto frontier = core::contiguous_frontier(facts, path);
    if (frontier && frontier->gap_segments) require(*frontier->gap_segments >= 0);
  }
}

void check_name(std::string_view text) {
  const observe::ArchiveName name = observe::parse_archive_name(text);
  if (name.kind == observe::ArchiveName::Kind::other) return;
  require(text.starts_with(observe::render_segment_name(name.segment)));
  require(text.ends_with(name.suffix));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0: {
      observe::NameList names;
      const std::size_t cut = data[0] % (input.size() + 1);
      names.take(input.substr(0, cut));
      names.take(input.substr(cut));
      check(names.finish());
      break;
    }
    case 1:
      check(observe::decode_pgbackrest_info(input));
      break;
    case 2:
      check_name(input);
      static_cast<void>(observe::archive_home(input));
      break;
    default: {
      const auto header = observe::parse_segment_header(input);
      if (header) require(input.size() >= observe::kSegmentHeaderBytes);
    }
  }
  return 0;
}
