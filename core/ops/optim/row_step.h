#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "kernels/copy.h"
#include "kernels/gather.h"
#include "kernels/parallel.h"
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

// Those that are named more than once, ascending; checks that all are in [0, n).
inline std::vector<int64_t> repeated_rows(std::span<const int64_t> rows, int64_t n) {
  bool ascends = true;
  for (size_t i = 0; i < rows.size(); ++i) {
    check(rows[i] >= 0 && rows[i] < n, ErrorKind::kIndex, "rows has ", rows[i], ", must be in [0, ",
          n - 1, "]");
    ascends = ascends && (i == 0 || rows[i - 1] < rows[i]);
  }
  std::vector<int64_t> found;
  if (ascends) return found;
  if (static_cast<size_t>(n) / 64 > 16 * rows.size()) {
    std::vector<int64_t> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i] == sorted[i - 1]) found.push_back(sorted[i]);
    }
  } else {
    std::vector<uint64_t> seen(static_cast<size_t>(n) / 64 + 1, 0);
    for (int64_t row : rows) {
      uint64_t& word = seen[static_cast<size_t>(row) / 64];
      if (word >> (row % 64) & 1) found.push_back(row);
      word |= uint64_t{1} << (row % 64);
    }
    std::sort(found.begin(), found.end());
  }
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// Rows lie anywhere: the processor does not guess which comes next.
inline constexpr int64_t kRowsAhead = 8;
inline void prefetch_row(const View& v, int64_t at, int64_t bytes) {
  constexpr int64_t kMost = 512;  // the rest it guesses
  const char* from = v.ptr<char>() + at;
  for (int64_t i = 0; i < std::min(bytes, kMost); i += 64) __builtin_prefetch(from + i, 1);
}

template <class Rule>
class RowStep {
 public:
  RowStep(const Single<Rule>& a, const KernelArgs& k)
      : rule_(as_list_of_one<false>(a)),
        k_(k),
        out_(k.out[0]),
        rows_(k.in[2].ptr<int64_t>(), static_cast<size_t>(k.in[2].size())),
        width_(out_.size() / std::max<int64_t>(1, out_.dim(0))) {}

  void run() const {
    const std::vector<int64_t> repeated = repeated_rows(rows_, out_.dim(0));
    const auto is_repeated = [&](int64_t row) {
      return !repeated.empty() && std::binary_search(repeated.begin(), repeated.end(), row);
    };
    // Rows that lie in a core's cache come slowly to another.
    const int64_t grain = std::max<int64_t>(1, kernels::kGrain / std::max<int64_t>(1, width_));
    kernels::parallel_for(k_.threads, std::ssize(rows_), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (i + kRowsAhead < end) prefetch_row(out_, offset(at(i + kRowsAhead)), offset(1));
        if (!is_repeated(at(i))) step(at(i), row_of(k_.in[1], i));
      }
    });
    if (repeated.empty()) return;
    std::vector<int64_t> places;  // in rows_: those of one row follow each other in their order
    for (int64_t i = 0; i < std::ssize(rows_); ++i) {
      if (is_repeated(at(i))) places.push_back(i);
    }
    std::stable_sort(places.begin(), places.end(),
                     [&](int64_t a, int64_t b) { return at(a) < at(b); });
    dispatch_floating(out_.dtype, [&]<class T>(T) { step_by_sums<T>(places, grain); });
  }

 private:
  int64_t at(int64_t i) const { return rows_[static_cast<size_t>(i)]; }
  int64_t offset(int64_t row) const { return row * width_ * dtype_size(out_.dtype); }
  View row_of(View v, int64_t row) const {
    v.data = v.ptr<char>() + row * width_ * dtype_size(v.dtype);
    return v;
  }

  void step(int64_t row, const View& grad) const {
    std::array<View, 2 + Rule::kStates> arrays;
    const View to = row_of(out_, row);
    arrays[0] = to;
    arrays[1] = grad;
    for (size_t s = 0; s < Rule::kStates; ++s) arrays[2 + s] = row_of(k_.in[3 + s], row);
    run_range<Rule>(rule_, {arrays.data(), to, 0, 0, width_, row * width_, k_.random});
  }

  // Each thread takes the rows whose first place is among its own.
  template <class T>
  void step_by_sums(std::span<const int64_t> places, int64_t grain) const {
    const auto row_at = [&](int64_t i) { return at(places[static_cast<size_t>(i)]); };
    const int64_t n = std::ssize(places);
    kernels::parallel_for(k_.threads, n, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> sum(static_cast<size_t>(width_));
      View grad = k_.in[1];
      grad.data = sum.data();
      for (int64_t i = begin; i < end; ++i) {
        if (i > 0 && row_at(i - 1) == row_at(i)) continue;
        std::fill(sum.begin(), sum.end(), T(0.0f));
        for (int64_t j = i; j < n && row_at(j) == row_at(i); ++j) {
          const T* part = k_.in[1].ptr<T>() + places[static_cast<size_t>(j)] * width_;
          kernels::add_run(sum.data(), part, width_);
        }
        step(row_at(i), grad);
      }
    });
  }

  const Single<Rule> rule_;
  const KernelArgs& k_;
  const View& out_;
  const std::span<const int64_t> rows_;
  const int64_t width_;
};

template <class Rule>
void row_step_kernel(const Single<Rule>& a, const KernelArgs& k) {
  if (k.in[0].data != k.out[0].data) kernels::copy(k.in[0], k.out[0], k.threads);
  RowStep<Rule>(a, k).run();
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
      .input("rows", "(m,) of int64, the numbers of these rows; what has one number adds up");
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
