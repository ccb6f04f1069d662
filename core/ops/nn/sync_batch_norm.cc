#include <cmath>

#include "kernels/convert.h"
#include "kernels/sum.h"
#include "op/functions.h"
#include "op/op.h"
#include "op/ranks.h"
#include "ops/nn/batch_norm.h"

// Batch normalisation over the batches of all processes. In one process it is batch_norm.
namespace plait::ops {
namespace {

struct NormAttrs {
  double eps, momentum;
  bool fix_gamma, use_global_stats, output_mean_var;
  int64_t axis, ndev;
  std::string key;
};

const op::Op& batch_norm() {
  static const op::Op& found = op::Op::get("batch_norm");
  return found;
}

// The same attributes for batch_norm.
op::AttrsRef attrs_of(const NormAttrs& a) {
  static const int kField[] = {
      batch_norm().field_index("eps"), batch_norm().field_index("momentum"),
      batch_norm().field_index("fix_gamma"), batch_norm().field_index("use_global_stats"),
      batch_norm().field_index("axis")};
  const std::pair<int, op::AttrValue> values[] = {{kField[0], a.eps},
                                                  {kField[1], a.momentum},
                                                  {kField[2], a.fix_gamma},
                                                  {kField[3], a.use_global_stats},
                                                  {kField[4], a.axis}};
  return batch_norm().make_attrs(values);
}

Specs infer(const NormAttrs& a, const Specs& in) {
  const op::AttrsRef attrs = attrs_of(a);
  Specs out;
  batch_norm().infer(batch_norm(), batch_norm().data_of(attrs), in, out);
  out.push_back({{1}, out[1].dtype});
  return out;
}
void complete(const NormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  const op::AttrsRef attrs = attrs_of(a);
  batch_norm().complete(batch_norm(), batch_norm().data_of(attrs), in, known);
}

// Number, sums and sums of squares around the local mean of each channel, as (2 channels + 1)
// numbers that add up over processes: count, count mean, squares + count mean^2.
template <class T>
std::vector<double> moments(const NormAttrs& a, const View& data) {
  const Dims& shape = *data.shape;
  const auto axis = static_cast<size_t>(normalize_axis(a.axis, int64_t(shape.size())));
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i != axis) (i < axis ? outer : inner) *= shape[i];
  }
  std::vector<T> wide;
  const T* x = data.ptr<T>();
  if (data.dtype != dtype_of<T>()) {
    wide.resize(static_cast<size_t>(data.size()));
    kernels::convert(data.data, data.dtype, 1, wide.data(), dtype_of<T>(), data.size());
    x = wide.data();
  }
  const int64_t channels = shape[axis], count = outer * inner;
  std::vector<double> found(static_cast<size_t>(2 * channels + 1), 0.0);
  found.back() = static_cast<double>(count);
  for (int64_t c = 0; c < channels && count; ++c) {
    double sum = 0, squares = 0;
    const auto over_all = [&](double& total, const auto& f) {
      for (int64_t o = 0; o < outer; ++o) {
        const T* line = x + (o * channels + c) * inner;
        total += kernels::sum_of<T, double>(inner, [=](int64_t i) { return f(line[i]); });
      }
    };
    over_all(sum, [](T v) { return v; });
    const T mean = static_cast<T>(sum / count);
    over_all(squares, [mean](T v) { return (v - mean) * (v - mean); });
    found[c] = sum;
    // Around the rounded mean, moved to 0.
    found[channels + c] = squares + 2.0 * mean * sum - double(count) * mean * mean;
  }
  return found;
}

template <class T>
void synchronised(const NormAttrs& a, const op::KernelArgs& k, op::Ranks& ranks) {
  std::vector<double> all = moments<T>(a, k.in[0]);
  ranks.sum(a.key, all.data(), static_cast<int64_t>(all.size()));
  const int64_t channels = k.out[1].size();
  const double count = all.back();
  std::vector<T> mean(static_cast<size_t>(channels)), var(mean);
  T *moving_mean = k.in[3].ptr<T>(), *moving_var = k.in[4].ptr<T>();
  const T keep = T(a.momentum);
  for (int64_t c = 0; c < channels; ++c) {
    const double m = count ? all[c] / count : 0;
    mean[c] = static_cast<T>(m);
    var[c] = static_cast<T>(count ? std::max(0.0, all[channels + c] / count - m * m) : 0);
    moving_mean[c] = keep * moving_mean[c] + (1 - keep) * mean[c];
    moving_var[c] = keep * moving_var[c] + (1 - keep) * var[c];
  }
  *k.out[3].ptr<T>() = static_cast<T>(count);
  // batch_norm with given statistics does the rest.
  SmallVec<View, 8> in(k.in.begin(), k.in.end());
  in[3].data = mean.data();
  in[4].data = var.data();
  op::KernelArgs rest = k;
  rest.in = {in.data(), in.size()};
  rest.out = k.out.first(3);
  NormAttrs given = a;
  given.use_global_stats = true;
  const op::AttrsRef attrs = attrs_of(given);
  batch_norm().kernel(batch_norm(), batch_norm().data_of(attrs), rest);
}

