/* Iterators over files. */
#include "plait_r.h"

SEXP iter_new(SEXP kind, SEXP names, SEXP values) {
  const char** keys = texts_of(names);
  const char** texts = texts_of(values);
  plait_iter_t iter = NULL;
  SEXP out = PROTECT(new_handle(R_ITER));
  check(plait_iter_new(text_of(kind, "kind"), keys, texts, (int32_t)XLENGTH(names), &iter));
  set_handle(out, iter);
  UNPROTECT(1);
  return out;
}

SEXP iter_reset(SEXP x) {
  check(plait_iter_reset(get_handle(x, R_ITER, "iterator")));
  return R_NilValue;
}

/* list(data, label, number of samples that fill up), or NULL at the end. */
SEXP iter_next(SEXP x) {
  plait_array_t arrays[3] = {NULL, NULL, NULL};
  int64_t pad = 0;
  SEXP batch = PROTECT(Rf_allocVector(VECSXP, 3));
  SEXP handles = PROTECT(new_array_list(3));
  check(
      plait_iter_next(get_handle(x, R_ITER, "iterator"), &arrays[0], &arrays[1], &arrays[2], &pad));
  fill_array_list(handles, arrays);
  SET_VECTOR_ELT(batch, 0, VECTOR_ELT(handles, 0));
  SET_VECTOR_ELT(batch, 1, VECTOR_ELT(handles, 1));
  SET_VECTOR_ELT(batch, 2, Rf_ScalarReal((double)pad));
  UNPROTECT(2);
  return arrays[0] ? batch : R_NilValue;
}
