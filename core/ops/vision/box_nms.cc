#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/vision/boxes.h"

// Overlap of boxes, and choosing among boxes that overlap.
namespace plait::ops {
namespace {

using op::KernelArgs;

Spec check_floating(const Spec& s, const char* name) {
  check(is_floating(s.dtype), ErrorKind::kType, name, " has dtype ", s.dtype, ", must be floating");
  return s;
}
template <class T>
double number(T v) {
  return static_cast<double>(static_cast<acc_t<T>>(v));
}
template <class A>
Values no_grad(const A&, const GradArgs& g) {
  return Values(g.num_in());
}

struct IouAttrs {
  std::string format;
};

PLAIT_OP(box_iou, IouAttrs)
    .doc("Intersection over union of every pair of boxes.")
    .input("lhs", "floating (..., 4)")
    .input("rhs", "floating (..., 4)")
    .output("out", "axes of lhs but the last, then those of rhs but the last")
    .attr("format", &IouAttrs::format, "corner",
          "boxes are (left, top, right, bottom) or (x, y, width, height) of the centre")
    .choices({"center", "corner"})
    .on("nd sym", "_contrib_box_iou")
    .on("nd sym", "contrib.box_iou")
    .infer([](const IouAttrs&, const Specs& in) -> Spec {
      Dims shape;
      for (size_t i = 0; i < 2; ++i) {
        const Dims& d = in[i].shape;
        check_floating(in[i], i ? "rhs" : "lhs");
        check(!d.empty() && d.back() == 4, ErrorKind::kShape, i ? "rhs" : "lhs", " has shape ", d,
              ", must be (..., 4)");
        shape.append(d.begin(), d.end() - 1);
      }
      check(in[0].dtype == in[1].dtype, ErrorKind::kType, "rhs has dtype ", in[1].dtype,
            ", must be ", in[0].dtype, " as lhs");
      return {shape, in[0].dtype};
    })
    .cpu([](const IouAttrs& a, const KernelArgs& k) {
      const int64_t n = k.in[0].size() / 4, m = k.in[1].size() / 4;
      const bool corners = a.format == "corner";
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < n; ++i) {
          const Box box = read_box(k.in[0].ptr<T>() + i * 4, corners);
          for (int64_t j = 0; j < m; ++j) {
            const double v = overlap(box, read_box(k.in[1].ptr<T>() + j * 4, corners));
            k.out[0].ptr<T>()[i * m + j] = static_cast<T>(static_cast<acc_t<T>>(v));
          }
        }
      });
    })
    .grad(no_grad<IouAttrs>, op::saves_nothing());

struct NmsAttrs {
  double overlap_thresh, valid_thresh;
  int64_t topk, coord_start, score_index, id_index, background_id;
  bool force_suppress;
  std::string in_format, out_format;
};

Specs infer_nms(const NmsAttrs& a, const Specs& in) {
  const Dims& d = check_floating(in[0], "data").shape;
  check(d.size() >= 2, ErrorKind::kShape, "data has shape ", d, ", must be (..., boxes, numbers)");
  const int64_t width = d.back();
  check(a.coord_start >= 0 && a.coord_start <= width - 4 && a.score_index >= 0 &&
            a.score_index < width && a.id_index < width,
        ErrorKind::kInvalidArgument, "coord_start is ", a.coord_start, ", score_index is ",
        a.score_index, ", id_index is ", a.id_index, ", must lie in the ", width,
        " numbers of a box");
  Dims places = d;
  places.back() = 1;
  return {in[0], {places, in[0].dtype}};
}

// The boxes of one sample that stay, best first; `data` has n rows of `width` numbers.
template <class T>
std::vector<int64_t> kept_boxes(const NmsAttrs& a, const T* data, int64_t n, int64_t width) {
  const auto score = [&](int64_t i) { return number(data[i * width + a.score_index]); };
  const auto id = [&](int64_t i) {
    return a.id_index < 0 ? 0.0 : number(data[i * width + a.id_index]);
  };
  std::vector<int64_t> order;
  for (int64_t i = 0; i < n; ++i) {
    const bool background =
        a.id_index >= 0 && a.background_id >= 0 && id(i) == static_cast<double>(a.background_id);
    if (score(i) > a.valid_thresh && !background) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t i, int64_t j) { return score(i) > score(j); });
  if (a.topk > 0 && static_cast<int64_t>(order.size()) > a.topk) {
    order.resize(static_cast<size_t>(a.topk));
  }
  std::vector<int64_t> kept;
  for (int64_t i : order) {
    const Box box = read_box(data + i * width + a.coord_start, a.in_format == "corner");
    bool stays = true;
    for (size_t j = 0; stays && j < kept.size(); ++j) {
      if (!a.force_suppress && a.id_index >= 0 && id(i) != id(kept[j])) continue;
      const Box other = read_box(data + kept[j] * width + a.coord_start, a.in_format == "corner");
      stays = overlap(box, other) <= a.overlap_thresh;
    }
    if (stays) kept.push_back(i);
  }
  return kept;
}

