#pragma once

#include "graph/node.h"

namespace plait::graph {

bool is_gradient(const Node& node);  // the operator `gradient`

// Runs a loop, a branch or a gradient step by step on arrays, so that each operator of its bodies
// is recorded: for gradients of gradients. Waits for the values of conditions.
Arrays unroll(const Node& node, const Arrays& in);

}  // namespace plait::graph
