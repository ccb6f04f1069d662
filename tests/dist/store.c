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

static float first_of(plait_kvstore_t store, const char* key) {
  plait_array_t out = pair(0, 0);
  float got[2];
  CHECK(plait_kvstore_pull(store, key, &out, 1));
  CHECK(plait_array_copy_to_host(out, got, sizeof got));
  plait_array_free(out);
  return got[0];
}

/* "dist_async": each key is kept by one of the two processes, which push and pull when they like. */
static void test_served(int is_concurrent) {
  const char* keys[3] = {"a", "b", "c"};
  const int pushes = 20;
  plait_kvstore_t store = NULL;
  int steps = 0;
  CHECK(plait_kvstore_new("dist_async", &store));
  const int32_t rank = plait_kvstore_rank(store);
  EXPECT(plait_kvstore_num_workers(store) == 2);
  plait_array_t start = pair(1 + (float)rank, 5);
  for (int i = 0; i < 3; ++i) CHECK(plait_kvstore_init(store, keys[i], start));
  expect_value(store, "c", 1, 5);
  CHECK(plait_kvstore_barrier(store));
  push(store, "c", 2, 6, 2); /* without an updater it replaces the value */
  CHECK(plait_kvstore_barrier(store));
  expect_value(store, "c", 4, 12);
  CHECK(plait_kvstore_barrier(store));
  CHECK(is_concurrent ? plait_kvstore_set_concurrent_updater(store, step, NULL, &steps)
                      : plait_kvstore_set_updater(store, step, NULL, &steps));
  CHECK(plait_kvstore_barrier(store));
  for (int i = 1; i <= pushes; ++i) {
    for (int k = 0; k < 3; ++k) {
      push(store, keys[k], 10, 10, 1);
      const float got = first_of(store, keys[k]), begin = k < 2 ? 1 : 4;
      EXPECT(got < begin - (float)i + 1e-3f); /* what this process has pushed, or more */
    }
  }
  CHECK(plait_kvstore_barrier(store));
  for (int k = 0; k < 3; ++k) {
    const float down = 2 * (float)pushes;
    expect_value(store, keys[k], (k < 2 ? 1 : 4) - down, (k < 2 ? 5 : 12) - down);
  }
  EXPECT(steps == 2 * pushes * (rank == 0 ? 2 : 1)); /* keys a and c, or b */
  EXPECT(plait_kvstore_push(store, "d", &start, 1) == PLAIT_ERR_KEY);
  plait_array_free(start);
  plait_kvstore_free(store);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  test_served(0);
  test_served(1);
  test_store(argv[1]);
  test_store(argv[1]); /* MPI goes on when the first store is gone */
  CHECK(plait_engine_wait_all());
  EXPECT(plait_array_live_count() == 0 && plait_handle_live_count() == 0);
  return plait_engine_shutdown();
}
