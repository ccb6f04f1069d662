#pragma once

namespace plait::engine {

// Lends the cores of the task that the calling thread runs to others, while it waits for what no
// task of this engine does. Afterwards it goes on at once, with more threads than cores for as long
// as the others run.
class CoreLoan {
 public:
  CoreLoan();
  CoreLoan(const CoreLoan&) = delete;
  ~CoreLoan();

 private:
  const int cores_;
};

}  // namespace plait::engine
