/* The key-value store of several processes, from C: mpirun -n 2 ./store TYPE. Prints what fails. */
#include <stdio.h>
#include <stdlib.h>

#include "plait/ops.h"

#define CHECK(call)                                                   \
  do {                                                                \
    if ((call) != PLAIT_OK) {                                         \
      fprintf(stderr, "line %d: %s\n", __LINE__, plait_last_error()); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

#define EXPECT(condition)                                     \
  do {                                                        \
    if (!(condition)) {                                       \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      exit(1);                                                \
    }                                                         \
  } while (0)

static plait_array_t pair(float x, float y) {
  const float data[2] = {x, y};
  const int64_t shape[1] = {2};
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_array_t out = NULL;
  CHECK(plait_array_from_data(data, shape, NULL, 1, PLAIT_DTYPE_FLOAT32, cpu, &out));
  return out;
}

/* value = value - sum / 10 */
static plait_status_t step(void* user, const char* key, plait_array_t sum, plait_array_t value) {
  plait_sgd_update_attrs_t attrs = plait_sgd_update_defaults();
  (void)key;
  ++*(int*)user;
  return plait_sgd_update(value, sum, 0.1, &attrs, &value);
}

static void expect_value(plait_kvstore_t store, const char* key, float x, float y) {
  plait_array_t out = pair(0, 0);
  float got[2];
  CHECK(plait_kvstore_pull(store, key, &out, 1));
  CHECK(plait_array_copy_to_host(out, got, sizeof got));
  EXPECT(got[0] > x - 1e-4f && got[0] < x + 1e-4f && got[1] > y - 1e-4f && got[1] < y + 1e-4f);
  plait_array_free(out);
}

static void push(plait_kvstore_t store, const char* key, float x, float y, int32_t devices) {
  plait_array_t arrays[2] = {pair(x, y), pair(x, y)};
  float kept[2];
  CHECK(plait_kvstore_push(store, key, arrays, devices));
  CHECK(plait_array_copy_to_host(arrays[0], kept, sizeof kept));
  EXPECT(kept[0] == x && kept[1] == y); /* what is pushed stays the caller's */
  plait_array_free(arrays[0]);
  plait_array_free(arrays[1]);
}

static void test_store(const char* type) {
  plait_kvstore_t store = NULL;
  int steps = 0;
  CHECK(plait_kvstore_new(type, &store));
  const int32_t rank = plait_kvstore_rank(store), n = plait_kvstore_num_workers(store);
  EXPECT(n == 2 && (rank == 0 || rank == 1));
  plait_array_t start = pair(1 + (float)rank, 5);
  CHECK(plait_kvstore_init(store, "w", start)); /* that of rank 0 counts */
  expect_value(store, "w", 1, 5);
  push(store, "w", (float)rank, 3, 1);
  expect_value(store, "w", 1, 6);
  push(store, "w", (float)rank, 3, 2);
  expect_value(store, "w", 2, 12);
  CHECK(plait_kvstore_set_updater(store, step, NULL, &steps));
  push(store, "w", 10, 10, 1);
  expect_value(store, "w", 0, 10);
  EXPECT(steps == 1);
  CHECK(plait_kvstore_barrier(store));
  plait_array_free(start);
  plait_kvstore_free(store);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  test_store(argv[1]);
  test_store(argv[1]); /* MPI goes on when the first store is gone */
  CHECK(plait_engine_wait_all());
  EXPECT(plait_array_live_count() == 0 && plait_handle_live_count() == 0);
  return plait_engine_shutdown();
}
