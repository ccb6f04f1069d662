/* Pictures and files of records. */
#include "plait_r.h"

/* The pixels (height, width, channels) of a file's bytes; color as plait_image_decode() has it. */
SEXP image_decode(SEXP bytes, SEXP name, SEXP color) {
  plait_array_t image = NULL;
  SEXP out = PROTECT(new_handle(R_ARRAY));
  check(plait_image_decode(raw_of(bytes, "image"), XLENGTH(bytes), text_of(name, "name"),
                           Rf_asInteger(color), &image));
  set_handle(out, image);
  UNPROTECT(1);
  return out;
}

SEXP image_resample(SEXP x, SEXP size, SEXP interpolation) {
  plait_array_t image = NULL;
  SEXP out = PROTECT(new_handle(R_ARRAY));
  check(plait_image_resample(ARRAY(x, "image"), INTEGER(size)[0], INTEGER(size)[1],
                             Rf_asInteger(interpolation), &image));
  set_handle(out, image);
  UNPROTECT(1);
  return out;
}

/* `format` is "jpeg" or "png". */
SEXP image_encode(SEXP x, SEXP format, SEXP quality) {
  plait_buffer_t buffer = NULL;
  SEXP handle = PROTECT(new_handle(R_BUFFER));
  check(plait_image_encode(ARRAY(x, "image"), text_of(format, "format"), Rf_asInteger(quality),
                           &buffer));
  set_handle(handle, buffer);
  SEXP out = buffer_raw(handle);
  UNPROTECT(1);
  return out;
}

SEXP records_open(SEXP path) {
  plait_record_writer_t writer = NULL;
  SEXP out = PROTECT(new_handle(R_RECORDS));
  check(plait_record_writer_open(text_of(path, "path"), &writer));
  set_handle(out, writer);
  UNPROTECT(1);
  return out;
}

SEXP records_write(SEXP x, SEXP record) {
  int64_t offset = 0;
  check(plait_record_writer_write(get_handle(x, R_RECORDS, "records"), raw_of(record, "record"),
                                  XLENGTH(record), &offset));
  return Rf_ScalarReal((double)offset);
}

SEXP records_close(SEXP x) {
  check(plait_record_writer_close(get_handle(x, R_RECORDS, "records")));
  return R_NilValue;
}
