#pragma once

// The threads of tasks, and those inside one task.
//
// A team is the calling thread and helpers that it takes from those that are free and gives back
// at the end, so every thread may lead a team and no helper belongs to one of them: what the
// engine's tasks use together never exceeds the cores that it has shared out. oneDNN runs on the
// same helpers, because this library is its OpenMP (openmp.cc).
//
//   team::run(4, [](void* data) { part(data, team::number(), team::size()); }, &work);
//
// libgomp instead keeps a team for each thread that ever led one. Two of them are more threads than
// cores; it then puts every thread to sleep at once, and before that lets idle ones look for
// milliseconds.
namespace plait::team {

// Calls body(data) in `threads` threads, the calling one among them, and returns when all are done.
// `body` must not throw. Within a team: in the calling thread only. Fewer threads take part if the
// system refuses more.
void run(int threads, void (*body)(void*), void* data);

// The same in two steps; in between the caller calls body(data).
void begin(int threads, void (*body)(void*), void* data);
void end();

// Calls work(data) in a thread that is free to help, or a new one; it is no team. That thread looks
// for the next team or work before it sleeps, whichever comes. False: the system refuses a thread
// or its memory.
bool start(void (*work)(void*), void* data);

// Whether threads without work look for it before they sleep: not where one core is for all.
void set_looking(bool looking);

int number();      // of the calling thread, in [0, size())
int size();        // 1 outside of a team
bool is_inside();  // in a team of more than one
void barrier();    // waits until all threads of the team have come

// Threads of a team that oneDNN begins in the calling thread; 1 until it is set. Returns the number
// before.
int set_limit(int threads);
int limit();

// Threads of start() and helpers that exist. The child of a fork() has none at first.
int num_helpers();

}  // namespace plait::team
