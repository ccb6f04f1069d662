#include <functional>
#include <optional>

#include "c_api/common.h"
#include "graph/cached_graph.h"
#include "graph/json_text.h"
#include "graph/mxnet_names.h"
#include "graph/passes.h"
#include "graph/symbol.h"
#include "graph/trace.h"
#include "op/body.h"

// Symbols and compiled graphs.
struct plait_symbol_s {
  static constexpr char kKind[] = "symbol";
  plait::graph::Symbol symbol;
  std::string name;
};
struct plait_trace_s {
  static constexpr char kKind[] = "trace";
  plait::Ref<plait::graph::Trace> trace;
};
struct plait_graph_s {
  static constexpr char kKind[] = "graph";
  plait::Ref<plait::graph::CachedGraph> graph;
};

namespace plait::c_api {
namespace {

using graph::Json;
using graph::Symbol;

const Symbol& symbol_of(plait_symbol_t handle) {
  require(handle, "symbol");
  return handle->symbol;
}

plait_symbol_t handle_of(Symbol symbol) {
  std::string name;
  if (symbol.size()) name = symbol.entries()[0].node->name;
  return new_object<plait_symbol_s>(std::move(symbol), std::move(name));
}

std::vector<Symbol> symbols_of(const plait_symbol_t* handles, int32_t count) {
  require_list(handles, count, "symbols");
  std::vector<Symbol> symbols;
  for (int32_t i = 0; i < count; ++i) symbols.push_back(symbol_of(handles[i]));
  return symbols;
}

std::vector<std::string> names_of(const char* const* names, int32_t count) {
  std::vector<std::string> list;
  for (int32_t i = 0; names && i < count; ++i) list.emplace_back(names[i] ? names[i] : "");
  return list;
}

std::string json_list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (size_t i = 0; i < items.size(); ++i) text += (i ? ", " : "") + Json::quote(items[i]);
  return text + "]";
}

std::string json_shape(const std::optional<Dims>& shape) {
  if (!shape) return "null";
  std::string text = "[";
  for (size_t i = 0; i < shape->size(); ++i) text += (i ? ", " : "") + std::to_string((*shape)[i]);
  return text + "]";
}

std::string json_dtype(const std::optional<DType>& dtype) {
  return dtype ? Json::quote(dtype_name(*dtype)) : "null";
}

template <class List, class Text>
std::string json_member(const char* name, const List& list, Text text_of) {
  std::string text = cat('"', name, "\": [");
  for (size_t i = 0; i < list.size(); ++i) text += (i ? ", " : "") + text_of(list[i]);
  return text + "]";
}

Symbol finished(plait_trace_t trace, const plait_array_t* outputs, int32_t count) {
  require_list(outputs, count, "outputs");
  Arrays arrays;
  for (int32_t i = 0; i < count; ++i) arrays.push_back(array_of(outputs[i]));
  return trace->trace->finish({arrays.data(), arrays.size()});
}

std::string step_text(const graph::Trace& trace, const graph::Node& node, const std::string& in) {
  std::string attrs;
  for (const auto& field : node.op->fields) {
    const op::AttrValue value = field->get(node.op->data_of(node.attrs));
    attrs += cat(attrs.empty() ? "" : ", ", Json::quote(field->name), ": ",
                 Json::quote(op::to_string(value)));
  }
  const auto shape_text = [](const Spec& spec) { return json_shape(spec.shape); };
  return cat("{\"op\": ", Json::quote(node.op->name), ", \"attrs\": {", attrs, "}, \"inputs\": [",
             in, "], ", json_member("shapes", trace.specs_of(node), shape_text), "}");
}

// {"steps": [a variable's name or an operator], "outputs": [[step, which of its outputs]]}
std::string steps_text(const graph::Trace& trace, const Symbol& symbol) {
  std::map<const graph::Node*, size_t> places;
  const auto entry_text = [&](const graph::Entry& e) {
    return cat('[', places.at(e.node.get()), ", ", e.index, ']');
  };
  const auto entries_text = [&](const graph::Entries& entries) {
    std::string text;
    for (const graph::Entry& e : entries) text += (text.empty() ? "" : ", ") + entry_text(e);
    return text;
  };
  std::string text;
  for (const graph::Node* node : graph::topological_order(symbol.entries())) {
    text += places.empty() ? "" : ", ";
    places.emplace(node, places.size());
    text += node->is_variable() ? Json::quote(node->name)
                                : step_text(trace, *node, entries_text(node->inputs));
  }
  return cat("{\"steps\": [", text, "], \"outputs\": [", entries_text(symbol.entries()), "]}");
}

}  // namespace
}  // namespace plait::c_api

