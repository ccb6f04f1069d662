#include <cmath>

#include "ops/optim/multi.h"

// AdaGrad with one rate for each row of a matrix.
namespace plait::op {
namespace {

struct GroupAdaGrad : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"history"};
  double epsilon;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("epsilon", of<A>(&GroupAdaGrad::epsilon), 1e-5, "added under the root");
  }
  void check_arrays(const Spec* in, size_t stride, size_t index, bool one) const;
};

void GroupAdaGrad::check_arrays(const Spec* in, size_t stride, size_t index, bool one) const {
  const Spec& weight = in[0];
  if (weight.shape.size() != 2) {
    fail(ErrorKind::kShape, array_name<GroupAdaGrad>(index, 0, one), " has shape ", weight.shape,
         ", must be a matrix");
  }
  const Dims rows{weight.shape[0], 1};
  if (in[2].shape != rows) {
    fail(ErrorKind::kShape, array_name<GroupAdaGrad>(index, 2, one), " has shape ", in[2].shape,
         ", must be ", rows);
  }
  Spec like[4] = {in[0], in[1], {weight.shape, in[2].dtype}, in[stride - 1]};
  if (stride == 3) like[3] = {};
  check_weight(*this, like, stride, index, one);
}

template <class T>
void update_rows(const GroupAdaGrad& a, const View* in, const View& out, size_t index,
                 int threads) {
  const View& weight = a.multi_precision ? in[3] : in[0];
  const int64_t rows = (*out.shape)[0], columns = (*out.shape)[1];
  if (columns == 0) return;
  const Clipped<T> clipped(a);
  const T lr = T(a.lrs[index]), wd = T(a.wds[index]), eps = T(a.epsilon);
  kernels::parallel_for(threads, rows, std::max<int64_t>(1, kernels::kGrain / columns),
                        [&](int64_t begin, int64_t end) {
                          std::vector<T> w(static_cast<size_t>(columns)), g(w);
                          for (int64_t r = begin; r < end; ++r) {
                            load(weight, r * columns, w.data(), columns);
                            load(in[1], r * columns, g.data(), columns);
                            T history, squares = 0;
                            load(in[2], r, &history, 1);
                            for (T& x : g) {
                              x = clipped(x);
                              squares += x * x;
                            }
                            history += squares / T(columns);
                            const T rate = lr / std::sqrt(history + eps);
                            for (size_t i = 0; i < w.size(); ++i)
                              w[i] -= rate * g[i] + lr * wd * w[i];
                            store(&history, in[2], r, 1);
                            if (a.multi_precision) store(w.data(), weight, r * columns, columns);
                            store(w.data(), out, r * columns, columns);
                          }
                        });
}

void kernel(const GroupAdaGrad& a, const KernelArgs& k) {
  const size_t stride = k.in.size() / k.out.size();
  for (size_t i = 0; i < k.out.size(); ++i) {
    if (k.out[i].dtype == DType::kFloat64)
      update_rows<double>(a, &k.in[i * stride], k.out[i], i, k.threads);
    else
      update_rows<float>(a, &k.in[i * stride], k.out[i], i, k.threads);
  }
}

constexpr const char* kDoc =
    "history += mean of grad^2 over each row; weight - lr (grad / sqrt(history + epsilon) + wd "
    "weight).";
constexpr const char* kSource = "Duchi, Hazan, Singer, JMLR 12 (2011)";

const int registered_multi = [] {
  OpBuilder<GroupAdaGrad> b(Op::add("multi_group_adagrad_update", __FILE__, __LINE__));
  declare_multi(b, "multi_group_adagrad_update", kDoc, kSource);
  b.infer(infer_multi_step<GroupAdaGrad>).cpu(kernel);
  return static_cast<int>(b);
}();

const int registered_single = [] {
  using One = Single<GroupAdaGrad>;
  OpBuilder<One> b(Op::add("group_adagrad_update", __FILE__, __LINE__));
  declare_single<GroupAdaGrad>(b, kDoc, kSource);
  b.on("nd", "contrib.group_adagrad_update")
      .infer(infer_single_step<GroupAdaGrad, false>)
      .cpu(+[](const One& a, const KernelArgs& k) { kernel(as_list_of_one<false>(a), k); });
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
