// One rendering of a large page for all who ask at the same time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "exporter/base/mutex.hpp"

namespace rpoguard::serve {

/// Thread-safe. A crowd of clients costs the processor, and the memory, as much as a few do.
class SharedPage {
 public:
  /// A page whose rendering began after this call. One is rendered at a time: whoever comes
  /// meanwhile shares the next one.
  template <typename Render>
  std::shared_ptr<const std::string> get(Render render) {
    const std::uint64_t ticket = take_ticket();
    const base::MutexLock lock(rendering_);
    auto page = page_.lock();
    if (page != nullptr && begun_after_ >= ticket) return page;
    begun_after_ = last_ticket();
    page = std::make_shared<const std::string>(render());
    page_ = page;
    return page;
  }

 private:
  std::uint64_t take_ticket() {
    const base::MutexLock lock(counting_);
    return ++tickets_;
  }
  std::uint64_t last_ticket() const {
    const base::MutexLock lock(counting_);
    return tickets_;
  }

  mutable base::Mutex counting_;
  std::uint64_t tickets_ GUARDED_BY(counting_) = 0;  // one for each call
  base::Mutex rendering_;
  std::uint64_t begun_after_ GUARDED_BY(rendering_) = 0;  // all calls up to this ticket
  std::weak_ptr<const std::string> page_ GUARDED_BY(rendering_);
};

}  // namespace rpoguard::serve