using namespace plait;
using namespace plait::c_api;

plait_status_t plait_symbol_variable(const char* name, plait_symbol_t* out) {
  return guarded([&] {
    require(name, "name");
    require(out, "out");
    *out = handle_of(Symbol::variable(name));
  });
}

plait_status_t plait_symbol_apply(plait_op_t op, const char* name, const plait_symbol_t* inputs,
                                  const char* const* input_names, int32_t num_inputs,
                                  const char* const* attr_names, const plait_value_t* attr_values,
                                  int32_t num_attrs, plait_symbol_t* out) {
  return guarded([&] {
    require(op, "op");
    require(name, "name");
    require(out, "out");
    const op::Op& core_op = op_of(op);
    require_list(attr_names, num_attrs, "attr_names");
    require_list(attr_values, num_attrs, "attr_values");
    std::vector<std::pair<int, op::AttrValue>> values;
    for (int32_t i = 0; i < num_attrs; ++i) {
      require(attr_names[i], "name of an attribute");
      values.emplace_back(core_op.field_index(attr_names[i]), value_of(attr_values[i]));
    }
    op::AttrsRef attrs;
    if (core_op.has_attrs()) attrs = core_op.make_attrs(values);
    const std::vector<Symbol> in = symbols_of(inputs, num_inputs);
    *out = handle_of(Symbol::apply(core_op, attrs, name, in, names_of(input_names, num_inputs)));
  });
}

plait_status_t plait_symbol_group(const plait_symbol_t* parts, int32_t num_parts,
                                  plait_symbol_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = handle_of(Symbol::group(symbols_of(parts, num_parts)));
  });
}

plait_status_t plait_symbol_from_json(const char* text, int64_t bytes, plait_symbol_t* out) {
  return guarded([&] {
    require(text, "text");
    require(out, "out");
    check(bytes >= 0, ErrorKind::kInvalidArgument, "bytes is ", bytes, ", must be >= 0");
    *out = handle_of(Symbol::from_json({text, static_cast<size_t>(bytes)}));
  });
}

plait_status_t plait_symbol_to_json(plait_symbol_t symbol, plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_buffer(symbol_of(symbol).to_json());
  });
}

void plait_symbol_free(plait_symbol_t symbol) { free_object(symbol); }

int32_t plait_symbol_num_outputs(plait_symbol_t symbol) {
  return is_alive(symbol) ? static_cast<int32_t>(symbol->symbol.size()) : -1;
}

const char* plait_symbol_name(plait_symbol_t symbol) {
  if (!is_alive(symbol) || !symbol->symbol.size()) return nullptr;
  for (const graph::Entry& e : symbol->symbol.entries()) {
    if (!(e.node == symbol->symbol.entries()[0].node)) return nullptr;
  }
  return symbol->name.c_str();
}

plait_status_t plait_symbol_output(plait_symbol_t symbol, int32_t index, plait_symbol_t* out) {
  return guarded([&] {
    require(out, "out");
    const Symbol& s = symbol_of(symbol);
    check(index >= 0 && index < static_cast<int32_t>(s.size()), ErrorKind::kIndex,
          "symbol: index is ", index, ", must be in [0, ", static_cast<int64_t>(s.size()) - 1, "]");
    *out = handle_of(s.output(static_cast<size_t>(index)));
  });
}

plait_status_t plait_symbol_internals(plait_symbol_t symbol, plait_symbol_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = handle_of(symbol_of(symbol).internals());
  });
}

plait_status_t plait_symbol_children(plait_symbol_t symbol, plait_symbol_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = handle_of(symbol_of(symbol).children());
  });
}

plait_status_t plait_symbol_names(plait_symbol_t symbol, plait_names_t which, plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    const Symbol& s = symbol_of(symbol);
    switch (which) {
      case PLAIT_NAMES_ARGUMENTS: *out = new_buffer(json_list(s.list_arguments())); return;
      case PLAIT_NAMES_AUXILIARY_STATES:
        *out = new_buffer(json_list(s.list_auxiliary_states()));
        return;
      case PLAIT_NAMES_INPUTS: *out = new_buffer(json_list(s.list_inputs())); return;
      case PLAIT_NAMES_OUTPUTS: *out = new_buffer(json_list(s.list_outputs())); return;
    }
    fail(ErrorKind::kInvalidArgument, "symbol: which is ", static_cast<int>(which),
         ", must be in [0, 3]");
  });
}

