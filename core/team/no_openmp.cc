// The part of OpenMP that the shipped oneDNN calls, on our own teams. cmake/redirect_openmp.py has
// written plt for omp in the names there, so they meet no other OpenMP of the process.
// What each must do: the source of GCC's calls, gcc/omp-expand.cc, and the OpenMP specification.
#include <algorithm>

#include "team/openmp.h"
#include "team/team.h"

namespace plait::team {

void tell_openmp(int) {}

namespace {

// The loop that this thread is in: iterations `first`, `first + step`, ... before `last`.
struct Loop {
  long first = 0, step = 1, count = 0;
  long chunk = 0;  // 0: one part for each thread
  long turn = 0;   // parts taken by this thread
};
thread_local Loop loop;

bool next_part(long* from, long* to) {
  const long threads = size(), me = number();
  long begin = 0, stop = 0;
  if (loop.chunk == 0) {
    if (loop.turn > 0) return false;
    const long each = loop.count / threads, more = loop.count % threads;
    begin = each * me + std::min(me, more);
    stop = begin + each + (me < more);
  } else {
    begin = (loop.turn * threads + me) * loop.chunk;
    stop = std::min(begin + loop.chunk, loop.count);
  }
  ++loop.turn;
  if (begin >= stop) return false;
  *from = loop.first + begin * loop.step;
  *to = loop.first + stop * loop.step;
  return true;
}

}  // namespace

extern "C" {

void GPLT_parallel_start(void (*body)(void*), void* data, unsigned threads) {
  begin(threads ? static_cast<int>(threads) : limit(), body, data);
}
void GPLT_parallel_end() { end(); }
void GPLT_barrier() { barrier(); }

bool GPLT_loop_static_start(long first, long last, long step, long chunk, long* from, long* to) {
  const long count = (last - first + step + (step > 0 ? -1 : 1)) / step;
  loop = {first, step, std::max(count, 0L), chunk, 0};
  return next_part(from, to);
}
bool GPLT_loop_static_next(long* from, long* to) { return next_part(from, to); }
void GPLT_loop_end_nowait() {}

int plt_get_max_threads() { return limit(); }
int plt_get_num_threads() { return size(); }
int plt_get_thread_num() { return number(); }
int plt_in_parallel() { return is_inside(); }

}  // extern "C"
}  // namespace plait::team
