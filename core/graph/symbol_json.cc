#include <algorithm>
#include <unordered_map>

#include "graph/graph.h"
#include "graph/json_text.h"
#include "graph/mxnet_names.h"
#include "graph/open_sizes.h"
#include "graph/symbol.h"
#include "op/body.h"
#include "op/invoke.h"

// MXNet's graph files: {"nodes": [{"op", "name", "attrs", "inputs"}], "arg_nodes", "heads", ...}.
// Old versions call the attributes "param" or "attr".
namespace plait::graph {
namespace {

constexpr int kWrittenVersion = 10901;  // the MXNet whose format is written

// Attributes that old versions wrote without underscores.
constexpr const char* kHidden[] = {"ctx_group", "lr_mult", "wd_mult", "force_mirroring",
                                   "mirror_stage"};
bool is_hidden_key(const std::string& key) {
  return std::any_of(std::begin(kHidden), std::end(kHidden),
                     [&](const char* hidden) { return key == hidden; });
}

// Old versions wrote attributes of parameters at the operator: "weight_lr_mult".
void move_to_inputs(Node& node) {
  for (size_t i = 0; i < node.inputs.size() && i < node.op->inputs.size(); ++i) {
    Node& input = *node.inputs[i].node;
    if (!input.is_variable()) continue;
    for (const char* hidden : kHidden) {
      const auto found = node.strings.find(cat(node.op->inputs[i].name, '_', hidden));
      if (found == node.strings.end()) continue;
      input.strings[cat("__", hidden, "__")] = found->second;
      node.strings.erase(found);
    }
  }
}

std::string entry_text(const Entry& e, const std::unordered_map<const Node*, size_t>& ids) {
  return cat('[', ids.at(e.node.get()), ", ", e.index, ", 0]");
}

// ', "subgraphs": [...]' of operators with bodies.
std::string bodies_text(const Node& node) {
  const op::Control* control = node.op ? node.op->control : nullptr;
  if (!control || control->bodies.empty()) return "";
  std::string text;
  for (const char* name : control->bodies) {
    text += (text.empty() ? "" : ", ") + op::to_string(attribute(node, name));
  }
  return ", \"subgraphs\": [" + text + "]";
}

std::string attrs_text(const Node& node) {
  std::map<std::string, std::string> attrs = told_attributes(node);
  if (node.op && counts_inputs(*node.op)) {
    const op::Control* control = node.op->control;  // MXNet counts bodies as arguments
    attrs["num_args"] = std::to_string(node.inputs.size() + (control ? control->bodies.size() : 0));
  }
  std::string text;
  for (const auto& [key, value] : attrs) {
    text += (text.empty() ? "" : ", ") + Json::quote(key) + ": " + Json::quote(value);
  }
  return text;
}

Ref<Node> read_node(const Json& json) {
  auto node = make_ref<Node>();
  const std::string& op_name = json.at("op").as_string("op");
  node->name = json.at("name").as_string("name");
  if (op_name != "null") {
    node->op = find_operator(op_name);
    check(node->op, ErrorKind::kKey, "symbol: operator of node '", node->name, "' is '", op_name,
          "', must be one that this build has");
  }
  std::vector<std::pair<int, op::AttrValue>> values;
  for (const char* key : {"param", "attr", "attrs"}) {
    const Json* attrs = json.find(key);
    if (!attrs) continue;
    for (const auto& [name, value] : attrs->members()) {
      const std::string& text = value.as_string("attribute");
      int field = -1;
      for (size_t i = 0; node->op && i < node->op->fields.size(); ++i) {
        if (node->op->fields[i]->name == name) field = static_cast<int>(i);
      }
      if (field >= 0) {
        values.emplace_back(field, op::parse_attr(text));
      } else if (name != "num_args") {
        node->strings[is_hidden_key(name) ? "__" + name + "__" : name] = text;
      }
    }
  }
  const op::Control* control = node->op ? node->op->control : nullptr;
  if (control && !control->bodies.empty()) {
    const std::vector<Json>& bodies = json.at("subgraphs").as_array("subgraphs");
    check(bodies.size() == control->bodies.size(), ErrorKind::kInvalidArgument, "symbol: node '",
          node->name, "' has ", bodies.size(), " subgraphs, must be ", control->bodies.size());
    for (size_t i = 0; i < bodies.size(); ++i) {
      values.emplace_back(node->op->field_index(control->bodies[i]), bodies[i].dump());
    }
  }
  if (node->op && node->op->has_attrs()) node->attrs = node->op->make_attrs(values);
  return node;
}

Entry read_entry(const Json& json, const std::vector<Ref<Node>>& nodes) {
  const std::vector<Json>& parts = json.as_array("input");
  check(parts.size() >= 2, ErrorKind::kInvalidArgument, "symbol: an input has ", parts.size(),
        " numbers, must be 2 or 3");
  const int64_t id = parts[0].as_int("node"), index = parts[1].as_int("output");
  check(id >= 0 && id < static_cast<int64_t>(nodes.size()), ErrorKind::kInvalidArgument,
        "symbol: an input is node ", id, ", must be one of the ", nodes.size(), " before it");
  const Ref<Node>& node = nodes[static_cast<size_t>(id)];
  const int outputs = node->op ? op::num_outputs(*node->op, node->attrs) : 1;
  check(index >= 0 && index < outputs, ErrorKind::kInvalidArgument, "symbol: output of node '",
        node->name, "' is ", index, ", must be in [0, ", outputs - 1, "]");
  return {node, static_cast<int32_t>(index)};
}

// Files of old versions leave auxiliary states out: they become variables again.
void complete_inputs(Node& node) {
  for (size_t i = node.inputs.size(); i < node.op->inputs.size(); ++i) {
    const op::InputDef& def = node.op->inputs[i];
    if (!def.is_aux) continue;
    node.inputs.push_back(Symbol::variable(node.name + "_" + def.name).entries()[0]);
  }
  size_t least = 0;
  for (const op::InputDef& def : node.op->inputs) least += def.kind == op::InputDef::kRequired;
  const bool variadic =
      !node.op->inputs.empty() && node.op->inputs.back().kind == op::InputDef::kVariadic;
  check(node.inputs.size() >= least && (variadic || node.inputs.size() <= node.op->inputs.size()),
        ErrorKind::kInvalidArgument, node.op->name, ": node '", node.name, "' has ",
        node.inputs.size(), " inputs, must be ", least, " to ", node.op->inputs.size());
}

// Outputs that a file counts.
int64_t rows_of(const Node& node) {
  if (const op::Control* control = node.op->control; control && control->recorded) {
    return op::visible_outputs(*node.op, node.attrs);
  }
  return static_cast<int64_t>(node.op->outputs.size());
}

// Whether a size of 0 is one, and not left open.
bool has_empty_arrays(const Json& json) {
  const Json* attrs = json.find("attrs");
  const Json* flag = attrs ? attrs->find("is_np_shape") : nullptr;
  return flag && flag->as_array("is_np_shape").at(1).as_int("is_np_shape") != 0;
}

}  // namespace

std::string Symbol::to_json() const {
  const std::vector<Node*> order = topological_order(entries_);
  std::unordered_map<const Node*, size_t> ids;
  std::string nodes, args, rows;
  int64_t row = 0;
  bool has_empty = false;
  for (const Node* node : order) {
    has_empty = has_empty || has_size(*node, 0);
    const size_t id = ids.size();
    ids[node] = id;
    std::string inputs;
    for (const Entry& e : node->inputs) inputs += (inputs.empty() ? "" : ", ") + entry_text(e, ids);
    const std::string attrs = attrs_text(*node);
    nodes += cat(id ? ",\n    " : "\n    ",
                 "{\"op\": ", Json::quote(node->op ? file_name(*node->op) : "null"),
                 ", \"name\": ", Json::quote(node->name),
                 attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}", ", \"inputs\": [", inputs,
                 "]", bodies_text(*node), "}");
    if (node->is_variable()) args += (args.empty() ? "" : ", ") + std::to_string(id);
    rows += std::to_string(row) + ", ";
    row += node->op ? rows_of(*node) : 1;
  }
  std::string heads;
  for (const Entry& e : entries_) heads += (heads.empty() ? "" : ", ") + entry_text(e, ids);
  return cat("{\n  \"nodes\": [", nodes, "\n  ],\n  \"arg_nodes\": [", args,
             "],\n  \"node_row_ptr\": [", rows, row, "],\n  \"heads\": [", heads,
             "],\n  \"attrs\": {\"mxnet_version\": [\"int\", ", kWrittenVersion, "]",
             has_empty ? ", \"is_np_shape\": [\"int\", 1]" : "", "}\n}");
}

Symbol Symbol::from_json(std::string_view text) {
  const Json json = Json::parse(text);
  const bool keeps_zeros = has_empty_arrays(json);
  std::vector<Ref<Node>> nodes;
  for (const Json& item : json.at("nodes").as_array("nodes")) {
    Ref<Node> node = read_node(item);
    for (const Json& input : item.at("inputs").as_array("inputs")) {
      node->inputs.push_back(read_entry(input, nodes));
    }
    check(node->op || node->inputs.empty(), ErrorKind::kInvalidArgument, "symbol: variable '",
          node->name, "' has ", node->inputs.size(), " inputs, must have none");
    if (node->op) {
      complete_inputs(*node);
      move_to_inputs(*node);
      if (!keeps_zeros) open_zeros(*node);
    }
    nodes.push_back(std::move(node));
  }
  Entries heads;
  for (const Json& head : json.at("heads").as_array("heads"))
    heads.push_back(read_entry(head, nodes));
  return Symbol(std::move(heads));
}

}  // namespace plait::graph
