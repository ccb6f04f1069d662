#include "graph/mxnet_names.h"

#include <algorithm>
#include <string_view>

#include "op/body.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

template <class Names>
bool contains(const Names& names, std::string_view wanted) {
  return std::find(std::begin(names), std::end(names), wanted) != std::end(names);
}

// Operators whose outputs have numbers in MXNet, hidden ones among them.
constexpr std::string_view kNumbered[] = {
    "bipartite_matching", "box_encode", "box_nms", "ctc_loss", "det", "linalg_gelqf",
    "linalg_syevd",       "moments",    "slogdet", "sort",     "topk"};

// Defaults that MXNet does not have: without them it refuses a file.
constexpr std::string_view kNeeded[] = {
    "arange.start",       "full.value",     "multi_sum_sq.num_arrays", "random_randint.high",
    "random_randint.low", "slice_axis.end", "sync_batch_norm.key"};

// What programs mostly give even where it is the default, and look for in files.
constexpr std::string_view kMostlyGiven[] = {"act_type", "pool_type", "scalar"};

bool is_told(const op::Op& op, const op::AttrField& field, const op::AttrValue& value) {
  return field.required || contains(kMostlyGiven, field.name) ||
         op::to_string(value) != op::to_string(field.fallback) ||
         contains(kNeeded, op.name + "." + field.name);
}

std::string choice_of(const Node& node, const char* field) {
  return op::to_string(
      node.op->fields[node.op->field_index(field)]->get(node.op->data_of(node.attrs)));
}

// The power of a mean of powers: for the other kinds files leave it out.
bool tells_power(const Node& node) {
  return node.op->name == "pooling" && choice_of(node, "pool_type") == "lp";
}

// Whether a node's outputs have numbers; those of topk only with values among them.
bool is_numbered(const Node& node) {
  if (!contains(kNumbered, node.op->name)) return false;
  if (node.op->name != "topk") return true;
  const std::string kind = choice_of(node, "ret_typ");
  return kind == "value" || kind == "both";
}

bool has_field(const op::Op& op, std::string_view name) {
  return std::any_of(op.fields.begin(), op.fields.end(),
                     [&](const auto& field) { return field->name == name; });
}

}  // namespace

std::string file_name(const op::Op& op) {
  static const std::map<std::string, std::string> kOther{
      {"foreach", "_foreach"},
      {"multi_proposal", "_contrib_MultiProposal"},
      {"while_loop", "_while_loop"},
      {"cond", "_cond"},
      {"less", "broadcast_lesser"},
      {"less_equal", "broadcast_lesser_equal"},
      {"less_scalar", "_lesser_scalar"},
      {"less_equal_scalar", "_lesser_equal_scalar"},
      {"true_divide", "broadcast_div"},
      {"arctan2", "_npi_arctan2"},
      {"true_divide_scalar", "_div_scalar"}};
  if (const auto other = kOther.find(op.name); other != kOther.end()) return other->second;
  std::string first;
  for (const op::Surface& s : op.surfaces) {
    if (s.where != "sym") continue;
    if (s.name.rfind("broadcast_", 0) == 0) return s.name;
    if (first.empty()) first = s.name;
  }
  const size_t dot = first.find('.');  // "random.uniform" is "_random_uniform" in files
  if (dot != first.npos) first = '_' + first.substr(0, dot) + '_' + first.substr(dot + 1);
  return first.empty() ? op.name : first;
}

const op::Op* find_operator(const std::string& name) {
  if (const op::Op* found = op::Op::find_on("sym", name)) return found;
  if (const op::Op* found = op::Op::find(name)) return found;
  static const std::map<std::string, std::string> kOther{
      {"_foreach", "foreach"},
      {"_while_loop", "while_loop"},
      {"_cond", "cond"},
      {"_lesser", "less"},
      {"_lesser_equal", "less_equal"},
      {"broadcast_lesser", "less"},
      {"broadcast_lesser_equal", "less_equal"},
      {"_lesser_scalar", "less_scalar"},
      {"_lesser_equal_scalar", "less_equal_scalar"}};
  if (const auto other = kOther.find(name); other != kOther.end()) {
    return op::Op::find(other->second);
  }
  for (const char* space : {"random", "linalg", "contrib", "image"}) {
    const std::string prefix = cat('_', space, '_');
    if (name.rfind(prefix, 0) != 0) continue;
    const std::string dotted = cat(space, '.', name.substr(prefix.size()));
    if (const op::Op* found = op::Op::find_on("sym", dotted)) return found;
  }
  for (const char* prefix : {"_npi_", "_npx_", "_np_"}) {
    if (name.rfind(prefix, 0) != 0) continue;
    const std::string rest = name.substr(std::string_view(prefix).size());
    for (const char* surface : {"np", "npx"}) {
      if (const op::Op* found = op::Op::find_on(surface, rest)) return found;
    }
    return op::Op::find(rest);
  }
  return nullptr;
}

std::string output_name(const Entry& e) {
  const Node& n = *e.node;
  if (n.is_variable()) return n.name;
  const size_t i = static_cast<size_t>(e.index);
  const auto& outputs = n.op->outputs;
  const bool numbered = is_numbered(n);
  if (!numbered && i == 0 && op::visible_outputs(*n.op, n.attrs) == 1) return n.name + "_output";
  // A definition with one output for any number of them names none.
  const bool named = !numbered && i < outputs.size() && (outputs.size() > 1 || !n.op->num_outputs);
  return n.name + "_" + (named ? outputs[i].name : "output" + std::to_string(i));
}

std::map<std::string, std::string> told_attributes(const Node& node) {
  std::map<std::string, std::string> attrs = node.strings;
  if (!node.op || !node.attrs) return attrs;
  const void* data = node.op->data_of(node.attrs);
  for (const auto& field : node.op->fields) {
    if (op::is_body(*node.op, field->name)) continue;  // a member of its own in files
    const op::AttrValue value = field->get(data);
    const bool power = field->name == "p_value" && tells_power(node);
    if (power || is_told(*node.op, *field, value)) attrs[field->name] = op::to_string(value);
  }
  return attrs;
}

bool counts_inputs(const op::Op& op) {
  return !op.inputs.empty() && op.inputs.back().kind == op::InputDef::kVariadic &&
         !has_field(op, "num_arrays");
}

}  // namespace plait::graph
