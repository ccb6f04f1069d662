#include "graph/planner.h"

#include <algorithm>

#include "engine/cost.h"
#include "graph/schedule.h"
#include "op/body.h"

namespace plait::graph {
namespace {

constexpr int64_t kAlignment = 64;
using engine::kBytesPerNs, engine::kFlopsPerNs;
constexpr double kCallNs = 100;

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

int64_t bytes_of(const Spec& spec) { return num_elements(spec.shape) * dtype_size(spec.dtype); }

}  // namespace

int64_t Arena::take(int64_t bytes) {
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    auto [offset, size] = *it;
    if (size < bytes) continue;
    free_.erase(it);
    if (size > bytes) free_[offset + bytes] = size - bytes;
    return offset;
  }
  int64_t start = size_;
  if (!free_.empty() && free_.rbegin()->first + free_.rbegin()->second == size_) {
    start = free_.rbegin()->first;  // grow the last hole
    free_.erase(start);
  }
  size_ = start + bytes;
  return start;
}

void Arena::give_back(int64_t offset, int64_t bytes) {
  if (bytes == 0) return;
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && offset + bytes == next->first) {
    bytes += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  free_[offset] = bytes;
}

Planner::Planner(Plan& plan, const Entries& outputs, const std::vector<Node*>& inputs, Rules rules)
    : plan_(plan),
      outputs_(outputs),
      inputs_(inputs),
      rules_(rules),
      order_(topological_order(outputs)) {
  if (rules_.schedule) order_ = order_for_memory(outputs_, order_);
}

void Planner::build() {
  count_uses();
  place_inputs();
  place_constants();
  for (Node* node : order_) {
    if (node->is_variable()) continue;
    plan_node(*node);
    copy_outputs(node);
  }
  copy_outputs(nullptr);
  plan_.arena_bytes_ = arena_.size();
}

void Planner::count_uses() {
  for (const Node* node : order_) {
    for (const Entry& e : node->inputs) ++uses_[{e.node.get(), e.index}];
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Entry& e = outputs_[i];
    ++uses_[{e.node.get(), e.index}];
    output_slot_.try_emplace({e.node.get(), e.index}, static_cast<int32_t>(i));
    plan_.out_specs_.push_back(e.node->specs[static_cast<size_t>(e.index)]);
  }
}

void Planner::place_inputs() {
  plan_.mutated_.assign(inputs_.size(), false);
  plan_.used_.assign(inputs_.size(), false);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Spec& spec = inputs_[i]->specs[0];
    plan_.in_specs_.push_back(spec);
    located_[{inputs_[i], 0}] =
        new_buffer(spec, {Plan::Place::kInput, static_cast<int32_t>(i), 0}, 1);
  }
}

// Constants are inputs behind those of the caller.
void Planner::place_constants() {
  for (Node* node : order_) {
    if (!node->constant) continue;
    const auto index = static_cast<int32_t>(inputs_.size() + plan_.constants_.size());
    plan_.constants_.push_back(node->constant);
    plan_.mutated_.push_back(false);
    plan_.used_.push_back(false);
    located_[{node, 0}] = new_buffer(node->specs[0], {Plan::Place::kInput, index, 0}, 1);
  }
}

Planner::Located Planner::new_buffer(const Spec& spec, Plan::Place place, int64_t uses) {
  Buffer buffer{place, 0, uses};
  if (place.kind == Plan::Place::kArena) {
    buffer.bytes = aligned(bytes_of(spec));
    plan_.unplanned_bytes_ += buffer.bytes;
    if (buffer.bytes) buffer.place.offset = arena_.take(buffer.bytes);
  }
  buffers_.push_back(buffer);
  return {static_cast<int32_t>(buffers_.size() - 1),
          {buffer.place, spec.shape, contiguous_strides(spec.shape), spec.dtype, true}};
}

void Planner::read(int32_t index) {
  Buffer& b = buffers_[static_cast<size_t>(index)];
  if (--b.uses_left == 0 && b.place.kind == Plan::Place::kArena && rules_.reuse) {
    arena_.give_back(b.place.offset, b.bytes);
  }
}

