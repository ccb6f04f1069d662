#include "graph/cached_graph.h"

// What a compiled graph says of itself.
namespace plait::graph {

std::string CachedGraph::recomputed(const Program& program) {
  if (!program.bytes_without) return "";
  const int64_t bytes = program.forward->arena_bytes();
  std::string text = cat("\n  memory of training: ", bytes, " bytes of intermediates, ",
                         program.bytes_without, " if nothing were computed again");
  if (!program.target) return text;
  const bool met = static_cast<double>(bytes) <= program.target;
  return text + cat("; target ", static_cast<int64_t>(program.target),
                    met ? ", reached" : ", not reached: no plan needs less");
}

std::string CachedGraph::explain() {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const Ref<Program>& p : programs_) {
    text += p->signature.is_train ? "train" : "predict";
    for (const Spec& s : p->signature.in) text += cat(' ', s.shape, s.dtype);
    for (const PassReport& r : p->reports) {
      text += cat("\n  ", r.pass->name, r.where.empty() ? "" : " (" + r.where + ")", ": ");
      text += !r.on ? "off" : r.pass->run ? cat(r.changes, " changes") : std::string("on");
    }
    text += recomputed(*p);
    for (const auto& [name, plan] :
         {std::pair{"when parameters change", p->prologue},
          {"forward", p->forward},
          {"backward", p->last_backward ? p->last_backward : p->backward}}) {
      if (!plan) continue;
      text += cat("\n  ", name, ": ", plan->num_steps(), " steps in ", plan->num_parts(),
                  plan->num_parts() == 1 ? " task, " : " tasks, ", plan->arena_bytes(),
                  " bytes of intermediates (", plan->unplanned_bytes(), " without reuse)",
                  plan->kept().empty() ? "" : cat(", ", plan->kept_bytes(), " kept for backward"),
                  '\n', plan->list_steps());
      text.pop_back();
    }
    text += '\n';
  }
  return text;
}

}  // namespace plait::graph
