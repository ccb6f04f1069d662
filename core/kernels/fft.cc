#include "kernels/fft.h"

#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <vector>

#include "kernels/parallel.h"
#include "kernels/simd.h"

// Stockham's form of the mixed-radix transform (Cooley and Tukey, 1965), and Bluestein's
// convolution (1970) for lengths with a large prime factor.
namespace plait::kernels {
namespace {

constexpr int64_t kLargestRadix = 13;

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
void step(const Number<T>* x, Number<T>* y, int64_t m, int64_t s, const Number<T>* twiddle) {
  vector_call([=] {
    for (int64_t q = 0; q < m; ++q) {
      const Number<T>* w = twiddle + q * P;
      for (int64_t k = 0; k < s; ++k) {
        Number<T> a[P];
        for (int j = 0; j < P; ++j) a[j] = x[k + s * (q + m * j)];
        butterfly<P>(a);
        y[k + s * P * q] = a[0];
        for (int r = 1; r < P; ++r) y[k + s * (P * q + r)] = a[r] * w[r];
      }
    }
    return 0;
  });
}

template <class T>
void general_step(int64_t p, const Number<T>* x, Number<T>* y, int64_t m, int64_t s,
                  const Number<T>* twiddle, const Number<T>* roots) {
  for (int64_t q = 0; q < m; ++q) {
    for (int64_t r = 0; r < p; ++r) {
      const Number<T> w = twiddle[q * p + r];
      for (int64_t k = 0; k < s; ++k) {
        Number<T> sum = x[k + s * q];
        for (int64_t j = 1; j < p; ++j) sum = sum + x[k + s * (q + m * j)] * roots[j * r % p];
        y[k + s * (p * q + r)] = sum * w;
      }
    }
  }
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

  int64_t work_size() const { return convolution_ ? 2 * convolution_->n_ : n_; }

  // x becomes its transform.
  void forward(Number<T>* x, Number<T>* work) const {
    if (convolution_) return convolve(x, work);
    Number<T>*from = x, *to = work;
    int64_t s = 1;
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
    if (from != x) std::copy_n(from, n_, x);
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
    kernel_.assign(static_cast<size_t>(size), Number<T>{});
    for (int64_t j = 0, square = 0; j < n_; ++j) {  // j^2 modulo 2 n
      chirp_.push_back(root<T>(square, 2 * n_));
      kernel_[static_cast<size_t>(j)] = conj(chirp_.back());
      if (j) kernel_[static_cast<size_t>(size - j)] = conj(chirp_.back());
      square = (square + 2 * j + 1) % (2 * n_);
    }
    std::vector<Number<T>> work(static_cast<size_t>(size));
    convolution_->forward(kernel_.data(), work.data());
    for (auto& v : kernel_) v = v * static_cast<T>(1.0 / static_cast<double>(size));
  }

  void convolve(Number<T>* x, Number<T>* work) const {
    const int64_t size = convolution_->n_;
    Number<T>*a = work, *space = work + size;
    for (int64_t j = 0; j < n_; ++j) a[j] = x[j] * chirp_[static_cast<size_t>(j)];
    std::fill(a + n_, a + size, Number<T>{});
    convolution_->forward(a, space);
    // The inverse is the transform of the conjugates.
    for (int64_t j = 0; j < size; ++j) a[j] = conj(a[j] * kernel_[static_cast<size_t>(j)]);
    convolution_->forward(a, space);
    for (int64_t j = 0; j < n_; ++j) x[j] = conj(a[j]) * chirp_[static_cast<size_t>(j)];
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

// Calls f(line, space) for lines of the given sizes on several threads.
template <class T, class F>
void lines(const Fft& f, int64_t space, int threads, const F& each) {
  const int64_t cost = f.n * 8 * (1 + static_cast<int64_t>(std::log2(f.n + 1)));
  const int64_t grain = std::max<int64_t>(1, kGrain * 4 / cost);
  parallel_for(threads, f.outer * f.inner, grain, [&](int64_t begin, int64_t end) {
    std::vector<Number<T>> work(static_cast<size_t>(space));
    for (int64_t i = begin; i < end; ++i) each(i, work.data());
  });
}

// Element 0 of line i of an array with n elements a line.
int64_t start(const Fft& f, int64_t i, int64_t n) {
  return i / f.inner * n * f.inner + i % f.inner;
}

template <class T>
void complex_lines(const Fft& f, const void* x_data, void* y_data, int threads) {
  const auto plan = plan_of<T>(f.n);
  const auto* x = static_cast<const Number<T>*>(x_data);
  auto* y = static_cast<Number<T>*>(y_data);
  const T scale = static_cast<T>(f.scale), sign = f.inverse ? T(-1) : T(1);
  lines<T>(f, f.n + plan->work_size(), threads, [&](int64_t i, Number<T>* line) {
    const int64_t at = start(f, i, f.n);
    for (int64_t j = 0; j < f.n; ++j) {
      const Number<T> v = x[at + j * f.inner];
      line[j] = {v.re, sign * v.im};
    }
    plan->forward(line, line + f.n);
    for (int64_t j = 0; j < f.n; ++j) {
      y[at + j * f.inner] = {line[j].re * scale, sign * line[j].im * scale};
    }
  });
}

// Real numbers of even count as half as many complex ones: z[j] = x[2 j] + i x[2 j + 1], of which
// the transform holds those of the even and the odd ones.
template <class T>
void real_line(const Plan<T>& plan, const std::vector<Number<T>>& roots, int64_t n,
               const Number<T>* z_in, Number<T>* z, Number<T>* out) {
  const int64_t half = n / 2;
  std::copy_n(z_in, half, z);
  plan.forward(z, z + half);
  for (int64_t k = 0; k <= half; ++k) {
    const Number<T> a = z[k % half], b = conj(z[(half - k) % half]);
    const Number<T> even = (a + b) * T(0.5), odd = times_minus_i((a - b) * T(0.5));
    out[k] = even + odd * roots[static_cast<size_t>(k)];
  }
}

template <class T>
std::vector<Number<T>> roots_of(int64_t n) {
  std::vector<Number<T>> out;
  for (int64_t k = 0; k <= n / 2; ++k) out.push_back(root<T>(k, n));
  return out;
}

template <class T>
void lines_of_real(const Fft& f, const void* x_data, void* y_data, int threads) {
  const bool even = f.n % 2 == 0;
  const int64_t half = f.n / 2, kept = half + 1;
  const auto plan = plan_of<T>(even ? half : f.n);
  const auto roots = even ? roots_of<T>(f.n) : std::vector<Number<T>>();
  const T* x = static_cast<const T*>(x_data);
  auto* y = static_cast<Number<T>*>(y_data);
  const T scale = static_cast<T>(f.scale);
  const int64_t space = 3 * (f.n + 1) + plan->work_size();
  lines<T>(f, space, threads, [&](int64_t i, Number<T>* line) {
    const T* from = x + start(f, i, f.n);
    Number<T>*out = line + f.n, *work = out + kept;
    if (even) {
      for (int64_t j = 0; j < half; ++j) {
        line[j] = {from[2 * j * f.inner], from[(2 * j + 1) * f.inner]};
      }
      real_line(*plan, roots, f.n, line, work, out);
    } else {
      for (int64_t j = 0; j < f.n; ++j) line[j] = {from[j * f.inner], T(0)};
      plan->forward(line, work);
      out = line;
    }
    Number<T>* to = y + start(f, i, kept);
    for (int64_t k = 0; k < kept; ++k) to[k * f.inner] = out[k] * scale;
  });
}

template <class T>
void lines_to_real(const Fft& f, const void* x_data, void* y_data, int threads) {
  const bool even = f.n % 2 == 0;
  const int64_t half = f.n / 2, kept = half + 1;
  const auto plan = plan_of<T>(even ? half : f.n);
  const auto roots = even ? roots_of<T>(f.n) : std::vector<Number<T>>();
  const auto* x = static_cast<const Number<T>*>(x_data);
  T* y = static_cast<T*>(y_data);
  const T scale = static_cast<T>(f.scale);
  lines<T>(f, 2 * (f.n + 1) + plan->work_size(), threads, [&](int64_t i, Number<T>* line) {
    const Number<T>* from = x + start(f, i, kept);
    T* to = y + start(f, i, f.n);
    const auto at = [&](int64_t k) {
      const Number<T> v = from[k * f.inner];
      return k == 0 || 2 * k == f.n ? Number<T>{v.re, T(0)} : v;
    };
    if (!even) {  // conjugates go in, so the transform is the inverse one; the result is real
      for (int64_t k = 0; k < kept; ++k) line[k] = conj(at(k));
      for (int64_t k = kept; k < f.n; ++k) line[k] = at(f.n - k);
      plan->forward(line, line + f.n);
      for (int64_t j = 0; j < f.n; ++j) to[j * f.inner] = line[j].re * scale;
      return;
    }
    for (int64_t k = 0; k < half; ++k) {
      const Number<T> a = at(k), b = conj(at(half - k));
      const Number<T> odd = (a - b) * conj(roots[static_cast<size_t>(k)]);
      line[k] = conj((a + b) - times_minus_i(odd));  // even part + i odd part
    }
    plan->forward(line, line + half);
    for (int64_t j = 0; j < half; ++j) {
      to[2 * j * f.inner] = line[j].re * scale;
      to[(2 * j + 1) * f.inner] = -line[j].im * scale;
    }
  });
}

}  // namespace

void fft(const Fft& f, DType dtype, const void* x, void* y, int threads) {
  if (f.outer * f.n * f.inner == 0) return;
  if (dtype == DType::kComplex64) return complex_lines<float>(f, x, y, threads);
  complex_lines<double>(f, x, y, threads);
}

void fft_of_real(const Fft& f, DType real, const void* x, void* y, int threads) {
  if (f.outer * f.n * f.inner == 0) return;
  if (real == DType::kFloat32) return lines_of_real<float>(f, x, y, threads);
  lines_of_real<double>(f, x, y, threads);
}

void fft_to_real(const Fft& f, DType real, const void* x, void* y, int threads) {
  if (f.outer * f.n * f.inner == 0) return;
  if (real == DType::kFloat32) return lines_to_real<float>(f, x, y, threads);
  lines_to_real<double>(f, x, y, threads);
}

}  // namespace plait::kernels
