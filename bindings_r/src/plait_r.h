/* What the files of the package share. Handles are external pointers whose tag says the kind. */
#ifndef PLAIT_R_H_
#define PLAIT_R_H_

#define R_NO_REMAP
#define STRICT_R_HEADERS
#include <R.h>
#include <Rinternals.h>

#include "plait/c_api.h"

/* Kinds of handles: the tag of the external pointer, its class in R, how the object is freed. */
typedef enum {
  R_ARRAY,
  R_SYMBOL,
  R_GRAPH,
  R_ARCHIVE,
  R_BUFFER,
  R_ITER,
  R_KVSTORE,
  R_RECORDS,
  R_KINDS
} kind_t;

/* Raises the condition of a status that is not PLAIT_OK. Nothing may be unowned then. */
void check(plait_status_t status);
/* Raises a condition: `status` is the name of a status, the message as of printf. */
void fail(const char* status, const char* format, ...);

/* A handle without an object. Set the address with set_handle() as soon as there is one: then
 * nothing leaks whatever fails in between. */
SEXP new_handle(kind_t kind);
void set_handle(SEXP handle, void* object);
/* The object of a handle of this kind; `what` names the argument in messages. */
void* get_handle(SEXP x, kind_t kind, const char* what);
/* Frees the object now. */
void drop_handle(SEXP handle);

#define ARRAY(x, what) ((plait_array_t)get_handle(x, R_ARRAY, what))
#define SYMBOL(x) ((plait_symbol_t)get_handle(x, R_SYMBOL, "symbol"))

int is_array(SEXP x);
/* Arrays of a list; NULL stays NULL. Memory as of R_alloc(). */
plait_array_t* array_list(SEXP list, const char* what);
/* A list of `count` handles of arrays without objects. Protect it. */
SEXP new_array_list(R_xlen_t count);
/* Gives the handles of the list their objects. */
void fill_array_list(SEXP list, const plait_array_t* arrays);

/* Text of an R string as UTF-8; `what` names the argument in messages. */
const char* text_of(SEXP x, const char* what);
/* Texts of a character vector. Memory as of R_alloc(). */
const char** texts_of(SEXP x);
/* The content of a buffer handle as an R string; frees the buffer. */
SEXP buffer_text(SEXP handle);
/* The same as a raw vector. */
SEXP buffer_raw(SEXP handle);
/* Text from a call that writes to `buffer`. */
#define MAKE_TEXT(call)                     \
  plait_buffer_t buffer = NULL;             \
  SEXP out = PROTECT(new_handle(R_BUFFER)); \
  check(call);                              \
  set_handle(out, buffer);                  \
  out = buffer_text(out);                   \
  UNPROTECT(1);                             \
  return out
/* The bytes of a raw vector; `what` names the argument in messages. */
const void* raw_of(SEXP x, const char* what);
/* An attribute from NULL, logicals, numbers or a string. Memory as of R_alloc(). */
plait_value_t value_of(SEXP x);
/* The operator of an external pointer made by C_load_ops(). */
plait_op_t op_of(SEXP x);

/* TRUE if a wait of this thread was ended by the user; resets it. */
int take_interrupt(void);

#endif /* PLAIT_R_H_ */
