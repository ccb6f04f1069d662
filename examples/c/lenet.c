/* Trains LeNet on Fashion-MNIST and exports it; no Python in the process.
 *
 *   cc -std=c99 lenet.c $(pkg-config --cflags --libs plait) -lm -o lenet
 *   ./lenet FOLDER [epochs] [samples] [prefix]
 *
 * FOLDER holds the four IDX files of the data set, unpacked. With a prefix the network is written
 * to prefix-symbol.json and prefix-0000.params, as MXNet and plait in Python read them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plait/ops.h"

#define CHECK(call)                                                           \
  do {                                                                        \
    if ((call) != PLAIT_OK) {                                                 \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, plait_last_error()); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

enum { kBatch = 100, kSide = 28, kPixels = kSide * kSide, kClasses = 10, kMaxInputs = 16 };

static const plait_device_t kCpu = {PLAIT_DEVICE_CPU, 0};

/* ---- data ----------------------------------------------------------------------------------- */

typedef struct {
  int64_t count;
  float* images; /* (count, 1, 28, 28), in [0, 1] */
  float* labels; /* (count) */
} dataset_t;

/* The bytes of an IDX file behind its head of `head` bytes, at most `limit` items of `item` bytes.
 */
static unsigned char* read_idx(const char* folder, const char* name, int64_t head, int64_t item,
                               int64_t limit, int64_t* count) {
  char path[1024];
  unsigned char size[4];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE* file = fopen(path, "rb");
  if (!file || fseek(file, 4, SEEK_SET) || fread(size, 1, 4, file) != 4) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  *count = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
  if (*count > limit) *count = limit;
  unsigned char* bytes = malloc((size_t)(*count * item));
  fseek(file, (long)head, SEEK_SET);
  if (!bytes || fread(bytes, (size_t)item, (size_t)*count, file) != (size_t)*count) {
    fprintf(stderr, "%s is too short\n", path);
    exit(1);
  }
  fclose(file);
  return bytes;
}

static dataset_t read_dataset(const char* folder, const char* kind, int64_t limit) {
  char name[64];
  dataset_t d;
  snprintf(name, sizeof name, "%s-images-idx3-ubyte", kind);
  unsigned char* pixels = read_idx(folder, name, 16, kPixels, limit, &d.count);
  snprintf(name, sizeof name, "%s-labels-idx1-ubyte", kind);
  unsigned char* labels = read_idx(folder, name, 8, 1, limit, &d.count);
  d.images = malloc((size_t)d.count * kPixels * sizeof(float));
  d.labels = malloc((size_t)d.count * sizeof(float));
  for (int64_t i = 0; i < d.count * kPixels; ++i) d.images[i] = (float)pixels[i] / 255;
  for (int64_t i = 0; i < d.count; ++i) d.labels[i] = labels[i];
  free(pixels);
  free(labels);
  return d;
}

static void free_dataset(dataset_t* d) {
  free(d->images);
  free(d->labels);
}

/* ---- network -------------------------------------------------------------------------------- */

/* A node from one symbol and up to four attributes; takes over `input`. */
static plait_symbol_t node(const char* op_name, const char* name, plait_symbol_t input,
                           const char* const* keys, const plait_value_t* values, int32_t count) {
  plait_op_t op = NULL;
  plait_symbol_t out = NULL;
  CHECK(plait_op_find_on("sym", op_name, &op));
  CHECK(plait_symbol_apply(op, name, &input, NULL, 1, keys, values, count, &out));
  plait_symbol_free(input);
  return out;
}

static plait_symbol_t activation(plait_symbol_t x, const char* name) {
  const char* const keys[] = {"act_type"};
  const plait_value_t values[] = {plait__string("tanh")};
  return node("Activation", name, x, keys, values, 1);
}

static plait_symbol_t block(plait_symbol_t x, int64_t filters, const char* const* names) {
  static const int64_t k5[] = {5, 5}, k2[] = {2, 2};
  const char* const conv[] = {"kernel", "num_filter"};
  const plait_value_t conv_values[] = {plait__ints(k5, 2), plait__int(filters)};
  const char* const pool[] = {"kernel", "stride", "pool_type"};
  const plait_value_t pool_values[] = {plait__ints(k2, 2), plait__ints(k2, 2),
                                       plait__string("max")};
  x = activation(node("Convolution", names[0], x, conv, conv_values, 2), names[1]);
  return node("Pooling", names[2], x, pool, pool_values, 3);
}

static plait_symbol_t dense(plait_symbol_t x, int64_t size, const char* name) {
  const char* const keys[] = {"num_hidden"};
  const plait_value_t values[] = {plait__int(size)};
  return node("FullyConnected", name, x, keys, values, 1);
}

