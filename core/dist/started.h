#pragma once

namespace plait::dist {

// How many processes a starter of MPI, such as mpirun, says that it has started together with this
// one; -1: it does not say; 0: none has started this one.
int started_processes();

// Whether their starter is MPICH's, or one that speaks to processes as MPICH's does.
bool started_by_mpich();

}  // namespace plait::dist