void nms_kernel(const NmsAttrs& a, const KernelArgs& k) {
  const int64_t n = k.in[0].dim(-2), width = k.in[0].dim(-1);
  const int64_t batch = k.in[0].size() / std::max<int64_t>(1, n * width);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    kernels::parallel_for(k.threads, batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const T* x = k.in[0].ptr<T>() + b * n * width;
        T *y = k.out[0].ptr<T>() + b * n * width, *place = k.out[1].ptr<T>() + b * n;
        std::fill_n(y, n * width, T(-1.0f));
        std::fill_n(place, n, T(-1.0f));
        const std::vector<int64_t> kept = kept_boxes(a, x, n, width);
        for (size_t i = 0; i < kept.size(); ++i) {
          const T* from = x + kept[i] * width;
          T* to = y + static_cast<int64_t>(i) * width;
          std::copy_n(from, width, to);
          if (a.in_format != a.out_format) {
            write_box(read_box(from + a.coord_start, a.in_format == "corner"), to + a.coord_start,
                      a.out_format == "corner");
          }
          place[i] = static_cast<T>(static_cast<float>(b * n + kept[i]));
        }
      }
    });
  });
}

// Gradient: what arrives at a kept box goes to where it came from. Boxes that changed their format
// get it as it is.
Values nms_grad(const NmsAttrs&, const GradArgs& g) {
  static const OpCall kAdd("scatter_add_nd", {"shape"}),
      kGreater("greater_equal_scalar", {"scalar"}), kMaximum("maximum_scalar", {"scalar"});
  const Dims& shape = g.in_spec(0).shape;
  const int64_t width = shape.back(), rows = num_elements(shape) / std::max<int64_t>(1, width);
  const Value place = op::reshape_to(g.out(1), {rows, 1});
  const Value stays = kGreater({place}, {0.0});
  const Value dy = op::reshape_to(g.dout(), {rows, width}) * stays;
  const Value at = op::reshape_to(kMaximum({place}, {0.0}), {1, rows});
  return {op::reshape_to(kAdd({dy, at}, {Dims{rows, width}}), shape)};
}

PLAIT_OP(box_nms, NmsAttrs)
    .doc("Keeps the best of boxes that overlap; the rest is filled with -1.")
    .input("data",
           "floating (..., boxes, numbers): each box has four coordinates, a score and "
           "maybe a class")
    .output("out", "shape of data: the boxes that stay, best first, then rows of -1")
    .hidden_output("place", "(..., boxes, 1): where each came from among all boxes, -1 for none")
    .attr("overlap_thresh", &NmsAttrs::overlap_thresh, 0.5,
          "boxes that overlap a better one by more are dropped")
    .attr("valid_thresh", &NmsAttrs::valid_thresh, 0.0, "boxes must have a larger score")
    .attr("topk", &NmsAttrs::topk, -1, "only this many of the best are looked at; <= 0: all")
    .attr("coord_start", &NmsAttrs::coord_start, 2, "place of the first coordinate")
    .attr("score_index", &NmsAttrs::score_index, 1, "place of the score")
    .attr("id_index", &NmsAttrs::id_index, -1, "place of the class; -1: there is none")
    .attr("background_id", &NmsAttrs::background_id, -1, "class that is dropped; -1: none")
    .attr("force_suppress", &NmsAttrs::force_suppress, false, "also between classes")
    .attr("in_format", &NmsAttrs::in_format, "corner", "format of the coordinates in data")
    .choices({"center", "corner"})
    .attr("out_format", &NmsAttrs::out_format, "corner", "format of the coordinates in the result")
    .choices({"center", "corner"})
    .on("nd sym", "_contrib_box_nms")
    .on("nd sym", "contrib.box_nms")
    .on("nd sym", "_contrib_box_non_maximum_suppression")
    .on("nd sym", "contrib.box_non_maximum_suppression")
    .infer(infer_nms)
    .cpu(nms_kernel)
    .grad(nms_grad, op::saves_output(1));

