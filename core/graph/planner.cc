#include "graph/planner.h"

#include <algorithm>

#include "graph/cost.h"
#include "graph/packing.h"
#include "graph/schedule.h"
#include "op/body.h"

namespace plait::graph {
namespace {

constexpr int64_t kAlignment = 64;

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Planner::Planner(Plan& plan, const Graph& graph, Rules rules)
    : plan_(plan),
      graph_(graph),
      outputs_(graph.outputs),
      inputs_(graph.inputs),
      rules_(rules),
      order_(topological_order(outputs_)) {
  if (rules_.schedule) order_ = order_for_memory(outputs_, order_, plan_.is_train_);
}

void Planner::build() {
  count_uses();
  place_inputs();
  place_block();
  place_constants();
  for (Node* node : order_) {
    if (node->is_variable()) continue;
    plan_node(*node);
    copy_outputs(node);
  }
  copy_outputs(nullptr);
  keep_outputs();
  place_buffers();
}

void Planner::count_uses() {
  for (const Node* node : order_) {
    for (const Entry& e : node->inputs) ++uses_[{e.node.get(), e.index}];
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Entry& e = outputs_[i];
    ++uses_[{e.node.get(), e.index}];
    if (i >= num_shown()) continue;
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
        new_buffer(spec, {Plan::Place::kInput, static_cast<int32_t>(i), 0}, uses_[{inputs_[i], 0}]);
  }
}

// Variables in the block of another graph: in the arena, or in the array behind the inputs.
void Planner::place_block() {
  if (graph_.block.empty()) return;
  const auto index = static_cast<int32_t>(inputs_.size());
  if (!graph_.overwrites_block) {
    plan_.mutated_.push_back(false);
    plan_.used_.push_back(true);
  }
  std::vector<std::pair<int64_t, Node*>> by_offset;
  for (Node* node : order_) {
    const auto found = graph_.block.find(node);
    if (found != graph_.block.end()) by_offset.emplace_back(found->second, node);
  }
  std::sort(by_offset.begin(), by_offset.end());
  for (const auto& [offset, node] : by_offset) {
    Located at = new_buffer(node->specs[0], {Plan::Place::kInput, index, offset}, uses_[{node, 0}]);
    if (graph_.overwrites_block) {
      at.operand.place = {Plan::Place::kArena, at.buffer, 0};
      buffers_.back().place = at.operand.place;
      buffers_.back().given = offset;
    }
    located_[{node, 0}] = std::move(at);
  }
}

// Constants are inputs behind those of the caller.
void Planner::place_constants() {
  for (Node* node : order_) {
    if (!node->constant) continue;
    const auto index = static_cast<int32_t>(plan_.used_.size());
    plan_.constants_.push_back(node->constant);
    plan_.mutated_.push_back(false);
    plan_.used_.push_back(false);
    located_[{node, 0}] = new_buffer(node->specs[0], {Plan::Place::kInput, index, 0}, 1);
  }
}

Planner::Located Planner::new_buffer(const Spec& spec, Plan::Place place, int64_t uses) {
  const auto index = static_cast<int32_t>(buffers_.size());
  Buffer buffer{place, aligned(bytes_of(spec)), uses};
  buffer.begin = ++moment_;
  if (place.kind == Plan::Place::kArena) {
    plan_.unplanned_bytes_ += buffer.bytes;
    buffer.place.index = index;
  }
  buffers_.push_back(buffer);
  return {index, {buffer.place, spec.shape, contiguous_strides(spec.shape), spec.dtype, true}};
}

void Planner::read(int32_t index) {
  Buffer& b = buffers_[static_cast<size_t>(index)];
  if (--b.uses_left == 0 && rules_.reuse) b.end = ++moment_;
}

// Gives the buffers of the arena their offsets and adds these to what the steps hold, which so far
// counts from the start of the buffer.
void Planner::place_buffers() {
  std::vector<Span> spans;
  for (const Buffer& b : buffers_) {
    if (b.place.kind != Plan::Place::kArena) continue;
    spans.push_back({b.bytes, b.given < 0 ? b.begin : 0, b.end, b.given});
  }
  plan_.arena_bytes_ = pack(spans);
  std::vector<int64_t> offsets(buffers_.size(), 0);
  size_t next = 0;
  for (size_t i = 0; i < buffers_.size(); ++i) {
    if (buffers_[i].place.kind == Plan::Place::kArena) offsets[i] = spans[next++].offset;
  }
  for (Plan::Step& step : plan_.steps_) {
    for (auto* list : {&step.in, &step.out}) {
      for (Plan::Operand& o : *list) {
        if (o.place.kind == Plan::Place::kArena) {
          o.place.offset += offsets[static_cast<size_t>(o.place.index)];
        }
      }
    }
  }
  for (const int32_t buffer : kept_) {
    plan_.kept_.push_back(offsets[static_cast<size_t>(buffer)]);
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
    if (node.is_mutable(i) && writes_inputs(node, plan_.is_train_)) {
      check(is_input && at.operand.contiguous, ErrorKind::kInvalidArgument, op.name, ": ",
            node.input_def(i).name, " is computed in the graph, must be a variable, in node '",
            node.name, "'");
      plan_.mutated_[static_cast<size_t>(at.operand.place.index)] = true;
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
  for (size_t i = 0; i < num_shown(); ++i) {
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

// Outputs that stay in the block: each has a buffer of its own, which is never given back.
void Planner::keep_outputs() {
  std::unordered_set<int32_t> taken;
  for (size_t i = num_shown(); i < outputs_.size(); ++i) {
    const Entry& e = outputs_[i];
    Located at = located_.at({e.node.get(), e.index});
    const Plan::Place& owner = buffers_[static_cast<size_t>(at.buffer)].place;
    const bool whole = owner.kind == Plan::Place::kArena && at.operand.contiguous &&
                       at.operand.place.offset == owner.offset;
    if (owner.kind == Plan::Place::kInput) plan_.used_[static_cast<size_t>(owner.index)] = true;
    if (!whole || !taken.insert(at.buffer).second) at = contiguous(at, e.node->name);
    kept_.push_back(at.buffer);
    plan_.kept_bytes_ += bytes_of(e.node->specs[static_cast<size_t>(e.index)]);
  }
}

void Planner::add_step(Plan::Step step) {
  bool empty = true;
  for (const Plan::Operand& o : step.out) empty = empty && num_elements(o.shape) == 0;
  bool writes_input = false;
  for (size_t i = 0; i < step.in.size(); ++i) {
    writes_input = writes_input || op::is_mutable(*step.op, step.attrs, i, step.in.size());
  }
  if (empty && !writes_input) return;
  Specs in, out;
  for (const Plan::Operand& o : step.in) in.push_back({o.shape, o.dtype});
  for (const Plan::Operand& o : step.out) out.push_back({o.shape, o.dtype});
  step.cost_ns = estimated_ns(*step.op, step.attrs, in, out);
  plan_.cost_ns_ += step.cost_ns;
  plan_.steps_.push_back(std::move(step));
}

}  // namespace plait::graph
