// The promise as an account, and until when it is known to be kept.
#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

// The time since the last evaluation goes by what was known then; then what is known now is noted.
void Evaluator::account() {
  SloMemory& slo = memory_.slo;
  if (memory_.last_evaluated) {
    add_stretch(slo.account,
                {*memory_.last_evaluated, now_, memory_.kept_until, slo.recovery_point});
  }
  view_.slo = slo.account;
  slo.recovery_point = view_.recovery_point;
  if (writer_changed_) slo.marks.clear();
  mark_recovery_point(slo, view_.recovery_point, now_, probe_.interval);
  view_.exposure_growth = exposure_growth(slo, now_, probe_.interval);

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
