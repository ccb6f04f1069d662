// The n-th use of operator new in a thread fails, for every n: each call says that memory is out,
// nothing is lost, and without failures the same calls work. Prints what does not hold.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "plait/c_api.h"

namespace {

thread_local bool armed = false;
thread_local long left_over = 0;

void* get(std::size_t bytes) {
  if (armed && left_over-- == 0) return nullptr;
  return std::malloc(bytes ? bytes : 1);
}

}  // namespace

void* operator new(std::size_t bytes) {
  if (void* memory = get(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return get(bytes); }
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct Failure {
  plait_status_t status;
};
void ok(plait_status_t status) {
  if (status != PLAIT_OK) throw Failure{status};
}

// A handle that is freed at the end of its scope.
template <class T, void (*free_it)(T)>
struct Own {
  T handle = nullptr;
  Own() = default;
  Own(const Own&) = delete;
  ~Own() { free_it(handle); }
  operator T() const { return handle; }
  T* operator&() { return &handle; }
};
using Array = Own<plait_array_t, plait_array_free>;
using Symbol = Own<plait_symbol_t, plait_symbol_free>;
using Graph = Own<plait_graph_t, plait_graph_free>;
using Buffer = Own<plait_buffer_t, plait_buffer_free>;
using Predictor = Own<plait_predictor_t, plait_predictor_free>;
using Store = Own<plait_kvstore_t, plait_kvstore_free>;
using Iter = Own<plait_iter_t, plait_iter_free>;
using Var = Own<plait_var_t, plait_var_free>;
using Sparse = Own<plait_sparse_t, plait_sparse_free>;

const char kJson[] =
    "{\"nodes\": [{\"op\": \"null\", \"name\": \"x\", \"inputs\": []},"
    "{\"op\": \"null\", \"name\": \"w\", \"inputs\": []},"
    "{\"op\": \"dot\", \"name\": \"d\", \"inputs\": [[0, 0, 0], [1, 0, 0]]},"
    "{\"op\": \"tanh\", \"name\": \"t\", \"inputs\": [[2, 0, 0]]}],"
    "\"arg_nodes\": [0, 1], \"heads\": [[3, 0, 0]]}";

void make(int64_t rows, int64_t columns, Array& out) {
  static const float data[64] = {1, 2, 3};
  const int64_t shape[2] = {rows, columns};
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  ok(plait_array_from_data(data, shape, nullptr, 2, PLAIT_DTYPE_FLOAT32, cpu, &out));
}

void apply(const char* name, std::initializer_list<plait_array_t> in, Array& out) {
  plait_op_t op = nullptr;
  int32_t n = 0;
  ok(plait_op_find(name, &op));
  ok(plait_op_invoke(op, in.begin(), static_cast<int32_t>(in.size()), nullptr, 0, 0, &out, 1, &n));
}

void read(const Array& array) {
  float data[64];
  ok(plait_array_copy_to_host(array, data, plait_array_nbytes(array)));
}

void operators() {
  Array x, y, z, t, s;
  make(4, 5, x);
  make(5, 4, y);
  apply("dot", {x, y}, z);
  apply("transpose", {z}, t);
  apply("softmax", {t}, s);
  read(s);
}

void gradients() {
  Array x, grad, y, z;
  make(4, 4, x);
  make(4, 4, grad);
  const int32_t req = PLAIT_GRAD_WRITE;
  ok(plait_autograd_mark_variables(&x.handle, &grad.handle, &req, 1));
  struct Recording {
    Recording() { plait_autograd_set_recording(1); }
    ~Recording() { plait_autograd_set_recording(0); }
  };
  {
    const Recording on;
    apply("exp", {x}, y);
    apply("sum", {y}, z);
  }
  ok(plait_autograd_backward(&z.handle, nullptr, 1, nullptr, 0, 0, nullptr));
  read(grad);
}

void graphs() {
  Symbol symbol, inner;
  Graph graph;
  Array x, w, out;
  Buffer text, names, inferred;
  int32_t n = 0;
  ok(plait_symbol_from_json(kJson, sizeof kJson - 1, &symbol));
  ok(plait_symbol_to_json(symbol, &text));
  ok(plait_symbol_internals(symbol, &inner));
  ok(plait_symbol_names(symbol, PLAIT_NAMES_INPUTS, &names));
  ok(plait_symbol_infer(symbol, "{\"x\": {\"shape\": [2, 3]}, \"w\": {\"shape\": [3, 2]}}",
                        &inferred));
  ok(plait_graph_new(symbol, &graph));
  make(4, 5, x);
  make(5, 4, w);
  const plait_array_t in[2] = {x, w};
  ok(plait_graph_call(graph, in, 2, &out, 1, &n));
  read(out);
}

void prediction() {
  Array x, w, out;
  Buffer params;
  Predictor first, second;
  const char* name = "arg:w";
  make(5, 4, w);
  make(4, 5, x);
  ok(plait_archive_save_buffer(&w.handle, &name, 1, &params));
  ok(plait_predictor_load_buffer(kJson, sizeof kJson - 1, plait_buffer_data(params),
                                 plait_buffer_size(params), &first));
  ok(plait_predictor_clone(first, &second));
  ok(plait_predictor_set_input(second, "x", x));
  ok(plait_predictor_run(second));
  ok(plait_predictor_output(second, 0, &out));
  read(out);
}

void store() {
  Store kv;
  Array w;
  make(4, 4, w);
  ok(plait_kvstore_new("local", &kv));
  ok(plait_kvstore_init(kv, "w", w));
  ok(plait_kvstore_push(kv, "w", &w.handle, 1));
  ok(plait_kvstore_pull(kv, "w", &w.handle, 1));
  read(w);
}

void batches() {
  Array x, y;
  Iter iter;
  make(4, 5, x);
  make(4, 1, y);
  const char *name = "batch_size", *value = "2";
  ok(plait_iter_from_arrays(x, y, &name, &value, 1, &iter));
  for (int i = 0; i < 3; ++i) {
    Array data, label, index;
    int64_t pad = 0;
    ok(plait_iter_next(iter, &data, &label, &index, &pad));
  }
}

void sparse() {
  Array x, back;
  Sparse rows, twice;
  make(4, 5, x);
  ok(plait_sparse_from_array(x, PLAIT_STORING_ROW_SPARSE, &rows));
  ok(plait_sparse_multiply(rows, rows, &twice));
  ok(plait_sparse_to_array(twice, &back));
  read(back);
}

void tasks() {
  Var var;
  ok(plait_var_new(&var));
  const auto run = [](void*, int32_t) { return PLAIT_OK; };
  ok(plait_engine_push(run, nullptr, nullptr, nullptr, 0, &var.handle, 1, nullptr));
  ok(plait_var_wait(var, 1));
}

int faults = 0;
void expect(bool holds, const char* name, long n, const char* what) {
  if (holds) return;
  std::printf("%s, failure %ld: %s (%s)\n", name, n, what, plait_last_error());
  ++faults;
}

plait_status_t attempt(const std::function<void()>& action, long n) {
  left_over = n;
  armed = n >= 0;
  plait_status_t status = PLAIT_OK;
  try {
    action();
  } catch (const Failure& failure) {
    status = failure.status;
  }
  armed = false;
  return status;
}

bool works(const char* name, const std::function<void()>& action, long n) {
  const plait_status_t status = attempt(action, n);
  plait_engine_wait_all();
  expect(plait_array_live_count() == 0 && plait_handle_live_count() == 0, name, n, "lost");
  if (status == PLAIT_OK) return true;
  expect(status == PLAIT_ERR_OUT_OF_MEMORY, name, n, plait_status_name(status));
  return false;
}

long test(const char* name, const std::function<void()>& action) {
  expect(attempt(action, -1) == PLAIT_OK, name, -1, "does not work"); /* what is made once */
  for (long n = 0; n < 10000; ++n) {
    if (works(name, action, n)) return n;
  }
  expect(false, name, 10000, "never works");
  return 0;
}

}  // namespace

int main() {
  // There are no workers yet: without memory for one the task runs in the thread that pushes it.
  for (long n = 0; n < 20; ++n) works("first task", tasks, n);
  const struct {
    const char* name;
    void (*action)();
  } all[] = {{"operators", operators},   {"gradients", gradients}, {"graphs", graphs},
             {"prediction", prediction}, {"store", store},         {"batches", batches},
             {"sparse", sparse},         {"tasks", tasks}};
  for (const auto& each : all) std::printf("%s: %ld\n", each.name, test(each.name, each.action));
  plait_engine_shutdown();
  return faults != 0;
}
