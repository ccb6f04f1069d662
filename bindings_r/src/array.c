/* Arrays: R's column-major memory is the library's row-major memory with the shape reversed. */
#include "plait_r.h"

#include <string.h>

static const char* const kDtypes[] = {"float32", "float64", "float16",  "uint8",     "int32",
                                      "int8",    "int64",   "bool",     "int16",     "uint16",
                                      "uint32",  "uint64",  "bfloat16", "complex64", "complex128"};
enum { kNumDtypes = sizeof kDtypes / sizeof *kDtypes };

static plait_dtype_t dtype_of(SEXP x) {
  const char* name = text_of(x, "dtype");
  int i = 0;
  while (i < kNumDtypes && strcmp(name, kDtypes[i]) != 0) ++i;
  if (i == kNumDtypes) {
    fail("PLAIT_ERR_TYPE", "dtype is '%s', must be the name of one, such as 'float32'", name);
  }
  return (plait_dtype_t)i;
}

/* A device from c(kind, id). */
static plait_device_t device_of(SEXP x) {
  plait_device_t device = {PLAIT_DEVICE_CPU, 0};
  if (TYPEOF(x) != INTSXP || XLENGTH(x) != 2) {
    fail("PLAIT_ERR_TYPE", "ctx is of type %s, must be a context such as mx.cpu()",
         Rf_type2char(TYPEOF(x)));
  }
  device.kind = INTEGER(x)[0];
  device.id = INTEGER(x)[1];
  return device;
}

/* The library's shape from R's dim. */
static int32_t shape_of(SEXP dim, int64_t* shape) {
  const R_xlen_t n = Rf_xlength(dim);
  if (n > PLAIT_MAX_NDIM) {
    fail("PLAIT_ERR_SHAPE", "shape has %.0f sizes, must have at most %d", (double)n,
         PLAIT_MAX_NDIM);
  }
  for (R_xlen_t i = 0; i < n; ++i) {
    double size = NA_REAL;
    if (TYPEOF(dim) == INTSXP && INTEGER(dim)[i] != NA_INTEGER) size = INTEGER(dim)[i];
    if (TYPEOF(dim) == REALSXP) size = REAL(dim)[i];
    if (!(size >= 0 && size < 9e15)) {
      fail("PLAIT_ERR_SHAPE", "shape[%d] is %g, must be a number >= 0", (int)i + 1, size);
    }
    shape[n - 1 - i] = (int64_t)size;
  }
  return (int32_t)n;
}

SEXP array_empty(SEXP dim, SEXP dtype, SEXP device) {
  int64_t shape[PLAIT_MAX_NDIM];
  plait_array_t array = NULL;
  const int32_t ndim = shape_of(dim, shape);
  SEXP out = PROTECT(new_handle(R_ARRAY));
  check(plait_array_empty(shape, ndim, dtype_of(dtype), device_of(device), &array));
  set_handle(out, array);
  UNPROTECT(1);
  return out;
}

/* R's memory as an array; it must not be used after x is. */
static plait_array_t borrow(SEXP x, const int64_t* shape, int32_t ndim, int32_t read_only) {
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_array_t array = NULL;
  void* data = NULL;
  plait_dtype_t dtype = PLAIT_DTYPE_INT32;
  switch (TYPEOF(x)) {
    case REALSXP: data = REAL(x), dtype = PLAIT_DTYPE_FLOAT64; break;
    case INTSXP: data = INTEGER(x); break;
    case LGLSXP: data = LOGICAL(x); break;
    default:
      fail("PLAIT_ERR_TYPE", "src.array is of type %s, must be numbers or logicals",
           Rf_type2char(TYPEOF(x)));
  }
  check(
      plait_array_from_memory(data, shape, NULL, ndim, dtype, cpu, read_only, NULL, NULL, &array));
  return array;
}

/* Copies between an array and R's memory and waits; frees the view of the memory. */
static plait_status_t copy_and_wait(plait_array_t from, plait_array_t to, plait_array_t view) {
  plait_status_t status = plait_array_copy_to(from, to);
  if (status == PLAIT_OK) status = plait_array_wait_to_read(to);
  if (view == from && status == PLAIT_OK) status = plait_array_wait_to_write(view);
  plait_array_free(view);
  return status;
}

