#include <cstring>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/copy.h"
#include "kernels/gather.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

namespace plait::ops {
namespace {

struct PadAttrs {
  std::string mode;
  Dims pad_width;
  double constant_value;
  Dims shape;  // of the data, for the backward operator only
};

Dims padded(const PadAttrs& a, const Dims& shape) {
  check(a.pad_width.size() == 2 * shape.size(), ErrorKind::kInvalidArgument, "pad_width is ",
        a.pad_width, ", must have two numbers for each of the ", shape.size(), " axes");
  check_extents(a.pad_width, 0, "pad_width");
  Dims out = shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t before = a.pad_width[2 * i], after = a.pad_width[2 * i + 1];
    const int64_t least = a.mode == "reflect" ? std::max(before, after) + 1 : 1;
    check(a.mode == "constant" || (before == 0 && after == 0) || shape[i] >= least,
          ErrorKind::kShape, "pad_width is ", a.pad_width, ", axis ", i, " must have at least ",
          least, " elements for mode '", a.mode, "', data has shape ", shape);
    out[i] += before + after;
  }
  return out;
}

// Which index of the data stands at each index of the result, along one axis; -1: the constant.
std::vector<int64_t> sources(const std::string& mode, int64_t n, int64_t before, int64_t after) {
  std::vector<int64_t> from(static_cast<size_t>(before + n + after));
  for (int64_t i = 0; i < before + n + after; ++i) {
    int64_t at = i - before;
    if (mode == "edge") at = std::clamp<int64_t>(at, 0, n - 1);
    if (mode == "reflect") at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
    from[static_cast<size_t>(i)] = at >= 0 && at < n ? at : -1;
  }
  return from;
}

// The data as rows along the last axis that grows. What lies behind it makes one cell of `unit`
// elements.
struct PadRows {
  int64_t before = 0, n = 1, after = 0, unit = 1;  // cells of a row of the data and around them
  std::vector<int64_t> cells;                      // the source of every cell of a row of results
  std::vector<int64_t> rows;                       // the source of every row of the result

  PadRows(const PadAttrs& a, const Dims& data) {
    size_t last = data.size();
    while (last > 1 && a.pad_width[2 * last - 2] == 0 && a.pad_width[2 * last - 1] == 0) --last;
    for (size_t d = last; d < data.size(); ++d) unit *= data[d];
    rows = {0};
    for (size_t d = 0; d + 1 < last; ++d) {
      const auto from = sources(a.mode, data[d], a.pad_width[2 * d], a.pad_width[2 * d + 1]);
      std::vector<int64_t> next;
      next.reserve(rows.size() * from.size());
      for (int64_t row : rows) {
        for (int64_t i : from) next.push_back(row < 0 || i < 0 ? -1 : row * data[d] + i);
      }
      rows = std::move(next);
    }
    if (last > 0) {
      n = data[last - 1];
      before = a.pad_width[2 * last - 2];
      after = a.pad_width[2 * last - 1];
    }
    cells = sources(a.mode, n, before, after);
  }
  int64_t width() const { return before + n + after; }
};

void kernel(const PadAttrs& a, const op::KernelArgs& k) {
  const PadRows p(a, *k.in[0].shape);
  const int64_t item = dtype_size(k.out[0].dtype), cell = p.unit * item, width = p.width() * cell;
  if (k.out[0].size() == 0) return;
  const kernels::Buffer<char> constant(width);
  const Dims shape{p.width() * p.unit}, dense{1};
  kernels::fill({constant.data(), &shape, &dense, k.out[0].dtype, true}, a.constant_value, 1);
  const bool is_constant = a.mode == "constant";
  const char* x = k.in[0].ptr<char>();
  char* y = k.out[0].ptr<char>();
  const auto around = [&](const char* row, char* to, int64_t first, int64_t count) {
    if (is_constant) {
      std::memcpy(to, constant.data(), static_cast<size_t>(count * cell));
    } else {
      kernels::gather_runs(row, to, p.cells.data() + first, count, cell, cell);
    }
  };
  kernels::parallel_for(k.threads, static_cast<int64_t>(p.rows.size()),
                        std::max<int64_t>(1, 65536 / width), [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i) {
                            const int64_t from = p.rows[static_cast<size_t>(i)];
                            char* to = y + i * width;
                            if (from < 0) {
                              std::memcpy(to, constant.data(), static_cast<size_t>(width));
                              continue;
                            }
                            const char* row = x + from * p.n * cell;
                            around(row, to, 0, p.before);
                            kernels::copy_bytes(to + p.before * cell, row, p.n * cell);
                            around(row, to + (p.before + p.n) * cell, p.before + p.n, p.after);
                          }
                        });
}

