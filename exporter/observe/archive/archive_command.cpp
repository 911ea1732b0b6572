#include "exporter/observe/archive/archive_command.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "exporter/observe/archive/archive_names.hpp"
#include "exporter/observe/archive/archive_pgbackrest.hpp"

namespace rpoguard::observe {
namespace {

/// What the program prints, in either format.
class Output {
 public:
  explicit Output(core::ArchiveFormat format) : format_(format) {}

  void take(std::string_view chunk) {
    if (format_ == core::ArchiveFormat::names) {
      names_.take(chunk);
    } else if (json_.size() <= kPgbackrestInfoBytesMax) {
      json_ += chunk;
    }
  }

  /// Once, at the end.
  base::Result<core::ArchiveFacts> decode() {
    return format_ == core::ArchiveFormat::names ? names_.finish() : decode_pgbackrest_info(json_);
  }

 private:
  const core::ArchiveFormat format_;
  NameList names_;
  std::string json_;
};

ArchiveOutcome outcome_of(Output& output, const std::string& program) {
  auto decoded = output.decode();
  if (decoded) return std::move(decoded).value();
  return core::ProbeError{core::ProbeFailure::bad_answer, program + ": " + decoded.error().message};
}

}  // namespace

std::shared_ptr<ChildProcess> run_archive_command(asio::io_context& loop,
                                                  const core::ArchiveSpec& archive,
                                                  std::function<void(ArchiveOutcome)> done) {
  const auto output = std::make_shared<Output>(archive.format);
  ChildProcess::Handlers handlers;
  handlers.output = [output](std::string_view chunk) { output->take(chunk); };
  handlers.end = [output, program = archive.command.front(),
                  done = std::move(done)](std::optional<core::ProbeError> error) {
    done(error ? ArchiveOutcome(std::move(*error)) : outcome_of(*output, program));
  };
  auto child = std::make_shared<ChildProcess>(loop, archive.command, std::move(handlers));
  child->start(archive.timeout);
  return child;
}

}  // namespace rpoguard::observe
