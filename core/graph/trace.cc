#include "graph/trace.h"

namespace plait::graph {
namespace {

thread_local Trace* current = nullptr;

constexpr const char* kInPlace =
    "hybridize: an array is changed in place inside the block, must not be\n"
    "  hint: use operators that give new arrays";

}  // namespace

Trace::Trace() : outer_(current) {
  current = this;
  autograd::set_listener(this);
}

Trace::~Trace() { stop(); }

void Trace::stop() {
  if (!active_) return;
  active_ = false;
  if (current != this) return;
  current = outer_.get();
  while (current && !current->active_) current = current->outer_.get();
  autograd::set_listener(current);
  if (!current) return;
  for (const auto& [array, entry] : entries_) {
    if (!current->entries_.count(array) && !entry.node->is_variable()) {
      current->inside_.insert(array);
    }
  }
  current->kept_.append(kept_.begin(), kept_.end());
}

void Trace::variable(const std::string& name, const ArrayRef& array) {
  entries_[array.get()] = Symbol::variable(name).entries()[0];
  kept_.push_back(array);
}

void Trace::argument(const std::string& name, const ArrayRef& array) {
  variable(name, array);
  arguments_.insert(array.get());
}

// Backward works on other objects for the same arrays.
const Entry* Trace::known(const Array& array) const {
  const auto found = entries_.find(&array);
  if (found != entries_.end()) return &found->second;
  for (const ArrayRef& a : kept_) {
    if (a->storage() == array.storage() && a->offset_bytes() == array.offset_bytes() &&
        a->spec() == array.spec() && a->strides() == array.strides()) {
      const auto entry = entries_.find(a.get());  // not there if a trace within this one made it
      if (entry != entries_.end()) return &entry->second;
    }
  }
  return nullptr;
}

Entry Trace::entry_of(const ArrayRef& array) {
  if (const Entry* found = known(*array)) return *found;
  check(!inside_.count(array.get()), ErrorKind::kInvalidArgument,
        "hybridize: an array that the body of a loop or branch computed is used outside, must be "
        "one of its outputs");
  const std::string name = cat("captured", captured_.size());
  captured_.emplace_back(name, array);
  variable(name, array);
  return entries_.at(array.get());
}

void Trace::applied(const op::Op& op, const op::AttrsRef& attrs, std::span<const ArrayRef> in,
                    std::span<const ArrayRef> out) {
  if (!op.view) check_results(out);
  auto node = make_ref<Node>();
  node->op = &op;
  node->attrs = attrs ? attrs : op.has_attrs() ? op.make_attrs({}) : attrs;
  node->name = cat(op.name, counters_[op.name]++);
  for (const ArrayRef& a : in) node->inputs.push_back(entry_of(a));
  for (const ArrayRef& a : out) specs_[node.get()].push_back(a->spec());
  for (size_t i = 0; i < out.size(); ++i) {
    entries_[out[i].get()] = {node, static_cast<int32_t>(i)};
    kept_.push_back(out[i]);
  }
}

// Results are new memory: what an operator wrote over would keep its old name elsewhere.
void Trace::check_results(std::span<const ArrayRef> out) const {
  for (const ArrayRef& result : out) check_write(*result);
}

Symbol Trace::finish(std::span<const ArrayRef> outputs) {
  stop();
  Entries entries;
  for (const ArrayRef& a : outputs) {
    const auto found = entries_.find(a.get());
    check(found != entries_.end(), ErrorKind::kInvalidArgument, "trace: an output of shape ",
          a->shape(), " was not computed by operators from the inputs, must be");
    entries.push_back(found->second);
  }
  return Symbol(std::move(entries));
}

void Trace::check_read(const Array& array) {
  for (const Trace* trace = current; trace; trace = trace->outer_.get()) {
    check(!trace->arguments_.count(&array), ErrorKind::kInvalidArgument,
          "hybridize: the value of an argument of the block is read, must not be\n"
          "  hint: compiled calls would use the one of the first call; use operators instead");
    const auto found = trace->entries_.find(&array);
    check(found == trace->entries_.end() || (found->second.node->is_variable() && !trace->outer_),
          ErrorKind::kInvalidArgument,
          "hybridize: the value of an array computed inside the block is read, must not be\n"
          "  hint: use operators such as where, or control flow operators, instead of if and "
          "float()");
  }
}

void Trace::check_write(const Array& array) {
  for (const Trace* trace = current; trace; trace = trace->outer_.get()) {
    for (const ArrayRef& a : trace->kept_) {
      check(!(a->storage() == array.storage()), ErrorKind::kInvalidArgument, kInPlace);
    }
  }
}

void Trace::check_no_trace(const char* what) {
  check(!current, ErrorKind::kInvalidArgument, "hybridize: ", what,
        " writes gradients into arrays inside the block, must not\n"
        "  hint: autograd.grad gives them as new arrays");
}

void Trace::copied(const ArrayRef& from, const ArrayRef& to) {
  if (!current || !current->entries_.count(from.get())) return;
  static const op::Op& cast = op::Op::get("cast");
  const std::pair<int, op::AttrValue> dtype{cast.field_index("dtype"),
                                            std::string(dtype_name(to->dtype()))};
  current->applied(cast, cast.make_attrs({&dtype, 1}), {&from, 1}, {&to, 1});
}

TracePause::TracePause() : kept_(current) {
  current = nullptr;
  if (kept_) autograd::set_listener(nullptr);
}

TracePause::~TracePause() {
  current = kept_;
  if (kept_) autograd::set_listener(kept_);
}

bool Trace::is_active() { return current != nullptr; }

}  // namespace plait::graph
