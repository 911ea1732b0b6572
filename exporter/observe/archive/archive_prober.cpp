#include "exporter/observe/archive/archive_prober.hpp"

#include <list>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <asio/steady_timer.hpp>

#include "exporter/base/detached_threads.hpp"
#include "exporter/observe/archive/archive_command.hpp"
#include "exporter/observe/system/way_back.hpp"

namespace rpoguard::observe {

using core::Duration;
using core::Instant;

DirectoryLook open_archive_directory(const std::string& path) {
  return [directory = std::make_shared<ArchiveDirectory>(path)] { return directory->look(); };
}

class ArchiveProber::Impl : public std::enable_shared_from_this<ArchiveProber::Impl> {
 public:
  Impl(asio::io_context& loop, std::shared_ptr<const core::Spec> spec, const core::Clock& clock,
       ArchiveSink sink, const OpenDirectory& open)
      : loop_(loop),
        spec_(std::move(spec)),
        clock_(clock),
        sink_(std::move(sink)),
        way_back_(std::make_shared<WayBack<Impl>>(loop, *this)) {
    for (std::size_t shard = 0; shard < spec_->shards.size(); ++shard) {
      const core::ArchiveSpec& archive = spec_->shards[shard].archive;
      if (archive.source == core::ArchiveSource::postgres) continue;
      archives_.emplace_back(loop, shard, archive);
      if (archive.source == core::ArchiveSource::directory)
        archives_.back().directory = open(archive.directory);
    }
  }

  void start() {
    Duration offset{};
    for (Archive& each : archives_) {  // spread evenly over the interval
      wait(each, offset);
      offset += each.spec.interval / static_cast<std::int64_t>(archives_.size());
    }
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    way_back_->close();
    for (Archive& each : archives_) {
      each.next.cancel();
      each.deadline.cancel();
      if (each.command) each.command->cancel();
    }
  }

 private:
  struct Archive {
    Archive(asio::io_context& loop, std::size_t index, const core::ArchiveSpec& from)
        : shard(index), spec(from), next(loop), deadline(loop) {}
    std::size_t shard;
    const core::ArchiveSpec& spec;
    asio::steady_timer next;
    asio::steady_timer deadline;
    DirectoryLook directory;
    std::shared_ptr<ChildProcess> command;  // while it runs
    std::optional<Instant> asked;           // of the look that is awaited
    bool reading = false;                   // a thread is in the directory
  };

  void wait(Archive& archive, Duration time) {
    archive.next.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(time));
    archive.next.async_wait([self = shared_from_this(), &archive](const asio::error_code& error) {
      if (error || self->stopped_) return;
      self->wait(archive, archive.spec.interval);
      self->look(archive);
    });
  }

  void look(Archive& archive) {
    if (archive.asked || archive.reading) return;
    archive.asked = clock_.now();
    if (archive.directory) {
      look_into_directory(archive);
    } else {
      run_command(archive);
    }
  }

  void look_into_directory(Archive& archive) {
    archive.deadline.expires_after(
        std::chrono::duration_cast<asio::steady_timer::duration>(archive.spec.timeout));
    archive.deadline.async_wait(
        [self = shared_from_this(), &archive](const asio::error_code& error) {
          if (error || self->stopped_) return;
          self->report(archive,
                       core::ProbeError{core::ProbeFailure::timeout,
                                        "no listing of " + archive.spec.directory + " within " +
                                            core::render_duration(archive.spec.timeout)});
        });
    archive.reading = true;
    try {
      threads_.start([way_back = way_back_, directory = archive.directory, &archive] {
        way_back->call([&archive, outcome = directory()](Impl& self) mutable {
          archive.reading = false;
          self.report(archive, std::move(outcome));
        });
      });
    } catch (const std::system_error&) {
      archive.reading = false;
      report(archive, core::ProbeError{core::ProbeFailure::query_failed, "no thread to list with"});
    }
  }

  void run_command(Archive& archive) {
    archive.command = run_archive_command(
        loop_, archive.spec, [self = shared_from_this(), &archive](ArchiveOutcome outcome) {
          archive.command.reset();
          self->report(archive, std::move(outcome));
        });
  }

  // What comes after the deadline is not reported: its time is over.
  void report(Archive& archive, ArchiveOutcome outcome) {
    if (!archive.asked) return;
    archive.deadline.cancel();
    const Instant asked = *std::exchange(archive.asked, std::nullopt);
    sink_(archive.shard, {asked, clock_.now(), std::move(outcome)});
  }

  asio::io_context& loop_;
  const std::shared_ptr<const core::Spec> spec_;
  const core::Clock& clock_;
  const ArchiveSink sink_;
  const std::shared_ptr<WayBack<Impl>> way_back_;
  base::DetachedThreads threads_;
  std::list<Archive> archives_;  // referred to by handlers: they stay where they are
  bool stopped_ = false;
};

ArchiveProber::ArchiveProber(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
                             const core::Clock& clock, ArchiveSink sink, const OpenDirectory& open)
    : impl_(std::make_shared<Impl>(loop, std::move(spec), clock, std::move(sink), open)) {}

ArchiveProber::~ArchiveProber() {
  impl_->stop();
}

void ArchiveProber::start() {
  impl_->start();
}

void ArchiveProber::stop() {
  impl_->stop();
}

}  // namespace rpoguard::observe
