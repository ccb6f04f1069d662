// Learns which points lie inside a ring, with a static graph: a multi-layer perceptron.
//
//   c++ -std=c++20 mlp.cc $(pkg-config --cflags --libs plait) -o mlp
//   ./mlp [steps]
#include <cstdio>
#include <cstdlib>
#include <random>

#include "plait/plait.hpp"

using namespace plait::cpp;

namespace {

Symbol network() {
  Symbol x = Symbol::Variable("data");
  x = op::Activation("act1", op::FullyConnected("fc1", x, {}, {}, 32), "relu");
  x = op::Activation("act2", op::FullyConnected("fc2", x, {}, {}, 32), "relu");
  return op::log_softmax("log_softmax", op::FullyConnected("fc3", x, {}, {}, 2));
}

}  // namespace

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 300;
  constexpr int kSamples = 512;
  std::mt19937 draw(1);
  std::uniform_real_distribution<float> coordinate(-1, 1);
  std::vector<float> points, wanted;  // wanted: -1 at the place of the right class
  for (int i = 0; i < kSamples; ++i) {
    const float x = coordinate(draw), y = coordinate(draw), r = x * x + y * y;
    const bool inside = r > 0.2f && r < 0.7f;
    points.insert(points.end(), {x, y});
    wanted.insert(wanted.end(), {inside ? 0.f : -1.f, inside ? -1.f : 0.f});
  }

  RandomSeed(1);
  const Context cpu = Context::cpu();
  std::map<std::string, NDArray> args{{"data", NDArray(points, Shape(kSamples, 2), cpu)}};
  const Symbol net = network();
  auto exec = net.SimpleBind(cpu, args);
  const auto names = net.ListArguments();
  const Xavier initial;
  for (size_t i = 1; i < names.size(); ++i) initial(names[i], &exec->arg_arrays[i]);

  auto optimizer = OptimizerRegistry::Find("adam");
  optimizer->SetParam("lr", 0.01)->SetParam("rescale_grad", 1.0 / kSamples);
  const NDArray head(wanted, Shape(kSamples, 2), cpu);  // gradient of the summed loss
  for (int step = 0; step < steps; ++step) {
    exec->Forward(true);
    exec->Backward({head});
    for (size_t i = 1; i < names.size(); ++i) {
      optimizer->Update(static_cast<int>(i), exec->arg_arrays[i], exec->grad_arrays[i]);
    }
  }

  exec->Forward(false);
  const std::vector<float> scores = exec->outputs[0].Values();
  int right = 0;
  for (size_t i = 0; i < kSamples; ++i) {
    right += (scores[2 * i + 1] > scores[2 * i]) == (wanted[2 * i + 1] < 0);
  }
  std::printf("accuracy %.4f\n", static_cast<double>(right) / kSamples);
  return right > 0.9 * kSamples ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s: %s\n", plait_status_name(error.status()), error.what());
  return 1;
}
