/* Answers requests with an exported network in several threads that share its weights.
 *
 *   cc -std=c99 serve.c $(pkg-config --cflags --libs plait) -lpthread -o serve
 *   ./serve net-symbol.json net-0000.params [threads] [requests] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "plait/c_api.h"

static void check(plait_status_t status) {
  if (status == PLAIT_OK) return;
  fprintf(stderr, "%s: %s\n", plait_status_name(status), plait_last_error());
  exit(1);
}

typedef struct {
  plait_predictor_t predictor; /* this thread's own */
  int requests;
  float sum; /* of all answers */
} worker_t;

/* One request: an image in, ten scores out. */
static void answer(plait_predictor_t predictor, float* image, float* scores) {
  static const int64_t kShape[] = {1, 1, 28, 28};
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_array_t in = NULL, out = NULL;
  check(plait_array_from_data(image, kShape, NULL, 4, PLAIT_DTYPE_FLOAT32, cpu, &in));
  check(plait_predictor_set_input(predictor, plait_predictor_input_name(predictor, 0), in));
  check(plait_predictor_run(predictor));
  check(plait_predictor_output(predictor, 0, &out));
  check(plait_array_copy_to_host(out, scores, 10 * sizeof *scores));
  plait_array_free(in);
  plait_array_free(out);
}

static void* serve(void* argument) {
  worker_t* worker = argument;
  float image[28 * 28], scores[10];
  for (int r = 0; r < worker->requests; ++r) {
    for (int i = 0; i < 28 * 28; ++i) image[i] = (float)((i * 7 + r) % 255) / 255;
    answer(worker->predictor, image, scores);
    for (int i = 0; i < 10; ++i) worker->sum += scores[i];
  }
  return NULL;
}

int main(int argc, char** argv) {
  enum { kMax = 64 };
  pthread_t threads[kMax];
  worker_t workers[kMax];
  plait_predictor_t network = NULL;
  const int count = argc > 3 ? atoi(argv[3]) : 4, requests = argc > 4 ? atoi(argv[4]) : 100;
  if (argc < 3 || count < 1 || count > kMax) return 2;
  check(plait_predictor_load(argv[1], argv[2], &network));
  for (int i = 0; i < count; ++i) {
    workers[i] = (worker_t){NULL, requests, 0};
    check(plait_predictor_clone(network, &workers[i].predictor));
    pthread_create(&threads[i], NULL, serve, &workers[i]);
  }
  for (int i = 0; i < count; ++i) {
    pthread_join(threads[i], NULL);
    plait_predictor_free(workers[i].predictor);
    printf("thread %d: %.6f\n", i, (double)workers[i].sum);
  }
  plait_predictor_free(network);
  return plait_engine_shutdown();
}
