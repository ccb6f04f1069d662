#include <cmath>

#include "kernels/gemm.h"
#include "ops/optim/moments.h"

// Momentum made orthogonal for matrices, AdamW for all other weights of the same call.
namespace plait::op {
namespace {

struct Muon : AdamW {
  static constexpr const char* kStateNames[] = {"first state", "second state"};
  double momentum;
  bool nesterov;
  int64_t ns_steps;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("momentum", of<A>(&Muon::momentum), 0.95, "decay of the momentum of matrices")
        .attr("nesterov", of<A>(&Muon::nesterov), true, "whether the gradient is taken ahead")
        .attr("ns_steps", of<A>(&Muon::ns_steps), 5, "iterations towards an orthogonal matrix");
    Moments::attrs(b);
  }
};

bool is_matrix(const Dims& shape) { return shape.size() >= 2; }
// Weight, gradient, the momentum or two means, and the master.
size_t arrays_of(const Muon& a, const Dims& weight) {
  return (is_matrix(weight) ? 3 : 4) + (a.multi_precision ? 1 : 0);
}

Specs infer(const Muon& a, const Specs& in) {
  const auto n = static_cast<size_t>(a.num_weights);
  check(a.lrs.size() == n && a.wds.size() == n, ErrorKind::kInvalidArgument, "lrs has ",
        a.lrs.size(), " and wds has ", a.wds.size(), " numbers, must be ", n);
  check(a.ns_steps >= 0 && a.ns_steps <= 100, ErrorKind::kInvalidArgument, "ns_steps is ",
        a.ns_steps, ", must be in [0, 100]");
  Specs out;
  size_t at = 0;
  for (size_t i = 0; i < n; ++i) {
    check(at < in.size(), ErrorKind::kInvalidArgument, "got ", in.size(),
          " arrays, must be more for num_weights = ", n);
    const size_t stride = arrays_of(a, in[at].shape);
    check(at + stride <= in.size(), ErrorKind::kInvalidArgument, "got ", in.size(),
          " arrays, must be at least ", at + stride, " for ", i + 1, " weights");
    check_weight<Muon>(a, &in[at], stride, i, false);
    check(in[at].dtype == in[0].dtype, ErrorKind::kType, "weights have dtypes ", in[0].dtype,
          " and ", in[at].dtype, ", must be one");
    out.push_back(in[at]);
    at += stride;
  }
  check(at == in.size(), ErrorKind::kInvalidArgument, "got ", in.size(), " arrays, must be ", at,
        " for num_weights = ", n);
  return out;
}

// Nearly the closest orthogonal matrix to x (rows <= columns), in place: iterations of fifth order
// whose singular values end near 1.
template <class T>
class Orthogonal {
 public:
  Orthogonal(int64_t rows, int64_t columns, int threads)
      : rows_(rows),
        columns_(columns),
        threads_(threads),
        square_(static_cast<size_t>(rows * rows)),
        fourth_(square_.size()),
        product_(static_cast<size_t>(rows * columns)) {}

  void run(std::vector<T>& x, int64_t steps) {
    double squares = 0;
    for (const T v : x) squares += double(v) * double(v);
    const T scale = T(1 / (std::sqrt(squares) + 1e-7));
    for (T& v : x) v *= scale;
    for (int64_t i = 0; i < steps; ++i) iterate(x);
  }

 private:
  void iterate(std::vector<T>& x) {
    constexpr T a = T(3.4445), b = T(-4.7750), c = T(2.0315);
    multiply({false, true, 1, rows_, rows_, columns_}, x, x, square_);
    multiply({false, false, 1, rows_, rows_, rows_}, square_, square_, fourth_);
    for (size_t i = 0; i < square_.size(); ++i) square_[i] = b * square_[i] + c * fourth_[i];
    multiply({false, false, 1, rows_, columns_, rows_}, square_, x, product_);
    for (size_t i = 0; i < x.size(); ++i) x[i] = a * x[i] + product_[i];
  }
  void multiply(const kernels::Gemm& g, const std::vector<T>& x, const std::vector<T>& y,
                std::vector<T>& to) {
    kernels::gemm(g, dtype_of<T>(), x.data(), y.data(), nullptr, to.data(), threads_);
  }

  int64_t rows_, columns_;
  int threads_;
  std::vector<T> square_, fourth_, product_;
};

template <class T>
std::vector<T> loaded(const View& from) {
  std::vector<T> to(static_cast<size_t>(from.size()));
  kernels::convert(from.data, from.dtype, 1, to.data(), dtype_of<T>(), from.size());
  return to;
}
template <class T>
void store(const std::vector<T>& from, const View& to) {
  kernels::convert(from.data(), dtype_of<T>(), 1, to.data, to.dtype, to.size());
}

template <class T>
std::vector<T> transposed(const std::vector<T>& x, int64_t rows, int64_t columns) {
  std::vector<T> to(x.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = x[i * columns + j];
  }
  return to;
}

template <class T>
void update_matrix(const Muon& a, const View* in, const View& out, size_t index, int threads) {
  const int64_t size = out.size();
  if (size == 0) return;
  const int64_t rows = (*out.shape)[0], columns = size / rows;
  const View& kept = a.multi_precision ? in[3] : in[0];
  std::vector<T> weight = loaded<T>(kept), ahead = loaded<T>(in[1]), mom = loaded<T>(in[2]);
  const Clipped<T> clipped(a);
  const T mu = T(a.momentum);
  for (size_t i = 0; i < ahead.size(); ++i) {
    const T grad = clipped(ahead[i]);
    mom[i] = mu * mom[i] + grad;
    ahead[i] = a.nesterov ? grad + mu * mom[i] : mom[i];
  }
  const bool turned = rows > columns;
  if (turned) ahead = transposed(ahead, rows, columns);
  Orthogonal<T>(std::min(rows, columns), std::max(rows, columns), threads).run(ahead, a.ns_steps);
  if (turned) ahead = transposed(ahead, columns, rows);
  const double ratio = static_cast<double>(rows) / static_cast<double>(columns);
  const T rate = T(a.lrs[index] * std::sqrt(std::max(1.0, ratio))), keep = T(1 - a.wds[index]);
  for (size_t i = 0; i < weight.size(); ++i) weight[i] = keep * weight[i] - rate * ahead[i];
  store(mom, in[2]);
  store(weight, out);
  if (a.multi_precision) store(weight, kept);
}

void kernel(const Muon& a, const KernelArgs& k) {
  const View* in = k.in.data();
  for (size_t i = 0; i < k.out.size(); ++i) {
    const View& out = k.out[i];
    if (is_matrix(*out.shape)) {
      if (out.dtype == DType::kFloat64)
        update_matrix<double>(a, in, out, i, k.threads);
      else
        update_matrix<float>(a, in, out, i, k.threads);
    } else {
      run_range<AdamW>(a, {in, out, i, 0, out.size(), 0, k.random});
    }
    in += arrays_of(a, *out.shape);
  }
}

const int registered = [] {
  OpBuilder<Muon> b(Op::add("multi_muon_update", __FILE__, __LINE__));
  declare_multi(b, "multi_muon_update",
                "Matrices (first axis by all others) lose the share wds of themselves and move by "
                "lrs along their momentum made orthogonal; all others take multi_adamw_update's "
                "step. A matrix has the state mom, others mean and var.",
                "Jordan and others: Muon (2024)");
  b.infer(infer).cpu(kernel);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
