/* The profiler. */
#include "plait_r.h"

SEXP profiler_set(SEXP run) {
  const int32_t on = Rf_asLogical(run) == TRUE;
  check(plait_profiler_set_state(on ? PLAIT_PROFILE_OPERATIONS : PLAIT_PROFILE_OFF));
  return R_NilValue;
}

/* What was recorded, as JSON; forgets it. */
SEXP profiler_read(void) { MAKE_TEXT(plait_profiler_read(1, &buffer)); }
