#include <cmath>
#include <vector>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/vision/boxes.h"

// Anchors, targets and results of single-shot detectors: Liu et al., "SSD", ECCV (2016).
namespace plait::ops {
namespace {

using op::KernelArgs;

template <class T>
double number(T v) {
  return static_cast<double>(static_cast<acc_t<T>>(v));
}
template <class T>
T rounded(double v) {
  return static_cast<T>(static_cast<acc_t<T>>(v));
}
template <class A>
Values no_grad(const A&, const GradArgs& g) {
  return Values(g.num_in());
}

struct PriorAttrs {
  std::vector<double> sizes, ratios, steps, offsets;
  bool clip;
};

PLAIT_OP(multi_box_prior, PriorAttrs)
    .doc(
        "Anchors around every pixel: each size with the first ratio, the first size with each "
        "other ratio.")
    .input("data", "(batch, channels, height, width), only the shape counts")
    .output("out", "(1, height * width * (sizes + ratios - 1), 4), corners in parts of the image")
    .attr("sizes", &PriorAttrs::sizes, std::vector<double>{1.0}, "sizes in parts of the height")
    .attr("ratios", &PriorAttrs::ratios, std::vector<double>{1.0}, "width over height")
    .attr("clip", &PriorAttrs::clip, false, "move corners into the image")
    .attr("steps", &PriorAttrs::steps, std::vector<double>{-1.0, -1.0},
          "distances of centres (y, x) in parts of the image; negative: one pixel")
    .attr("offsets", &PriorAttrs::offsets, std::vector<double>{0.5, 0.5},
          "place (y, x) of a centre in its pixel")
    .on("nd sym", "_contrib_MultiBoxPrior")
    .on("nd sym", "contrib.MultiBoxPrior")
    .on("npx", "multibox_prior")
    .infer([](const PriorAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check(d.size() == 4, ErrorKind::kShape, "data has shape ", d,
            ", must be (batch, channels, height, width)");
      check(!a.sizes.empty() && !a.ratios.empty() && a.steps.size() == 2 && a.offsets.size() == 2,
            ErrorKind::kInvalidArgument,
            "sizes and ratios must have a number, steps and offsets two each");
      const auto count = static_cast<int64_t>(a.sizes.size() + a.ratios.size() - 1);
      return {{1, d[2] * d[3] * count, 4}, in[0].dtype};
    })
    .cpu([](const PriorAttrs& a, const KernelArgs& k) {
      const int64_t height = k.in[0].dim(2), width = k.in[0].dim(3);
      const double sy = a.steps[0] > 0 ? a.steps[0] : 1.0 / static_cast<double>(height);
      const double sx = a.steps[1] > 0 ? a.steps[1] : 1.0 / static_cast<double>(width);
      const double shape = static_cast<double>(height) / static_cast<double>(width);
      dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
        T* y = k.out[0].ptr<T>();
        const auto put = [&](double cy, double cx, double h, double w) {
          for (double v : {cx - w, cy - h, cx + w, cy + h}) {
            *y++ = rounded<T>(a.clip ? std::clamp(v, 0.0, 1.0) : v);
          }
        };
        for (int64_t p = 0; p < height * width; ++p) {
          const double cy = (static_cast<double>(p / width) + a.offsets[0]) * sy;
          const double cx = (static_cast<double>(p % width) + a.offsets[1]) * sx;
          const double first = std::sqrt(a.ratios[0]);
          for (double s : a.sizes) put(cy, cx, s / first / 2, s * shape * first / 2);
          for (size_t i = 1; i < a.ratios.size(); ++i) {
            const double r = std::sqrt(a.ratios[i]), s = a.sizes[0];
            put(cy, cx, s / r / 2, s * shape * r / 2);
          }
        }
      });
    })
    .grad(no_grad<PriorAttrs>, op::saves_nothing());

struct TargetAttrs {
  double overlap_threshold, ignore_label, negative_mining_ratio, negative_mining_thresh;
  int64_t minimum_negative_samples;
  std::vector<double> variances;
};

// Which label each anchor gets: -1 none (background), -2 not used.
struct Matching {
  std::vector<int64_t> label;
  std::vector<double> best;  // overlap with the best label
};