static plait_symbol_t lenet(void) {
  static const char* const first[] = {"conv1", "tanh1", "pool1"};
  static const char* const second[] = {"conv2", "tanh2", "pool2"};
  plait_symbol_t x = NULL;
  CHECK(plait_symbol_variable("data", &x));
  x = block(block(x, 20, first), 50, second);
  x = dense(node("Flatten", "flatten", x, NULL, NULL, 0), 500, "fc1");
  return dense(activation(x, "tanh3"), kClasses, "fc2");
}

/* ---- parameters ----------------------------------------------------------------------------- */

typedef struct {
  int32_t count; /* inputs of the graph; number 0 is the data */
  const char* names[kMaxInputs];
  plait_array_t arrays[kMaxInputs], grads[kMaxInputs], momenta[kMaxInputs];
} parameters_t;

static plait_array_t zeros(const int64_t* shape, int32_t ndim) {
  plait_zeros_attrs_t attrs = plait_zeros_defaults();
  plait_array_t out = NULL;
  attrs.shape = shape;
  attrs.shape_size = ndim;
  CHECK(plait_zeros(&attrs, &out));
  return out;
}

/* Uniform in +-sqrt(3 / neighbours), as Glorot and Bengio (2010); zeros for vectors. */
static plait_array_t initial(const int64_t* shape, int32_t ndim) {
  if (ndim == 1) return zeros(shape, ndim);
  int64_t area = 1;
  for (int32_t i = 2; i < ndim; ++i) area *= shape[i];
  plait_random_uniform_attrs_t attrs = plait_random_uniform_defaults();
  plait_array_t out = NULL;
  attrs.shape = shape;
  attrs.shape_size = ndim;
  attrs.high = sqrt(6.0 / (double)((shape[0] + shape[1]) * area));
  attrs.low = -attrs.high;
  CHECK(plait_random_uniform(&attrs, &out));
  return out;
}

static parameters_t make_parameters(void) {
  static const struct {
    const char* name;
    int64_t shape[4];
    int32_t ndim;
  } kAll[] = {{"conv1_weight", {20, 1, 5, 5}, 4},  {"conv1_bias", {20}, 1},
              {"conv2_weight", {50, 20, 5, 5}, 4}, {"conv2_bias", {50}, 1},
              {"fc1_weight", {500, 800}, 2},       {"fc1_bias", {500}, 1},
              {"fc2_weight", {kClasses, 500}, 2},  {"fc2_bias", {kClasses}, 1}};
  parameters_t p;
  memset(&p, 0, sizeof p);
  p.count = 1 + (int32_t)(sizeof kAll / sizeof *kAll);
  for (int32_t i = 1; i < p.count; ++i) {
    const int32_t write = PLAIT_GRAD_WRITE;
    p.names[i] = kAll[i - 1].name;
    p.arrays[i] = initial(kAll[i - 1].shape, kAll[i - 1].ndim);
    p.grads[i] = zeros(kAll[i - 1].shape, kAll[i - 1].ndim);
    p.momenta[i] = zeros(kAll[i - 1].shape, kAll[i - 1].ndim);
    CHECK(plait_autograd_mark_variables(&p.arrays[i], &p.grads[i], &write, 1));
  }
  return p;
}

static void free_parameters(parameters_t* p) {
  for (int32_t i = 1; i < p->count; ++i) {
    plait_array_free(p->arrays[i]);
    plait_array_free(p->grads[i]);
    plait_array_free(p->momenta[i]);
  }
}

static void update(parameters_t* p, double lr) {
  plait_sgd_mom_update_attrs_t attrs = plait_sgd_mom_update_defaults();
  attrs.momentum = 0.9;
  attrs.rescale_grad = 1.0 / kBatch;
  for (int32_t i = 1; i < p->count; ++i) {
    plait_array_t out = p->arrays[i];
    CHECK(plait_sgd_mom_update(p->arrays[i], p->grads[i], p->momenta[i], lr, &attrs, &out));
  }
}

/* ---- training ------------------------------------------------------------------------------- */

static plait_array_t forward(plait_graph_t graph, parameters_t* p, const float* images,
                             int64_t count) {
  const int64_t shape[] = {count, 1, kSide, kSide};
  plait_array_t out = NULL;
  int32_t n = 0;
  CHECK(plait_array_from_data(images, shape, NULL, 4, PLAIT_DTYPE_FLOAT32, kCpu, &p->arrays[0]));
  CHECK(plait_graph_call(graph, p->arrays, p->count, &out, 1, &n));
  plait_array_free(p->arrays[0]);
  return out;
}