void kernel(const NormAttrs& a, const op::KernelArgs& k) {
  const bool is_double = k.in[0].dtype == DType::kFloat64;
  const auto ranks = k.is_train && !a.use_global_stats ? op::ranks() : nullptr;
  if (ranks) {
    is_double ? synchronised<double>(a, k, *ranks) : synchronised<float>(a, k, *ranks);
    return;
  }
  const double count = double(k.in[0].size()) / std::max<double>(1, double(k.out[1].size()));
  kernels::convert(&count, DType::kFloat64, 1, k.out[3].data, k.out[3].dtype, 1);
  op::KernelArgs rest = k;
  rest.out = k.out.first(3);
  const op::AttrsRef attrs = attrs_of(a);
  batch_norm().kernel(batch_norm(), batch_norm().data_of(attrs), rest);
}

// As batch_norm's, with means over all processes: dgamma = sum(dy h), dbeta = sum(dy) and
// dx = s (dy - own (all(dy) + h all(dy h)) / count).
Values over_ranks(const NormAttrs& a, const GradArgs& g) {
  static const OpCall kSum("sum", {"axis", "exclude"}), kRoot("rsqrt"),
      kOwn("batch_norm_own_statistics", {"use_global_stats"}), kAll("sum_over_ranks", {"key"}),
      kJoin("concat", {"dim"}), kCut("slice_axis", {"axis", "begin", "end"});
  const Dims &shape = g.in_spec(0).shape, axis{a.axis};
  const DType wide = g.out_spec(1).dtype;
  const int64_t channels = g.out_spec(1).shape[0];
  Dims spread_shape(shape.size(), 1);
  spread_shape[static_cast<size_t>(normalize_axis(a.axis, int64_t(shape.size())))] = channels;
  const auto spread = [&](const Value& v) { return reshape_to(v, spread_shape); };
  const auto sum_of = [&](const Value& v) { return kSum({v}, {axis, true}); };
  const Value x = cast_to(g.in(0), wide), dy = cast_to(g.dout(), wide);
  const Value own = kOwn({g.out(1)}, {a.use_global_stats}), given = 1.0 - own;
  Value mean = g.out(1), var = g.out(2);
  const auto mean_of = [&](const Value& v, const char* what) {
    return kAll({sum_of(v)}, {a.key + what}) / g.out(3);
  };
  const bool again = op::current_tracer().differentiable();  // then they are functions of x
  if (again) mean = own * mean_of(x, " mean") + given * mean;
  const Value centred = x - spread(mean);
  if (again) var = own * mean_of(centred * centred, " var") + given * var;
  const Value inverse = spread(kRoot({var + a.eps})), h = centred * inverse;
  const Value scale = a.fix_gamma ? inverse : inverse * spread(g.in(1));
  const Value dbeta = sum_of(dy), dgamma = sum_of(dy * h);
  const Value all = kAll({kJoin({dbeta, dgamma}, {int64_t{0}})}, {a.key + " gradient"}) / g.out(3);
  const auto part = [&](int64_t i) {
    return spread(own * kCut({all}, {int64_t{0}, i * channels, (i + 1) * channels}));
  };
  const Value dx = scale * (dy - (part(0) + h * part(1)));
  return {cast_to(dx, g.in_spec(0).dtype), a.fix_gamma ? dgamma * 0.0 : dgamma, dbeta, Value{},
          Value{}};
}

Values backward(const NormAttrs& a, const GradArgs& g) {
  if (op::ranks()) return over_ranks(a, g);
  const op::AttrsRef attrs = attrs_of(a);
  return batch_norm().grad(batch_norm(), batch_norm().data_of(attrs), g);
}

const int plait_op_sync_batch_norm =
    op::batch_norm_inputs(
        op::OpBuilder<NormAttrs>(op::Op::add("sync_batch_norm", __FILE__, __LINE__)))
        .doc("batch_norm over the batches of all processes that train together.")
        .source("Ioffe, Szegedy, ICML (2015)")
        .output("output", "shape and dtype of data")
        .hidden_output("mean", "(channels,), mean used")
        .hidden_output("var", "(channels,), variance used")
        .hidden_output("count", "(1,), elements of a channel in all processes")
        .attr("output_mean_var", &NormAttrs::output_mean_var, false, "return mean and var as well")
        .attr("ndev", &NormAttrs::ndev, 1, "devices that MXNet would average over; kept for files")
        .attr("key", &NormAttrs::key, "", "name of the layer, the same in all processes")
        .attr("axis", &NormAttrs::axis, 1, "axis of the channels")
        .on("nd sym", "_contrib_SyncBatchNorm")
        .on("nd sym", "contrib.SyncBatchNorm")
        .visible_outputs([](const NormAttrs& a) { return a.output_mean_var ? 3 : 1; })
        .uses_train()
        .infer(infer)
        .complete(complete)
        .cpu(kernel)
        .grad(backward, op::saves_input(0) | op::saves_input(1) | op::saves_output(1) |
                            op::saves_output(2) | op::saves_output(3));

const bool kWaits = op::set_waits(plait_op_sync_batch_norm, [](const void* a, bool is_train) {
  return is_train && !(a && static_cast<const NormAttrs*>(a)->use_global_stats);
});

}  // namespace
}  // namespace plait::ops
