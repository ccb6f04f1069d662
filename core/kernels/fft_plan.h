#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <vector>

#include "kernels/simd.h"

// Stockham's form of the mixed-radix transform (Cooley and Tukey, 1965), and Bluestein's
// convolution (1970) for lengths with a large prime factor.
namespace plait::kernels {

inline constexpr int64_t kLargestRadix = 13;

// Without the checks for infinities that multiplying std::complex has.
template <class T>
struct Number {
  T re, im;
};
template <class T>
inline Number<T> operator+(Number<T> a, Number<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
inline Number<T> operator-(Number<T> a, Number<T> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class T>
inline Number<T> operator*(Number<T> a, Number<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class T>
inline Number<T> operator*(Number<T> a, T b) {
  return {a.re * b, a.im * b};
}
template <class T>
inline Number<T> conj(Number<T> a) {
  return {a.re, -a.im};
}
template <class T>
inline Number<T> times_minus_i(Number<T> a) {
  return {a.im, -a.re};
}

// Complex numbers as two arrays, so that loops over them vectorise.
template <class T>
struct Planes {
  T *re, *im;

  Planes(T* data, int64_t n) : re(data), im(data + n) {}
  Number<T> operator[](int64_t i) const { return {re[i], im[i]}; }
  void set(int64_t i, Number<T> v) const {
    re[i] = v.re;
    im[i] = v.im;
  }
};

// e^(-2 pi i k / n); k is brought into an eighth of the circle, where sine and cosine are exact to
// the last place.
template <class T>
Number<T> root(int64_t k, int64_t n) {
  k %= n;
  const auto part = [n](int64_t eighth) {
    return 2 * std::numbers::pi * static_cast<double>(eighth) / static_cast<double>(8 * n);
  };
  int64_t e = 8 * k;  // in eighths of a step of the circle
  const int64_t octant = e / n;
  e -= octant * n;
  const bool odd = octant % 2 != 0;
  const double angle = odd ? part(n - e) : part(e);
  double c = std::cos(angle), s = std::sin(angle);
  if (octant == 1 || octant == 2 || octant == 5 || octant == 6) std::swap(c, s);
  if (octant >= 2 && octant <= 5) c = -c;
  if (octant >= 4) s = -s;
  return {static_cast<T>(c), static_cast<T>(-s)};
}

// The transform of P numbers, P up to 5 and known to the compiler.
template <int P, class T>
inline void butterfly(Number<T>* a) {
  if constexpr (P == 2) {
    const auto x = a[0], y = a[1];
    a[0] = x + y;
    a[1] = x - y;
  } else if constexpr (P == 3) {
    constexpr T kSin = T(0.86602540378443864676);
    const auto sum = a[1] + a[2], diff = times_minus_i(a[1] - a[2]) * kSin;
    const auto mid = a[0] - sum * T(0.5);
    a[0] = a[0] + sum;
    a[1] = mid + diff;
    a[2] = mid - diff;
  } else if constexpr (P == 4) {
    const auto s0 = a[0] + a[2], d0 = a[0] - a[2], s1 = a[1] + a[3],
               d1 = times_minus_i(a[1] - a[3]);
    a[0] = s0 + s1;
    a[1] = d0 + d1;
    a[2] = s0 - s1;
    a[3] = d0 - d1;
  } else {
    constexpr T kCos1 = T(0.30901699437494742410), kCos2 = T(-0.80901699437494742410),
                kSin1 = T(0.95105651629515357212), kSin2 = T(0.58778525229247312917);
    const auto s1 = a[1] + a[4], d1 = a[1] - a[4], s2 = a[2] + a[3], d2 = a[2] - a[3];
    const auto m1 = a[0] + s1 * kCos1 + s2 * kCos2, m2 = a[0] + s1 * kCos2 + s2 * kCos1;
    const auto n1 = times_minus_i(d1 * kSin1 + d2 * kSin2),
               n2 = times_minus_i(d1 * kSin2 - d2 * kSin1);
    a[0] = a[0] + s1 + s2;
    a[1] = m1 + n1;
    a[2] = m2 + n2;
    a[3] = m2 - n2;
    a[4] = m1 - n1;
  }
}

// One step: p interleaved parts of length m, `s` transforms side by side.
// y[k + s (p q + r)] = w^(q r) sum_j x[k + s (q + m j)] e^(-2 pi i j r / p)
template <int P, class T>
void step(Planes<T> x, Planes<T> y, int64_t m, int64_t s, const Number<T>* twiddle) {
  const auto one = [=](int64_t q, int64_t k) {
    Number<T> a[P];
    for (int j = 0; j < P; ++j) a[j] = x[k + s * (q + m * j)];
    butterfly<P>(a);
    y.set(k + s * P * q, a[0]);
    for (int r = 1; r < P; ++r) y.set(k + s * (P * q + r), a[r] * twiddle[q * P + r]);
  };
  if (s == 1) return vector_loop(m, [=](int64_t q) { one(q, 0); });
  vector_call([=] {
    for (int64_t q = 0; q < m; ++q) {
#pragma GCC ivdep
      for (int64_t k = 0; k < s; ++k) one(q, k);
    }
    return 0;
  });
}

template <class T>
void general_step(int64_t p, Planes<T> x, Planes<T> y, int64_t m, int64_t s,
                  const Number<T>* twiddle, const Number<T>* roots) {
  vector_call([=] {
    for (int64_t i = 0; i < m * p; ++i) {
      const int64_t q = i / p, r = i % p;
      const Number<T> w = twiddle[i];
#pragma GCC ivdep
      for (int64_t k = 0; k < s; ++k) {
        Number<T> sum = x[k + s * q];
        for (int64_t j = 1; j < p; ++j) sum = sum + x[k + s * (q + m * j)] * roots[j * r % p];
        y.set(k + s * i, sum * w);
      }
    }
    return 0;
  });
}

// What transforms of one length share.
template <class T>
class Plan {
 public:
  explicit Plan(int64_t n) : n_(n) {
    int64_t rest = n;
    for (int64_t p : {4, 2, 3, 5, 7, 11, int(kLargestRadix)}) {
      for (; rest % p == 0; rest /= p) add_stage(p, rest / p);
    }
    if (rest > 1) prepare_convolution();
  }

  // Numbers of type T that forward() needs for `width` transforms beside x.
  int64_t work_size(int64_t width) const {
    return 2 * width * (convolution_ ? 2 * convolution_->n_ : n_);
  }

  // x, element j of transform l at j * width + l, becomes the transforms.
  void forward(Planes<T> x, T* work, int64_t width) const {
    if (convolution_) return convolve(x, work, width);
    Planes<T> from = x, to(work, n_ * width);
    int64_t s = width;
    for (const Stage& stage : stages_) {
      const Number<T>* w = stage.twiddle.data();
      switch (stage.p) {
        case 2: step<2>(from, to, stage.m, s, w); break;
        case 3: step<3>(from, to, stage.m, s, w); break;
        case 4: step<4>(from, to, stage.m, s, w); break;
        case 5: step<5>(from, to, stage.m, s, w); break;
        default: general_step(stage.p, from, to, stage.m, s, w, stage.roots.data());
      }
      s *= stage.p;
      std::swap(from, to);
    }
    if (from.re == x.re) return;
    std::copy_n(from.re, n_ * width, x.re);
    std::copy_n(from.im, n_ * width, x.im);
  }

 private:
  struct Stage {
    int64_t p, m;
    std::vector<Number<T>> twiddle, roots;
  };

  void add_stage(int64_t p, int64_t m) {
    Stage stage{p, m, std::vector<Number<T>>(static_cast<size_t>(p * m)), {}};
    for (int64_t q = 0; q < m; ++q) {
      for (int64_t r = 0; r < p; ++r) {
        stage.twiddle[static_cast<size_t>(q * p + r)] = root<T>(q * r, p * m);
      }
    }
    for (int64_t j = 0; j < p && p > 5; ++j) stage.roots.push_back(root<T>(j, p));
    stages_.push_back(std::move(stage));
  }

  // With j k = (j^2 + k^2 - (k - j)^2) / 2 the transform is a convolution with w[j] = e^(pi i j^2 /
  // n).
  void prepare_convolution() {
    stages_.clear();
    int64_t size = 1;
    while (size < 2 * n_ - 1) size *= 2;
    convolution_ = std::make_unique<Plan>(size);
    std::vector<T> numbers(static_cast<size_t>(2 * size));
    const Planes<T> kernel(numbers.data(), size);
    for (int64_t j = 0, square = 0; j < n_; ++j) {  // j^2 modulo 2 n
      chirp_.push_back(root<T>(square, 2 * n_));
      kernel.set(j, conj(chirp_.back()));
      if (j) kernel.set(size - j, conj(chirp_.back()));
      square = (square + 2 * j + 1) % (2 * n_);
    }
    std::vector<T> work(static_cast<size_t>(convolution_->work_size(1)));
    convolution_->forward(kernel, work.data(), 1);
    for (int64_t j = 0; j < size; ++j) {
      kernel_.push_back(kernel[j] * static_cast<T>(1.0 / static_cast<double>(size)));
    }
  }

  void convolve(Planes<T> x, T* work, int64_t width) const {
    const int64_t size = convolution_->n_;
    const Planes<T> a(work, size * width);
    T* space = work + 2 * size * width;
    const auto each = [=](int64_t n, const std::vector<Number<T>>& factors, const auto& f) {
      vector_call([&, width] {
        for (int64_t j = 0; j < n; ++j) {
          const Number<T> factor = factors[static_cast<size_t>(j)];
#pragma GCC ivdep
          for (int64_t i = j * width; i < (j + 1) * width; ++i) f(i, factor);
        }
        return 0;
      });
    };
    each(n_, chirp_, [=](int64_t i, Number<T> w) { a.set(i, x[i] * w); });
    std::fill(a.re + n_ * width, a.re + size * width, T(0));
    std::fill(a.im + n_ * width, a.im + size * width, T(0));
    convolution_->forward(a, space, width);
    // The inverse is the transform of the conjugates.
    each(size, kernel_, [=](int64_t i, Number<T> w) { a.set(i, conj(a[i] * w)); });
    convolution_->forward(a, space, width);
    each(n_, chirp_, [=](int64_t i, Number<T> w) { x.set(i, conj(a[i]) * w); });
  }

  int64_t n_;
  std::vector<Stage> stages_;
  std::unique_ptr<Plan> convolution_;
  std::vector<Number<T>> chirp_, kernel_;
};

template <class T>
std::shared_ptr<const Plan<T>> plan_of(int64_t n) {
  constexpr size_t kMostPlans = 64;
  static std::mutex mutex;
  static auto* plans = new std::map<int64_t, std::shared_ptr<const Plan<T>>>;
  std::lock_guard lock(mutex);
  auto& found = (*plans)[n];
  if (found) return found;
  auto made = std::make_shared<const Plan<T>>(n);
  if (plans->size() > kMostPlans) plans->clear();
  return (*plans)[n] = made;
}

}  // namespace plait::kernels
