// Classifies one image with an exported network.
//
//   c++ -std=c++20 inference.cc $(pkg-config --cflags --libs plait) -o inference
//   ./inference net-symbol.json net-0000.params < image     784 bytes, row by row
#include <algorithm>
#include <cstdio>

#include "plait/plait.hpp"

using namespace plait::cpp;

int main(int argc, char** argv) try {
  unsigned char bytes[28 * 28];
  if (argc != 3 || std::fread(bytes, 1, sizeof bytes, stdin) != sizeof bytes) {
    std::fprintf(stderr, "usage: %s SYMBOL PARAMS < IMAGE\n", argv[0]);
    return 2;
  }
  std::vector<float> image;
  for (unsigned char b : bytes) image.push_back(static_cast<float>(b) / 255);
  Predictor network(argv[1], argv[2]);
  network.SetInput("data", NDArray(image, Shape(1, 1, 28, 28), Context::cpu()));
  network.Forward();
  const std::vector<float> scores = network.GetOutput(0).Values();
  const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  std::printf("class %d\n", static_cast<int>(best));
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s: %s\n", plait_status_name(error.status()), error.what());
  return 1;
}
