#include "graph/cost.h"

#include "engine/cost.h"
#include "graph/graph.h"

namespace plait::graph {

int64_t bytes_of(const Spec& spec) { return num_elements(spec.shape) * dtype_size(spec.dtype); }

double estimated_ns(const op::Op& op, const op::AttrsRef& attrs, const Specs& in,
                    const Specs& out) {
  constexpr double kCallNs = 100;
  double bytes = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    if (static_cast<int>(i) != op.gathered) bytes += static_cast<double>(bytes_of(in[i]));
  }
  for (const Spec& s : out) bytes += static_cast<double>(bytes_of(s));
  const double flops = op.flops ? op.flops(op, op.data_of(attrs), in) : 0;
  return kCallNs + bytes / engine::kBytesPerNs + flops / engine::kFlopsPerNs;
}

double estimated_ns(const Node& node) {
  if (node.is_variable() || node.op->view) return 0;
  Specs in;
  for (const Entry& e : node.inputs) in.push_back(spec_of(e));
  return estimated_ns(*node.op, node.attrs, in, node.specs);
}

}  // namespace plait::graph
