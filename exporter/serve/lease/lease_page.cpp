#include "exporter/serve/lease/lease_page.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/gate.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/serve/lease/rpoguard_lease.h"

namespace rpoguard::serve {
namespace {

using Header = rpoguard_lease_header;
using Record = rpoguard_lease_record;
using Lease = rpoguard_lease;
constexpr std::uint64_t kMagic = RPOGUARD_LEASE_MAGIC;
using Words = std::array<std::uint64_t, RPOGUARD_LEASE_WORDS>;

// The layout is a contract with programs that were compiled elsewhere.
static_assert(sizeof(Header) == 64 && sizeof(Record) == 320);
static_assert(sizeof(Lease) == sizeof(Record) && sizeof(Words) == sizeof(Record));
static_assert(offsetof(Header, updated_ns) == 24 && offsetof(Header, superseded) == 32);
static_assert(offsetof(Lease, open_until_ns) == 8 && offsetof(Lease, epoch) == 24);
static_assert(offsetof(Lease, mode) == 48 && offsetof(Lease, timeline) == 56);
static_assert(offsetof(Lease, reason) == 64 && offsetof(Lease, writer) == 192);
static_assert(core::limits::kNameBytesMax < RPOGUARD_LEASE_NAME_BYTES);
static_assert(static_cast<int>(core::GateMode::enforce) == RPOGUARD_LEASE_ENFORCE &&
              static_cast<int>(core::GateMode::shadow) == RPOGUARD_LEASE_SHADOW &&
              static_cast<int>(core::GateMode::off) == RPOGUARD_LEASE_OFF);

// For a gate that does not enforce: as long as several looks may take, so that it stays open
// between two updates, and no longer (max_lease at most), so that enforcing takes effect in old
// mappings too.
constexpr int kUnenforcedIntervals = 4;

base::Error failure(const std::string& what, const std::string& path, int error) {
  return {
      "cannot " + what + " the lease page " + path + ": " + std::generic_category().message(error),
      "lease.path belongs into a directory in memory that rpoguard may write to"};
}

Header* header_of(void* base) {
  return static_cast<Header*>(base);
}

Record* records_of(void* base) {
  return reinterpret_cast<Record*>(header_of(base) + 1);
}

void store(std::uint64_t& word, std::uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

void put_text(char (&to)[RPOGUARD_LEASE_NAME_BYTES], std::string_view text) {
  std::memcpy(to, text.data(), std::min(text.size(), sizeof(to) - 1));
}

// All words but the sequence. Release stores keep their order without fences, which ThreadSanitizer
// does not know.
void put(Record& record, const Lease& lease) {
  Words words{};
  std::memcpy(words.data(), &lease, sizeof(lease));
  const std::uint64_t sequence = record.words[0];
  store(record.words[0], sequence + 1);
  for (std::size_t i = 1; i < words.size(); ++i) store(record.words[i], words[i]);
  store(record.words[0], sequence + 2);
}

std::uint64_t nanoseconds_of(core::Instant instant) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, instant.time_since_epoch().count()));
}

// Until when a caller may act on this decision without asking again; 0: it is refused.
std::uint64_t deadline_of(const core::GateDecision& decision, const core::ShardSpec& spec,
                          core::Duration interval, core::Instant now) {
  if (spec.gate.mode != core::GateMode::enforce)
    return nanoseconds_of(now + std::min(interval * kUnenforcedIntervals, spec.gate.max_lease));
  return decision.open ? nanoseconds_of(now + decision.open_for) : 0;
}

std::optional<std::int64_t> generation_of(const core::ShardView* shard) {
  if (shard == nullptr || !shard->generation_witness) return std::nullopt;
  return shard->generation_witness->number;
}

Lease lease_of(const core::ShardSpec& spec, const core::ShardView* shard, core::Duration interval,
               core::Instant now) {
  const auto until = [&](const core::GateRequest& request) {
    return deadline_of(core::check_gate(spec, shard, request, now), spec, interval, now);
  };
  Lease lease{};
  const core::GateDecision decision = core::check_gate(spec, shard, {}, now);
  lease.open_until_ns = until({});
  core::GateRequest low_priority;
  low_priority.low_priority = true;
  lease.open_until_low_priority_ns = until(low_priority);
  lease.epoch = lease.generation = -1;
  if (const auto generation = generation_of(shard)) {
    core::GateRequest stated;
    stated.generation = lease.generation = *generation;
    lease.generation_until_ns = until(stated);
  }
  lease.mode = static_cast<std::uint32_t>(spec.gate.mode);
  lease.waived = decision.waived ? 1 : 0;
  if (decision.reason) put_text(lease.reason, name_of(*decision.reason));
  put_text(lease.shard, spec.id);
  if (shard != nullptr && shard->writer) {
    lease.epoch = shard->writer->epoch.value;
    lease.timeline = shard->writer->timeline.value;
    put_text(lease.writer, shard->writer->node);
    put_text(lease.writer_region, shard->writer->region);
  }
  return lease;
}

Header empty_header(std::size_t records) {
  Header header{};
  header.magic = RPOGUARD_LEASE_MAGIC;
  header.version = RPOGUARD_LEASE_VERSION;
  header.header_bytes = sizeof(Header);
  header.record_bytes = sizeof(Record);
  header.records = static_cast<std::uint32_t>(records);
  return header;
}

