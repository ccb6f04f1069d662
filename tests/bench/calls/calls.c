/* Nanoseconds for a call: small operators, and what stands around them. Best of many rounds. */
#include <stdio.h>
#include <time.h>

#include "plait/c_api.h"

enum { kRounds = 3000, kCalls = 100 };

static plait_array_t a, b, column;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static plait_op_t find(const char* name) {
  plait_op_t op = NULL;
  plait_op_find(name, &op);
  return op;
}

/* One round: nanoseconds of each call of an operator, its result freed or written to `given`. */
static double round_of(plait_op_t op, const plait_array_t* in, int32_t count,
                       const plait_value_t* attrs, int32_t num_attrs, plait_array_t given) {
  const double start = now();
  for (int i = 0; i < kCalls; ++i) {
    plait_array_t out = given;
    int32_t n = 0;
    if (plait_op_invoke(op, in, count, attrs, num_attrs, 0, &out, 1, &n)) return -1;
    if (!given) plait_array_free(out);
  }
  return (now() - start) / kCalls;
}

static void time_op(const char* label, const char* name, const plait_array_t* in, int32_t count,
                    const plait_value_t* attrs, int32_t num_attrs, plait_array_t given) {
  const plait_op_t op = find(name);
  double best = 1e18;
  for (int r = 0; r < kRounds; ++r) {
    const double t = round_of(op, in, count, attrs, num_attrs, given);
    if (t < best) best = t;
  }
  printf("%s\t%.0f\n", label, best);
}

int main(void) {
  float data[16] = {1};
  const int64_t shape[2] = {4, 4}, short_shape[2] = {4, 1};
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_value_t two = {PLAIT_VALUE_FLOAT, 0, {0}};
  plait_array_t out = NULL;
  two.as.real = 2;
  plait_array_from_data(data, shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &a);
  plait_array_from_data(data, shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &b);
  plait_array_from_data(data, shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &out);
  plait_array_from_data(data, short_shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &column);
  const plait_array_t both[2] = {a, b}, mixed[2] = {a, column};
  time_op("add(a, b)", "add", both, 2, NULL, 0, NULL);
  time_op("add(a, b) into out", "add", both, 2, NULL, 0, out);
  time_op("add(a, column)", "add", mixed, 2, NULL, 0, NULL);
  time_op("relu(a)", "relu", both, 1, NULL, 0, NULL);
  time_op("multiply_scalar(a, 2)", "multiply_scalar", both, 1, &two, 1, NULL);
  time_op("dot(a, b)", "dot", both, 2, NULL, 0, NULL);
  plait_array_free(a);
  plait_array_free(b);
  plait_array_free(out);
  plait_array_free(column);
  return plait_engine_shutdown();
}
