#pragma once

#include <span>

#include "op/value.h"
#include "tensor/sparse.h"

// Conversions and sums of sparse arrays, made of operators over their dense parts. The number of
// stored elements of a result must be known before it exists, so these functions wait for the
// indices of their inputs. They need a tracer in the calling thread that runs operators at once.
namespace plait::op {

// Elements that are not 0 (kCsr), or rows with such an element (kRowSparse).
SparseRef sparse_of(const ArrayRef& dense, Storing storing);
ArrayRef dense_of(const SparseArray& sparse);

// The sum of arrays of one shape, dtype and storing: stored is what one of them stores.
SparseRef sum_of(std::span<const SparseRef> items);
// The product: stored is what both of them store.
SparseRef product_of(const SparseArray& a, const SparseArray& b);

// Row-sparse from rows in any order; equal numbers add up.
SparseRef merged_rows(const ArrayRef& values, const ArrayRef& index, const Spec& spec);

}  // namespace plait::op
