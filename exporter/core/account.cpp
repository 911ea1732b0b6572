// The promise as an account, and until when it is known to be kept.
#include <algorithm>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

// The time since the last evaluation, judged by what was known to be kept then: a stall is not
// forgiven afterwards.
void Evaluator::account() {
  const auto before = memory_.kept_until;
  if (memory_.last_evaluated) {
    const Duration elapsed = now_ - *memory_.last_evaluated;
    memory_.slo.account.total += elapsed;
    if (!before) {
      memory_.slo.account.unknown += elapsed;
    } else {
      memory_.slo.account.exceeded += std::clamp(now_ - *before, Duration{0}, elapsed);
    }
  }
  view_.slo = memory_.slo.account;
  if (writer_changed_) memory_.kept_until.reset();  // another writer's promise
  if (spec_->rpo == Duration{0}) {
    prove_synchronous();
  } else if (view_.recovery_point) {
    memory_.kept_until = *view_.recovery_point + spec_->rpo;
  } else {
    memory_.kept_until.reset();
  }
}

}  // namespace rpoguard::core