// Each label first takes the anchor that it overlaps most, then anchors take labels that they
// overlap by more than the threshold.
template <class T>
Matching match(const TargetAttrs& a, const View& anchors, const T* labels, int64_t count,
               int64_t width) {
  const int64_t n = anchors.dim(1);
  Matching m{std::vector<int64_t>(static_cast<size_t>(n), -1),
             std::vector<double>(static_cast<size_t>(n), -1.0)};
  std::vector<double> iou(static_cast<size_t>(n * count));
  for (int64_t i = 0; i < n; ++i) {
    const Box anchor = read_box(anchors.ptr<T>() + i * 4, true);
    for (int64_t j = 0; j < count; ++j) {
      iou[static_cast<size_t>(i * count + j)] =
          overlap(anchor, read_box(labels + j * width + 1, true));
    }
  }
  std::vector<int64_t> nearest(static_cast<size_t>(n), -1);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < count; ++j) {
      const double v = iou[static_cast<size_t>(i * count + j)];
      if (v > m.best[static_cast<size_t>(i)]) {
        m.best[static_cast<size_t>(i)] = v;
        nearest[static_cast<size_t>(i)] = j;
      }
    }
  }
  std::vector<bool> taken(static_cast<size_t>(count), false), used(static_cast<size_t>(n), false);
  for (int64_t round = 0; round < count; ++round) {
    double best = 1e-6;
    int64_t at = -1;
    for (int64_t i = 0; i < n * count; ++i) {
      if (used[static_cast<size_t>(i / count)] || taken[static_cast<size_t>(i % count)]) continue;
      if (iou[static_cast<size_t>(i)] > best) best = iou[static_cast<size_t>(i)], at = i;
    }
    if (at < 0) break;
    used[static_cast<size_t>(at / count)] = taken[static_cast<size_t>(at % count)] = true;
    m.label[static_cast<size_t>(at / count)] = at % count;
    m.best[static_cast<size_t>(at / count)] = best;
  }
  for (int64_t i = 0; a.overlap_threshold > 0 && i < n; ++i) {
    const auto at = static_cast<size_t>(i);
    if (!used[at] && m.best[at] > a.overlap_threshold) m.label[at] = nearest[at];
  }
  return m;
}

// Of the anchors without a label only the hardest stay as background: those whose background score
// is lowest.
template <class T>
void mine(const TargetAttrs& a, const T* scores, int64_t classes, Matching& m) {
  const auto n = static_cast<int64_t>(m.label.size());
  int64_t positive = 0;
  std::vector<std::pair<double, int64_t>> hard;
  for (int64_t i = 0; i < n; ++i) {
    if (m.label[static_cast<size_t>(i)] >= 0) {
      ++positive;
      continue;
    }
    m.label[static_cast<size_t>(i)] = -2;
    if (m.best[static_cast<size_t>(i)] >= a.negative_mining_thresh) continue;
    double top = number(scores[i]), sum = 0;
    for (int64_t c = 1; c < classes; ++c) top = std::max(top, number(scores[c * n + i]));
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(number(scores[c * n + i]) - top);
    hard.emplace_back(std::exp(number(scores[i]) - top) / sum, i);
  }
  const auto wanted =
      std::max(static_cast<int64_t>(static_cast<double>(positive) * a.negative_mining_ratio),
               a.minimum_negative_samples);
  std::stable_sort(hard.begin(), hard.end(),
                   [](const auto& p, const auto& q) { return p.first < q.first; });
  for (int64_t i = 0; i < std::min(wanted, static_cast<int64_t>(hard.size())); ++i) {
    m.label[static_cast<size_t>(hard[static_cast<size_t>(i)].second)] = -1;
  }
}

template <class T>
void target_sample(const TargetAttrs& a, const KernelArgs& k, int64_t b) {
  const int64_t n = k.in[0].dim(1), rows = k.in[1].dim(1), width = k.in[1].dim(2),
                classes = k.in[2].dim(1);
  const T* labels = k.in[1].ptr<T>() + b * rows * width;
  int64_t count = 0;  // labels end at the first class -1
  while (count < rows && number(labels[count * width]) != -1) ++count;
  T *offset = k.out[0].ptr<T>() + b * n * 4, *mask = k.out[1].ptr<T>() + b * n * 4,
    *target = k.out[2].ptr<T>() + b * n;
  std::fill_n(offset, n * 4, T(0.0f));
  std::fill_n(mask, n * 4, T(0.0f));
  std::fill_n(target, n, rounded<T>(a.ignore_label));
  if (count == 0) return;
  Matching m = match<T>(a, k.in[0], labels, count, width);
  if (a.negative_mining_ratio > 0) mine(a, k.in[2].ptr<T>() + b * classes * n, classes, m);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = m.label[static_cast<size_t>(i)];
    if (label == -1) target[i] = T(0.0f);
    if (label < 0) continue;
    target[i] = rounded<T>(number(labels[label * width]) + 1);
    const Box s = read_box(k.in[0].ptr<T>() + i * 4, true),
              r = read_box(labels + label * width + 1, true);
    const double w = s.right - s.left, h = s.bottom - s.top;
    const double v[] = {(r.left + r.right - s.left - s.right) / 2 / w,
                        (r.top + r.bottom - s.top - s.bottom) / 2 / h,
                        std::log((r.right - r.left) / w), std::log((r.bottom - r.top) / h)};
    for (size_t j = 0; j < 4; ++j) {
      offset[i * 4 + static_cast<int64_t>(j)] = rounded<T>(v[j] / a.variances[j]);
      mask[i * 4 + static_cast<int64_t>(j)] = T(1.0f);
    }
  }
}

