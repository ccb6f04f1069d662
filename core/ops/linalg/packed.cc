#include <cmath>

#include "kernels/copy.h"
#include "ops/linalg/matrices.h"
#include "ops/sizes.h"

// Diagonals and triangles of matrices as vectors, and what is computed of a Cholesky factor.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct PackedAttrs {
  int64_t offset;
  bool lower;
};

#define PLAIT_LINALG(name, text)       \
  PLAIT_OP(linalg_##name, PackedAttrs) \
      .doc(text)                       \
      .on("nd sym", "_linalg_" #name)  \
      .on("nd sym", "linalg_" #name)   \
      .on("nd sym", "linalg." #name)

// Places of the elements of a triangle in an n x n matrix, row by row.
std::vector<int64_t> places(const PackedAttrs& a, int64_t n) {
  const bool below = a.offset < 0 || (a.offset == 0 && a.lower);
  std::vector<int64_t> at;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      if (below ? j <= i + a.offset : j >= i + a.offset) at.push_back(i * n + j);
    }
  }
  return at;
}
int64_t side_of_packed(const PackedAttrs& a, int64_t count) {
  check_diagonal(a.offset, "offset");
  const auto m = static_cast<int64_t>((std::sqrt(8.0 * static_cast<double>(count) + 1) - 1) / 2);
  check(m * (m + 1) / 2 == count, ErrorKind::kShape, "A has ", count,
        " numbers in its last axis, must be m (m + 1) / 2 for a whole m");
  return m + std::abs(a.offset);
}

PLAIT_LINALG(extracttrian, "A triangle of square matrices as vectors, row by row.")
    .input("A", "floating (..., n, n)")
    .output("out", "(..., m (m + 1) / 2) for m = n - |offset|")
    .attr("offset", &PackedAttrs::offset, 0,
          "diagonal that bounds it: > 0 the triangle above it, < 0 the one below")
    .attr("lower", &PackedAttrs::lower, true, "for offset 0: the lower triangle")
    .infer([](const PackedAttrs& a, const Specs& in) -> Spec {
      const Matrices s = square_of(in[0], "A");
      check_diagonal(a.offset, "offset");
      check(std::abs(a.offset) < s.n, ErrorKind::kInvalidArgument, "offset is ", a.offset,
            ", must be smaller than ", s.n);
      return {s.with({static_cast<int64_t>(places(a, s.n).size())}), in[0].dtype};
    })
    .cpu(in_float32([](const PackedAttrs& a, const KernelArgs& k) {
      const Matrices s = matrices_of(k.in[0]);
      const std::vector<int64_t> at = places(a, s.n);
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        T* y = k.out[0].ptr<T>();
        for (int64_t b = 0; b < s.count(); ++b) {
          for (int64_t p : at) *y++ = k.in[0].ptr<T>()[b * s.n * s.n + p];
        }
      });
    }))
    .grad(
        [](const PackedAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kMake("linalg_maketrian", {"offset", "lower"});
          return {kMake({g.dout()}, {a.offset, a.lower})};
        },
        op::saves_nothing());

PLAIT_LINALG(maketrian, "Square matrices with vectors in a triangle, 0 elsewhere.")
    .input("A", "floating (..., m (m + 1) / 2)")
    .output("out", "(..., n, n) for n = m + |offset|")
    .attr("offset", &PackedAttrs::offset, 0, "as for linalg_extracttrian")
    .attr("lower", &PackedAttrs::lower, true, "as for linalg_extracttrian")
    .infer([](const PackedAttrs& a, const Specs& in) -> Spec {
      Dims shape = in[0].shape;
      check(!shape.empty(), ErrorKind::kShape, "A has shape (), must have an axis");
      check(is_floating(in[0].dtype), ErrorKind::kType, "A has dtype ", in[0].dtype,
            ", must be floating");
      const int64_t n = side_of_packed(a, shape.back());
      shape.back() = n;
      shape.push_back(n);
      return {shape, in[0].dtype};
    })
    .cpu(in_float32([](const PackedAttrs& a, const KernelArgs& k) {
      const Matrices s = matrices_of(k.out[0]);
      const std::vector<int64_t> at = places(a, s.n);
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        const T* x = k.in[0].ptr<T>();
        for (int64_t b = 0; b < s.count(); ++b) {
          for (int64_t p : at) k.out[0].ptr<T>()[b * s.n * s.n + p] = *x++;
        }
      });
    }))
    .grad(
        [](const PackedAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kExtract("linalg_extracttrian", {"offset", "lower"});
          return {kExtract({g.dout()}, {a.offset, a.lower})};
        },
        op::saves_nothing());

// The diagonal of square matrices as a view.
struct DiagonalView {
  Dims shape, strides;
  int64_t offset;
  DiagonalView(int64_t k, const View& v) : shape(*v.shape), strides(*v.strides) {
    const int64_t n = shape.back() - std::abs(k);
    offset = k > 0 ? k * strides.back() : -k * strides[strides.size() - 2];
    const int64_t step = strides.back() + strides[strides.size() - 2];
    shape.pop_back();
    strides.pop_back();
    shape.back() = n;
    strides.back() = step;
  }
  View of(const View& v) const {
    return {v.ptr<char>() + offset * dtype_size(v.dtype), &shape, &strides, v.dtype, false};
  }
};

