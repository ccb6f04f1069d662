#include "graph/schedule.h"

#include <algorithm>
#include <tuple>

#include "graph/cost.h"
#include "op/ranks.h"

namespace plait::graph {
namespace {

class Order {
 public:
  Order(const Entries& outputs, const std::vector<Node*>& order, bool is_train)
      : order_(order), missing_(order.size()), height_(order.size()), readers_(order.size()) {
    for (size_t i = 0; i < order.size(); ++i) position_[order[i]] = i;
    for (const Entry& e : outputs) {
      ++left_[e.node.get()];  // never freed
      shown_.insert(e);
    }
    const auto written = written_variables(order);
    std::unordered_map<const Node*, size_t> last_touch;
    for (size_t i = 0; i < order.size(); ++i) {
      for (const Entry& e : order[i]->inputs) {
        depend(i, position_.at(e.node.get()));
        ++left_[e.node.get()];
        if (!written.count(e.node.get())) continue;
        const auto [at, is_first] = last_touch.try_emplace(e.node.get(), i);
        if (!is_first && at->second != i) depend(i, at->second);
        at->second = i;
      }
    }
    order_those_that_wait(is_train);
  }

  std::vector<Node*> run() {
    for (size_t i = order_.size(); i-- > 0;) {
      for (size_t r : readers_[i]) height_[i] = std::max(height_[i], height_[r] + 1);
    }
    for (size_t i = 0; i < order_.size(); ++i) {
      if (missing_[i] == 0) ready_.push_back(i);
    }
    std::vector<Node*> result;
    while (!ready_.empty()) {
      size_t best = 0;
      for (size_t k = 1; k < ready_.size(); ++k) {
        if (better(ready_[k], ready_[best])) best = k;
      }
      const size_t i = ready_[best];
      ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(best));
      result.push_back(order_[i]);
      for (const Entry& e : order_[i]->inputs) --left_[e.node.get()];
      for (size_t r : readers_[i]) {
        if (--missing_[r] == 0) ready_.push_back(r);
      }
    }
    return result;
  }

 private:
  // One after the other: by the number of such nodes on the longest way to each, then by key.
  void order_those_that_wait(bool is_train) {
    using Place = std::tuple<int64_t, std::string, size_t>;
    std::vector<int64_t> before(order_.size());
    std::vector<Place> places;
    for (size_t i = 0; i < order_.size(); ++i) {
      const Node& node = *order_[i];
      const bool waits = node.op && op::waits_for_ranks(*node.op, node.attrs, is_train);
      if (waits) places.emplace_back(before[i], key_of(node), i);
      for (size_t r : readers_[i]) before[r] = std::max(before[r], before[i] + waits);
    }
    std::sort(places.begin(), places.end());
    for (size_t k = 1; k < places.size(); ++k) {
      depend(std::get<size_t>(places[k]), std::get<size_t>(places[k - 1]));
    }
  }

  static std::string key_of(const Node& node) {
    for (const auto& field : node.op->fields) {
      if (field->name == "key") return op::to_string(field->get(node.op->data_of(node.attrs)));
    }
    return node.name;
  }

  bool better(size_t a, size_t b) const {
    const int32_t late = order_[a]->late, other = order_[b]->late;
    if (late != other) return late == 0 || (other != 0 && late > other);
    if (late) return a < b;  // of one segment, in the order of forward
    const int64_t more = growth(a), least = growth(b);
    return more != least ? more < least : comes_first(a, b);
  }

  // Of two that take the same, that with the longer way to the end; what is needed late waits.
  bool comes_first(size_t a, size_t b) const {
    return height_[a] != height_[b] ? height_[a] > height_[b] : a < b;
  }

  void depend(size_t node, size_t on) {
    readers_[on].push_back(node);
    ++missing_[node];
  }

  // Memory of intermediates: that of outputs is there anyway.
  int64_t bytes_of(const Node& node) const {
    if (node.is_variable()) return 0;
    int64_t bytes = 0;
    for (size_t i = 0; i < node.specs.size(); ++i) {
      const Entry e{Ref<Node>(const_cast<Node*>(&node)), static_cast<int32_t>(i)};
      if (!shown_.count(e)) bytes += graph::bytes_of(node.specs[i]);
    }
    return bytes;
  }

  // Bytes that running a node adds to what is alive; views take nothing and keep what they show.
  int64_t growth(size_t i) const {
    const Node& node = *order_[i];
    if (node.is_variable() || node.op->view) return 0;
    int64_t bytes = bytes_of(node);
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const Node* in = node.inputs[k].node.get();
      bool repeated = false;
      int64_t reads = 0;
      for (size_t j = 0; j < node.inputs.size(); ++j) {
        reads += node.inputs[j].node.get() == in;
        repeated = repeated || (j < k && node.inputs[j].node.get() == in);
      }
      if (!repeated && left_.at(in) == reads) bytes -= bytes_of(*in);
    }
    return bytes;
  }

  const std::vector<Node*>& order_;
  std::unordered_map<const Node*, size_t> position_;
  std::unordered_map<const Node*, int64_t> left_;  // reads to come
  std::unordered_set<Entry, EntryHash> shown_;     // outputs
  std::vector<int64_t> missing_;
  std::vector<int64_t> height_;  // nodes on the longest way to an output
  std::vector<std::vector<size_t>> readers_;
  std::vector<size_t> ready_;
};

}  // namespace

std::vector<Node*> order_for_memory(const Entries& outputs, const std::vector<Node*>& order,
                                    bool is_train) {
  return Order(outputs, order, is_train).run();
}

}  // namespace plait::graph
