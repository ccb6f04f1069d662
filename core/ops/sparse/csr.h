#pragma once

#include "op/op.h"

namespace plait::ops {

// The parts of a csr matrix as a kernel or an inference function sees them: values, indices, indptr
// are the inputs number `first` and the two behind.
struct CsrSpec {
  int64_t rows, columns, stored;
  CsrSpec(const Dims& shape, const Specs& in, size_t first);
};

struct CsrView {
  const void* values;
  const int64_t *index, *start;
  int64_t rows, columns, stored;
  // Checks all numbers: they come from the caller.
  CsrView(const Dims& shape, const View* values, const View& index, const View& start);
};

}  // namespace plait::ops