PLAIT_LINALG(extractdiag, "A diagonal of square matrices.")
    .input("A", "floating (..., n, n)")
    .output("out", "(..., n - |offset|)")
    .attr("offset", &PackedAttrs::offset, 0, "diagonal: > 0 above the main one, < 0 below")
    .infer([](const PackedAttrs& a, const Specs& in) -> Spec {
      const Matrices s = square_of(in[0], "A");
      check_diagonal(a.offset, "offset");
      check(std::abs(a.offset) < s.n, ErrorKind::kInvalidArgument, "offset is ", a.offset,
            ", must be smaller than ", s.n);
      return {s.with({s.n - std::abs(a.offset)}), in[0].dtype};
    })
    .cpu([](const PackedAttrs& a, const KernelArgs& k) {
      const DiagonalView d(a.offset, k.in[0]);
      kernels::copy(d.of(k.in[0]), k.out[0], k.threads);
    })
    .grad(
        [](const PackedAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kMake("linalg_makediag", {"offset"});
          return {kMake({g.dout()}, {a.offset})};
        },
        op::saves_nothing());

PLAIT_LINALG(makediag, "Square matrices with vectors on a diagonal, 0 elsewhere.")
    .input("A", "floating (..., n)")
    .output("out", "(..., n + |offset|, n + |offset|)")
    .attr("offset", &PackedAttrs::offset, 0, "diagonal: > 0 above the main one, < 0 below")
    .infer([](const PackedAttrs& a, const Specs& in) -> Spec {
      Dims shape = in[0].shape;
      check(!shape.empty(), ErrorKind::kShape, "A has shape (), must have an axis");
      check(is_floating(in[0].dtype), ErrorKind::kType, "A has dtype ", in[0].dtype,
            ", must be floating");
      check_diagonal(a.offset, "offset");
      shape.back() += std::abs(a.offset);
      shape.push_back(shape.back());
      return {shape, in[0].dtype};
    })
    .cpu([](const PackedAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      const DiagonalView d(a.offset, k.out[0]);
      kernels::copy(k.in[0], d.of(k.out[0]), k.threads);
    })
    .grad(
        [](const PackedAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kExtract("linalg_extractdiag", {"offset"});
          return {kExtract({g.dout()}, {a.offset})};
        },
        op::saves_nothing());

PLAIT_LINALG(sumlogdiag, "Sum of the logarithms of the diagonal of square matrices.")
    .input("A", "floating (..., n, n) with a positive diagonal")
    .output("out", "(...); (1,) for one matrix")
    .infer([](const PackedAttrs&, const Specs& in) -> Spec {
      const Matrices s = square_of(in[0], "A");
      return {s.batch.empty() ? Dims{1} : s.batch, in[0].dtype};
    })
    .cpu(in_float32([](const PackedAttrs&, const KernelArgs& k) {
      const Matrices s = matrices_of(k.in[0]);
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        for (int64_t b = 0; b < s.count(); ++b) {
          double sum = 0;
          for (int64_t i = 0; i < s.n; ++i)
            sum += std::log(static_cast<double>(k.in[0].ptr<T>()[(b * s.n + i) * s.n + i]));
          k.out[0].ptr<T>()[b] = static_cast<T>(sum);
        }
      });
    }))
    .grad(
        [](const PackedAttrs&, const GradArgs& g) -> Values {
          static const OpCall kMake("linalg_makediag"), kExtract("linalg_extractdiag");
          Dims shape = g.in_spec(0).shape;
          shape.pop_back();
          shape.back() = 1;
          return {kMake({op::reshape_to(g.dout(), shape) / kExtract({g.in(0)})})};
        },
        op::saves_inputs());

// With O = (L L^T)^-1: dL is the lower triangle of -O (dO + dO^T) O L.
Values inverse_grad(const PackedAttrs&, const GradArgs& g) {
  const Value o = g.out(0), s = g.dout() + mT(g.dout());
  return {lower(-mul(mul(mul(o, s), o), g.in(0)), 0)};
}

PLAIT_LINALG(potri, "The inverse of L L^T for a lower triangular L.")
    .input("A", "L, floating (..., n, n); the lower triangle is read")
    .output("out", "shape of A")
    .infer([](const PackedAttrs&, const Specs& in) -> Spec {
      square_of(in[0], "A");
      return in[0];
    })
    .cpu(in_float32([](const PackedAttrs&, const KernelArgs& k) {
      const Matrices s = matrices_of(k.in[0]);
      const int64_t n = s.n;
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        std::vector<T> inverse(static_cast<size_t>(n * n));
        for (int64_t b = 0; b < s.count(); ++b) {
          const T* l = k.in[0].ptr<T>() + b * n * n;
          std::fill(inverse.begin(), inverse.end(), T(0));
          for (int64_t c = 0; c < n; ++c) {  // columns of L^-1
            for (int64_t i = c; i < n; ++i) {
              T sum = i == c ? T(1) : T(0);
              for (int64_t j = c; j < i; ++j)
                sum -= l[i * n + j] * inverse[static_cast<size_t>(j * n + c)];
              inverse[static_cast<size_t>(i * n + c)] = sum / l[i * n + i];
            }
          }
          for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < n; ++j) {
              T sum = 0;
              for (int64_t p = std::max(i, j); p < n; ++p) {
                sum += inverse[static_cast<size_t>(p * n + i)] *
                       inverse[static_cast<size_t>(p * n + j)];
              }
              k.out[0].ptr<T>()[(b * n + i) * n + j] = sum;
            }
          }
        }
      });
    }))
    .grad(inverse_grad, op::saves_inputs() | op::saves_output(0));

