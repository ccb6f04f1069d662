#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "autograd/tape.h"
#include "op/rows.h"
#include "op/sparse.h"

namespace plait::autograd {
namespace {

// Chains of steps are taken apart in a loop: one stack frame a step would overflow the stack. The
// list needs no memory, of which there may be none.
thread_local Step* doomed = nullptr;
thread_local bool is_releasing = false;

void release_later(Ref<Step> step) {
  if (!step || !step->unique()) return;
  Step* last = step.detach();
  last->next_doomed = std::exchange(doomed, last);
  if (is_releasing) return;
  is_releasing = true;
  while (doomed) {
    Step* first = doomed;
    doomed = first->next_doomed;
    first->release();  // may add what it held
  }
  is_releasing = false;
}

// Recording flags during a backward pass.
class ModeScope {
 public:
  ModeScope(bool record, bool train)
      : recording_(set_recording(record)), training_(set_training(train)) {}
  ~ModeScope() {
    set_recording(recording_);
    set_training(training_);
  }

 private:
  bool recording_, training_;
};

ArrayRef add(const ArrayRef& a, const ArrayRef& b, bool in_place) {
  static const op::Op& kAdd = op::Op::get("add");
  const ArrayRef in[] = {a, b};
  Arrays out;
  if (in_place && !has_listener()) out.push_back(a);  // what is heard gets a name of its own
  autograd::invoke(kAdd, {}, in, out);
  return out[0];
}

// A gradient that is finished is delivered before others are computed: somebody may send it.
op::InvokeOptions soon() {
  op::InvokeOptions options;
  options.priority = 1;
  return options;
}

void copy_into(const ArrayRef& from, const ArrayRef& to) {
  static const op::Op& kCopy = op::Op::get("copy");
  Arrays out{to};
  op::invoke(kCopy, {}, {&from, 1}, out, soon());
}

ArrayRef ones_like(const Array& array) {
  const Spec spec = array.spec();
  static const OpCall kFull("full", {"shape", "value", "dtype"});
  EagerTracer tracer(false, array.device());
  op::TracerScope scope(tracer);
  return kFull({}, {spec.shape, 1.0, std::string(dtype_name(spec.dtype))}).array;
}

class Pass {
 public:
  Pass(bool retain, bool create_graph, bool deliver)
      : retain_(retain), create_graph_(create_graph), deliver_(deliver) {}

  void start(const ArrayRef& head, const ArrayRef& grad) {
    Meta* meta = meta_of(*head);
    check(meta, ErrorKind::kInvalidArgument,
          "backward: the head was not computed from a variable with a gradient while autograd "
          "recorded");
    check(!grad || grad->shape() == head->shape(), ErrorKind::kShape,
          "backward: head gradient has shape ", grad ? to_string(grad->shape()) : "", ", must be ",
          head->shape());
    ++arrivals_[meta];
    flow(meta, value_of(grad ? grad : ones_like(*head)));
    collect(meta->step.get());
  }

  void run() {
    std::sort(steps_.begin(), steps_.end(),
              [](const Ref<Step>& a, const Ref<Step>& b) { return a->sequence > b->sequence; });
    for (Ref<Step>& step : steps_) {
      run_step(*step);
      if (!retain_ && !create_graph_) step->node = nullptr;
    }
  }

  // Hands the gradients of leaves to the arrays that were marked for them.
  void deliver() {
    for (auto& [meta, grad] : leaves_) {
      if (!grad || !meta->grad || grad == meta->grad) continue;
      ArrayRef value = grad;
      if (value->dtype() != meta->grad->dtype()) {
        EagerTracer tracer(create_graph_);
        op::TracerScope scope(tracer);
        value = op::cast_to(value_of(value), meta->grad->dtype()).array;
      }
      if (meta->req == GradReq::kAdd) {
        Arrays out{meta->grad};
        const ArrayRef in[] = {meta->grad, value};
        op::invoke(op::Op::get("add"), {}, in, out, soon());
      } else {
        copy_into(value, meta->grad);
      }
      if (create_graph_) meta->grad->autograd = value->autograd;
    }
    for (Meta* meta : sparse_leaves()) deliver_rows(*meta);
  }

