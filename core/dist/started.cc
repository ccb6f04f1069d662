#include "dist/started.h"

#include <cstdlib>
#include <initializer_list>

namespace plait::dist {

int started_processes() {
  // Of Open MPI; of MPICH and of Slurm in its manner.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const char* size = std::getenv(name)) return std::atoi(size);
  }
  return std::getenv("PMIX_RANK") ? -1 : 0;  // the standard that Slurm and Open MPI share
}

bool started_by_mpich() { return std::getenv("PMI_SIZE") && !std::getenv("OMPI_COMM_WORLD_SIZE"); }

}  // namespace plait::dist
