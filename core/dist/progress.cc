#include "dist/progress.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "base/env.h"
#include "base/sync.h"
#include "engine/loan.h"

namespace plait::dist {
namespace {

constexpr int64_t kSpinNs = 30000;        // looks so long for the next message before it sleeps
constexpr int64_t kPatienceNs = 1000000;  // the same for a caller who can do nothing else
constexpr int kLeastLooks = 100;          // but so often, if others had the core meanwhile
constexpr int kQuickLooks = 100;          // before it lets others have a core that nobody may need
constexpr int64_t kNapNs = 50000;         // between two looks at what cannot be waited for
constexpr int64_t kSleepNs = 1000000;     // at most, while operations are on their way
constexpr int64_t kBeatNs = 50000000;     // between two signs of life
constexpr int64_t kGraceNs = 100000000;   // nobody asks before what an operation waits for
constexpr int64_t kMostStepNs = 100000000;  // that time goes on between two signs of life

int64_t now_ns() { return Native::now_ns(); }

bool is_before(const Operation* a, const Operation* b) {
  return a->priority != b->priority ? a->priority > b->priority : a->order < b->order;
}

std::string text_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

int64_t time_limit_ns() {
  static const int64_t s = env::get_int("PLAIT_DIST_TIMEOUT", nullptr, 600);
  return s * 1000000000;
}

std::string Label::text() const {
  std::ostringstream out;
  out << kind;
  if (has_array) out << " of " << spec.dtype << " " << spec.shape;
  if (*detail) out << " " << detail;
  if (peer >= 0) out << " " << peer;
  if (!name.empty()) out << " '" << name << "'";
  if (number) out << " (number " << number << ")";
  return out.str();
}

Progress& Progress::instance() {
  // Lives as long as the process: communicators may be freed by static destructors.
  static Progress* progress = new Progress;
  check(!progress->is_child_, ErrorKind::kComm,
        "communicators belong to the process that made them, not to its children by fork()");
  return *progress;
}

Progress::Progress() {
  pthread_atfork(nullptr, nullptr, [] { is_child_ = true; });
  thread_ = std::thread([this] { work(); });
  thread_.detach();
}

void Progress::attach(const TransportRef& transport) {
  std::lock_guard lock(mutex_);
  for (Attached& a : transports_) {
    if (a.transport == transport) {
      ++a.users;
      return;
    }
  }
  transport->beat();
  transports_.push_back({transport, 1});
}

void Progress::detach(const TransportRef& transport) {
  TransportRef last;  // may leave the group: after the lock
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(transports_.begin(), transports_.end(),
                                  [&](const Attached& a) { return a.transport == transport; });
  if (found == transports_.end() || --found->users > 0) return;
  last = std::move(found->transport);
  transports_.erase(found);
}

void Progress::start(std::unique_ptr<Operation> operation) {
  std::lock_guard lock(inbox_mutex_);
  inbox_.push_back(std::move(operation));
  has_mail_.store(true, std::memory_order_relaxed);
  inbox_filled_.notify_one();
  if (asleep_on_) asleep_on_->wake();
}

bool Progress::take_inbox() {
  if (!has_mail_.load(std::memory_order_relaxed)) return false;  // it will be seen the next time
  std::vector<std::unique_ptr<Operation>> taken;
  {
    std::lock_guard lock(inbox_mutex_);
    has_mail_.store(false, std::memory_order_relaxed);
    taken.swap(inbox_);
  }
  for (auto& op : taken) {
    op->moved_ns = awake_ns_;
    if (engine::profile::is_on() && op->task) {
      op->span.emplace(op->task->name(), op->task->details(), op->task->reads_, op->task->writes_,
                       now_ns(), 1);
    }
    active_.insert(std::upper_bound(active_.begin(), active_.end(), op.get(), is_before), op.get());
    owned_.push_back(std::move(op));
  }
  return !taken.empty();
}

bool Progress::advance(Operation& op) {
  try {
    if (!op.transport->failure.empty()) fail(ErrorKind::kComm, op.transport->failure);
    Schedule& current = op.check ? op.check : op.body;
    const Advance state = current.advance();
    if (state == Advance::kDone && op.check) {
      op.check = Schedule();
      return advance(op) || true;
    }
    op.is_done = state == Advance::kDone;
    return state != Advance::kStuck;
  } catch (...) {
    break_off(op, text_of(std::current_exception()));
    return true;
  }
}

void Progress::break_off(Operation& op, const std::string& reason) {
  const std::string whole =
      op.transport->failure.empty() ? cat(op.label, ": ", reason) : op.transport->failure;
  if (op.transport->failure.empty()) {
    op.transport->failure = whole;
    op.transport->announce_failure(whole);
  }
  op.failure = std::make_exception_ptr(Error(ErrorKind::kComm, whole));
  op.is_done = true;
  op.check = Schedule();  // gives its messages up
  op.body = Schedule();
}

void Progress::fail_all(Transport& transport, const std::string& reason) {
  std::lock_guard lock(mutex_);
  if (!transport.failure.empty()) return;
  transport.failure = reason;
  transport.announce_failure(reason);
}

std::string Progress::pending(const Transport& transport) {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const Operation* op : active_) {
    const Transfers* all = op->check ? op->check.missing() : op->body.missing();
    if (op->transport.get() != &transport || !all) continue;
    const Transfer* const missing = all->front().get();
    text += cat(op->label, ": waits for ", (awake_ns_ - op->moved_ns) / 1000000, " ms ",
                missing->is_send ? "until it can send to rank " : "for rank ", missing->peer, "\n");
  }
  return text;
}

void Progress::watch(Operation& op) {
  const Transfers* missing = op.check ? op.check.missing() : op.body.missing();
  const int64_t waited_ns = awake_ns_ - op.moved_ns;
  if (!missing || waited_ns < kGraceNs) return;
  std::string reason;
  for (const TransferPtr& t : *missing) {
    if (reason.empty()) reason = op.transport->trouble(t->peer, awake_ns_);
  }
  if (reason.empty() && !op.may_wait && time_limit_ns() > 0 && waited_ns > time_limit_ns()) {
    reason = cat("rank ", op.transport->rank(), " waited ", waited_ns / 1000000000, " s for rank ",
                 missing->front()->peer, ", which has not come so far");
  }
  if (!reason.empty()) break_off(op, reason);
}

void Progress::beat(int64_t now) {
  if (now - beat_ns_ < kBeatNs) return;
  awake_ns_ += std::min(now - beat_ns_, kMostStepNs);
  beat_ns_ = now;
  for (const Attached& a : transports_) a.transport->beat();
  for (Operation* op : active_) {
    if (!op->is_done) watch(*op);
  }
}

bool Progress::turn() {
  bool moved = false;
  for (const Attached& a : transports_) moved |= a.transport->poll();
  moved |= take_inbox();
  for (Operation* op : active_) {
    if (op->is_done || !advance(*op)) continue;
    op->moved_ns = awake_ns_;
    moved = true;
  }
  beat(now_ns());
  std::erase_if(active_, [](const Operation* op) { return op->is_done; });
  std::erase_if(owned_, [&](std::unique_ptr<Operation>& op) {
    if (!op->is_done) return false;
    done_.push_back(std::move(op));
    return true;
  });
  return moved;
}

void Progress::retire(Lock& lock) {
  if (done_.empty()) return;
  std::vector<std::pair<engine::Task*, std::exception_ptr>> ends;
  for (auto& op : done_) {
    if (op->span && op->failure) op->span->set_failed();
    op->span.reset();
    ends.emplace_back(op->task, op->failure);
  }
  done_.clear();
  lock.unlock();
  for (auto& [task, failure] : ends) engine::complete(task, failure);
  lock.lock();
}

void Progress::wait_for_inbox(int64_t limit_ns) {
  Lock inbox(inbox_mutex_);
  inbox_filled_.wait_for(inbox, std::chrono::nanoseconds(limit_ns),
                         [&] { return is_called_ || !inbox_.empty(); });
  is_called_ = false;
}

// Sleeps until the transport or the inbox has something.
void Progress::idle_on(const TransportRef& transport) {
  {
    std::lock_guard inbox(inbox_mutex_);
    if (!inbox_.empty()) return;
    asleep_on_ = transport;
  }
  const bool slept = transport->idle(kSleepNs);
  {
    std::lock_guard inbox(inbox_mutex_);
    asleep_on_ = nullptr;
  }
  if (!slept) wait_for_inbox(kNapNs);
}

TransportRef Progress::only_transport() const {
  return transports_.size() == 1 ? transports_[0].transport : nullptr;
}

void Progress::sleep(Lock& lock) {
  const bool is_relieved = waiting_callers_ > 0, is_hot = now_ns() - moved_ns_ < kSpinNs;
  const TransportRef only = only_transport();
  const bool is_busy = !active_.empty();
  lock.unlock();
  if (is_relieved) {
    wait_for_inbox(kBeatNs);
  } else if (is_hot) {
    std::this_thread::yield();
  } else if (!is_busy) {
    wait_for_inbox(kBeatNs);
  } else if (only) {
    idle_on(only);
  } else {
    wait_for_inbox(kNapNs);
  }
  lock.lock();
}

void Progress::work() {
  Lock lock(mutex_);
  while (true) {
    const bool moved = waiting_callers_ == 0 && turn();
    if (moved) moved_ns_ = now_ns();
    retire(lock);
    if (!moved) sleep(lock);
  }
}

void Progress::run(Operation& operation) {
  std::optional<engine::CoreLoan> loan;
  Lock lock(mutex_);
  ++waiting_callers_;
  operation.moved_ns = awake_ns_;
  int64_t idle_since = now_ns();
  // Says first where its messages go: those that are there already are not kept elsewhere then.
  advance(operation);
  if (!operation.is_done) {
    active_.insert(std::upper_bound(active_.begin(), active_.end(), &operation, is_before),
                   &operation);
  }
  for (int looks = 0; !operation.is_done; ++looks) {
    if (turn()) {
      idle_since = now_ns();
      looks = 0;
      retire(lock);
      continue;
    }
    if (looks < kQuickLooks && operation.transport->has_cores()) {
      Native::pause();
      continue;
    }
    if (!loan) {
      lock.unlock();
      loan.emplace();
      lock.lock();
      continue;
    }
    if (looks <= kLeastLooks || now_ns() - idle_since < kPatienceNs) {
      // The rank that is waited for may need this core.
      std::this_thread::yield();
      continue;
    }
    const TransportRef only = only_transport();
    lock.unlock();
    only ? idle_on(only) : wait_for_inbox(kNapNs);
    lock.lock();
  }
  if (--waiting_callers_ == 0 && !active_.empty()) call_back();
  lock.unlock();
  if (operation.failure) std::rethrow_exception(operation.failure);
}

void Progress::call_back() {
  std::lock_guard inbox(inbox_mutex_);
  is_called_ = true;
  inbox_filled_.notify_one();
}

}  // namespace plait::dist