struct MatchingAttrs {
  bool is_ascend;
  double threshold;
  int64_t topk;
};

PLAIT_OP(bipartite_matching, MatchingAttrs)
    .doc("Pairs rows and columns of a score matrix, the best pair first, each at most once.")
    .input("data", "floating (..., rows, columns), scores")
    .output("row_match", "(..., rows): column of each row, -1 for none")
    .output("column_match", "(..., columns): row of each column, -1 for none")
    .attr("is_ascend", &MatchingAttrs::is_ascend, false, "smaller scores are better")
    .required_attr("threshold", &MatchingAttrs::threshold, "worse scores make no pair")
    .attr("topk", &MatchingAttrs::topk, -1, "at most this many pairs; <= 0: all")
    .on("nd sym", "_contrib_bipartite_matching")
    .on("nd sym", "contrib.bipartite_matching")
    .infer([](const MatchingAttrs&, const Specs& in) -> Specs {
      const Dims& d = check_floating(in[0], "data").shape;
      check(d.size() >= 2, ErrorKind::kShape, "data has shape ", d,
            ", must be (..., rows, columns)");
      Dims rows(d.begin(), d.end() - 1), columns(d.begin(), d.end() - 2);
      columns.push_back(d.back());
      return {{rows, in[0].dtype}, {columns, in[0].dtype}};
    })
    .cpu([](const MatchingAttrs& a, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(-2), m = k.in[0].dim(-1), size = n * m;
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        std::fill_n(k.out[0].ptr<T>(), k.out[0].size(), T(-1.0f));
        std::fill_n(k.out[1].ptr<T>(), k.out[1].size(), T(-1.0f));
        std::vector<int64_t> order(static_cast<size_t>(size));
        for (int64_t b = 0; size > 0 && b < k.in[0].size() / size; ++b) {
          const T* x = k.in[0].ptr<T>() + b * size;
          T *rows = k.out[0].ptr<T>() + b * n, *columns = k.out[1].ptr<T>() + b * m;
          std::iota(order.begin(), order.end(), 0);
          std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
            return a.is_ascend ? number(x[i]) < number(x[j]) : number(x[i]) > number(x[j]);
          });
          int64_t pairs = 0;
          for (int64_t i : order) {
            const double score = number(x[i]);
            if (a.is_ascend ? score > a.threshold : score < a.threshold) break;
            if (number(rows[i / m]) >= 0 || number(columns[i % m]) >= 0) continue;
            rows[i / m] = static_cast<T>(static_cast<float>(i % m));
            columns[i % m] = static_cast<T>(static_cast<float>(i / m));
            if (++pairs == a.topk) break;
          }
        }
      });
    })
    .grad(no_grad<MatchingAttrs>, op::saves_nothing());

struct DecodeAttrs {
  double std0, std1, std2, std3, clip;
  std::string format;
};

PLAIT_OP(box_decode, DecodeAttrs)
    .doc("Boxes from offsets to anchors: the reverse of box_encode.")
    .input("data", "floating (batch, boxes, 4), offsets of centre and logarithms of sizes")
    .input("anchors", "(1, boxes, 4)")
    .output("out", "(batch, boxes, 4), corners")
    .attr("std0", &DecodeAttrs::std0, 1.0, "factor of the first offset")
    .attr("std1", &DecodeAttrs::std1, 1.0, "factor of the second offset")
    .attr("std2", &DecodeAttrs::std2, 1.0, "factor of the third offset")
    .attr("std3", &DecodeAttrs::std3, 1.0, "factor of the fourth offset")
    .attr("clip", &DecodeAttrs::clip, -1.0, "largest logarithm of a size; <= 0: no bound")
    .attr("format", &DecodeAttrs::format, "center", "format of the anchors")
    .choices({"center", "corner"})
    .on("nd sym", "_contrib_box_decode")
    .on("nd sym", "contrib.box_decode")
    .infer([](const DecodeAttrs&, const Specs& in) -> Spec {
      const Dims &d = check_floating(in[0], "data").shape, &s = in[1].shape;
      check(d.size() == 3 && d[2] == 4, ErrorKind::kShape, "data has shape ", d,
            ", must be (batch, boxes, 4)");
      check((s == Dims{1, d[1], 4}) && in[1].dtype == in[0].dtype, ErrorKind::kShape,
            "anchors has shape ", s, " and dtype ", in[1].dtype, ", must be (1, ", d[1],
            ", 4) and ", in[0].dtype);
      return in[0];
    })
    .cpu([](const DecodeAttrs& a, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(1);
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < k.in[0].size() / 4; ++i) {
          const T* p = k.in[0].ptr<T>() + i * 4;
          const Box s = read_box(k.in[1].ptr<T>() + i % n * 4, a.format == "corner");
          const double width = s.right - s.left, height = s.bottom - s.top;
          const auto size = [&](double v) {
            return std::exp(a.clip > 0 ? std::min(v, a.clip) : v) / 2;
          };
          const double x = number(p[0]) * a.std0 * width + (s.left + s.right) / 2;
          const double y = number(p[1]) * a.std1 * height + (s.top + s.bottom) / 2;
          const double w = size(number(p[2]) * a.std2) * width;
          const double h = size(number(p[3]) * a.std3) * height;
          write_box({x - w, y - h, x + w, y + h}, k.out[0].ptr<T>() + i * 4, true);
        }
      });
    })
    .grad(no_grad<DecodeAttrs>, op::saves_nothing());

