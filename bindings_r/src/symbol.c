/* Symbols and compiled graphs. */
#include "plait_r.h"

#include <string.h>

/* A symbol from a call that writes to `symbol`. */
#define MAKE_SYMBOL(call)                   \
  plait_symbol_t symbol = NULL;             \
  SEXP out = PROTECT(new_handle(R_SYMBOL)); \
  check(call);                              \
  set_handle(out, symbol);                  \
  UNPROTECT(1);                             \
  return out

static plait_symbol_t* symbol_list(SEXP list) {
  const R_xlen_t n = Rf_xlength(list);
  plait_symbol_t* symbols = (plait_symbol_t*)R_alloc((size_t)n + 1, sizeof *symbols);
  for (R_xlen_t i = 0; i < n; ++i) symbols[i] = SYMBOL(VECTOR_ELT(list, i));
  return symbols;
}

SEXP symbol_variable(SEXP name) {
  MAKE_SYMBOL(plait_symbol_variable(text_of(name, "name"), &symbol));
}

/* `inputs` and `attrs` are lists with names; an input of name "" takes the next place. */
SEXP symbol_apply(SEXP op, SEXP name, SEXP inputs, SEXP input_names, SEXP attrs, SEXP attr_names) {
  const int32_t num_attrs = (int32_t)XLENGTH(attrs);
  plait_value_t* values = (plait_value_t*)R_alloc((size_t)num_attrs + 1, sizeof *values);
  for (int32_t i = 0; i < num_attrs; ++i) values[i] = value_of(VECTOR_ELT(attrs, i));
  const plait_symbol_t* in = symbol_list(inputs);
  const char** in_names = texts_of(input_names);
  const char** keys = texts_of(attr_names);
  MAKE_SYMBOL(plait_symbol_apply(op_of(op), text_of(name, "name"), in, in_names,
                                 (int32_t)XLENGTH(inputs), keys, values, num_attrs, &symbol));
}

SEXP symbol_group(SEXP parts) {
  const plait_symbol_t* list = symbol_list(parts);
  MAKE_SYMBOL(plait_symbol_group(list, (int32_t)XLENGTH(parts), &symbol));
}

SEXP symbol_from_json(SEXP text) {
  const char* json = text_of(text, "json");
  MAKE_SYMBOL(plait_symbol_from_json(json, (int64_t)strlen(json), &symbol));
}

SEXP symbol_output(SEXP x, SEXP index) {
  MAKE_SYMBOL(plait_symbol_output(SYMBOL(x), Rf_asInteger(index), &symbol));
}

SEXP symbol_internals(SEXP x) { MAKE_SYMBOL(plait_symbol_internals(SYMBOL(x), &symbol)); }

SEXP symbol_children(SEXP x) { MAKE_SYMBOL(plait_symbol_children(SYMBOL(x), &symbol)); }

SEXP symbol_compose(SEXP x, SEXP names, SEXP parts) {
  const plait_symbol_t* list = symbol_list(parts);
  const char** keys = texts_of(names);
  MAKE_SYMBOL(plait_symbol_compose(SYMBOL(x), keys, list, (int32_t)XLENGTH(parts), &symbol));
}

SEXP symbol_set_attr(SEXP x, SEXP key, SEXP value) {
  check(plait_symbol_set_attr(SYMBOL(x), text_of(key, "key"), text_of(value, "value")));
  return x;
}

SEXP symbol_name(SEXP x) {
  const char* name = plait_symbol_name(SYMBOL(x));
  return name ? Rf_ScalarString(Rf_mkCharCE(name, CE_UTF8)) : R_NilValue;
}

SEXP symbol_num_outputs(SEXP x) { return Rf_ScalarInteger(plait_symbol_num_outputs(SYMBOL(x))); }

SEXP symbol_to_json(SEXP x) { MAKE_TEXT(plait_symbol_to_json(SYMBOL(x), &buffer)); }

SEXP symbol_names(SEXP x, SEXP which) {
  MAKE_TEXT(plait_symbol_names(SYMBOL(x), (plait_names_t)Rf_asInteger(which), &buffer));
}

SEXP symbol_attrs(SEXP x) { MAKE_TEXT(plait_symbol_attrs(SYMBOL(x), &buffer)); }

SEXP symbol_infer(SEXP x, SEXP given) {
  MAKE_TEXT(plait_symbol_infer(SYMBOL(x), text_of(given, "given"), &buffer));
}

SEXP graph_new(SEXP x) {
  plait_graph_t graph = NULL;
  SEXP out = PROTECT(new_handle(R_GRAPH));
  check(plait_graph_new(SYMBOL(x), &graph));
  set_handle(out, graph);
  UNPROTECT(1);
  return out;
}

/* Runs a graph with `count` outputs; recorded for gradients and as in training if `train`. */
SEXP graph_call(SEXP graph, SEXP inputs, SEXP count, SEXP train) {
  plait_graph_t handle = get_handle(graph, R_GRAPH, "graph");
  int32_t n = Rf_asInteger(count);
  const plait_array_t* in = array_list(inputs, "input");
  plait_array_t* results = (plait_array_t*)R_alloc((size_t)n + 1, sizeof *results);
  SEXP out = PROTECT(new_array_list(n));
  const int32_t on = Rf_asLogical(train) == TRUE;
  const int32_t recording = plait_autograd_set_recording(on);
  const int32_t training = plait_autograd_set_training(on);
  const plait_status_t status =
      plait_graph_call(handle, in, (int32_t)XLENGTH(inputs), results, n, &n);
  plait_autograd_set_recording(recording);
  plait_autograd_set_training(training);
  check(status);
  fill_array_list(out, results);
  UNPROTECT(1);
  return out;
}
