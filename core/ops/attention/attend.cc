#include "kernels/gemm.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/sum.h"
#include "ops/attention/heads.h"

// softmax(scale Q K^T + mask) V without the matrix of all scores: Dao, Fu, Ermon, Rudra, Re,
// "FlashAttention", NeurIPS (2022). Scores exist for one block of queries and keys at a time.
namespace plait::ops {
namespace {

// The results of blocks of queries of one head, on one thread.
template <class A>
class Blocks {
 public:
  Blocks(const Heads& h, const Mask& mask)
      : out(static_cast<size_t>(kQueryBlock * h.columns)),
        log_sum(static_cast<size_t>(kQueryBlock)),
        h_(h),
        mask_(mask),
        score_(static_cast<size_t>(kQueryBlock * kKeyBlock)),
        part_(out.size()),
        top_(log_sum.size()),
        sum_(log_sum.size()) {}

  // Results of queries [q0, q0 + rows) in `out` and `log_sum`.
  void run(const Head<A>& q, const Head<A>& k, const Head<A>& v, int64_t b, int64_t head,
           int64_t q0, int64_t rows) {
    const DType type = dtype_of<A>();
    std::fill(top_.begin(), top_.end(), kNever);
    std::fill(sum_.begin(), sum_.end(), A(0));
    A *s = score_.data(), *to = out.data(), *more = part_.data();
    bool first = true;
    for (int64_t k0 = 0; k0 < h_.keys && !mask_.hides(q0, rows, k0); k0 += kKeyBlock) {
      const int64_t n = std::min(kKeyBlock, h_.keys - k0);
      kernels::gemm({false, true, 1, rows, n, h_.features}, type, q.row(q0, h_.features),
                    k.row(k0, h_.features), nullptr, s, 1);
      const A scale = static_cast<A>(h_.scale);
      kernels::vector_loop(rows * n, [=](int64_t i) { s[i] *= scale; });
      mask_.apply(b, head, q0, rows, k0, n, s);
      kernels::vector_call([&] {
        for (int64_t i = 0; i < rows; ++i) weights(s + i * n, n, i, first ? nullptr : to);
      });
      kernels::gemm({false, false, 1, rows, h_.columns, n}, type, s, v.row(k0, h_.columns), nullptr,
                    first ? to : more, 1);
      if (!first) kernels::vector_loop(rows * h_.columns, [=](int64_t i) { to[i] += more[i]; });
      first = false;
    }
    if (first) std::fill_n(to, rows * h_.columns, A(0));
    for (int64_t i = 0; i < rows; ++i) {
      const auto at = static_cast<size_t>(i);
      const A sum = sum_[at], inverse = sum > A(0) ? A(1) / sum : sum == sum ? A(0) : sum;
      log_sum[at] = sum > A(0) ? top_[at] + std::log(sum) : sum == sum ? kNever : sum;
      A* line = to + i * h_.columns;
      kernels::vector_loop(h_.columns, [=](int64_t j) { line[j] *= inverse; });
    }
  }

  std::vector<A> out, log_sum;

 private:
  static constexpr A kNever = -std::numeric_limits<A>::infinity();

  // The scores of query i become weights; what was found before in `to` shrinks to the new maximum.
  void weights(A* line, int64_t n, int64_t i, A* to) {
    const auto at = static_cast<size_t>(i);
    const A before = top_[at], here = kernels::largest(line, n);
    const A highest = here > before ? here : before;
    if (highest == kNever && here == here) {  // nothing seen so far
      std::fill_n(line, n, A(0));
      return;
    }
    const A sum = kernels::sum_of<A>(
        n, [=](int64_t j) { return line[j] = kernels::math::exp(line[j] - highest); });
    const A shrink = before == kNever ? A(0) : kernels::math::exp(before - highest);
    sum_[at] = sum_[at] * shrink + sum;
    top_[at] = highest;
    if (!to || shrink == A(1)) return;
    to += i * h_.columns;
    for (int64_t j = 0; j < h_.columns; ++j) to[j] *= shrink;
  }

  const Heads& h_;
  const Mask& mask_;
  std::vector<A> score_, part_, top_, sum_;
};

template <class A>
void forward(const AttentionAttrs& a, const Attended& in, const View& out, const View& log_sum,
             int threads) {
  const Heads h(a, *in.query.shape, *in.key.shape, *in.value.shape);
  const Mask mask(a, h, in.mask);
  const int64_t blocks = (h.queries + kQueryBlock - 1) / kQueryBlock;
  kernels::parallel_for(threads, h.batch * h.heads * blocks, 1, [&](int64_t begin, int64_t end) {
    Blocks<A> work(h, mask);
    std::optional<Head<A>> q, k, v;
    int64_t loaded = -1;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t index = i / blocks, b = index / h.heads, head = index % h.heads;
      if (index != loaded) {
        q.emplace(in.query, b, head);
        k.emplace(in.key, b, head / h.group());
        v.emplace(in.value, b, head / h.group());
        loaded = index;
      }
      const int64_t q0 = i % blocks * kQueryBlock, rows = std::min(kQueryBlock, h.queries - q0);
      work.run(*q, *k, *v, b, head, q0, rows);
      Matrix(out, b, head).store(q0, rows, work.out.data());
      A* sums = log_sum.ptr<A>() + b * log_sum.stride(0) + head * log_sum.stride(1);
      for (int64_t j = 0; j < rows; ++j) {
        sums[(q0 + j) * log_sum.stride(2)] = work.log_sum[static_cast<size_t>(j)];
      }
    }
  });
}

}  // namespace

void attend(const AttentionAttrs& a, const Attended& in, const View& out, const View& log_sum,
            int threads) {
  if (log_sum.dtype == DType::kFloat64) return forward<double>(a, in, out, log_sum, threads);
  forward<float>(a, in, out, log_sum, threads);
}

}  // namespace plait::ops
