#include "exporter/run/lease_keeper.hpp"

#include <utility>
#include <vector>

#include "exporter/run/log.hpp"

namespace rpoguard::run {
namespace {

base::Result<std::unique_ptr<serve::LeasePage>> make_page(const core::View& view,
                                                          core::Instant now) {
  std::vector<std::string> shards;
  for (const core::ShardSpec& shard : view.spec->shards) shards.push_back(shard.id);
  auto made = serve::LeasePage::create(view.spec->lease_path, std::move(shards));
  if (!made) return made;
  // What holds is in the page before anybody sees it: its readers notice no gap.
  made.value()->write(view, now);
  if (const auto published = made.value()->publish(); !published) return published.error();
  return made;
}

}  // namespace

std::optional<bool> LeaseKeeper::publish(const core::View& view, core::Instant now) {
  if (page_ && page_->superseded()) {
    lost_to_peer_ = page_->path();
    complain({"another rpoguard has put its lease page at " + lost_to_peer_,
              "give each its own lease.path"});
    page_.reset();
  }
  if (page_ && !page_->intact()) {
    complain({"the lease page " + page_->path() + " was cut short, removed or overwritten",
              "nobody but rpoguard should write there; it makes a new one"});
    page_.reset();
    retry_at_ = now;
  }
  if (fits(*view.spec)) {
    if (page_) page_->write(view, now);
  } else if (now >= retry_at_) {
    replace(view, now);
  }
  if (view.spec->lease_path.empty()) return std::nullopt;
  return page_ != nullptr && page_->path() == view.spec->lease_path && page_->holds(*view.spec);
}

// Two that take the page from each other in turn would be worse than one that has lost it.
bool LeaseKeeper::fits(const core::Spec& spec) const {
  if (spec.lease_path.empty()) return page_ == nullptr;
  if (page_ == nullptr) return spec.lease_path == lost_to_peer_;
  return page_->path() == spec.lease_path && page_->holds(spec);
}

void LeaseKeeper::replace(const core::View& view, core::Instant now) {
  if (view.spec->lease_path.empty()) return close();
  auto made = make_page(view, now);
  if (made) {
    page_ = std::move(made).value();
    lost_to_peer_.clear();
    complaint_.clear();
    write_log({Level::info, "lease page written", {{"path", page_->path()}}});
    return;
  }
  // A page of other shards is nobody's: its leases must not outlive the configuration.
  close();
  retry_at_ = now + kRetry;
  complain(made.error());
}

void LeaseKeeper::complain(const base::Error& error) {
  if (error.message == complaint_) return;
  complaint_ = error.message;
  write_log({Level::error, "no lease page", {{"error", error.message}, {"hint", error.hint}}});
}

}  // namespace rpoguard::run