// Sums in the type A what lies at the places of each element of the data, in order.
template <class T, class A>
void add_back(const PadAttrs& a, const T* dy, A* sums) {
  const PadRows p(a, a.shape);
  for (size_t i = 0; i < p.rows.size(); ++i, dy += p.width() * p.unit) {
    if (p.rows[i] < 0) continue;
    A* const row = sums + p.rows[i] * p.n * p.unit;
    const auto add = [&](int64_t first, int64_t to, int64_t n) {
      A* const y = row + to * p.unit;
      const T* const x = dy + first * p.unit;
      kernels::vector_loop(n * p.unit, [=](int64_t j) { y[j] += static_cast<A>(x[j]); });
    };
    const auto around = [&](int64_t first, int64_t count) {
      for (int64_t j = first; j < first + count; ++j) {
        if (p.cells[static_cast<size_t>(j)] >= 0) add(j, p.cells[static_cast<size_t>(j)], 1);
      }
    };
    around(0, p.before);
    add(p.before, 0, p.n);
    around(p.before + p.n, p.after);
  }
}

Values backward(const PadAttrs& a, const GradArgs& g) {
  static const OpCall kBack("pad_backward", {"mode", "pad_width", "shape"});
  return {kBack({g.dout()}, {a.mode, a.pad_width, g.in_spec(0).shape})};
}

PLAIT_OP(pad, PadAttrs)
    .doc("Adds elements before and behind the data along each axis.")
    .input("data", "array of any shape")
    .output("out", "data with pad_width[2 i] elements before and pad_width[2 i + 1] behind axis i")
    .required_attr("mode", &PadAttrs::mode,
                   "what is added: a constant, the element at the border, or the mirror image")
    .choices({"constant", "edge", "reflect"})
    .required_attr("pad_width", &PadAttrs::pad_width, "two numbers for each axis, >= 0")
    .attr("constant_value", &PadAttrs::constant_value, 0.0, "what 'constant' adds")
    .on("nd sym", "Pad")
    .on("nd sym", "pad")
    .on("npx", "pad")
    .infer([](const PadAttrs& a, const Specs& in) -> Spec {
      return {padded(a, in[0].shape), in[0].dtype};
    })
    .takes_complex()
    .cpu(kernel)
    .grad(backward, op::saves_nothing());

PLAIT_OP(pad_backward, PadAttrs)
    .doc("Gradient of pad: what lies at added places is added to where it came from.")
    .input("dout", "gradient of the result")
    .output("ddata", "gradient of data")
    .required_attr("mode", &PadAttrs::mode, "as for pad")
    .required_attr("pad_width", &PadAttrs::pad_width, "as for pad")
    .required_attr("shape", &PadAttrs::shape, "shape of data")
    .infer([](const PadAttrs& a, const Specs& in) -> Spec {
      check_size(a.shape, 1);
      check(in[0].shape == padded(a, a.shape), ErrorKind::kShape, "dout has shape ", in[0].shape,
            ", must be ", padded(a, a.shape));
      return {a.shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const PadAttrs& a, const op::KernelArgs& k) {
      dispatch_inexact(k.out[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        const int64_t n = k.out[0].size();
        std::vector<A> sums(static_cast<size_t>(n), A(0));
        add_back(a, k.in[0].ptr<T>(), sums.data());
        for (int64_t i = 0; i < n; ++i) {
          k.out[0].ptr<T>()[i] = static_cast<T>(sums[static_cast<size_t>(i)]);
        }
      });
    })
    .grad(
        [](const PadAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kPad("pad", {"mode", "pad_width"});
          return {kPad({g.dout()}, {a.mode, a.pad_width})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
