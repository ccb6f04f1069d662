/* Handles, errors, interrupts: what stands between R's memory and the library's objects. */
#include "plait_r.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static SEXP package;          /* namespace, where .stop() is */
static SEXP tags[R_KINDS];    /* symbols: never collected */
static SEXP classes[R_KINDS]; /* class attributes, shared by all handles of a kind */
static const char* const kTags[R_KINDS] = {"plait_array",   "plait_symbol",       "plait_graph",
                                           "plait_archive", "plait_buffer",       "plait_iter",
                                           "plait_kvstore", "plait_record_writer"};
static const char* const kClasses[R_KINDS] = {"MXNDArray", "MXSymbol", NULL, NULL,
                                              NULL,        NULL,       NULL, NULL};

static void free_object(kind_t kind, void* object) {
  switch (kind) {
    case R_ARRAY: plait_array_free(object); break;
    case R_SYMBOL: plait_symbol_free(object); break;
    case R_GRAPH: plait_graph_free(object); break;
    case R_ARCHIVE: plait_archive_free(object); break;
    case R_BUFFER: plait_buffer_free(object); break;
    case R_ITER: plait_iter_free(object); break;
    case R_KVSTORE: plait_kvstore_free(object); break;
    case R_RECORDS: plait_record_writer_free(object); break;
    case R_KINDS: break;
  }
}

static kind_t kind_of(SEXP handle) {
  const SEXP tag = TYPEOF(handle) == EXTPTRSXP ? R_ExternalPtrTag(handle) : R_NilValue;
  kind_t kind = R_ARRAY;
  while (kind < R_KINDS && tags[kind] != tag) kind = (kind_t)(kind + 1);
  return kind;
}

void drop_handle(SEXP handle) {
  void* object = R_ExternalPtrAddr(handle);
  R_ClearExternalPtr(handle);
  if (object) free_object(kind_of(handle), object);
}

SEXP new_handle(kind_t kind) {
  SEXP handle = PROTECT(R_MakeExternalPtr(NULL, tags[kind], R_NilValue));
  R_RegisterCFinalizerEx(handle, drop_handle, TRUE);
  if (kClasses[kind]) Rf_setAttrib(handle, R_ClassSymbol, classes[kind]);
  UNPROTECT(1);
  return handle;
}

void set_handle(SEXP handle, void* object) { R_SetExternalPtrAddr(handle, object); }

void* get_handle(SEXP x, kind_t kind, const char* what) {
  const char* name = kClasses[kind] ? kClasses[kind] : kTags[kind];
  if (kind_of(x) != kind) {
    fail("PLAIT_ERR_TYPE", "%s is of type %s, must be an object of class %s", what,
         Rf_type2char(TYPEOF(x)), name);
  }
  void* object = R_ExternalPtrAddr(x);
  if (!object) {
    fail("PLAIT_ERR_INVALID_ARGUMENT",
         "%s is empty: objects of class %s do not survive saving and restarting", what, name);
  }
  return object;
}

/* ---- errors --------------------------------------------------------------------------------- */

static void raise(const char* status, const char* message) {
  SEXP name = PROTECT(Rf_mkString(status));
  SEXP text = PROTECT(Rf_ScalarString(Rf_mkCharCE(message, CE_UTF8)));
  SEXP call = PROTECT(Rf_lang3(Rf_install(".stop"), name, text));
  Rf_eval(call, package);
  UNPROTECT(3); /* not reached */
}

void fail(const char* status, const char* format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  raise(status, message);
}

void check(plait_status_t status) {
  if (status == PLAIT_OK) return;
  raise(take_interrupt() ? "interrupt" : plait_status_name(status), plait_last_error());
}

/* ---- interrupts and fork -------------------------------------------------------------------- */

static pthread_t main_thread;
static volatile int interrupted;

static void poll_interrupt(void* unused) {
  (void)unused;
  R_CheckUserInterrupt();
}

/* Called by threads that wait; only R's own may call R. */
static int32_t is_interrupted(void) {
  if (!pthread_equal(pthread_self(), main_thread)) return 0;
  if (!R_ToplevelExec(poll_interrupt, NULL)) interrupted = 1;
  return interrupted;
}

int take_interrupt(void) {
  const int was = interrupted;
  interrupted = 0;
  return was;
}

/* parallel::mclapply() forks. */
static void before_fork(void) { plait_engine_before_fork(); }
static void after_fork_parent(void) { plait_engine_after_fork_parent(); }
static void after_fork_child(void) { plait_engine_after_fork_child(); }

