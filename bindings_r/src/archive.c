/* Files of arrays with names, MXNet's ".params", on disk and as raw vectors. */
#include "plait_r.h"

SEXP archive_save(SEXP path, SEXP list, SEXP names) {
  const char** texts = names == R_NilValue ? NULL : texts_of(names);
  check(plait_archive_save(text_of(path, "filename"), array_list(list, "ndarray"), texts,
                           (int32_t)XLENGTH(list)));
  return R_NilValue;
}

SEXP archive_to_raw(SEXP list, SEXP names) {
  const char** texts = names == R_NilValue ? NULL : texts_of(names);
  plait_buffer_t buffer = NULL;
  SEXP handle = PROTECT(new_handle(R_BUFFER));
  check(plait_archive_save_buffer(array_list(list, "ndarray"), texts, (int32_t)XLENGTH(list),
                                  &buffer));
  set_handle(handle, buffer);
  SEXP out = buffer_raw(handle);
  UNPROTECT(1);
  return out;
}

/* `from` is a path or a raw vector; gives a list of arrays, with names if the file has them. */
SEXP archive_load(SEXP from) {
  plait_archive_t archive = NULL;
  SEXP handle = PROTECT(new_handle(R_ARCHIVE));
  if (TYPEOF(from) == RAWSXP) {
    check(plait_archive_load_buffer(RAW(from), XLENGTH(from), &archive));
  } else {
    check(plait_archive_load(text_of(from, "filename"), &archive));
  }
  set_handle(handle, archive);
  const int32_t n = plait_archive_count(archive);
  SEXP out = PROTECT(new_array_list(n)), names = PROTECT(Rf_allocVector(STRSXP, n));
  int named = 0;
  for (int32_t i = 0; i < n; ++i) {
    plait_array_t array = NULL;
    check(plait_archive_array(archive, i, &array));
    set_handle(VECTOR_ELT(out, i), array);
    const char* name = plait_archive_name(archive, i);
    named |= name != NULL;
    SET_STRING_ELT(names, i, Rf_mkCharCE(name ? name : "", CE_UTF8));
  }
  if (named) Rf_setAttrib(out, R_NamesSymbol, names);
  drop_handle(handle);
  UNPROTECT(3);
  return out;
}
