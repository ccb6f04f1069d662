/* The key-value store. */
#include "plait_r.h"

#include <stdio.h>

#define STORE(x) ((plait_kvstore_t)get_handle(x, R_KVSTORE, "kvstore"))

SEXP kvstore_new(SEXP type) {
  plait_kvstore_t store = NULL;
  SEXP out = PROTECT(new_handle(R_KVSTORE));
  check(plait_kvstore_new(text_of(type, "type"), &store));
  set_handle(out, store);
  UNPROTECT(1);
  return out;
}

SEXP kvstore_type(SEXP x) { return Rf_mkString(plait_kvstore_type(STORE(x))); }

/* c(rank, number of workers) */
SEXP kvstore_place(SEXP x) {
  SEXP place = Rf_allocVector(INTSXP, 2);
  INTEGER(place)[0] = plait_kvstore_rank(STORE(x));
  INTEGER(place)[1] = plait_kvstore_num_workers(STORE(x));
  return place;
}

SEXP kvstore_barrier(SEXP x) {
  check(plait_kvstore_barrier(STORE(x)));
  return R_NilValue;
}

SEXP kvstore_init(SEXP x, SEXP key, SEXP value) {
  check(plait_kvstore_init(STORE(x), text_of(key, "key"), ARRAY(value, "value")));
  return R_NilValue;
}

SEXP kvstore_push(SEXP x, SEXP key, SEXP arrays) {
  check(plait_kvstore_push(STORE(x), text_of(key, "key"), array_list(arrays, "push"),
                           (int32_t)XLENGTH(arrays)));
  return R_NilValue;
}

SEXP kvstore_pull(SEXP x, SEXP key, SEXP arrays) {
  check(plait_kvstore_pull(STORE(x), text_of(key, "key"), array_list(arrays, "pull"),
                           (int32_t)XLENGTH(arrays)));
  return R_NilValue;
}

/* ---- an updater in R ------------------------------------------------------------------------ */

typedef struct {
  SEXP updater;
  const char* key;
  plait_array_t sum, value;
  char message[512];
} step_t;

static SEXP handle_of(plait_array_t array) {
  SEXP handle = PROTECT(new_handle(R_ARRAY));
  set_handle(handle, plait_array_retain(array));
  UNPROTECT(1);
  return handle;
}

/* Calls updater(key, sum, value), which gives NULL or what went wrong. */
static void run_step(void* data) {
  step_t* step = data;
  SEXP key = PROTECT(Rf_mkString(step->key));
  SEXP sum = PROTECT(handle_of(step->sum)), value = PROTECT(handle_of(step->value));
  SEXP call = PROTECT(Rf_lang4(step->updater, key, sum, value));
  SEXP fault = PROTECT(Rf_eval(call, R_GlobalEnv));
  step->message[0] = 0;
  if (TYPEOF(fault) == STRSXP) {
    snprintf(step->message, sizeof step->message, "%s", CHAR(STRING_ELT(fault, 0)));
  }
  UNPROTECT(5);
}

/* Nothing of R's may jump over the library. */
static plait_status_t update(void* user, const char* key, plait_array_t sum, plait_array_t value) {
  step_t step = {(SEXP)user, key, sum, value, "the updater was left"};
  R_ToplevelExec(run_step, &step);
  if (!step.message[0]) return PLAIT_OK;
  plait_set_last_error(step.message);
  return PLAIT_ERR_CALLBACK;
}

static void drop(void* user) { R_ReleaseObject((SEXP)user); }

SEXP kvstore_set_updater(SEXP x, SEXP updater) {
  plait_kvstore_t store = STORE(x);
  R_PreserveObject(updater);
  check(plait_kvstore_set_updater(store, update, drop, updater));
  return R_NilValue;
}
