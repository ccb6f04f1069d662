#pragma once

namespace plait::dist {

// How many processes a starter of MPI, such as mpirun, says that it has started together with this
// one; -1: it does not say; 0: none has started this one.
int started_processes();

}  // namespace plait::dist