  ArrayRef leaf(Meta* meta) {
    if (meta->step) {
      const auto it = interior_.find({meta->step.get(), meta->index});
      return it == interior_.end() ? ArrayRef() : it->second;
    }
    const auto it = leaves_.find(meta);
    return it == leaves_.end() ? ArrayRef() : it->second;
  }

  void want_interior(Meta* meta) {
    if (meta->step) interior_[{meta->step.get(), meta->index}] = nullptr;
  }

 private:
  struct PairHash {
    size_t operator()(const std::pair<Step*, int32_t>& p) const {
      return std::hash<void*>()(p.first) * 31 + static_cast<size_t>(p.second);
    }
  };
  struct Slot {
    ArrayRef grad;
    bool owned = false;  // made by this pass: may be added to in place
  };

  void collect(Step* head) {
    std::vector<Step*> stack{head};
    while (!stack.empty()) {
      Step* step = stack.back();
      stack.pop_back();
      if (!step || !seen_.insert(step).second) continue;
      steps_.emplace_back(step);
      for (const Ref<Meta>& m : step->inputs) {
        if (!m) continue;
        if (m->step) {
          stack.push_back(m->step.get());
        } else {
          ++arrivals_[m.get()];
        }
      }
    }
  }

  std::vector<Meta*> sparse_leaves() const {
    std::vector<Meta*> list;
    for (const auto& [meta, pieces] : rows_) list.push_back(meta);
    for (const auto& [meta, grad] : leaves_) {
      if (meta->rows && !rows_.count(meta)) list.push_back(meta);
    }
    return list;
  }

  void deliver_rows(Meta& meta) {
    EagerTracer tracer(false);
    op::TracerScope scope(tracer);
    const auto flowed = rows_.find(&meta);
    const auto dense = leaves_.find(&meta);
    if (dense == leaves_.end() && meta.req == GradReq::kWrite && flowed->second.size() == 1) {
      Arrays& rows = flowed->second[0];
      // Nobody else may change the values before they are merged.
      const bool is_own = rows[0]->unique() && rows[0]->storage()->unique();
      if (is_own) return meta.rows->assign_rows(std::move(rows), merge_rows);
    }
    std::vector<SparseRef> items;
    if (flowed != rows_.end()) {
      for (const Arrays& r : flowed->second) {
        items.push_back(op::merged_rows(r[0], r[1], meta.rows->spec()));
      }
    }
    if (dense != leaves_.end()) {
      const ArrayRef fitting = op::cast_to(value_of(dense->second), meta.rows->dtype()).array;
      items.push_back(op::sparse_of(fitting, Storing::kRowSparse));
    }
    if (meta.req == GradReq::kAdd) items.push_back(meta.rows);
    const SparseRef total = items.size() == 1 ? items[0] : op::sum_of(items);
    meta.rows->assign(total->parts());
  }

  static Arrays merge_rows(const Arrays& rows, const Spec& spec) {
    EagerTracer tracer(false);
    op::TracerScope scope(tracer);
    return op::merged_rows(rows[0], rows[1], spec)->parts();
  }

  // A gradient of rows goes to a leaf that keeps rows; true if it did.
  bool flow_rows(Meta* meta, const Value& grad) {
    if (!meta->rows || create_graph_ || !deliver_) return false;
    if (grad.dtype() != meta->rows->dtype()) return false;
    rows_[meta].push_back({op::row_data(grad).array, op::row_index(grad).array});
    keep_alive_.push_back(Ref<Meta>(meta));
    return true;
  }

  void flow(Meta* meta, const Value& value) {
    ArrayRef grad = value.array;
    if (op::is_rows(value)) {
      EagerTracer tracer(create_graph_);
      op::TracerScope scope(tracer);
      if (flow_rows(meta, value)) return;
      grad = op::dense(value).array;
    }
    if (!meta->step) {
      ArrayRef& slot = leaves_[meta];
      if (slot && owned_.count(slot.get())) {
        slot = add(slot, grad, !create_graph_);
      } else if (slot) {
        slot = add(slot, grad, false);
        owned_.insert(slot.get());
      } else {
        slot = grad;
        keep_alive_.push_back(Ref<Meta>(meta));
      }
      return;
    }
    std::vector<Slot>& slots = flows_[meta->step.get()];
    if (slots.empty()) slots.resize(meta->step->out_specs.size());
    Slot& slot = slots[static_cast<size_t>(meta->index)];
    if (!slot.grad) {
      slot = {grad, false};
    } else {
      slot.grad = add(slot.grad, grad, slot.owned && !create_graph_);
      slot.owned = true;
    }
  }

