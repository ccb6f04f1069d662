#include "op/ranks.h"

#include <mutex>
#include <vector>

namespace plait::op {
namespace {

struct Current {
  std::mutex mutex;
  std::shared_ptr<Ranks> ranks;
  engine::Var turns;
};

Current& current() {
  // Never destroyed: operators may run until the process ends.
  static Current& the = *new Current;
  return the;
}

// By number of the operator; filled before main, read-only afterwards.
std::vector<Waits>& all_waits() {
  static auto& all = *new std::vector<Waits>;
  return all;
}

}  // namespace

void set_ranks(std::shared_ptr<Ranks> ranks) {
  try {
    engine::wait_to_write(current().turns);
  } catch (const Error&) {  // whoever reads its result gets it
  }
  std::lock_guard lock(current().mutex);
  std::swap(current().ranks, ranks);
  has_ranks = current().ranks != nullptr;
}

std::shared_ptr<Ranks> ranks() {
  std::lock_guard lock(current().mutex);
  return current().ranks;
}

bool set_waits(int32_t op_id, Waits waits) {
  const auto id = static_cast<size_t>(op_id);
  if (all_waits().size() <= id) all_waits().resize(id + 1);
  all_waits()[id] = waits;
  return true;
}

bool waits_for_ranks(const Op& op, const AttrsRef& attrs, bool is_train) {
  const auto id = static_cast<size_t>(op.id);
  if (id >= all_waits().size() || !all_waits()[id]) return false;
  return all_waits()[id](op.data_of(attrs), is_train);
}

std::unique_ptr<RankTurn> RankTurn::make() {
  std::shared_ptr<Ranks> all = ranks();
  return all ? std::make_unique<RankTurn>(std::move(all)) : nullptr;
}

RankTurn::~RankTurn() {
  if (!done_) ranks_->leave_out("an operator in which they meet has failed");
}

void RankTurn::join(engine::Task& task) {
  task.writes_.push_back(&current().turns);
  task.cost_ns_ = 0;
}

}  // namespace plait::op