SEXP array_from_r(SEXP x, SEXP dim, SEXP dtype, SEXP device) {
  int64_t shape[PLAIT_MAX_NDIM], size = 1;
  const int32_t ndim = shape_of(dim, shape);
  for (int32_t i = 0; i < ndim; ++i) size *= shape[i];
  if (size != Rf_xlength(x)) {
    fail("PLAIT_ERR_SHAPE", "src.array has %.0f elements, must have %.0f for its dim",
         (double)Rf_xlength(x), (double)size);
  }
  SEXP out = PROTECT(array_empty(dim, dtype, device));
  plait_array_t view = borrow(x, shape, ndim, 1);
  check(copy_and_wait(view, ARRAY(out, "out"), view));
  UNPROTECT(1);
  return out;
}

static SEXP dim_of(plait_array_t array) {
  const int32_t ndim = plait_array_ndim(array);
  const int64_t* shape = plait_array_shape(array);
  int large = 0;
  for (int32_t i = 0; i < ndim; ++i) large |= shape[i] > INT_MAX;
  SEXP dim = PROTECT(Rf_allocVector(large ? REALSXP : INTSXP, ndim));
  for (int32_t i = 0; i < ndim; ++i) {
    const int64_t size = shape[ndim - 1 - i];
    if (large) {
      REAL(dim)[i] = (double)size;
    } else {
      INTEGER(dim)[i] = (int)size;
    }
  }
  UNPROTECT(1);
  return dim;
}

SEXP array_dim(SEXP x) { return dim_of(ARRAY(x, "x")); }

static SEXPTYPE type_for(int32_t dtype) {
  switch (dtype) {
    case PLAIT_DTYPE_BOOL: return LGLSXP;
    case PLAIT_DTYPE_UINT8:
    case PLAIT_DTYPE_INT8:
    case PLAIT_DTYPE_INT16:
    case PLAIT_DTYPE_UINT16:
    case PLAIT_DTYPE_INT32: return INTSXP;
    default: return REALSXP;
  }
}

/* The content as an R array, or as a number if the array has no axes. */
SEXP array_to_r(SEXP x) {
  plait_array_t array = ARRAY(x, "x");
  const int32_t ndim = plait_array_ndim(array), dtype = plait_array_dtype(array);
  if (dtype == PLAIT_DTYPE_COMPLEX64 || dtype == PLAIT_DTYPE_COMPLEX128) {
    fail("PLAIT_ERR_TYPE", "as.array: dtype is %s, must be real\n  hint: cast takes the real part",
         kDtypes[dtype]);
  }
  SEXP out = PROTECT(Rf_allocVector(type_for(dtype), (R_xlen_t)plait_array_size(array)));
  if (ndim) Rf_setAttrib(out, R_DimSymbol, PROTECT(dim_of(array)));
  plait_array_t view = borrow(out, plait_array_shape(array), ndim, 0);
  check(copy_and_wait(array, view, view));
  UNPROTECT(ndim ? 2 : 1);
  return out;
}

SEXP array_dtype(SEXP x) { return Rf_mkString(kDtypes[plait_array_dtype(ARRAY(x, "x"))]); }

/* c(kind, id) */
SEXP array_device(SEXP x) {
  const plait_device_t device = plait_array_device(ARRAY(x, "x"));
  SEXP out = Rf_allocVector(INTSXP, 2);
  INTEGER(out)[0] = device.kind;
  INTEGER(out)[1] = device.id;
  return out;
}

SEXP array_copy(SEXP from, SEXP to) {
  check(plait_array_copy_to(ARRAY(from, "from"), ARRAY(to, "to")));
  return to;
}

SEXP array_wait(SEXP x) {
  check(plait_array_wait_to_read(ARRAY(x, "x")));
  return x;
}

SEXP array_detach(SEXP x) {
  plait_array_t array = NULL;
  SEXP out = PROTECT(new_handle(R_ARRAY));
  check(plait_array_detach(ARRAY(x, "x"), &array));
  set_handle(out, array);
  UNPROTECT(1);
  return out;
}

SEXP array_live_count(void) { return Rf_ScalarReal((double)plait_array_live_count()); }

SEXP wait_all(void) {
  check(plait_engine_wait_all());
  return R_NilValue;
}

SEXP random_seed(SEXP seed) {
  check(plait_random_seed((uint64_t)Rf_asReal(seed)));
  return R_NilValue;
}

SEXP version(void) { return Rf_mkString(plait_version()); }
