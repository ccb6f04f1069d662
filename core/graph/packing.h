#pragma once

#include <cstdint>
#include <vector>

namespace plait::graph {

// Memory that is in use from one moment to another, both included.
struct Span {
  int64_t bytes = 0;
  int64_t begin = 0, end = 0;
  int64_t offset = -1;  // -1: to be found
};

// Finds offsets in one block, so that spans that live at the same time do not overlap; returns the
// bytes of the block. The largest are placed first, each as low as it fits (Pisarchyk, Lee,
// "Efficient memory management for deep neural net inference", 2020, greedy by size).
int64_t pack(std::vector<Span>& spans);

}  // namespace plait::graph