void initialise(void* base, const std::vector<std::string>& shards) {
  Record* records = records_of(base);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Lease lease{};
    lease.epoch = lease.generation = -1;
    put_text(lease.reason, name_of(core::Reason::unproven));
    put_text(lease.shard, shards[i]);
    put(records[i], lease);
  }
  *header_of(base) = empty_header(shards.size());
}

// The page that is at the path before ours.
class Predecessor {
 public:
  explicit Predecessor(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)),
        error_(file_ < 0 ? errno : 0) {
    struct stat info {};
    if (file_ < 0 || ::fstat(file_, &info) != 0 || !S_ISREG(info.st_mode)) return;
    const ssize_t bytes = ::pread(file_, &header_, sizeof(header_), 0);
    is_page_ = bytes == sizeof(header_) && header_.magic == RPOGUARD_LEASE_MAGIC;
    const std::size_t read = bytes < 0 ? sizeof(header_) : static_cast<std::size_t>(bytes);
    is_rest_ = read < sizeof(header_) &&
               std::memcmp(&header_, &kMagic, std::min(read, sizeof(kMagic))) == 0;
    fits_ = is_page_ && rpoguard_lease_fits(&header_, static_cast<std::uint64_t>(info.st_size));
  }
  ~Predecessor() {
    if (file_ >= 0) ::close(file_);
  }
  Predecessor(const Predecessor&) = delete;
  Predecessor& operator=(const Predecessor&) = delete;

  // A page of whatever version.
  bool is_page() const { return is_page_; }
  // Nothing is there, or a page, or what is left of one that was cut short.
  bool may_be_replaced() const { return is_page_ || is_rest_ || error_ == ENOENT; }

  // By write(), not through a mapping: nobody knows who may cut the file short meanwhile. Zeros
  // over a deadline can only make it earlier.
  void close_leases() const {
    if (!fits_) return;
    constexpr std::array<std::uint64_t, 2> kClosed{};
    for (std::uint32_t i = 0; i < header_.records; ++i) {
      const std::size_t at = sizeof(Header) + i * sizeof(Record) + offsetof(Lease, open_until_ns);
      if (::pwrite(file_, kClosed.data(), sizeof(kClosed), static_cast<off_t>(at)) < 0) return;
    }
    const std::uint64_t yes = 1;
    if (::pwrite(file_, &yes, sizeof(yes), offsetof(Header, superseded)) < 0) return;
  }

 private:
  int file_;
  int error_;
  Header header_{};
  bool is_page_ = false;
  bool is_rest_ = false;
  bool fits_ = false;
};

std::string draft_of(const std::string& path) {
  return path + ".new";
}

}  // namespace

base::Result<std::unique_ptr<LeasePage>> LeasePage::create(const std::string& path,
                                                           std::vector<std::string> shards) {
  if (!Predecessor(path).may_be_replaced()) {
    return base::Error{
        "lease.path " + path + " is there and is no lease page that rpoguard may write to",
        "remove it, or name another path"};
  }
  const std::size_t bytes = sizeof(Header) + shards.size() * sizeof(Record);
  auto file = SharedFile::create(draft_of(path), bytes);
  if (!file) return failure("create", draft_of(path), file.error());
  initialise(file.value()->base(), shards);
  return std::unique_ptr<LeasePage>(
      new LeasePage(path, std::move(shards), std::move(file).value()));
}

LeasePage::LeasePage(std::string path, std::vector<std::string> shards,
                     std::unique_ptr<SharedFile> file)
    : path_(std::move(path)), shards_(std::move(shards)), file_(std::move(file)) {}

LeasePage::~LeasePage() {
  if (draft_) ::unlink(draft_of(path_).c_str());
  // Whoever has mapped what was cut short finds closed leases there, and that there is another.
  Header closed = empty_header(shards_.size());
  closed.superseded = 1;
  if (!is_whole()) file_->restore(&closed, sizeof(closed));
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Record& record = records_of(file_->base())[i];
    for (const std::size_t word : {1U, 2U}) store(record.words[word], 0);
  }
  store(header_of(file_->base())->superseded, 1);
}

base::Result<void> LeasePage::publish() {
  RPOGUARD_CHECK(draft_);
  const Predecessor before(path_);
  if (::rename(draft_of(path_).c_str(), path_.c_str()) != 0)
    return failure("rename", draft_of(path_), errno);
  draft_ = false;
  // Last, so that whoever finds his lease closed finds the new page at the path.
  before.close_leases();
  return {};
}

void LeasePage::write(const core::View& view, core::Instant now) {
  RPOGUARD_CHECK(holds(*view.spec));
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    put(records_of(file_->base())[i],
        lease_of(view.spec->shards[i], view.shards[i].get(), view.spec->probe.interval, now));
  }
  store(header_of(file_->base())->updated_ns, nanoseconds_of(now));
}

bool LeasePage::holds(const core::Spec& spec) const {
  return std::ranges::equal(spec.shards, shards_, {}, &core::ShardSpec::id);
}

bool LeasePage::superseded() const {
  // What somebody has written over the page says nothing.
  return (is_whole() &&
          __atomic_load_n(&header_of(file_->base())->superseded, __ATOMIC_ACQUIRE) != 0) ||
         (!file_->is_at(path_) && Predecessor(path_).is_page());
}

bool LeasePage::is_whole() const {
  return file_->is_whole() && header_of(file_->base())->magic == RPOGUARD_LEASE_MAGIC;
}

bool LeasePage::intact() const {
  return is_whole() && file_->is_at(path_);
}

}  // namespace rpoguard::serve
