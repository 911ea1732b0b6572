#include "tests/stack/archive_watch.hpp"

#include <cstdio>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <utility>

#include <asio/post.hpp>

#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const core::Spec> spec_of(const std::vector<const Server*>& servers,
                                          const core::ArchiveSpec& archive,
                                          const std::string& state_dir) {
  core::ShardSpec shard;
  shard.id = "184";
  shard.home_region = servers.front()->name();
  for (const Server* server : servers) {
    core::NodeSpec node;
    node.name = node.region = node.application_name = server->name();
    node.connect.host = "127.0.0.1";
    node.connect.port = server->port();
    node.connect.user = "postgres";
    shard.allowed_regions.push_back(node.region);
    shard.nodes.push_back(node);
  }
  shard.epoch_source = core::EpochSource::timeline;
  shard.archive = archive;
  auto spec = std::make_shared<core::Spec>();
  spec->state_dir = state_dir;
  spec->probe.interval = 200ms;
  spec->probe.timeout = 2s;
  spec->shards = {shard};
  return spec;
}

}  // namespace

std::optional<core::Lsn> listed_frontier(const std::string& directory, std::uint32_t timeline,
                                         std::uint64_t segment_bytes) {
  constexpr std::size_t kDigits = 24;
  std::set<std::string> names;
  std::error_code gone;  // a temporary name may go away under the iterator
  std::filesystem::recursive_directory_iterator entry(directory, gone);
  for (; !gone && entry != std::filesystem::recursive_directory_iterator(); entry.increment(gone)) {
    const std::string name = entry->path().filename();
    const std::size_t digits = std::min(name.find_first_not_of("0123456789ABCDEF"), name.size());
    const std::string ending = name.substr(digits);
    const bool other =
        ending.ends_with(".partial") || ending.ends_with(".backup") || ending.ends_with(".tmp");
    if (digits == kDigits && !other) names.insert(name.substr(0, kDigits));
  }
  char wanted[kDigits + 1];
  std::snprintf(wanted, sizeof wanted, "%08X", timeline);
  auto at = names.lower_bound(wanted);
  if (at == names.end() || !at->starts_with(wanted)) return std::nullopt;
  const std::uint64_t per_log = (std::uint64_t{1} << 32U) / segment_bytes;
  std::uint64_t number = std::stoull(at->substr(8, 8), nullptr, 16) * per_log +
                         std::stoull(at->substr(16), nullptr, 16);
  do {
    ++number;
    std::snprintf(wanted, sizeof wanted, "%08X%08X%08X", timeline,
                  static_cast<unsigned>(number / per_log), static_cast<unsigned>(number % per_log));
  } while (names.contains(wanted));
  return core::Lsn{number * segment_bytes};
}

ArchiveWatch::ArchiveWatch(const std::vector<const Server*>& servers,
                           const core::ArchiveSpec& archive) {
  const auto started = monitor_.start(spec_of(servers, archive, state_ / "state"));
  if (!started) throw std::runtime_error("monitor: " + started.error().message);
  thread_ = std::thread([this] { loop_.run(); });
}

ArchiveWatch::~ArchiveWatch() {
  asio::post(loop_, [this] {
    monitor_.stop();
    loop_.stop();
  });
  thread_.join();
}

core::ArchiveView ArchiveWatch::archive() const {
  const auto view = views_.current();
  const core::ShardView* shard = view ? view->find("184") : nullptr;
  return shard == nullptr ? core::ArchiveView{} : shard->archive;
}

bool ArchiveWatch::wait(const std::function<bool()>& predicate) {
  return eventually(30s, predicate);
}

std::optional<core::ArchiveView> ArchiveWatch::next_look() const {
  const core::Instant from = now();
  core::ArchiveView seen;
  const bool looked = wait([&] {
    seen = archive();
    return seen.as_of && *seen.as_of > from;
  });
  return looked ? std::optional(seen) : std::nullopt;
}

std::string ArchiveWatch::failure() const {
  const auto view = archive();
  return view.failure ? view.failure->message : view.note;
}

std::string ArchiveWatch::render(const std::optional<core::Lsn>& position) {
  return position ? core::render_lsn(*position) : "nothing";
}

}  // namespace rpoguard::test
