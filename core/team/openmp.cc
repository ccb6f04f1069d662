// oneDNN of the system, which runs on the system's OpenMP: it obeys our thread counts, but keeps
// threads of its own.
#include "team/openmp.h"

#include <omp.h>

namespace plait::team {

void tell_openmp(int threads) { omp_set_num_threads(threads); }

}  // namespace plait::team