plait_status_t plait_symbol_attrs(plait_symbol_t symbol, plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    std::string text = "{";
    for (const graph::Node* node : graph::topological_order(symbol_of(symbol).entries())) {
      const auto attrs = graph::told_attributes(*node);
      if (attrs.empty()) continue;
      text += (text.size() > 1 ? ", " : "") + Json::quote(node->name) + ": {";
      bool first = true;
      for (const auto& [key, value] : attrs) {
        text += (first ? "" : ", ") + Json::quote(key) + ": " + Json::quote(value);
        first = false;
      }
      text += "}";
    }
    *out = new_buffer(text + "}");
  });
}

plait_status_t plait_symbol_set_attr(plait_symbol_t symbol, const char* key, const char* value) {
  return guarded([&] {
    require(key, "key");
    require(value, "value");
    const Symbol& s = symbol_of(symbol);
    check(s.size() > 0, ErrorKind::kInvalidArgument, "symbol: has no outputs, must have a node");
    s.entries()[0].node->strings[key] = value;
  });
}

plait_status_t plait_symbol_set_value(plait_symbol_t symbol, plait_array_t value) {
  return guarded([&] {
    const Symbol& s = symbol_of(symbol);
    check(s.size() == 1 && s.entries()[0].node->is_variable(), ErrorKind::kInvalidArgument,
          "symbol: must be a variable to have a value");
    s.entries()[0].node->constant = value ? array_of(value) : ArrayRef();
  });
}

plait_status_t plait_symbol_value(plait_symbol_t symbol, plait_array_t* value) {
  return guarded([&] {
    require(value, "value");
    const Symbol& s = symbol_of(symbol);
    const bool known = s.size() == 1 && s.entries()[0].node->constant;
    *value = known ? new_handle(s.entries()[0].node->constant) : nullptr;
  });
}

plait_status_t plait_symbol_compose(plait_symbol_t symbol, const char* const* names,
                                    const plait_symbol_t* replacements, int32_t count,
                                    plait_symbol_t* out) {
  return guarded([&] {
    require(out, "out");
    require_list(names, count, "names");
    *out = handle_of(
        symbol_of(symbol).compose(names_of(names, count), symbols_of(replacements, count)));
  });
}

plait_status_t plait_symbol_rename(plait_symbol_t symbol, const char* name, plait_symbol_t* out) {
  return guarded([&] {
    require(name, "name");
    require(out, "out");
    *out = handle_of(symbol_of(symbol).renamed(name));
  });
}

int32_t plait_symbol_is_same(plait_symbol_t a, plait_symbol_t b) {
  return is_alive(a) && is_alive(b) && a->symbol.entries() == b->symbol.entries();
}

plait_status_t plait_symbol_cut(plait_symbol_t symbol, const char* key, const char* value,
                                plait_symbol_t* body, plait_symbol_t* outer) {
  return guarded([&] {
    require(key, "key");
    require(value, "value");
    require(body, "body");
    require(outer, "outer");
    Symbol::Cut cut = symbol_of(symbol).cut(key, value);
    *outer = handle_of(std::move(cut.outer));
    *body = handle_of(std::move(cut.body));
  });
}

plait_status_t plait_symbol_infer(plait_symbol_t symbol, const char* given, plait_buffer_t* out) {
  return guarded([&] {
    require(given, "given");
    require(out, "out");
    std::vector<std::string> names;
    std::vector<std::optional<Dims>> shapes;
    std::vector<std::optional<DType>> dtypes;
    const Json known = Json::parse(given);
    for (const auto& [name, spec] : known.members()) {
      names.push_back(name);
      shapes.emplace_back();
      dtypes.emplace_back();
      if (const Json* shape = spec.find("shape")) {
        shapes.back().emplace();
        for (const Json& d : shape->as_array("shape")) shapes.back()->push_back(d.as_int("size"));
      }
      if (const Json* dtype = spec.find("dtype"))
        dtypes.back() = dtype_from_name(dtype->as_string("dtype"));
    }
    const graph::Inferred r = symbol_of(symbol).infer(names, shapes, dtypes);
    *out = new_buffer(cat("{", json_member("arg_shapes", r.arg_shapes, json_shape), ", ",
                          json_member("out_shapes", r.out_shapes, json_shape), ", ",
                          json_member("aux_shapes", r.aux_shapes, json_shape), ", ",
                          json_member("arg_partial", r.arg_partial, json_shape), ", ",
                          json_member("out_partial", r.out_partial, json_shape), ", ",
                          json_member("aux_partial", r.aux_partial, json_shape), ", ",
                          json_member("arg_dtypes", r.arg_dtypes, json_dtype), ", ",
                          json_member("out_dtypes", r.out_dtypes, json_dtype), ", ",
                          json_member("aux_dtypes", r.aux_dtypes, json_dtype), "}"));
  });
}

