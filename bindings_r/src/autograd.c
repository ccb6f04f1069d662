/* Gradients. */
#include "plait_r.h"

SEXP autograd_set(SEXP recording, SEXP training) {
  SEXP before = Rf_allocVector(LGLSXP, 2);
  LOGICAL(before)[0] = plait_autograd_set_recording(Rf_asLogical(recording) == TRUE);
  LOGICAL(before)[1] = plait_autograd_set_training(Rf_asLogical(training) == TRUE);
  return before;
}

/* c(recording, training) */
SEXP autograd_get(void) {
  SEXP now = Rf_allocVector(LGLSXP, 2);
  LOGICAL(now)[0] = plait_autograd_is_recording();
  LOGICAL(now)[1] = plait_autograd_is_training();
  return now;
}

SEXP autograd_mark(SEXP arrays, SEXP grads, SEXP requests) {
  check(plait_autograd_mark_variables(array_list(arrays, "variables"),
                                      array_list(grads, "gradients"), INTEGER(requests),
                                      (int32_t)XLENGTH(arrays)));
  return R_NilValue;
}

/* The gradient array, or NULL. */
SEXP autograd_grad(SEXP x) {
  plait_array_t grad = NULL;
  int32_t request = 0;
  SEXP out = PROTECT(new_handle(R_ARRAY));
  check(plait_autograd_get_grad(ARRAY(x, "x"), &grad, &request));
  set_handle(out, grad);
  UNPROTECT(1);
  return grad ? out : R_NilValue;
}

/* With `variables` gives their gradients, else fills the marked arrays. */
SEXP autograd_backward(SEXP heads, SEXP head_grads, SEXP variables, SEXP flags) {
  const int32_t n = (int32_t)XLENGTH(heads), num_variables = (int32_t)Rf_xlength(variables);
  const plait_array_t* roots = array_list(heads, "heads");
  const plait_array_t* given =
      head_grads == R_NilValue ? NULL : array_list(head_grads, "out.grads");
  if (given && XLENGTH(head_grads) != n) {
    fail("PLAIT_ERR_INVALID_ARGUMENT", "out.grads has %d arrays, must have %d as heads",
         (int)XLENGTH(head_grads), (int)n);
  }
  const plait_array_t* wanted = num_variables ? array_list(variables, "variables") : NULL;
  plait_array_t* grads = (plait_array_t*)R_alloc((size_t)num_variables + 1, sizeof *grads);
  SEXP out = PROTECT(new_array_list(num_variables));
  check(
      plait_autograd_backward(roots, given, n, wanted, num_variables, Rf_asInteger(flags), grads));
  fill_array_list(out, grads);
  UNPROTECT(1);
  return out;
}