PLAIT_OP(box_encode, op::NoAttrs)
    .doc("Offsets of boxes to anchors, as targets of training.")
    .input("samples", "(batch, boxes): 1 for a matched anchor, else no target")
    .input("matches", "(batch, boxes): number of the reference of each anchor")
    .input("anchors", "(batch, boxes, 4), corners")
    .input("refs", "(batch, references, 4), corners")
    .input("means", "(4,), subtracted from the offsets")
    .input("stds", "(4,), divisors of the offsets")
    .output("targets", "(batch, boxes, 4)")
    .output("masks", "(batch, boxes, 4): 1 where there is a target")
    .on("nd sym", "_contrib_box_encode")
    .on("nd sym", "contrib.box_encode")
    .infer([](const op::NoAttrs&, const Specs& in) -> Specs {
      const Dims &s = in[0].shape, &r = in[3].shape;
      check(s.size() == 2 && in[1].shape == s && in[2].shape == Dims({s[0], s[1], 4}),
            ErrorKind::kShape, "samples, matches and anchors have shapes ", s, ", ", in[1].shape,
            ", ", in[2].shape, ", must be (batch, boxes) twice and (batch, boxes, 4)");
      check(r.size() == 3 && r[0] == s[0] && r[2] == 4 && r[1] > 0, ErrorKind::kShape,
            "refs has shape ", r, ", must be (", s[0], ", references, 4)");
      check(in[4].shape == Dims{4} && in[5].shape == Dims{4}, ErrorKind::kShape,
            "means and stds have shapes ", in[4].shape, " and ", in[5].shape, ", must be (4,)");
      for (const Spec& spec : in) {
        check(is_floating(spec.dtype) && spec.dtype == in[0].dtype, ErrorKind::kType,
              "an input has dtype ", spec.dtype, ", must be floating and that of samples");
      }
      return {in[2], in[2]};
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(1), refs = k.in[3].dim(1);
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < k.in[0].size(); ++i) {
          T *target = k.out[0].ptr<T>() + i * 4, *mask = k.out[1].ptr<T>() + i * 4;
          const bool on = number(k.in[0].ptr<T>()[i]) > 0.5;
          const auto match =
              std::clamp<int64_t>(static_cast<int64_t>(number(k.in[1].ptr<T>()[i])), 0, refs - 1);
          const Box a = read_box(k.in[2].ptr<T>() + i * 4, true);
          const Box r = read_box(k.in[3].ptr<T>() + (i / n * refs + match) * 4, true);
          const double aw = a.right - a.left, ah = a.bottom - a.top;
          const double v[] = {(r.left + r.right - a.left - a.right) / 2 / aw,
                              (r.top + r.bottom - a.top - a.bottom) / 2 / ah,
                              std::log((r.right - r.left) / aw), std::log((r.bottom - r.top) / ah)};
          for (int j = 0; j < 4; ++j) {
            const double scaled =
                (v[j] - number(k.in[4].ptr<T>()[j])) / number(k.in[5].ptr<T>()[j]);
            target[j] = static_cast<T>(static_cast<acc_t<T>>(on ? scaled : 0.0));
            mask[j] = static_cast<T>(on ? 1.0f : 0.0f);
          }
        }
      });
    })
    .grad(no_grad<op::NoAttrs>, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
