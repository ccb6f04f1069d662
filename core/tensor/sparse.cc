#include "tensor/sparse.h"

#include <cstring>

#include "base/error.h"

namespace plait::tensor {
namespace {

const char* name_of(Storing s) { return s == Storing::kCsr ? "csr_matrix" : "row_sparse_array"; }

void check_indices(const Array& a, const char* part, const char* who) {
  check(a.dtype() == DType::kInt64, ErrorKind::kType, who, ": ", part, " has dtype ", a.dtype(),
        ", must be int64");
  check(a.ndim() == 1, ErrorKind::kShape, who, ": ", part, " has shape ", a.shape(),
        ", must be a vector");
  check(a.contiguous(), ErrorKind::kInvalidArgument, who, ": ", part, " has strides ", a.strides(),
        ", must be contiguous");
}

// Numbers [begin, end) of `index` ascend within [0, limit).
void check_ascending(const int64_t* index, int64_t begin, int64_t end, int64_t limit,
                     const char* who) {
  for (int64_t i = begin; i < end; ++i) {
    check(index[i] >= 0 && index[i] < limit, ErrorKind::kIndex, who, ": indices has ", index[i],
          ", must be in [0, ", limit - 1, "]");
    check(i == begin || index[i] > index[i - 1], ErrorKind::kInvalidArgument, who, ": indices has ",
          index[i], " after ", index[i - 1], ", must be ascending");
  }
}

}  // namespace

SparseArray::SparseArray(Storing storing, Dims shape, Arrays parts)
    : storing_(storing), spec_{std::move(shape), DType::kFloat32} {
  check(storing == Storing::kRowSparse || storing == Storing::kCsr, ErrorKind::kInvalidArgument,
        "sparse: storing is ", static_cast<int32_t>(storing), ", must be 1 or 2");
  check(static_cast<int64_t>(parts.size()) == num_parts(storing), ErrorKind::kInvalidArgument,
        name_of(storing), ": got ", parts.size(), " parts, must be ", num_parts(storing));
  spec_.dtype = parts[0]->dtype();
  check(!is_complex(spec_.dtype), ErrorKind::kType, name_of(storing), ": data has dtype ",
        spec_.dtype, ", must be real");
  check_parts(parts);
  parts_ = std::move(parts);
}

void SparseArray::check_parts(const Arrays& parts) const {
  const char* who = name_of(storing_);
  const Dims &shape = spec_.shape, &values = parts[0]->shape();
  check(storing_ == Storing::kCsr ? shape.size() == 2 : !shape.empty(), ErrorKind::kShape, who,
        ": shape is ", shape, ", must have ", storing_ == Storing::kCsr ? "2 axes" : "an axis");
  check(parts[0]->dtype() == spec_.dtype, ErrorKind::kType, who, ": data has dtype ",
        parts[0]->dtype(), ", must be ", spec_.dtype);
  check_indices(*parts[1], "indices", who);
  Dims want{parts[1]->shape()[0]};
  if (storing_ == Storing::kRowSparse) want.append(shape.begin() + 1, shape.end());
  check(values == want, ErrorKind::kShape, who, ": data has shape ", values, ", must be ", want,
        " for ", want[0], " indices and shape ", shape);
  if (storing_ == Storing::kRowSparse) return;
  check_indices(*parts[2], "indptr", who);
  check(parts[2]->size() == shape[0] + 1, ErrorKind::kShape, who, ": indptr has shape ",
        parts[2]->shape(), ", must be ", Dims{shape[0] + 1}, " for shape ", shape);
}

Arrays SparseArray::parts() const {
  std::lock_guard lock(mutex_);
  if (merge_) {
    parts_ = merge_(parts_, spec_);
    merge_ = nullptr;
  }
  return parts_;
}

Arrays SparseArray::rows() const {
  check(storing_ == Storing::kRowSparse, ErrorKind::kType, name_of(storing_),
        ": has no rows of its own, must be row_sparse_array");
  std::lock_guard lock(mutex_);
  return parts_;
}

void SparseArray::assign_rows(Arrays rows, Merge merge) {
  check_parts(rows);
  std::lock_guard lock(mutex_);
  std::swap(parts_, rows);
  merge_ = merge;
}

void SparseArray::assign(Arrays parts) {
  check(static_cast<int64_t>(parts.size()) == num_parts(storing_), ErrorKind::kInvalidArgument,
        name_of(storing_), ": got ", parts.size(), " parts, must be ", num_parts(storing_));
  check_parts(parts);
  std::lock_guard lock(mutex_);
  std::swap(parts_, parts);
  merge_ = nullptr;
}

void SparseArray::check_numbers() const {
  const char* who = name_of(storing_);
  const Arrays now = parts();
  for (size_t i = 1; i < now.size(); ++i) now[i]->wait_to_read();
  const auto* index = static_cast<const int64_t*>(now[1]->data());
  const int64_t n = now[1]->size();
  if (storing_ == Storing::kRowSparse) {
    check_ascending(index, 0, n, spec_.shape[0], who);
    return;
  }
  const auto* start = static_cast<const int64_t*>(now[2]->data());
  const int64_t rows = spec_.shape[0];
  check(start[0] == 0, ErrorKind::kInvalidArgument, who, ": indptr begins with ", start[0],
        ", must be 0");
  check(start[rows] == n, ErrorKind::kInvalidArgument, who, ": indptr ends with ", start[rows],
        ", must be ", n, ", the number of indices");
  for (int64_t r = 0; r < rows; ++r) {
    check(start[r] <= start[r + 1] && start[r + 1] <= n, ErrorKind::kInvalidArgument, who,
          ": indptr has ", start[r + 1], " after ", start[r], ", must not descend");
    check_ascending(index, start[r], start[r + 1], spec_.shape[1], who);
  }
}

SparseRef SparseArray::zeros(Storing storing, const Spec& spec) {
  Dims values{0};
  const bool csr = storing == Storing::kCsr;
  if (!csr && !spec.shape.empty()) values.append(spec.shape.begin() + 1, spec.shape.end());
  Arrays parts{Array::empty(values, spec.dtype), Array::empty(Dims{0}, DType::kInt64)};
  if (csr) {
    check(spec.shape.size() == 2, ErrorKind::kShape, name_of(storing), ": shape is ", spec.shape,
          ", must have 2 axes");
    parts.push_back(Array::empty(Dims{spec.shape[0] + 1}, DType::kInt64));
    std::memset(parts[2]->data(), 0, static_cast<size_t>(parts[2]->nbytes()));
  }
  return make_ref<SparseArray>(storing, spec.shape, std::move(parts));
}

}  // namespace plait::tensor
