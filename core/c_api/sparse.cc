#include "op/sparse.h"

#include "autograd/autograd.h"
#include "autograd/tape.h"
#include "c_api/sparse.h"

using namespace plait;
using namespace plait::c_api;

namespace {

Storing storing_of(int32_t number) {
  check(number == PLAIT_STORING_ROW_SPARSE || number == PLAIT_STORING_CSR,
        ErrorKind::kInvalidArgument, "sparse: storing is ", number, ", must be 1 or 2");
  return static_cast<Storing>(number);
}

Arrays parts_of(const plait_array_t* parts, int32_t count) {
  require_list(parts, count, "parts");
  Arrays list;
  for (int32_t i = 0; i < count; ++i) list.push_back(array_of(parts[i]));
  return list;
}

// f() with operators that run at once.
template <class F>
auto eagerly(const F& f) {
  autograd::EagerTracer tracer(false);
  op::TracerScope scope(tracer);
  return f();
}

}  // namespace

plait_status_t plait_sparse_new(int32_t storing, const int64_t* shape, int32_t ndim,
                                const plait_array_t* parts, int32_t num_parts,
                                plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_sparse(make_ref<SparseArray>(storing_of(storing), shape_of(shape, ndim),
                                            parts_of(parts, num_parts)));
  });
}

plait_status_t plait_sparse_zeros(int32_t storing, const int64_t* shape, int32_t ndim,
                                  plait_dtype_t dtype, plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_sparse(
        SparseArray::zeros(storing_of(storing), {shape_of(shape, ndim), dtype_from_number(dtype)}));
  });
}

plait_status_t plait_sparse_from_array(plait_array_t array, int32_t storing, plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    const Storing kind = storing_of(storing);
    const ArrayRef dense = array_of(array)->detached();
    *out = new_sparse(eagerly([&] { return op::sparse_of(dense, kind); }));
  });
}

plait_status_t plait_sparse_to_array(plait_sparse_t sparse, plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    const SparseRef s = sparse_of(sparse);
    *out = new_handle(eagerly([&] { return op::dense_of(*s); }));
  });
}

void plait_sparse_free(plait_sparse_t sparse) { free_object(sparse); }

int32_t plait_sparse_storing(plait_sparse_t sparse) {
  return is_alive(sparse) ? static_cast<int32_t>(sparse->sparse->storing()) : -1;
}

int32_t plait_sparse_dtype(plait_sparse_t sparse) {
  return is_alive(sparse) ? static_cast<int32_t>(sparse->sparse->dtype()) : -1;
}

int32_t plait_sparse_ndim(plait_sparse_t sparse) {
  return is_alive(sparse) ? static_cast<int32_t>(sparse->sparse->shape().size()) : -1;
}

const int64_t* plait_sparse_shape(plait_sparse_t sparse) {
  return is_alive(sparse) ? sparse->sparse->shape().data() : nullptr;
}

plait_status_t plait_sparse_part(plait_sparse_t sparse, int32_t index, plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    const Arrays parts = sparse_of(sparse)->parts();
    check(index >= 0 && index < static_cast<int32_t>(parts.size()), ErrorKind::kIndex, "index is ",
          index, ", must be in [0, ", parts.size() - 1, "]");
    *out = new_handle(parts[static_cast<size_t>(index)]);
  });
}

plait_status_t plait_sparse_rows(plait_sparse_t sparse, plait_array_t* values,
                                 plait_array_t* index) {
  return guarded([&] {
    require(values, "values");
    require(index, "index");
    const Arrays rows = sparse_of(sparse)->rows();
    *values = new_handle(rows[0]);
    *index = new_handle(rows[1]);
  });
}

plait_status_t plait_sparse_assign(plait_sparse_t sparse, const plait_array_t* parts,
                                   int32_t num_parts) {
  return guarded([&] { sparse_of(sparse)->assign(parts_of(parts, num_parts)); });
}

plait_status_t plait_sparse_check(plait_sparse_t sparse) {
  return guarded([&] { sparse_of(sparse)->check_numbers(); });
}

plait_status_t plait_sparse_sum(const plait_sparse_t* items, int32_t count, plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    require_list(items, count, "items");
    std::vector<SparseRef> list;
    for (int32_t i = 0; i < count; ++i) list.push_back(sparse_of(items[i]));
    *out = new_sparse(eagerly([&] { return op::sum_of(list); }));
  });
}

plait_status_t plait_sparse_multiply(plait_sparse_t lhs, plait_sparse_t rhs, plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    const SparseRef a = sparse_of(lhs), b = sparse_of(rhs);
    *out = new_sparse(eagerly([&] { return op::product_of(*a, *b); }));
  });
}

plait_status_t plait_sparse_merge_rows(plait_array_t values, plait_array_t index,
                                       const int64_t* shape, int32_t ndim, plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    const ArrayRef v = array_of(values)->detached(), i = array_of(index);
    const Spec spec{shape_of(shape, ndim), v->dtype()};
    SparseArray(Storing::kRowSparse, spec.shape, {v, i});  // checks shapes and dtypes
    *out = new_sparse(eagerly([&] { return op::merged_rows(v, i, spec); }));
  });
}

plait_status_t plait_autograd_mark_sparse(plait_array_t array, plait_sparse_t grad,
                                          int32_t grad_req) {
  return guarded([&] {
    check(grad_req == PLAIT_GRAD_WRITE || grad_req == PLAIT_GRAD_ADD, ErrorKind::kInvalidArgument,
          "mark_sparse: grad_req is ", grad_req, ", must be 1 or 3");
    autograd::mark_variable(array_of(array), sparse_of(grad),
                            static_cast<autograd::GradReq>(grad_req));
  });
}

plait_status_t plait_autograd_get_sparse_grad(plait_array_t array, plait_sparse_t* grad) {
  return guarded([&] {
    require(grad, "grad");
    *grad = new_sparse(autograd::sparse_grad_of(array_of(array)));
  });
}
