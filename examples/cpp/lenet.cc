// Trains LeNet on Fashion-MNIST step by step, with recorded gradients.
//
//   c++ -std=c++20 lenet.cc $(pkg-config --cflags --libs plait) -o lenet
//   ./lenet FOLDER [epochs]     FOLDER holds the four IDX files, unpacked
#include <cstdio>
#include <cstdlib>

#include "plait/plait.hpp"

using namespace plait::cpp;

namespace {

constexpr int64_t kBatch = 100;

MXDataIter batches(const std::string& folder, const std::string& kind, bool shuffle) {
  return MXDataIter("MNISTIter")
      .SetParam("image", folder + "/" + kind + "-images-idx3-ubyte")
      .SetParam("label", folder + "/" + kind + "-labels-idx1-ubyte")
      .SetParam("batch_size", kBatch)
      .SetParam("shuffle", shuffle)
      .CreateDataIter();
}

class LeNet {
 public:
  LeNet() {
    const Xavier initial(Xavier::uniform);
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

double train(const LeNet& net, DataIter* iter, Optimizer* optimizer) {
  double total = 0;
  int64_t count = 0;
  for (iter->Reset(); iter->Next(); ++count) {
    const DataBatch batch = iter->GetDataBatch();
    NDArray loss;
    {
      const AutogradRecord record;
      loss = -1 * op::sum(op::pick(op::log_softmax(net(batch.data)), batch.label));
    }
    loss.Backward();
    for (size_t k = 0; k < net.parameters.size(); ++k) {
      optimizer->Update(static_cast<int>(k), net.parameters[k], net.parameters[k].Grad());
    }
    total += loss.Values()[0] / kBatch;
  }
  return total / static_cast<double>(count);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [epochs]\n", argv[0]);
    return 2;
  }
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 5;
  MXDataIter samples = batches(argv[1], "train", true), test = batches(argv[1], "t10k", false);
  RandomSeed(1);
  const LeNet net;
  auto optimizer = OptimizerRegistry::Find("sgd");
  optimizer->SetParam("lr", 0.05)
      ->SetParam("momentum", 0.9)
      ->SetParam("rescale_grad", 1.0 / kBatch)
      ->SetLRScheduler(std::make_unique<FactorScheduler>(1800, 0.5));
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const double loss = train(net, &samples, optimizer.get());
    Accuracy accuracy;
    for (test.Reset(); test.Next();) accuracy.Update(test.GetLabel(), net(test.GetData()));
    std::printf("epoch %d: loss %.4f, test accuracy %.4f\n", epoch, loss, accuracy.Get());
    std::fflush(stdout);
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s: %s\n", plait_status_name(error.status()), error.what());
  return 1;
}
