#pragma once

#include <map>
#include <string>

#include "graph/node.h"

// What MXNet calls the parts of a graph where the registry has other names.
namespace plait::graph {

// The name that MXNet knows an operator by: that with broadcasting where there are two.
std::string file_name(const op::Op& op);

// The operator of a file: by its name as a symbol, or, in files of MXNet 2, as an array function.
// Null if there is none.
const op::Op* find_operator(const std::string& name);

// "fc_output", "bn_mean", "split_output1"; of a variable its name.
std::string output_name(const Entry& entry);

// Free attributes of a node, and those of its operator that files tell: all but most defaults.
std::map<std::string, std::string> told_attributes(const Node& node);

// Whether files tell the number of inputs.
bool counts_inputs(const op::Op& op);

}  // namespace plait::graph
