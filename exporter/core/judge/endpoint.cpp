#include "exporter/core/judge/endpoint.hpp"

#include <string>
#include <utility>
#include <variant>

namespace rpoguard::core {
namespace {

// One start of one server has one start time.
bool answered_by_writer(const EndpointFacts& answered, const NodeFacts& writer) {
  return !answered.in_recovery && answered.system_identifier == writer.system_identifier &&
         answered.timeline == writer.timeline &&
         (!writer.started || answered.started == *writer.started);
}

EndpointVerdict judge_answer(EndpointVerdict verdict, const EndpointSpec& spec,
                             const EndpointFacts& facts, Instant asked, const NodeFacts& writer) {
  EndpointView& view = *verdict.view;
  view.commit_took = facts.commit_took;
  view.on_writer = answered_by_writer(facts, writer);
  if (!*view.on_writer) {
    verdict.last_good.reset();
    view.note = facts.in_recovery ? "it leads to a standby" : "it leads to another server";
  } else if (!spec.canary || facts.commit_took) {
    verdict.last_good = asked;
  } else {
    view.note = "it leads to the writer, but the canary was not committed there";
  }
  return verdict;
}

EndpointVerdict take_answer(EndpointVerdict verdict, const EndpointSpec& spec,
                            const EndpointObservation& latest,
                            const std::optional<ConfirmedWriter>& writer, const WalSource& source) {
  const auto* facts = std::get_if<EndpointFacts>(&latest.outcome);
  if (facts == nullptr) {
    verdict.view->failure = std::get<ProbeError>(latest.outcome);
    verdict.view->note = verdict.view->failure->message;
  } else if (writer && source.writer_since && latest.asked >= *source.writer_since) {
    return judge_answer(std::move(verdict), spec, *facts, latest.asked, writer->facts());
  }
  return verdict;
}

}  // namespace

EndpointVerdict judge_endpoint(std::optional<Instant> last_good,
                               const std::optional<EndpointSpec>& spec,
                               const std::optional<EndpointObservation>& latest,
                               const std::optional<ConfirmedWriter>& writer,
                               const WalSource& source) {
  EndpointVerdict verdict;
  if (!source.changed) verdict.last_good = last_good;
  if (!spec) return verdict;
  verdict.view.emplace();
  if (latest) verdict = take_answer(std::move(verdict), *spec, *latest, writer, source);
  verdict.view->last_good = verdict.last_good;
  return verdict;
}

std::optional<Instant> endpoint_until(const std::optional<EndpointSpec>& spec,
                                      const EndpointVerdict& verdict) {
  if (!spec || !verdict.last_good) return std::nullopt;
  return *verdict.last_good + spec->ttl;
}

std::string endpoint_detail(const EndpointVerdict& verdict) {
  if (!verdict.view || verdict.view->note.empty()) return "";
  return "the writer endpoint: " + verdict.view->note;
}

}  // namespace rpoguard::core
