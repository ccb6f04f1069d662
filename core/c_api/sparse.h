#pragma once

#include "c_api/common.h"
#include "c_api/handle.h"
#include "tensor/sparse.h"

struct plait_sparse_s {
  static constexpr char kKind[] = "sparse array";
  plait::SparseRef sparse;
};

namespace plait::c_api {

inline SparseRef sparse_of(plait_sparse_t handle) {
  require(handle, "sparse");
  return handle->sparse;
}
inline plait_sparse_t new_sparse(SparseRef sparse) {
  return sparse ? new_object<plait_sparse_s>(std::move(sparse)) : nullptr;
}

}  // namespace plait::c_api
