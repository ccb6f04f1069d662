/* Operators on arrays: one generic call. */
#include "plait_r.h"

#include <math.h>

static SEXP op_tag(void) { return Rf_install("plait_op"); }

/* Puts every operator into the environment under its name. */
SEXP load_ops(SEXP env) {
  const int32_t n = plait_op_count();
  for (int32_t i = 0; i < n; ++i) {
    const plait_op_t op = plait_op_at(i);
    SEXP handle = PROTECT(R_MakeExternalPtr((void*)(uintptr_t)op, op_tag(), R_NilValue));
    Rf_defineVar(Rf_install(plait_op_name(op)), handle, env);
    UNPROTECT(1);
  }
  return R_NilValue;
}

plait_op_t op_of(SEXP x) {
  if (TYPEOF(x) != EXTPTRSXP || R_ExternalPtrTag(x) != op_tag()) {
    fail("PLAIT_ERR_TYPE",
         "op is of type %s, must be an operator: this library has none of "
         "that name",
         Rf_type2char(TYPEOF(x)));
  }
  return (plait_op_t)(uintptr_t)R_ExternalPtrAddr(x);
}

/* Whole numbers are integers for the library, NA stands for None. */
static plait_value_t numbers(SEXP x) {
  const R_xlen_t n = XLENGTH(x);
  const int is_real = TYPEOF(x) == REALSXP;
  int64_t* whole = (int64_t*)R_alloc((size_t)n + 1, sizeof *whole);
  plait_value_t v = {PLAIT_VALUE_INTS, (int32_t)n, {0}};
  for (R_xlen_t i = 0; i < n; ++i) {
    const double d = is_real ? REAL(x)[i] : INTEGER(x)[i] == NA_INTEGER ? NA_REAL : INTEGER(x)[i];
    if (R_IsNA(d)) {
      whole[i] = PLAIT_NONE_INT;
    } else if (d == floor(d) && fabs(d) < 9e15) {
      whole[i] = (int64_t)d;
    } else {
      v.kind = PLAIT_VALUE_FLOATS;
      break;
    }
  }
  if (v.kind == PLAIT_VALUE_INTS) {
    v.as.ints = whole;
    if (n == 1) v.kind = PLAIT_VALUE_INT, v.as.integer = whole[0];
  } else {
    v.as.floats = REAL(x);
    if (n == 1) v.kind = PLAIT_VALUE_FLOAT, v.as.real = REAL(x)[0];
  }
  return v;
}

plait_value_t value_of(SEXP x) {
  plait_value_t v = {PLAIT_VALUE_NONE, 0, {0}};
  switch (TYPEOF(x)) {
    case NILSXP: break;
    case LGLSXP:
      if (XLENGTH(x) != 1) { /* c(NA, NA) */
        v = numbers(PROTECT(Rf_coerceVector(x, INTSXP)));
        UNPROTECT(1);
        break;
      }
      if (LOGICAL(x)[0] == NA_LOGICAL) break;
      v.kind = PLAIT_VALUE_BOOL;
      v.as.integer = Rf_asLogical(x);
      break;
    case STRSXP:
      v.kind = PLAIT_VALUE_STRING;
      v.as.string = text_of(x, "attribute");
      break;
    case INTSXP:
    case REALSXP: return numbers(x);
    default:
      fail("PLAIT_ERR_TYPE", "attribute is of type %s, must be numbers, a logical or a string",
           Rf_type2char(TYPEOF(x)));
  }
  return v;
}

/* A new array from an operator with one output. */
static SEXP one_result(plait_op_t op, const plait_array_t* in, int32_t num_in,
                       const plait_value_t* values, int32_t num_values) {
  plait_array_t result = NULL;
  int32_t n = 0;
  SEXP out = PROTECT(new_handle(R_ARRAY));
  check(plait_op_invoke(op, in, num_in, values, num_values, 0, &result, 1, &n));
  set_handle(out, result);
  UNPROTECT(1);
  return out;
}

/* x + y and its like. `ops` are the operators for two arrays, for array and number, for number and
 * array. NULL if the operands are none of these. */
SEXP arith(SEXP ops, SEXP x, SEXP y) {
  const int first = is_array(x), second = is_array(y);
  plait_array_t in[2] = {NULL, NULL};
  if (first) in[0] = ARRAY(x, "operand");
  if (second) in[first] = ARRAY(y, "operand");
  if (first && second) return one_result(op_of(VECTOR_ELT(ops, 0)), in, 2, NULL, 0);
  SEXP number = first ? y : x;
  const int is_number =
      TYPEOF(number) == REALSXP || TYPEOF(number) == INTSXP || TYPEOF(number) == LGLSXP;
  if (!is_number || XLENGTH(number) != 1 || ATTRIB(number) != R_NilValue) return R_NilValue;
  plait_value_t value = {PLAIT_VALUE_FLOAT, 0, {0}};
  value.as.real = Rf_asReal(number);
  return one_result(op_of(VECTOR_ELT(ops, first ? 1 : 2)), in, 1, &value, 1);
}

/* How many visible outputs a call has when the attributes decide. */
static int32_t count_outputs(plait_op_t op, const plait_array_t* in, int32_t num_in,
                             const plait_value_t* values, int32_t num_values) {
  int32_t n = -1;
  const plait_status_t status = plait_op_invoke(op, in, num_in, values, num_values, 0, NULL, 0, &n);
  if (n < 0) check(status);
  return n;
}

/* Runs an operator. `count` is the number of outputs, 0 if the attributes decide; `out` NULL, an
 * array or a list of arrays to write into. Gives an array, or a list if there are several. */
SEXP invoke(SEXP op_handle, SEXP inputs, SEXP attrs, SEXP count, SEXP out) {
  const plait_op_t op = op_of(op_handle);
  const int32_t num_in = (int32_t)XLENGTH(inputs), num_attrs = (int32_t)XLENGTH(attrs);
  const plait_array_t* in = array_list(inputs, plait_op_name(op));
  plait_value_t* values = (plait_value_t*)R_alloc((size_t)num_attrs + 1, sizeof *values);
  for (int32_t i = 0; i < num_attrs; ++i) values[i] = value_of(VECTOR_ELT(attrs, i));
  int32_t n = INTEGER(count)[0];
  if (n == 1 && out == R_NilValue) return one_result(op, in, num_in, values, num_attrs);
  if (n == 0) n = count_outputs(op, in, num_in, values, num_attrs);
  SEXP list = R_NilValue;
  if (out == R_NilValue) {
    list = PROTECT(new_array_list(n));
  } else if (TYPEOF(out) == VECSXP) {
    list = PROTECT(Rf_shallow_duplicate(out));
  } else {
    list = PROTECT(Rf_allocVector(VECSXP, 1));
    SET_VECTOR_ELT(list, 0, out);
  }
  if (XLENGTH(list) != n) {
    fail("PLAIT_ERR_INVALID_ARGUMENT", "%s: out has %d arrays, must have %d", plait_op_name(op),
         (int)XLENGTH(list), (int)n);
  }
  plait_array_t* results = (plait_array_t*)R_alloc((size_t)n + 1, sizeof *results);
  for (int32_t i = 0; i < n; ++i) {
    results[i] = out == R_NilValue ? NULL : ARRAY(VECTOR_ELT(list, i), "out");
  }
  check(plait_op_invoke(op, in, num_in, values, num_attrs, 0, results, n, &n));
  if (out == R_NilValue) fill_array_list(list, results);
  UNPROTECT(1);
  return n == 1 ? VECTOR_ELT(list, 0) : list;
}