plait_status_t plait_graph_new(plait_symbol_t symbol, plait_graph_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_graph_s>(make_ref<graph::CachedGraph>(symbol_of(symbol)));
  });
}

void plait_graph_free(plait_graph_t graph) { free_object(graph); }

plait_status_t plait_graph_call(plait_graph_t graph, const plait_array_t* inputs,
                                int32_t num_inputs, plait_array_t* outputs, int32_t capacity,
                                int32_t* num_outputs) {
  return guarded([&] {
    require(graph, "graph");
    require(num_outputs, "num_outputs");
    const auto visible = static_cast<int32_t>(graph->graph->symbol().size());
    check(capacity >= visible, ErrorKind::kInvalidArgument, "graph: capacity is ", capacity,
          ", must be at least ", visible);
    require_list(inputs, num_inputs, "inputs");
    require_list(outputs, visible, "outputs");
    Arrays in;
    for (int32_t i = 0; i < num_inputs; ++i) in.push_back(array_of(inputs[i]));
    const Ref<graph::CachedGraph> keep = graph->graph;
    Arrays out = keep->call({in.data(), in.size()});
    for (int32_t i = 0; i < visible; ++i)
      outputs[i] = new_handle(std::move(out[static_cast<size_t>(i)]));
    *num_outputs = visible;
  });
}

plait_status_t plait_graph_explain(plait_graph_t graph, plait_buffer_t* out) {
  return guarded([&] {
    require(graph, "graph");
    require(out, "out");
    *out = new_buffer(graph->graph->explain());
  });
}

plait_status_t plait_graph_passes(plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    const graph::PassSet on = graph::PassSet::current();
    std::string text = "[";
    for (size_t i = 0; i < graph::passes().size(); ++i) {
      const graph::Pass& pass = graph::passes()[i];
      text += cat(i ? ", " : "", "{\"name\": ", Json::quote(pass.name),
                  ", \"doc\": ", Json::quote(pass.doc), ", \"on\": ", on.has(i) ? "true" : "false",
                  "}");
    }
    *out = new_buffer(text + "]");
  });
}

plait_status_t plait_graph_set_pass(const char* name, int32_t on, int32_t* was) {
  return guarded([&] {
    require(name, "name");
    const bool before = graph::set_pass(name, on != 0);
    if (was) *was = before;
  });
}

plait_status_t plait_graph_set_memory_target(double target, double* was) {
  return guarded([&] {
    const double before = graph::set_memory_target(target);
    if (was) *was = before;
  });
}

plait_status_t plait_trace_begin(plait_trace_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_trace_s>(make_ref<graph::Trace>());
  });
}

plait_status_t plait_trace_variable(plait_trace_t trace, const char* name, plait_array_t array) {
  return guarded([&] {
    require(trace, "trace");
    require(name, "name");
    trace->trace->variable(name, array_of(array));
  });
}

plait_status_t plait_trace_argument(plait_trace_t trace, const char* name, plait_array_t array) {
  return guarded([&] {
    require(trace, "trace");
    require(name, "name");
    trace->trace->argument(name, array_of(array));
  });
}

plait_status_t plait_trace_end(plait_trace_t trace, const plait_array_t* outputs, int32_t count,
                               plait_symbol_t* out) {
  return guarded([&] {
    require(trace, "trace");
    require(out, "out");
    *out = handle_of(finished(trace, outputs, count));
  });
}

plait_status_t plait_trace_steps(plait_trace_t trace, const plait_array_t* outputs, int32_t count,
                                 plait_buffer_t* out) {
  return guarded([&] {
    require(trace, "trace");
    require(out, "out");
    *out = new_buffer(steps_text(*trace->trace, finished(trace, outputs, count)));
  });
}

plait_status_t plait_trace_captured(plait_trace_t trace, int32_t index, plait_array_t* array) {
  return guarded([&] {
    require(trace, "trace");
    require(array, "array");
    const auto& captured = trace->trace->captured();
    check(index >= 0 && index < static_cast<int32_t>(captured.size()), ErrorKind::kIndex,
          "trace: index is ", index, ", must be in [0, ", static_cast<int64_t>(captured.size()) - 1,
          "]");
    *array = new_handle(captured[static_cast<size_t>(index)].second);
  });
}

int32_t plait_trace_num_captured(plait_trace_t trace) {
  return is_alive(trace) ? static_cast<int32_t>(trace->trace->captured().size()) : -1;
}

void plait_trace_free(plait_trace_t trace) {
  if (is_alive(trace)) trace->trace->stop();
  free_object(trace);
}
