#pragma once

#include <array>

#include "kernels/copy.h"
#include "ops/optim/multi.h"

// Steps that change some rows of one weight and of its states: what a gradient that has only these
// rows asks for.
namespace plait::op {

template <class Rule>
Specs infer_row_step(const Single<Rule>& a, const Specs& in) {
  const Dims& weight = in[0].shape;
  check(!weight.empty(), ErrorKind::kShape, "weight has shape (), must have an axis");
  const Dims& rows = in[2].shape;
  check(in[2].dtype == DType::kInt64 && rows.size() == 1, ErrorKind::kInvalidArgument,
        "rows has shape ", rows, " and dtype ", in[2].dtype, ", must be (m,) of int64");
  Dims part = weight;
  part[0] = rows[0];
  check(in[1].shape == part, ErrorKind::kShape, "grad has shape ", in[1].shape, ", must be ", part);
  Specs whole{in[0], {weight, in[1].dtype}};
  whole.append(in.begin() + 3, in.end());
  check_group<Rule>(as_list_of_one<false>(a), whole.data(), whole.size(), 0, true);
  return {in[0]};
}

inline void check_rows(const int64_t* rows, int64_t m, int64_t n) {
  for (int64_t i = 0; i < m; ++i) {
    check(rows[i] >= 0 && rows[i] < n, ErrorKind::kIndex, "rows has ", rows[i], ", must be in [0, ",
          n - 1, "]");
    check(i == 0 || rows[i - 1] < rows[i], ErrorKind::kInvalidArgument, "rows has ", rows[i],
          " behind ", rows[i - 1], ", must be ascending");
  }
}

// Rows lie anywhere: the processor does not guess which comes next.
inline constexpr int64_t kRowsAhead = 8;
inline void prefetch_row(const View& v, int64_t at, int64_t bytes) {
  constexpr int64_t kMost = 512;  // the rest it guesses
  const char* from = v.ptr<char>() + at;
  for (int64_t i = 0; i < std::min(bytes, kMost); i += 64) __builtin_prefetch(from + i, 1);
}

template <class Rule>
void row_step_kernel(const Single<Rule>& a, const KernelArgs& k) {
  const auto one = as_list_of_one<false>(a);
  const View& out = k.out[0];
  if (k.in[0].data != out.data) kernels::copy(k.in[0], out, k.threads);
  const int64_t* rows = k.in[2].ptr<int64_t>();
  const int64_t m = k.in[2].size(), n = out.dim(0);
  check_rows(rows, m, n);
  if (m == 0) return;
  const int64_t width = out.size() / n;
  const auto row_of = [width](View v, int64_t row) {
    v.data = v.ptr<char>() + row * width * dtype_size(v.dtype);
    return v;
  };
  // Rows that lie in a core's cache come slowly to another.
  const int64_t grain = std::max<int64_t>(1, 4 * kernels::kGrain / std::max<int64_t>(1, width));
  kernels::parallel_for(k.threads, m, grain, [&](int64_t begin, int64_t end) {
    std::array<View, 2 + Rule::kStates> arrays;
    const int64_t bytes = width * dtype_size(out.dtype);
    for (int64_t i = begin; i < end; ++i) {
      if (i + kRowsAhead < end) prefetch_row(out, rows[i + kRowsAhead] * bytes, bytes);
      const int64_t row = rows[i];
      const View to = row_of(out, row);
      arrays[0] = to;
      arrays[1] = row_of(k.in[1], i);
      for (size_t s = 0; s < Rule::kStates; ++s) arrays[2 + s] = row_of(k.in[3 + s], row);
      run_range<Rule>(one, {arrays.data(), to, 0, 0, width, row * width, k.random});
    }
  });
}

template <class Rule>
int row_step(const char* name, const char* doc, const char* source, const char* file, int line) {
  OpBuilder<Single<Rule>> b(Op::add(name, file, line));
  b.required_attr("lr", &Single<Rule>::lr, "learning rate, no unit");
  Rule::attrs(b);
  b.attr("wd", &Single<Rule>::wd, 0.0, "weight decay, no unit");
  common_attrs(b);
  b.input("weight", "floating array of shape (n, ...)")
      .input("grad", "(m, ...), the gradient of some rows of weight")
      .input("rows", "(m,) of int64, the numbers of these rows, ascending");
  for (size_t i = 0; i < Rule::kStates; ++i) b.mutable_input(Rule::kStateNames[i], "as weight");
  b.output("output", "as weight")
      .doc(doc)
      .source(source)
      .inplace()
      .gathers(0)
      .infer(infer_row_step<Rule>)
      .cpu(row_step_kernel<Rule>);
  return b;
}

#define PLAIT_ROW_STEP(Rule, name, doc, source) \
  const int registered_rows_##Rule = row_step<Rule>(name, doc, source, __FILE__, __LINE__)

}  // namespace plait::op