// A = L Q. With M = L^T dL - dQ Q^T and its lower triangle copied to the upper one:
// dA = L^-T (dQ + M Q) (Seeger, Hetzel, Dai, Meissner, Lawrence, arXiv:1710.08717).
Values lq_grad(const PackedAttrs&, const GradArgs& g) {
  const Value q = g.out(0), l = g.out(1), dq = g.dout(0), dl = g.dout(1);
  const Value m = mul(mT(l), dl) - mul(dq, mT(q));
  const Value both = lower(m, 0) + mT(lower(m, -1));
  return {solved(mT(l), dq + mul(both, q))};
}

PLAIT_LINALG(gelqf, "A = L Q with a lower triangular L and orthonormal rows in Q.")
    .input("A", "floating (..., m, n), m <= n")
    .output("Q", "shape of A")
    .output("L", "(..., m, m)")
    .infer([](const PackedAttrs&, const Specs& in) -> Specs {
      const Matrices s = matrices_of(in[0], "A");
      check(s.m <= s.n, ErrorKind::kShape, "A has shape ", in[0].shape,
            ", must not have more rows than columns");
      return {in[0], {s.with({s.m, s.m}), in[0].dtype}};
    })
    .cpu(in_float32([](const PackedAttrs&, const KernelArgs& k) {
      const Matrices s = matrices_of(k.in[0]);
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(s, k.threads, "has no such factors", [&](int64_t b) {
          std::vector<T> a(static_cast<size_t>(s.m * s.n)), r(static_cast<size_t>(s.m * s.m));
          const T* x = k.in[0].ptr<T>() + b * s.m * s.n;
          for (int64_t i = 0; i < s.m; ++i) {
            for (int64_t j = 0; j < s.n; ++j) a[static_cast<size_t>(j * s.m + i)] = x[i * s.n + j];
          }
          const int64_t info = kernels::lapack::qr(s.n, s.m, a.data(), r.data());
          T *q = k.out[0].ptr<T>() + b * s.m * s.n, *l = k.out[1].ptr<T>() + b * s.m * s.m;
          for (int64_t i = 0; i < s.m; ++i) {
            for (int64_t j = 0; j < s.n; ++j) q[i * s.n + j] = a[static_cast<size_t>(j * s.m + i)];
            for (int64_t j = 0; j < s.m; ++j) {
              l[i * s.m + j] = j <= i ? r[static_cast<size_t>(j * s.m + i)] : T(0);
            }
          }
          return info;
        });
      });
    }))
    .grad(lq_grad, op::saves_output(0) | op::saves_output(1));

// With V = U^T: dA = V (diag(dw) + F (V^T dV)) V^T, F_ij = 1 / (w_j - w_i); its symmetric part.
Values eigen_grad(const PackedAttrs&, const GradArgs& g) {
  static const OpCall kDiagonal("linalg_makediag");
  const Value u = g.out(0), w = g.out(1);
  const Value inner = kDiagonal({g.dout(1)}) + inverse_gaps(w) * mul(u, mT(g.dout(0)));
  const Value da = mul(mul(mT(u), inner), u);
  return {(da + mT(da)) * 0.5};
}

PLAIT_LINALG(syevd, "A = U^T diag(w) U for symmetric matrices.")
    .input("A", "floating (..., n, n), symmetric; the lower triangle is read")
    .output("U", "eigenvectors in rows, shape of A")
    .output("L", "eigenvalues w, ascending, (..., n)")
    .infer([](const PackedAttrs&, const Specs& in) -> Specs {
      const Matrices s = square_of(in[0], "A");
      return {in[0], {s.with({s.n}), in[0].dtype}};
    })
    .cpu(in_float32([](const PackedAttrs&, const KernelArgs& k) {
      const Matrices s = matrices_of(k.in[0]);
      const int64_t n = s.n;
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(s, k.threads, "has no eigenvalues that were found", [&](int64_t b) {
          const T* x = k.in[0].ptr<T>() + b * n * n;
          std::vector<T> a(x, x + n * n);
          const int64_t info =
              kernels::lapack::hermitian_eigen(n, false, a.data(), k.out[1].ptr<T>() + b * n);
          for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < n; ++j)
              k.out[0].ptr<T>()[(b * n + i) * n + j] = a[static_cast<size_t>(j * n + i)];
          }
          return info;
        });
      });
    }))
    .grad(eigen_grad, op::saves_output(0) | op::saves_output(1));

}  // namespace
}  // namespace plait::ops
