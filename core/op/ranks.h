#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "op/op.h"

// Sums over the processes that train one model, for operators whose result depends on all of them.
//
// Such an operator keeps a core while it waits for the other processes. Were two of them free to
// begin in any order, one process could wait in the first for another that waits in the second,
// both without a core for what the other lacks. So they take turns: their tasks write one variable
// of the engine, which makes them run one after the other in the order of the program, and compiled
// graphs give them an order of their own (graph/schedule.cc). Then the first that is not done in
// all processes always goes on: every core is free for it, because no later one has begun.
// tests/dist/test_turns.py tries all orders of small programs.
namespace plait::op {

class Ranks {
 public:
  virtual ~Ranks() = default;
  // Adds up `n` numbers at `data` over all processes, in place; waits for the others. All make the
  // same calls in the same order, which `key` tells.
  virtual void sum(const std::string& key, double* data, int64_t n) = 0;
  // Lets the others' calls fail: this process leaves out what they wait for.
  virtual void leave_out(const std::string& reason) = 0;
};

// Null: there is one process. Tasks that wait for the ranks before end first.
void set_ranks(std::shared_ptr<Ranks> ranks);
std::shared_ptr<Ranks> ranks();
inline std::atomic<bool> has_ranks{false};  // read at each call of an operator

// Whether a call of the operator waits for other processes if there are some.
using Waits = bool (*)(const void* attrs, bool is_train);
bool set_waits(int32_t op_id, Waits waits);
bool waits_for_ranks(const Op& op, const AttrsRef& attrs, bool is_train);

// Held by a task in which operators wait for other processes.
class RankTurn {
 public:
  // Null: there is one process.
  static std::unique_ptr<RankTurn> make();
  explicit RankTurn(std::shared_ptr<Ranks> ranks) : ranks_(std::move(ranks)) {}
  RankTurn(const RankTurn&) = delete;
  ~RankTurn();  // unless done() was called, tells the others

  // Puts the task behind all that have a turn already. It has no estimated time afterwards, so that
  // no thread of the program, which may hold locks that others need, waits in it.
  static void join(engine::Task& task);
  void done() { done_ = true; }

 private:
  std::shared_ptr<Ranks> ranks_;
  bool done_ = false;
};

}  // namespace plait::op
