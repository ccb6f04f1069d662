#pragma once

#include <mutex>

#include "tensor/array.h"

namespace plait::tensor {

// How the elements of an array are stored. The numbers are those of MXNet's files.
enum class Storing : int32_t { kDense = 0, kRowSparse = 1, kCsr = 2 };

// An array of which only some parts are stored; the others are 0. The parts are dense arrays:
//   kRowSparse: values (n, ...) and indices (n,), the ascending numbers of these rows;
//   kCsr: values (n,), indices (n,), the ascending columns in each row, and indptr (rows + 1,):
//         row r has the elements from indptr[r] to indptr[r + 1].
// Indices are int64. Shape, dtype and storing never change; the parts are replaced together.
class SparseArray : public RefCounted {
 public:
  // Checks shapes and dtypes of the parts, not the numbers in them: see check_numbers().
  SparseArray(Storing storing, Dims shape, Arrays parts);

  Storing storing() const { return storing_; }
  const Spec& spec() const { return spec_; }
  const Dims& shape() const { return spec_.shape; }
  DType dtype() const { return spec_.dtype; }
  // Values, indices and, for kCsr, indptr.
  Arrays parts() const;
  void assign(Arrays parts);
  // Makes parts of a kRowSparse array from values and indices in any order, of which equal ones add
  // up. Throws what operators throw.
  using Merge = Arrays (*)(const Arrays& rows, const Spec& spec);
  // The same as assign(merge(rows, spec())), but nothing is merged before parts() is called.
  void assign_rows(Arrays rows, Merge merge);
  // Values and indices of kRowSparse as they came: for readers that add up what is equal.
  Arrays rows() const;
  // Waits for the indices and throws unless they are in range and ascending, and indptr fits.
  void check_numbers() const;

  static int64_t num_parts(Storing storing) { return storing == Storing::kCsr ? 3 : 2; }
  // A shape and parts without any stored element.
  static Ref<SparseArray> zeros(Storing storing, const Spec& spec);

 private:
  void check_parts(const Arrays& parts) const;

  Storing storing_;
  Spec spec_;
  mutable std::mutex mutex_;
  mutable Arrays parts_;
  mutable Merge merge_ = nullptr;  // makes parts of parts_
};

using SparseRef = Ref<SparseArray>;

}  // namespace plait::tensor

namespace plait {
using tensor::SparseArray;
using tensor::SparseRef;
using tensor::Storing;
}  // namespace plait