PLAIT_OP(multi_box_target, TargetAttrs)
    .doc("Classes and offsets that a detector should give for each anchor.")
    .input("anchor", "floating (1, anchors, 4), corners")
    .input("label", "(batch, labels, 5 or more): class, corners; a class of -1 ends the list")
    .input("cls_pred", "(batch, classes + 1, anchors), scores, for mining")
    .output("loc_target", "(batch, anchors * 4), offsets")
    .output("loc_mask", "(batch, anchors * 4), 1 where an anchor has a label")
    .output("cls_target", "(batch, anchors): class + 1, 0 for background, or ignore_label")
    .attr("overlap_threshold", &TargetAttrs::overlap_threshold, 0.5,
          "an anchor gets a label that it overlaps by more")
    .attr("ignore_label", &TargetAttrs::ignore_label, -1.0, "class of anchors that do not count")
    .attr("negative_mining_ratio", &TargetAttrs::negative_mining_ratio, -1.0,
          "background anchors for each labelled one; <= 0: all")
    .attr("negative_mining_thresh", &TargetAttrs::negative_mining_thresh, 0.5,
          "mined anchors overlap every label by less")
    .attr("minimum_negative_samples", &TargetAttrs::minimum_negative_samples, 0,
          "mined anchors at least")
    .attr("variances", &TargetAttrs::variances, std::vector<double>{0.1, 0.1, 0.2, 0.2},
          "divisors of the four offsets")
    .on("nd sym", "_contrib_MultiBoxTarget")
    .on("nd sym", "contrib.MultiBoxTarget")
    .on("npx", "multibox_target")
    .infer([](const TargetAttrs& a, const Specs& in) -> Specs {
      const Dims &s = in[0].shape, &l = in[1].shape, &c = in[2].shape;
      check(s.size() == 3 && s[0] == 1 && s[2] == 4, ErrorKind::kShape, "anchor has shape ", s,
            ", must be (1, anchors, 4)");
      check(l.size() == 3 && l[2] >= 5, ErrorKind::kShape, "label has shape ", l,
            ", must be (batch, labels, 5 or more)");
      check(c.size() == 3 && c[0] == l[0] && c[1] > 0 && c[2] == s[1], ErrorKind::kShape,
            "cls_pred has shape ", c, ", must be (", l[0], ", classes + 1, ", s[1], ")");
      check(a.variances.size() == 4, ErrorKind::kInvalidArgument, "variances has ",
            a.variances.size(), " numbers, must be 4");
      for (const Spec& spec : in) {
        check(is_floating(spec.dtype) && spec.dtype == in[0].dtype, ErrorKind::kType,
              "an input has dtype ", spec.dtype, ", must be floating and that of anchor");
      }
      const Spec offsets{{l[0], s[1] * 4}, in[0].dtype};
      return {offsets, offsets, {{l[0], s[1]}, in[0].dtype}};
    })
    .cpu([](const TargetAttrs& a, const KernelArgs& k) {
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        kernels::parallel_for(k.threads, k.in[1].dim(0), 1, [&](int64_t begin, int64_t end) {
          for (int64_t b = begin; b < end; ++b) target_sample<T>(a, k, b);
        });
      });
    })
    .grad(no_grad<TargetAttrs>, op::saves_nothing());

struct DetectionAttrs {
  bool clip, force_suppress;
  double threshold, nms_threshold;
  int64_t background_id, nms_topk;
  std::vector<double> variances;
};

struct Found {
  double id, score;
  Box box;
};

// The boxes of one sample: decoded, above the threshold, best first.
template <class T>
std::vector<Found> decode(const DetectionAttrs& a, const KernelArgs& k, int64_t b) {
  const int64_t classes = k.in[0].dim(1), n = k.in[0].dim(2);
  const T *score = k.in[0].ptr<T>() + b * classes * n, *offset = k.in[1].ptr<T>() + b * n * 4;
  std::vector<Found> found;
  for (int64_t i = 0; i < n; ++i) {
    int64_t id = -1;
    double best = -1;
    for (int64_t c = 0; c < classes; ++c) {
      if (c == a.background_id) continue;
      if (number(score[c * n + i]) > best) best = number(score[c * n + i]), id = c;
    }
    if (id < 0 || best < a.threshold) continue;
    const Box s = read_box(k.in[2].ptr<T>() + i * 4, true);
    const double w = s.right - s.left, h = s.bottom - s.top;
    const auto d = [&](size_t j) {
      return number(offset[i * 4 + static_cast<int64_t>(j)]) * a.variances[j];
    };
    const double x = d(0) * w + (s.left + s.right) / 2, y = d(1) * h + (s.top + s.bottom) / 2;
    const double ow = std::exp(d(2)) * w / 2, oh = std::exp(d(3)) * h / 2;
    Box box{x - ow, y - oh, x + ow, y + oh};
    if (a.clip) {
      for (double* v : {&box.left, &box.top, &box.right, &box.bottom})
        *v = std::clamp(*v, 0.0, 1.0);
    }
    const bool shifts = a.background_id >= 0 && id > a.background_id;
    found.push_back({static_cast<double>(shifts ? id - 1 : id), best, box});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& p, const Found& q) { return p.score > q.score; });
  return found;
}