Planner::Located& Planner::input_of(Node& node, size_t i) {
  const Entry& e = node.inputs[i];
  const auto found = located_.find({e.node.get(), e.index});
  check(found != located_.end(), ErrorKind::kInvalidArgument, "graph: variable '", e.node->name,
        "' has no array");
  Located& at = found->second;
  if (at.operand.place.kind == Plan::Place::kInput) {
    plan_.used_[static_cast<size_t>(at.operand.place.index)] = true;
  }
  return at;
}

// A view takes part in the uses of its root: one for each use of its own.
void Planner::plan_view(Node& node) {
  const op::Op& op = *node.op;
  Located source = input_of(node, 0);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Plan::Operand& o = source.operand;
    const View in{nullptr, &o.shape, &o.strides, o.dtype, o.contiguous};
    op::ViewPlan view;
    if (op.view(op, op.data_of(node.attrs), in, view)) {
      Located at = source;
      at.operand.place.offset += view.offset * dtype_size(o.dtype);
      at.operand.contiguous = is_contiguous(view.shape, view.strides);
      at.operand.shape = std::move(view.shape);
      at.operand.strides = std::move(view.strides);
      buffers_[static_cast<size_t>(at.buffer)].uses_left += uses_[{&node, 0}];
      located_[{&node, 0}] = std::move(at);
      read(source.buffer);
      return;
    }
    if (o.contiguous) break;
    source = contiguous(source, node.name);
  }
  fail(ErrorKind::kInternal, op.name, ": no view of contiguous data in node '", node.name, "'");
}

// A packed copy of `from`, which is read once by this.
Planner::Located Planner::contiguous(const Located& from, const std::string& name) {
  const Spec spec{from.operand.shape, from.operand.dtype};
  Located to = new_buffer(spec, {}, 1);
  Plan::Step step;
  step.op = &op::Op::get("copy");
  step.name = name;
  step.in.push_back(from.operand);
  step.out.push_back(to.operand);
  add_step(std::move(step));
  read(from.buffer);
  return to;
}

// Memory for an output: the caller's array, the dying input of an in-place operator, or the arena.
Planner::Located Planner::output_buffer(Node& node, int32_t index) {
  const Spec& spec = node.specs[static_cast<size_t>(index)];
  const Key key{&node, index};
  const auto slot = output_slot_.find(key);
  if (slot != output_slot_.end()) {
    return new_buffer(spec, {Plan::Place::kOutput, slot->second, 0}, uses_[key]);
  }
  Located at;
  if (node.op->inplace && index == 0 && rules_.in_place) {
    const size_t candidates = node.op->elementwise ? node.inputs.size() : 1;
    for (size_t i = 0; i < candidates; ++i) {
      if (over_input(node, i, key, at)) return at;
    }
  }
  return new_buffer(spec, {}, uses_[key]);
}

// Takes the memory of an intermediate that this node reads last.
bool Planner::over_input(Node& node, size_t input, const Key& out, Located& at) {
  const Spec& spec = node.specs[static_cast<size_t>(out.second)];
  const Located& in = input_of(node, input);
  Buffer& b = buffers_[static_cast<size_t>(in.buffer)];
  const bool whole = in.operand.contiguous && in.operand.place.offset == b.place.offset &&
                     aligned(bytes_of(spec)) == b.bytes && in.operand.dtype == spec.dtype &&
                     in.operand.shape == spec.shape;
  int64_t reads = 0;  // of this node; an element-wise one may read an array twice
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Located& other = input_of(node, i);
    if (other.buffer != in.buffer) continue;
    ++reads;
    if (!(node.inputs[i] == node.inputs[input])) return false;  // another view of the memory
  }
  if (reads > 1 && !node.op->elementwise) return false;
  if (b.place.kind != Plan::Place::kArena || !whole || b.uses_left != reads) return false;
  b.uses_left += uses_[out];
  plan_.unplanned_bytes_ += b.bytes;
  at = in;
  return true;
}

