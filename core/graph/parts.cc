#include <algorithm>

#include "engine/engine.h"
#include "graph/plan.h"
#include "op/ranks.h"

// Cuts a plan into engine tasks where outputs are final.
namespace plait::graph {
namespace {

constexpr double kMostParts = 16;

void add_once(std::vector<int32_t>& list, int32_t i) {
  if (std::find(list.begin(), list.end(), i) == list.end()) list.push_back(i);
}

}  // namespace

// With kEarly a part ends behind the last write of an output, if it is long enough to be handed to
// a worker and so is what follows.
void Plan::cut(Outputs outputs) {
  size_t begin = 0, first_key = 0;
  if (outputs == Outputs::kEarly) {
    const std::vector<bool> is_final = final_writes();
    // What is shorter would run in the calling thread, which then could not go on.
    const auto shortest = static_cast<double>(engine::caller_limit_ns());
    const double least = std::max(cost_ns_ / kMostParts, shortest);
    size_t key = 0;
    double here = 0, left = cost_ns_;
    for (size_t i = 0; i < steps_.size(); ++i) {
      key += steps_[i].op->random;
      here += steps_[i].cost_ns;
      left -= steps_[i].cost_ns;
      if (!is_final[i] || here < least || left < least) continue;
      parts_.push_back(part_of(begin, i + 1, first_key));
      begin = i + 1;
      first_key = key;
      here = 0;
    }
  }
  parts_.push_back(part_of(begin, steps_.size(), first_key));
  add_untouched(parts_.back());
}

// Steps that are the last to write an output.
std::vector<bool> Plan::final_writes() const {
  std::vector<bool> is_final(steps_.size(), false), is_known(out_specs_.size(), false);
  for (size_t i = steps_.size(); i-- > 0;) {
    for (const Operand& o : steps_[i].out) {
      if (o.place.kind != Place::kOutput || is_known[static_cast<size_t>(o.place.index)]) continue;
      is_known[static_cast<size_t>(o.place.index)] = is_final[i] = true;
    }
  }
  return is_final;
}

// Nothing is computed for arrays without elements, but their outputs fail as their inputs do.
void Plan::add_untouched(Part& last) const {
  const auto missing = [&](size_t count, auto... lists) {
    std::vector<bool> is_missing(count, true);
    for (const Part& part : parts_) {
      for (const auto* list : {&(part.*lists)...}) {
        for (int32_t i : *list) is_missing[static_cast<size_t>(i)] = false;
      }
    }
    return is_missing;
  };
  const auto in = missing(used_.size(), &Part::reads, &Part::writes);
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] && used_[i])
      (mutated_[i] ? last.writes : last.reads).push_back(static_cast<int32_t>(i));
  }
  const auto out = missing(out_specs_.size(), &Part::out_writes);
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i]) last.out_writes.push_back(static_cast<int32_t>(i));
  }
}

Plan::Part Plan::part_of(size_t begin, size_t end, size_t first_key) const {
  Part part;
  part.begin = begin;
  part.end = end;
  part.first_key = first_key;
  for (size_t i = begin; i < end; ++i) {
    const Step& step = steps_[i];
    part.cost_ns += step.cost_ns;
    part.waits_for_ranks |= op::waits_for_ranks(*step.op, step.attrs, is_train_);
    for (const auto* list : {&step.in, &step.out}) {
      for (const Operand& o : *list) {
        if (o.place.kind == Place::kInput) {
          const bool written = mutated_[static_cast<size_t>(o.place.index)];
          add_once(written ? part.writes : part.reads, o.place.index);
        }
        if (o.place.kind == Place::kOutput) {
          add_once(list == &step.in ? part.out_reads : part.out_writes, o.place.index);
        }
      }
    }
  }
  return part;
}

}  // namespace plait::graph