SEXP init(SEXP namespace) {
  if (plait_abi_version() != PLAIT_ABI_VERSION) {
    Rf_error("plait: the package was built for version %d of the library's interface, found %d",
             PLAIT_ABI_VERSION, (int)plait_abi_version());
  }
  package = namespace;
  R_PreserveObject(package);
  for (int i = 0; i < R_KINDS; ++i) {
    tags[i] = Rf_install(kTags[i]);
    if (!kClasses[i]) continue;
    classes[i] = Rf_mkString(kClasses[i]);
    R_PreserveObject(classes[i]);
    MARK_NOT_MUTABLE(classes[i]);
  }
  main_thread = pthread_self();
  check(plait_engine_set_interrupt_check(is_interrupted));
  pthread_atfork(before_fork, after_fork_parent, after_fork_child);
  return R_NilValue;
}

SEXP unload(void) {
  plait_engine_set_interrupt_check(NULL);
  R_ReleaseObject(package);
  for (int i = 0; i < R_KINDS; ++i) {
    if (kClasses[i]) R_ReleaseObject(classes[i]);
  }
  return R_NilValue;
}

/* ---- text and lists ------------------------------------------------------------------------- */

const char* text_of(SEXP x, const char* what) {
  if (TYPEOF(x) != STRSXP || XLENGTH(x) != 1 || STRING_ELT(x, 0) == NA_STRING) {
    fail("PLAIT_ERR_TYPE", "%s is of type %s and length %.0f, must be one string", what,
         Rf_type2char(TYPEOF(x)), (double)Rf_xlength(x));
  }
  return Rf_translateCharUTF8(STRING_ELT(x, 0));
}

const char** texts_of(SEXP x) {
  const R_xlen_t n = Rf_xlength(x);
  const char** texts = (const char**)R_alloc((size_t)n + 1, sizeof *texts);
  for (R_xlen_t i = 0; i < n; ++i) texts[i] = Rf_translateCharUTF8(STRING_ELT(x, i));
  return texts;
}

SEXP buffer_text(SEXP handle) {
  plait_buffer_t buffer = get_handle(handle, R_BUFFER, "buffer");
  const int64_t bytes = plait_buffer_size(buffer);
  if (bytes > INT_MAX) fail("PLAIT_ERR_INVALID_ARGUMENT", "text has %.0f bytes", (double)bytes);
  SEXP text = PROTECT(Rf_mkCharLenCE(plait_buffer_data(buffer), (int)bytes, CE_UTF8));
  drop_handle(handle);
  text = Rf_ScalarString(text);
  UNPROTECT(1);
  return text;
}

SEXP buffer_raw(SEXP handle) {
  plait_buffer_t buffer = get_handle(handle, R_BUFFER, "buffer");
  const int64_t bytes = plait_buffer_size(buffer);
  SEXP out = PROTECT(Rf_allocVector(RAWSXP, (R_xlen_t)bytes));
  if (bytes > 0) memcpy(RAW(out), plait_buffer_data(buffer), (size_t)bytes);
  drop_handle(handle);
  UNPROTECT(1);
  return out;
}

const void* raw_of(SEXP x, const char* what) {
  if (TYPEOF(x) != RAWSXP) {
    fail("PLAIT_ERR_TYPE", "%s is of type %s, must be a raw vector", what, Rf_type2char(TYPEOF(x)));
  }
  return RAW(x);
}

int is_array(SEXP x) { return kind_of(x) == R_ARRAY; }

plait_array_t* array_list(SEXP list, const char* what) {
  const R_xlen_t n = Rf_xlength(list);
  plait_array_t* arrays = (plait_array_t*)R_alloc((size_t)n + 1, sizeof *arrays);
  for (R_xlen_t i = 0; i < n; ++i) {
    const SEXP x = VECTOR_ELT(list, i);
    if (x != R_NilValue && !is_array(x)) {
      fail("PLAIT_ERR_TYPE",
           "%s: array %d is of type %s, must be an object of class MXNDArray\n"
           "  hint: mx.nd.array() makes one",
           what, (int)i + 1, Rf_type2char(TYPEOF(x)));
    }
    arrays[i] = x == R_NilValue ? NULL : ARRAY(x, what);
  }
  return arrays;
}

SEXP new_array_list(R_xlen_t count) {
  SEXP list = PROTECT(Rf_allocVector(VECSXP, count));
  for (R_xlen_t i = 0; i < count; ++i) SET_VECTOR_ELT(list, i, new_handle(R_ARRAY));
  UNPROTECT(1);
  return list;
}

void fill_array_list(SEXP list, const plait_array_t* arrays) {
  for (R_xlen_t i = 0; i < XLENGTH(list); ++i) set_handle(VECTOR_ELT(list, i), arrays[i]);
}
