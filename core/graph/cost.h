#pragma once

#include "graph/node.h"

namespace plait::graph {

// Nanoseconds that a call of an operator takes on one core, estimated from its arithmetic and the
// bytes that it reads and writes.
double estimated_ns(const op::Op& op, const op::AttrsRef& attrs, const Specs& in, const Specs& out);
double estimated_ns(const Node& node);

int64_t bytes_of(const Spec& spec);

}  // namespace plait::graph