template <class T>
void detect_sample(const DetectionAttrs& a, const KernelArgs& k, int64_t b) {
  const int64_t n = k.in[0].dim(2);
  std::vector<Found> found = decode<T>(a, k, b);
  T* to = k.out[0].ptr<T>() + b * n * 6;
  std::fill_n(to, n * 6, T(-1.0f));
  if (a.nms_topk > 0 && static_cast<int64_t>(found.size()) > a.nms_topk) {
    for (size_t i = static_cast<size_t>(a.nms_topk); i < found.size(); ++i) found[i].id = -1;
  }
  for (size_t i = 0; i < found.size(); ++i, to += 6) {
    for (size_t j = 0; j < i && found[i].id >= 0 && a.nms_threshold > 0 && a.nms_threshold <= 1;
         ++j) {
      const bool rivals = found[j].id >= 0 && (a.force_suppress || found[i].id == found[j].id);
      if (rivals && overlap(found[i].box, found[j].box) >= a.nms_threshold) found[i].id = -1;
    }
    to[0] = rounded<T>(found[i].id);
    to[1] = rounded<T>(found[i].score);
    write_box(found[i].box, to + 2, true);
  }
}

PLAIT_OP(multi_box_detection, DetectionAttrs)
    .doc("Boxes of a detector: decoded, and of those that overlap only the best.")
    .input("cls_prob", "floating (batch, classes + 1, anchors)")
    .input("loc_pred", "(batch, anchors * 4), offsets")
    .input("anchor", "(1, anchors, 4), corners")
    .output("out", "(batch, anchors, 6): class, score, corners, best first; class -1: dropped")
    .attr("clip", &DetectionAttrs::clip, true, "move corners into the image")
    .attr("threshold", &DetectionAttrs::threshold, 0.01, "smallest score")
    .attr("background_id", &DetectionAttrs::background_id, 0, "class of the background")
    .attr("nms_threshold", &DetectionAttrs::nms_threshold, 0.5,
          "boxes that overlap a better one by as much are dropped")
    .attr("force_suppress", &DetectionAttrs::force_suppress, false, "also between classes")
    .attr("variances", &DetectionAttrs::variances, std::vector<double>{0.1, 0.1, 0.2, 0.2},
          "factors of the four offsets")
    .attr("nms_topk", &DetectionAttrs::nms_topk, -1, "only this many of the best stay; <= 0: all")
    .on("nd sym", "_contrib_MultiBoxDetection")
    .on("nd sym", "contrib.MultiBoxDetection")
    .on("npx", "multibox_detection")
    .infer([](const DetectionAttrs& a, const Specs& in) -> Spec {
      const Dims &c = in[0].shape, &l = in[1].shape, &s = in[2].shape;
      check(c.size() == 3, ErrorKind::kShape, "cls_prob has shape ", c,
            ", must be (batch, classes + 1, anchors)");
      check(l == Dims({c[0], c[2] * 4}), ErrorKind::kShape, "loc_pred has shape ", l, ", must be (",
            c[0], ", ", c[2] * 4, ")");
      check(s == Dims({1, c[2], 4}), ErrorKind::kShape, "anchor has shape ", s, ", must be (1, ",
            c[2], ", 4)");
      check(a.variances.size() == 4, ErrorKind::kInvalidArgument, "variances has ",
            a.variances.size(), " numbers, must be 4");
      for (const Spec& spec : in) {
        check(is_floating(spec.dtype) && spec.dtype == in[0].dtype, ErrorKind::kType,
              "an input has dtype ", spec.dtype, ", must be floating and that of cls_prob");
      }
      return {{c[0], c[2], 6}, in[0].dtype};
    })
    .cpu([](const DetectionAttrs& a, const KernelArgs& k) {
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        kernels::parallel_for(k.threads, k.in[0].dim(0), 1, [&](int64_t begin, int64_t end) {
          for (int64_t b = begin; b < end; ++b) detect_sample<T>(a, k, b);
        });
      });
    })
    .grad(no_grad<DetectionAttrs>, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
