// Trains LeNet on Fashion-MNIST step by step, with recorded gradients.
//
//   c++ -std=c++20 lenet.cc $(pkg-config --cflags --libs plait) -o lenet
//   ./lenet FOLDER [epochs] [samples]     FOLDER holds the four IDX files, unpacked
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "plait/plait.hpp"

using namespace plait::cpp;

namespace {

constexpr int64_t kBatch = 100, kSide = 28;

// The numbers of an IDX file, divided by `scale`; at most `limit` items.
std::vector<float> read_idx(const std::string& path, size_t head, size_t item, size_t limit,
                            float scale) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() <= head) throw Error(PLAIT_ERR_IO, "cannot read " + path);
  const size_t count = std::min(limit * item, bytes.size() - head);
  std::vector<float> numbers;
  for (size_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<float>(static_cast<unsigned char>(bytes[head + i])) / scale);
  }
  return numbers;
}

struct Dataset {
  std::vector<float> images, labels;
  Dataset(const std::string& folder, const std::string& kind, size_t limit)
      : images(read_idx(folder + "/" + kind + "-images-idx3-ubyte", 16, kSide * kSide, limit, 255)),
        labels(read_idx(folder + "/" + kind + "-labels-idx1-ubyte", 8, 1, limit, 1)) {}
  int64_t batches() const { return static_cast<int64_t>(labels.size()) / kBatch; }
  NDArray image(int64_t batch) const {
    return NDArray(&images[static_cast<size_t>(batch * kBatch * kSide * kSide)],
                   Shape(kBatch, 1, kSide, kSide), Context::cpu());
  }
  NDArray label(int64_t batch) const {
    return NDArray(&labels[static_cast<size_t>(batch * kBatch)], Shape(kBatch), Context::cpu());
  }
};

class LeNet {
 public:
  LeNet() {
    const Xavier initial;
    const std::vector<std::pair<std::string, Shape>> all{
        {"weight", Shape(20, 1, 5, 5)},  {"bias", Shape(20)},
        {"weight", Shape(50, 20, 5, 5)}, {"bias", Shape(50)},
        {"weight", Shape(500, 800)},     {"bias", Shape(500)},
        {"weight", Shape(10, 500)},      {"bias", Shape(10)}};
    for (const auto& [name, shape] : all) {
      NDArray array(shape, Context::cpu());
      initial(name, &array);
      array.AttachGrad();
      parameters.push_back(array);
    }
  }

  NDArray operator()(NDArray x) const {
    const auto& p = parameters;
    x = block(x, p[0], p[1], 20);
    x = block(x, p[2], p[3], 50);
    x = op::Activation(op::FullyConnected(x, p[4], p[5], 500), "tanh");
    return op::FullyConnected(x, p[6], p[7], 10);
  }

  std::vector<NDArray> parameters;

 private:
  static NDArray block(const NDArray& x, const NDArray& w, const NDArray& b, int64_t filters) {
    const NDArray y = op::Activation(op::Convolution(x, w, b, {5, 5}, filters), "tanh");
    return op::Pooling(y, {.kernel = {2, 2}, .pool_type = "max", .stride = {2, 2}});
  }
};

double accuracy(const LeNet& net, const Dataset& data) {
  double right = 0;
  for (int64_t i = 0; i < data.batches(); ++i) {
    const NDArray guess = op::argmax(net(data.image(i)), {.axis = 1});
    right += op::sum(op::broadcast_equal(guess, data.label(i))).Values()[0];
  }
  return right / static_cast<double>(data.batches() * kBatch);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [epochs] [samples]\n", argv[0]);
    return 2;
  }
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto samples = static_cast<size_t>(argc > 3 ? std::atoi(argv[3]) : 60000);
  const Dataset train(argv[1], "train", samples), test(argv[1], "t10k", samples);
  RandomSeed(1);
  const LeNet net;
  auto optimizer = OptimizerRegistry::Find("sgd");
  optimizer->SetParam("lr", 0.05)
      ->SetParam("momentum", 0.9)
      ->SetParam("rescale_grad", 1.0 / kBatch);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double total = 0;
    for (int64_t i = 0; i < train.batches(); ++i) {
      NDArray loss;
      {
        const AutogradRecord record;
        loss = -1 * op::sum(op::pick(op::log_softmax(net(train.image(i))), train.label(i)));
      }
      loss.Backward();
      for (size_t k = 0; k < net.parameters.size(); ++k) {
        optimizer->Update(static_cast<int>(k), net.parameters[k], net.parameters[k].Grad());
      }
      total += loss.Values()[0] / kBatch;
    }
    std::printf("epoch %d: loss %.4f, test accuracy %.4f\n", epoch,
                total / static_cast<double>(train.batches()), accuracy(net, test));
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s: %s\n", plait_status_name(error.status()), error.what());
  return 1;
}
