#pragma once

#include "graph/node.h"

namespace plait::graph {

// Runs a loop or a branch step by step on arrays, so that each operator of its bodies is recorded:
// for gradients of gradients. Waits for the values of conditions.
Arrays unroll(const Node& node, const Arrays& in);

}  // namespace plait::graph
