// Does the way that clients take lead to the writer? A step of an evaluation.
#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {
namespace {

// One start of one server has one start time.
bool same_server(const EndpointFacts& answered, const NodeFacts& writer) {
  return !answered.in_recovery && answered.system_identifier == writer.system_identifier &&
         answered.timeline == writer.timeline &&
         (!writer.started || answered.started == *writer.started);
}

}  // namespace

void Evaluator::judge_endpoint() {
  if (!spec_->endpoint) return;
  EndpointView& view = view_.endpoint.emplace();
  const auto& latest = observations_.endpoint;
  const NodeFacts* writer = writer_facts();
  if (latest) {
    const auto* facts = std::get_if<EndpointFacts>(&latest->outcome);
    if (facts == nullptr) {
      view.failure = std::get<ProbeError>(latest->outcome);
      view.note = view.failure->message;
    } else if (writer != nullptr) {
      judge_endpoint_answer(*facts, *writer, view);
    }
  }
  view.last_good = memory_.endpoint_good;
}

void Evaluator::judge_endpoint_answer(const EndpointFacts& facts, const NodeFacts& writer,
                                      EndpointView& view) {
  const Instant asked = observations_.endpoint->asked;
  // Asked before this writer began, it may have led to the last one rightly.
  if (!memory_.writer_since || asked < *memory_.writer_since) return;
  view.commit_took = facts.commit_took;
  view.on_writer = same_server(facts, writer);
  if (!*view.on_writer) {
    memory_.endpoint_good.reset();
    view.note = facts.in_recovery ? "it leads to a standby" : "it leads to another server";
  } else if (!spec_->endpoint->canary || facts.commit_took) {
    memory_.endpoint_good = asked;
  } else {
    view.note = "it leads to the writer, and nothing was committed there";
  }
}

}  // namespace rpoguard::core
