#include <algorithm>
#include <cstring>

#include "c_api/common.h"
#include "engine/engine.h"

using namespace plait;
using namespace plait::c_api;

namespace {

// A variable of its own, or that of the memory of an array.
struct Variable : RefCounted {
  explicit Variable(Ref<tensor::Storage> of) : storage(std::move(of)) {}
  engine::Var& var() { return storage ? storage->var() : own; }

  engine::Var own;
  Ref<tensor::Storage> storage;
};

}  // namespace

struct plait_var_s {
  static constexpr char kKind[] = "var";
  engine::Var& var() const { return variable->var(); }
  Ref<Variable> variable;  // which tasks share
};

// What a task that ends later hands out; freed by who ends it.
struct plait_completion_s {
  static constexpr char kKind[] = "completion";
  engine::Task* task;
};

namespace {

// A user's function as a task.
class UserTask final : public engine::Task {
 public:
  UserTask(void* user, plait_drop_t drop) : user_(user), drop_(drop) {}
  ~UserTask() override {
    if (drop_) drop_(user_);
  }

  void set(plait_task_t run, plait_async_task_t run_async) {
    run_ = run;
    run_async_ = run_async;
    is_async_ = run_async != nullptr;
  }
  void set_options(const plait_task_options_t& o) {
    priority_ = o.priority;
    cost_ns_ = o.cost_ns;
    bytes_ = o.bytes;
    if (o.name) name_ = o.name;
    check(cost_ns_ >= 0, ErrorKind::kInvalidArgument, "cost_ns is ", cost_ns_, ", must be >= 0");
    check(bytes_ >= 0, ErrorKind::kInvalidArgument, "bytes is ", bytes_, ", must be >= 0");
  }
  void set_variables(const plait_var_t* reads, int32_t num_reads, const plait_var_t* writes,
                     int32_t num_writes) {
    add(reads, num_reads, "reads", reads_);
    add(writes, num_writes, "writes", writes_);
    updates_ = engine::make_distinct(reads_, writes_);
  }

  void run(int threads) override {
    if (!is_async_) return require_ok(run_(user_, threads));
    // Once it is out another thread may end the task, and with it this object.
    const plait_completion_t completion = new_object<plait_completion_s>(this);
    const plait_status_t status = run_async_(user_, threads, completion);
    if (status == PLAIT_OK) return;
    free_object(completion);
    require_ok(status);
  }
  const char* name() const override { return name_.c_str(); }

  static ErrorKind kind_of(plait_status_t status) { return static_cast<ErrorKind>(status); }

 private:
  void require_ok(plait_status_t status) const {
    if (status != PLAIT_OK) throw Error(kind_of(status), cat(name_, ": ", plait_last_error()));
  }
  void add(const plait_var_t* vars, int32_t count, const char* list_name, engine::Vars& list) {
    require_list(vars, count, list_name);
    for (int32_t i = 0; i < count; ++i) {
      require(vars[i], list_name);
      kept_.emplace_back(vars[i]->variable);
      list.push_back(&vars[i]->var());
    }
  }

  void* user_;
  plait_drop_t drop_;
  plait_task_t run_ = nullptr;
  plait_async_task_t run_async_ = nullptr;
  std::string name_ = "task";
  SmallVec<Ref<Variable>, 4> kept_;
};

void push(plait_task_t run, plait_async_task_t run_async, void* user, plait_drop_t drop,
          const plait_var_t* reads, int32_t num_reads, const plait_var_t* writes,
          int32_t num_writes, const plait_task_options_t* options) {
  auto task = std::make_unique<UserTask>(user, drop);  // from here on `drop` is called
  check(run || run_async, ErrorKind::kInvalidArgument, "run is NULL, must not be");
  task->set(run, run_async);
  plait_task_options_t all{};
  if (options) {
    check(options->struct_size >= sizeof(uint32_t), ErrorKind::kInvalidArgument, "struct_size is ",
          options->struct_size, ", must be the size of the struct");
    std::memcpy(&all, options, std::min<size_t>(options->struct_size, sizeof all));
  }
  task->set_options(all);
  task->set_variables(reads, num_reads, writes, num_writes);
  engine::push(std::move(task));
}

}  // namespace

plait_status_t plait_var_new(plait_var_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_var_s>(make_ref<Variable>(nullptr));
  });
}

plait_status_t plait_var_of_array(plait_array_t array, plait_var_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_var_s>(make_ref<Variable>(array_of(array)->storage()));
  });
}

void plait_var_free(plait_var_t var) { free_object(var); }

int64_t plait_var_version(plait_var_t var) {
  return is_alive(var) ? static_cast<int64_t>(var->var().version()) : -1;
}

plait_status_t plait_var_wait(plait_var_t var, int32_t for_write) {
  return guarded([&] {
    require(var, "var");
    for_write ? engine::wait_to_write(var->var()) : engine::wait_to_read(var->var());
  });
}

plait_status_t plait_engine_push(plait_task_t run, void* user, plait_drop_t drop,
                                 const plait_var_t* reads, int32_t num_reads,
                                 const plait_var_t* writes, int32_t num_writes,
                                 const plait_task_options_t* options) {
  return guarded(
      [&] { push(run, nullptr, user, drop, reads, num_reads, writes, num_writes, options); });
}

plait_status_t plait_engine_push_async(plait_async_task_t run, void* user, plait_drop_t drop,
                                       const plait_var_t* reads, int32_t num_reads,
                                       const plait_var_t* writes, int32_t num_writes,
                                       const plait_task_options_t* options) {
  return guarded(
      [&] { push(nullptr, run, user, drop, reads, num_reads, writes, num_writes, options); });
}

plait_status_t plait_engine_complete(plait_completion_t completion, plait_status_t status,
                                     const char* message) {
  return guarded([&] {
    require(completion, "completion");
    engine::Task* const task = completion->task;
    std::exception_ptr failure;
    if (status != PLAIT_OK) {
      failure = std::make_exception_ptr(
          Error(UserTask::kind_of(status), cat(task->name(), ": ", message ? message : "failed")));
    }
    free_object(completion);
    engine::complete(task, failure);
  });
}
