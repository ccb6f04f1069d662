#include <atomic>
#include <limits>

#include "base/env.h"
#include "dist/communicator.h"

// How an operation gets to the engine, and from there to the thread that moves messages.
namespace plait::dist {

// What the engine sees of an operation.
class CommTask final : public engine::Task {
 public:
  CommTask(std::unique_ptr<Operation> operation, std::vector<ArrayRef> reads,
           std::vector<ArrayRef> writes)
      : operation_(std::move(operation)),
        transport_(operation_->transport),
        label_(operation_->label),
        name_(label_.title()),
        kept_reads_(std::move(reads)),
        kept_writes_(std::move(writes)) {
    for (const ArrayRef& a : kept_reads_) reads_.push_back(&a->var());
    for (const ArrayRef& a : kept_writes_) writes_.push_back(&a->var());
    updates_ = engine::make_distinct(reads_, writes_);
    // Handing over costs nothing, and the sooner it is done, the more goes on beside computation.
    priority_ = std::numeric_limits<int32_t>::max();
    is_async_ = true;
  }
  ~CommTask() override {
    // Never run: what it reads has failed. The other ranks must not wait for it.
    if (operation_) {
      Progress::instance().fail_all(*transport_,
                                    cat(label_, ": rank ", transport_->rank(),
                                        " left it out, because computing its input failed"));
    }
  }

  void run(int) override {
    operation_->task = this;
    Progress::instance().start(std::move(operation_));
  }
  const char* name() const override { return name_.c_str(); }
  std::string details() const override { return label_.text(); }

 private:
  std::unique_ptr<Operation> operation_;
  TransportRef transport_;
  const Label label_;
  const std::string name_;
  std::vector<ArrayRef> kept_reads_, kept_writes_;
};

namespace {

bool checks() {
  static const bool on = env::get_int("PLAIT_DIST_CHECK", nullptr, 0) != 0;
  return on;
}

uint64_t next_order() {
  static std::atomic<uint64_t> order{0};
  return ++order;
}

// Runs an operation in the calling thread if its arrays are free.
bool run_here(Operation& operation, const std::vector<ArrayRef>& reads,
              const std::vector<ArrayRef>& writes) {
  engine::Vars read, written;
  for (const ArrayRef& a : reads) read.push_back(&a->var());
  for (const ArrayRef& a : writes) written.push_back(&a->var());
  engine::make_distinct(read, written);
  const engine::InlineGuard guard(read, written);
  if (!guard.held()) return false;
  engine::count_inlined();
  std::optional<engine::profile::Scope> span;
  if (engine::profile::is_on()) {
    span.emplace(operation.label.title().c_str(), operation.label.text(), read, written, 0, 1);
  }
  Progress::instance().run(operation);
  return true;
}

}  // namespace

void Communicator::submit(Label label, Schedule body, const Tag& tag, std::vector<ArrayRef> reads,
                          std::vector<ArrayRef> writes, const Options& options) {
  auto op = std::make_unique<Operation>();
  op->transport = transport_;
  op->label = std::move(label);
  op->label.name = options.name;
  if (!tag.point_to_point) op->label.number = tag.number;
  if (checks() && !tag.point_to_point) {
    Tag before = tag;  // its own messages
    before.channel = 1;
    op->check = compare(peers(before), op->label.text());
  }
  op->body = std::move(body);
  op->priority = options.priority;
  op->order = next_order();
  op->may_wait = options.no_limit;
  if (options.waits && transport_->is_between_processes() && run_here(*op, reads, writes)) return;
  const std::vector<ArrayRef> results = options.waits ? writes : std::vector<ArrayRef>{};
  auto task = std::make_unique<CommTask>(std::move(op), std::move(reads), std::move(writes));
  engine::push(std::move(task));
  for (const ArrayRef& a : results) a->wait_to_read();
}

}  // namespace plait::dist