  // Where a step may write the gradients of leaves at once: those to which only it leads.
  Arrays targets(const Step& step) const {
    Arrays into(step.inputs.size());
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      const Meta* m = step.inputs[i].get();
      if (!m || m->step || m->req != GradReq::kWrite || arrivals_.at(m) != 1) continue;
      if (m->grad && m->grad->contiguous()) into[i] = m->grad;
    }
    return into;
  }

  void run_step(Step& step) {
    const auto found = flows_.find(&step);
    if (found == flows_.end()) return;
    Arrays dout;
    for (const Slot& s : found->second) dout.push_back(s.grad);
    for (size_t i = 0; i < dout.size(); ++i) {
      const auto it = interior_.find({&step, static_cast<int32_t>(i)});
      if (it != interior_.end()) it->second = dout[i];
    }
    flows_.erase(found);
    check(static_cast<bool>(step.node), ErrorKind::kInvalidArgument,
          "backward: the graph was freed by an earlier backward, must be kept with "
          "retain_graph=True");
    const op::Values din = deliver_ && !create_graph_
                               ? step.node->backward_into(dout, targets(step), !retain_)
                               : step.node->backward(dout, create_graph_);
    for (size_t i = 0; i < step.inputs.size() && i < din.size(); ++i) {
      if (step.inputs[i] && din[i]) flow(step.inputs[i].get(), din[i]);
    }
  }

  bool retain_, create_graph_, deliver_;
  std::unordered_set<Step*> seen_;
  std::vector<Ref<Step>> steps_;
  std::unordered_map<Step*, std::vector<Slot>> flows_;
  std::unordered_map<Meta*, ArrayRef> leaves_;
  // Of leaves with row-sparse gradients: values and numbers of rows.
  std::unordered_map<Meta*, std::vector<Arrays>> rows_;
  std::unordered_map<const Meta*, int> arrivals_;  // of gradients at leaves, at most
  std::unordered_set<Array*> owned_;
  std::unordered_map<std::pair<Step*, int32_t>, ArrayRef, PairHash> interior_;
  std::vector<Ref<Meta>> keep_alive_;
};

}  // namespace

Meta::~Meta() { release_later(std::move(step)); }

Step::~Step() {
  node = nullptr;
  for (Ref<Meta>& m : inputs) {
    if (m && m->unique()) release_later(std::move(m->step));
  }
}

Arrays backward(std::span<const ArrayRef> heads, std::span<const ArrayRef> head_grads,
                std::span<const ArrayRef> variables, bool retain_graph, bool create_graph,
                bool train_mode) {
  check(head_grads.empty() || head_grads.size() == heads.size(), ErrorKind::kInvalidArgument,
        "backward: got ", head_grads.size(), " head gradients, must be ", heads.size());
  ModeScope mode(create_graph, train_mode);
  Pass pass(retain_graph, create_graph, variables.empty());
  for (const ArrayRef& v : variables) {
    check(static_cast<bool>(v->autograd), ErrorKind::kInvalidArgument,
          "grad: a variable is not part of the recording, must have attach_grad called before");
    pass.want_interior(meta_of(*v));
  }
  for (size_t i = 0; i < heads.size(); ++i) {
    pass.start(heads[i], head_grads.empty() ? ArrayRef() : head_grads[i]);
  }
  pass.run();
  if (variables.empty()) {
    pass.deliver();
    return {};
  }
  Arrays result;
  for (const ArrayRef& v : variables) {
    ArrayRef grad = pass.leaf(meta_of(*v));
    check(static_cast<bool>(grad), ErrorKind::kInvalidArgument, "grad: a variable of shape ",
          v->shape(), " does not lead to the heads");
    result.push_back(std::move(grad));
  }
  return result;
}

}  // namespace plait::autograd
