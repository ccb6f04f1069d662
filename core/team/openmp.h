#pragma once

namespace plait::team {

// Where oneDNN runs on an OpenMP library of its own, tells it the thread count of this thread.
void tell_openmp(int threads);

}  // namespace plait::team
