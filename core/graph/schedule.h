#pragma once

#include <vector>

#include "graph/graph.h"

namespace plait::graph {

// The nodes in an order that keeps few bytes alive: of the nodes whose inputs are there, always the
// one that takes least memory, or gives most back; of equal ones that on the longest way to an
// output. Nodes that touch a variable which one of them writes keep their order. Those that wait
// for other processes have an order that shapes do not change, which differ between processes.
std::vector<Node*> order_for_memory(const Entries& outputs, const std::vector<Node*>& order,
                                    bool is_train);

}  // namespace plait::graph
