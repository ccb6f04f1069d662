#pragma once

#include <functional>

namespace plait::cuda {

// At the end of the stream of the calling thread. Nothing runs before somebody waits for the
// device: the latest moment that CUDA allows.
void enqueue(std::function<void()> work);

}  // namespace plait::cuda