/* Sum over the batch of -log of the probability of each label. */
static plait_array_t cross_entropy(plait_array_t scores, const float* labels) {
  const int64_t shape[] = {kBatch};
  plait_array_t logs = NULL, label = NULL, chosen = NULL, loss = NULL, negative = NULL;
  CHECK(plait_array_from_data(labels, shape, NULL, 1, PLAIT_DTYPE_FLOAT32, kCpu, &label));
  CHECK(plait_log_softmax(scores, NULL, &logs));
  CHECK(plait_pick(logs, label, NULL, &chosen));
  CHECK(plait_sum(chosen, NULL, &loss));
  CHECK(plait_negative(loss, &negative));
  plait_array_free(label);
  plait_array_free(logs);
  plait_array_free(chosen);
  plait_array_free(loss);
  return negative;
}

static double train_epoch(plait_graph_t graph, parameters_t* p, const dataset_t* d, double lr) {
  double total = 0;
  int64_t batches = 0;
  for (int64_t at = 0; at + kBatch <= d->count; at += kBatch, ++batches) {
    float value = 0;
    plait_autograd_set_recording(1);
    plait_autograd_set_training(1);
    plait_array_t scores = forward(graph, p, d->images + at * kPixels, kBatch);
    plait_array_t loss = cross_entropy(scores, d->labels + at);
    plait_autograd_set_recording(0);
    plait_autograd_set_training(0);
    CHECK(plait_autograd_backward(&loss, NULL, 1, NULL, 0, PLAIT_BACKWARD_TRAIN, NULL));
    update(p, lr);
    CHECK(plait_array_copy_to_host(loss, &value, sizeof value));
    total += value / kBatch;
    plait_array_free(scores);
    plait_array_free(loss);
  }
  return total / (double)batches;
}

static double accuracy(plait_graph_t graph, parameters_t* p, const dataset_t* d) {
  int64_t right = 0;
  for (int64_t at = 0; at + kBatch <= d->count; at += kBatch) {
    float best[kBatch];
    const int64_t axis = 1;
    plait_argmax_attrs_t attrs = plait_argmax_defaults();
    plait_array_t scores = forward(graph, p, d->images + at * kPixels, kBatch), guess = NULL;
    attrs.axis = &axis;
    CHECK(plait_argmax(scores, &attrs, &guess));
    CHECK(plait_array_copy_to_host(guess, best, sizeof best));
    for (int i = 0; i < kBatch; ++i) right += best[i] == d->labels[at + i];
    plait_array_free(scores);
    plait_array_free(guess);
  }
  return (double)right / (double)(d->count / kBatch * kBatch);
}

static void export(plait_symbol_t symbol, const parameters_t* p, const char* prefix) {
  char path[1024], names[kMaxInputs][64];
  const char* list[kMaxInputs];
  plait_buffer_t json = NULL;
  snprintf(path, sizeof path, "%s-symbol.json", prefix);
  CHECK(plait_symbol_to_json(symbol, &json));
  FILE* file = fopen(path, "wb");
  if (!file || fputs(plait_buffer_data(json), file) < 0 || fclose(file)) {
    fprintf(stderr, "cannot write %s\n", path);
    exit(1);
  }
  plait_buffer_free(json);
  for (int32_t i = 1; i < p->count; ++i) {
    snprintf(names[i], sizeof names[i], "arg:%s", p->names[i]);
    list[i - 1] = names[i];
  }
  snprintf(path, sizeof path, "%s-0000.params", prefix);
  CHECK(plait_archive_save(path, p->arrays + 1, list, p->count - 1));
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s FOLDER [epochs] [samples] [prefix]\n", argv[0]);
    return 2;
  }
  const int epochs = argc > 2 ? atoi(argv[2]) : 5;
  const int64_t samples = argc > 3 ? atoi(argv[3]) : 60000;
  dataset_t train = read_dataset(argv[1], "train", samples);
  dataset_t test = read_dataset(argv[1], "t10k", samples);
  plait_graph_t graph = NULL;
  CHECK(plait_random_seed(1));
  plait_symbol_t symbol = lenet();
  CHECK(plait_graph_new(symbol, &graph));
  parameters_t parameters = make_parameters();
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const double rate = 0.05 * pow(0.5, (epoch - 1) / 3); /* half as large after three epochs */
    const double loss = train_epoch(graph, &parameters, &train, rate);
    printf("epoch %d: loss %.4f, test accuracy %.4f\n", epoch, loss,
           accuracy(graph, &parameters, &test));
    fflush(stdout);
  }
  if (argc > 4) export(symbol, &parameters, argv[4]);
  free_parameters(&parameters);
  plait_graph_free(graph);
  plait_symbol_free(symbol);
  free_dataset(&train);
  free_dataset(&test);
  CHECK(plait_engine_wait_all());
  if (plait_array_live_count() || plait_handle_live_count()) return 3;
  return plait_engine_shutdown();
}