void Planner::plan_node(Node& node) {
  const op::Op& op = *node.op;
  if (op.view) {
    plan_view(node);
    return;
  }
  Plan::Step step;
  step.op = &op;
  step.attrs = node.attrs;
  step.name = node.name;
  std::vector<int32_t> reads;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Located at = input_of(node, i);
    const bool is_input = at.operand.place.kind == Plan::Place::kInput;
    if (node.input_def(i).is_mutable) {
      check(is_input && at.operand.contiguous, ErrorKind::kInvalidArgument, op.name, ": ",
            node.input_def(i).name, " is computed in the graph, must be a variable, in node '",
            node.name, "'");
      if (writes_inputs(node, plan_.is_train_)) {
        plan_.mutated_[static_cast<size_t>(at.operand.place.index)] = true;
      }
    } else if (!op.strided && !at.operand.contiguous) {
      at = contiguous(at, node.name);
    }
    reads.push_back(at.buffer);
    step.in.push_back(at.operand);
  }
  std::vector<int32_t> unread;
  for (size_t i = 0; i < node.specs.size(); ++i) {
    Located at = output_buffer(node, static_cast<int32_t>(i));
    step.out.push_back(at.operand);
    if (uses_[{&node, static_cast<int32_t>(i)}] == 0) unread.push_back(at.buffer);
    located_[{&node, static_cast<int32_t>(i)}] = std::move(at);
  }
  if (op.random) {
    int64_t elements = 0;
    Specs specs;
    for (const Spec& s : node.specs) elements += num_elements(s.shape);
    for (const Entry& e : node.inputs) specs.push_back(spec_of(e));
    step.random_count = op::random_count(op, node.attrs, specs, elements, plan_.is_train_);
    ++plan_.num_random_;
  }
  add_step(std::move(step));
  for (int32_t b : reads) read(b);
  for (int32_t b : unread) {
    ++buffers_[static_cast<size_t>(b)].uses_left;
    read(b);
  }
}

// Outputs that are inputs, views, or shown twice are copied into their own array: those of `node`,
// or what is left, the inputs, which steps may write, and views of them.
void Planner::copy_outputs(const Node* node) {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Entry& e = outputs_[i];
    if (copied_.count(i) || (node && e.node.get() != node)) continue;
    const auto found = located_.find({e.node.get(), e.index});
    check(found != located_.end(), ErrorKind::kInvalidArgument, "graph: variable '", e.node->name,
          "' has no array");
    const Located at = found->second;
    const Plan::Place& p = at.operand.place;
    if (p.kind == Plan::Place::kOutput && p.index == static_cast<int32_t>(i)) continue;
    if (p.kind == Plan::Place::kInput && node) continue;
    if (p.kind == Plan::Place::kInput) plan_.used_[static_cast<size_t>(p.index)] = true;
    copied_.insert(i);
    const Spec& spec = plan_.out_specs_[i];
    Plan::Step step;
    step.op = &op::Op::get("copy");
    step.name = e.node->name;
    step.in.push_back(at.operand);
    step.out.push_back({{Plan::Place::kOutput, static_cast<int32_t>(i), 0},
                        spec.shape,
                        contiguous_strides(spec.shape),
                        spec.dtype,
                        true});
    add_step(std::move(step));
    read(at.buffer);
  }
}

double Planner::cost_ns(const Plan::Step& step) const {
  double bytes = 0;
  Specs in;
  for (const auto* list : {&step.in, &step.out}) {
    for (const Plan::Operand& o : *list) {
      bytes += static_cast<double>(num_elements(o.shape) * dtype_size(o.dtype));
    }
  }
  for (const Plan::Operand& o : step.in) in.push_back({o.shape, o.dtype});
  const double flops =
      step.op->flops ? step.op->flops(*step.op, step.op->data_of(step.attrs), in) : 0;
  return kCallNs + bytes / kBytesPerNs + flops / kFlopsPerNs;
}

void Planner::add_step(Plan::Step step) {
  bool empty = true;
  for (const Plan::Operand& o : step.out) empty = empty && num_elements(o.shape) == 0;
  bool writes_input = false;
  for (size_t i = 0; i < step.in.size(); ++i) {
    const auto& defs = step.op->inputs;
    writes_input = writes_input || defs[std::min(i, defs.size() - 1)].is_mutable;
  }
  if (empty && !writes_input) return;
  step.cost_ns = cost_ns(step);
  plan_.cost_ns_ += step.cost_ns;
  plan_.steps_.push_back(std::move(step));
}

}  // namespace plait::graph
