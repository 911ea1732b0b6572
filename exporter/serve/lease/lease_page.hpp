// The lease page (rpoguard_lease.h, docs/lease-page.md) as its writer sees it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exporter/base/result.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/lease/shared_file.hpp"

namespace rpoguard::serve {

/// One page: the file, mapped. Readers map it from other processes and may read at any moment. Not
/// thread-safe: the loop alone writes. Order of calls: create write* publish write*
class LeasePage {
 public:
  /// A draft beside `path` with every lease closed; all its memory is taken at once. The directory
  /// must exist. Refuses to replace a file that is no lease page.
  static base::Result<std::unique_ptr<LeasePage>> create(const std::string& path,
                                                         std::vector<std::string> shards);
  /// Closes every lease for ever. The file stays, or goes if it is still a draft.
  ~LeasePage();
  LeasePage(const LeasePage&) = delete;
  LeasePage& operator=(const LeasePage&) = delete;

  /// Puts the draft in the place of what is at `path`, in one step, and then closes the page that
  /// was there, which may be that of an rpoguard that was killed.
  base::Result<void> publish();

  /// What the gate says of each shard at `now`, for callers of both priorities. Every shard of the
  /// page must be in the view, in the same order (holds()).
  void write(const core::View& view, core::Instant now);

  const std::string& path() const { return path_; }
  /// The page has exactly the shards of this specification.
  bool holds(const core::Spec& spec) const;
  /// Another rpoguard has put its page at `path`. REQUIRES: published.
  bool superseded() const;
  /// Readers find the page at `path`, and all of it; else somebody has cut it short, removed it or
  /// written something else there. REQUIRES: published.
  bool intact() const;

 private:
  LeasePage(std::string path, std::vector<std::string> shards, std::unique_ptr<SharedFile> file);
  bool is_whole() const;

  std::string path_;
  std::vector<std::string> shards_;  // by record
  std::unique_ptr<SharedFile> file_;
  bool draft_ = true;
};

}  // namespace rpoguard::serve
