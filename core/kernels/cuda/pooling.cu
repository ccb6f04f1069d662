#include "kernels/pooling.h"

#include <cmath>
#include <limits>

#include "kernels/cast.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"

namespace plait::kernels {
namespace {

// Where things are in both layouts: element `at` of plane `p` is data[place(p, at, size)], where a
// plane is one channel of one sample.
struct Layout {
  Pool p;
  int64_t channels, in, out;

  explicit Layout(const Pool& pool)
      : p(pool), channels(pool.channels), in(pool.in_size()), out(pool.out_size()) {}
  int64_t planes() const { return p.planes * (channels > 0 ? channels : 1); }
  PLAIT_FN int64_t place(int64_t plane, int64_t at, int64_t size) const {
    if (channels == 0) return plane * size + at;
    return (plane / channels * size + at) * channels + plane % channels;
  }
};

// The window of output `o`: its part inside the data, and how many elements its mean has.
struct Window {
  int64_t first[3], last[3];
  double count = 1;

  PLAIT_FN Window(const Pool& p, int64_t o) {
    const int64_t at[3] = {o / (p.out[1] * p.out[2]), o / p.out[2] % p.out[1], o % p.out[2]};
    for (int a = 0; a < 3; ++a) {
      const int64_t start = at[a] * p.stride[a] - p.pad[a], end = start + p.kernel[a];
      first[a] = start > 0 ? start : 0;
      last[a] = end < p.in[a] ? end : p.in[a];
      const int64_t padded = (end < p.in[a] + p.pad[a] ? end : p.in[a] + p.pad[a]) - start;
      const int64_t inside = last[a] > first[a] ? last[a] - first[a] : 0;
      count *= static_cast<double>(p.include_pad ? padded : inside);
    }
    if (count < 1) count = 1;
  }
  // f(place in the plane) in row-major order.
  template <class F>
  PLAIT_FN void each(const Pool& p, const F& f) const {
    for (int64_t d = first[0]; d < last[0]; ++d) {
      for (int64_t h = first[1]; h < last[1]; ++h) {
        for (int64_t w = first[2]; w < last[2]; ++w) f((d * p.in[1] + h) * p.in[2] + w);
      }
    }
  }
};

template <class T>
struct Reduce {
  Layout l;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    using A = acc_t<T>;
    const int64_t plane = i / l.out, o = i % l.out;
    const Window window(l.p, o);
    const bool is_max = l.p.kind == Pool::kMax;
    A total = is_max ? -std::numeric_limits<A>::infinity() : A(0);
    window.each(l.p, [&](int64_t at) {
      const A v = cast<A>(x[l.place(plane, at, l.in)]);
      total = !is_max ? total + v : v > total || v != v ? v : total;
    });
    if (l.p.kind == Pool::kMean) total /= static_cast<A>(window.count);
    y[l.place(plane, o, l.out)] = cast<T>(total);
  }
};

// (sum |x|^p)^(1/p)
template <class T>
struct Norm {
  Layout l;
  double power;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    using A = acc_t<T>;
    const int64_t plane = i / l.out, o = i % l.out;
    A total = 0;
    Window(l.p, o).each(l.p, [&](int64_t at) {
      const A v = cast<A>(x[l.place(plane, at, l.in)]);
      total += std::pow(v < 0 ? -v : v, static_cast<A>(power));
    });
    y[l.place(plane, o, l.out)] = cast<T>(std::pow(total, static_cast<A>(1 / power)));
  }
};

// Where the first maximum of each window is; -1 for a window without elements.
template <class T>
struct Find {
  Layout l;
  const T* x;
  int64_t* best;
  PLAIT_FN void operator()(int64_t i) const {
    using A = acc_t<T>;
    const int64_t plane = i / l.out;
    int64_t where = -1;
    A top = 0;
    Window(l.p, i % l.out).each(l.p, [&](int64_t at) {
      const A v = cast<A>(x[l.place(plane, at, l.in)]);
      if (where >= 0 && !(v > top || (v != v && top == top))) return;
      where = at;
      top = v;
    });
    best[i] = where;
  }
};

// Each element gathers from the windows in which it is.
template <class T>
struct Spread {
  Layout l;
  const T* dy;
  const int64_t* best;  // null: sums and means
  T* dx;

  PLAIT_FN void operator()(int64_t i) const {
    const Pool& p = l.p;
    const int64_t plane = i / l.in, e = i % l.in;
    const int64_t at[3] = {e / (p.in[1] * p.in[2]), e / p.in[2] % p.in[1], e % p.in[2]};
    int64_t low[3], high[3];
    for (int a = 0; a < 3; ++a) {
      const int64_t padded = at[a] + p.pad[a];
      const int64_t before = padded - p.kernel[a];  // windows that start up to here have ended
      low[a] = before < 0 ? 0 : before / p.stride[a] + 1;
      high[a] = padded / p.stride[a] + 1;
      if (high[a] > p.out[a]) high[a] = p.out[a];
    }
    acc_t<T> sum = 0;
    for (int64_t d = low[0]; d < high[0]; ++d) {
      for (int64_t h = low[1]; h < high[1]; ++h) {
        for (int64_t w = low[2]; w < high[2]; ++w)
          sum += share(plane, e, (d * p.out[1] + h) * p.out[2] + w);
      }
    }
    dx[l.place(plane, e, l.in)] = cast<T>(sum);
  }
  PLAIT_FN acc_t<T> share(int64_t plane, int64_t e, int64_t o) const {
    using A = acc_t<T>;
    if (best && best[plane * l.out + o] != e) return 0;
    const A d = cast<A>(dy[l.place(plane, o, l.out)]);
    return l.p.kind == Pool::kMean ? d / static_cast<A>(Window(l.p, o).count) : d;
  }
};

template <class T>
struct Pick {
  Layout l;
  const T* values;
  const int64_t* best;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t plane = i / l.out, from = best[i];
    y[l.place(plane, i % l.out, l.out)] =
        from < 0 ? cast<T>(0.0f) : values[l.place(plane, from, l.in)];
  }
};

}  // namespace

void pool(const Pool& p, DType dtype, const void* x, void* y, int) {
  const Layout l(p);
  dispatch_floating(dtype, [&]<class T>(T) {
    cuda::for_each(l.planes() * l.out, Reduce<T>{l, static_cast<const T*>(x), static_cast<T*>(y)});
  });
}

void pool_norm(const Pool& p, double power, DType dtype, const void* x, void* y, int) {
  const Layout l(p);
  dispatch_floating(dtype, [&]<class T>(T) {
    cuda::for_each(l.planes() * l.out,
                   Norm<T>{l, power, static_cast<const T*>(x), static_cast<T*>(y)});
  });
}

void pool_backward(const Pool& p, DType dtype, const void* dy, const void* x, void* dx, int) {
  const Layout l(p);
  const bool is_max = p.kind == Pool::kMax;
  const cuda::Scratch<int64_t> best(is_max ? l.planes() * l.out : 0);
  dispatch_floating(dtype, [&]<class T>(T) {
    if (is_max) {
      cuda::for_each(l.planes() * l.out, Find<T>{l, static_cast<const T*>(x), best.data()});
    }
    cuda::for_each(l.planes() * l.in,
                   Spread<T>{l, static_cast<const T*>(dy), best.data(), static_cast<T*>(dx)});
  });
}

void pool_at_maximum(const Pool& p, DType dtype, const void* values, const void* x, void* y, int) {
  const Layout l(p);
  const cuda::Scratch<int64_t> best(l.planes() * l.out);
  dispatch_floating(dtype, [&]<class T>(T) {
    cuda::for_each(l.planes() * l.out, Find<T>{l, static_cast<const T*>(x), best.data()});
    cuda::for_each(l.planes() * l.out,
                   Pick<T>{l, static_cast<const T*>(values), best.data(), static_cast<T*>(y)});
  });
}

}  // namespace plait::kernels
