#include <cmath>
#include <numeric>
#include <vector>

#include "op/op.h"
#include "ops/in_float32.h"
#include "ops/vision/boxes.h"

// Regions of a picture that may hold an object, from what a network says of anchors.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct ProposalAttrs {
  int64_t rpn_pre_nms_top_n, rpn_post_nms_top_n;
  double threshold, rpn_min_size;
  std::vector<double> scales, ratios;
  int64_t feature_stride;
  bool output_score, iou_loss;
};

constexpr int64_t kMostBoxes = int64_t{1} << 31;

size_t anchors_of(const ProposalAttrs& a) { return a.scales.size() * a.ratios.size(); }

Specs infer(const ProposalAttrs& a, const Specs& in) {
  const auto count = static_cast<int64_t>(anchors_of(a));
  const Dims& score = in[0].shape;
  check(count > 0, ErrorKind::kInvalidArgument, "scales and ratios have ", a.scales.size(), " and ",
        a.ratios.size(), " numbers, must have at least 1 each");
  check(a.feature_stride > 0, ErrorKind::kInvalidArgument, "feature_stride is ", a.feature_stride,
        ", must be > 0");
  check(a.rpn_post_nms_top_n > 0 && a.rpn_post_nms_top_n <= kMostBoxes, ErrorKind::kInvalidArgument,
        "rpn_post_nms_top_n is ", a.rpn_post_nms_top_n, ", must be in [1, ", kMostBoxes, "]");
  for (double v : a.ratios) {
    check(v > 0, ErrorKind::kInvalidArgument, "ratios has ", v, ", must be > 0");
  }
  check(score.size() == 4 && score[1] == 2 * count && num_elements(score) > 0, ErrorKind::kShape,
        "cls_prob has shape ", score, ", must be (batch, ", 2 * count, ", height, width)");
  const Dims boxes{score[0], 4 * count, score[2], score[3]}, sizes{score[0], 3};
  check(in[1].shape == boxes, ErrorKind::kShape, "bbox_pred has shape ", in[1].shape, ", must be ",
        boxes);
  check(in[2].shape == sizes, ErrorKind::kShape, "im_info has shape ", in[2].shape, ", must be ",
        sizes);
  for (const Spec& s : in) {
    check(is_floating(s.dtype) && s.dtype == in[0].dtype, ErrorKind::kType, "an input has dtype ",
          s.dtype, ", must be floating and the same for all");
  }
  const Dims rows{score[0] * a.rpn_post_nms_top_n, 5};
  return {{rows, in[0].dtype}, {{rows[0], 1}, in[0].dtype}};
}

// Boxes around the first cell, ratio by ratio and scale by scale; corners are pixels that belong to
// the box, as everywhere below. Ren, He, Girshick, Sun (2015), 3.1.1.
std::vector<Box> base_anchors(const ProposalAttrs& a) {
  const double side = static_cast<double>(a.feature_stride), centre = 0.5 * (side - 1);
  std::vector<Box> out;
  for (double ratio : a.ratios) {
    const double width = std::floor(std::sqrt(std::floor(side * side / ratio)) + 0.5);
    const double height = std::floor(width * ratio + 0.5);
    for (double scale : a.scales) {
      const double x = 0.5 * (width * scale - 1), y = 0.5 * (height * scale - 1);
      out.push_back({centre - x, centre - y, centre + x, centre + y});
    }
  }
  return out;
}

struct Candidate {
  Box box;
  double score;
};

// Moved and resized by what the network says.
Box refined(const Box& b, const double* d, bool corners) {
  if (corners) return {b.left + d[0], b.top + d[1], b.right + d[2], b.bottom + d[3]};
  const double width = b.right - b.left + 1, height = b.bottom - b.top + 1;
  const double x = d[0] * width + b.left + 0.5 * (width - 1);
  const double y = d[1] * height + b.top + 0.5 * (height - 1);
  const double w = 0.5 * (std::exp(d[2]) * width - 1), h = 0.5 * (std::exp(d[3]) * height - 1);
  return {x - w, y - h, x + w, y + h};
}

// All anchors of picture `n`. Those that lie in its padding, and small boxes, get the score -1.
template <class T>
std::vector<Candidate> candidates(const ProposalAttrs& a, const KernelArgs& k, int64_t n) {
  const int64_t height = k.in[0].dim(2), width = k.in[0].dim(3), plane = height * width;
  const std::vector<Box> anchors = base_anchors(a);
  const auto count = static_cast<int64_t>(anchors.size());
  const T* score = k.in[0].ptr<T>() + (2 * n + 1) * count * plane;
  const T* delta = k.in[1].ptr<T>() + n * 4 * count * plane;
  const T* info = k.in[2].ptr<T>() + n * 3;
  const double stride = static_cast<double>(a.feature_stride), last_x = info[1] - 1.0,
               last_y = info[0] - 1.0, least = a.rpn_min_size * info[2];
  std::vector<Candidate> out;
  out.reserve(static_cast<size_t>(plane * count));
  for (int64_t i = 0; i < plane * count; ++i) {
    const int64_t c = i % count, cell = i / count;
    const double x = static_cast<double>(cell % width), y = static_cast<double>(cell / width);
    const Box& base = anchors[static_cast<size_t>(c)];
    const Box anchor{base.left + x * stride, base.top + y * stride, base.right + x * stride,
                     base.bottom + y * stride};
    double d[4];
    for (int64_t j = 0; j < 4; ++j) d[j] = delta[(4 * c + j) * plane + cell];
    Box box = refined(anchor, d, a.iou_loss);
    box = {std::clamp(box.left, 0.0, std::max(0.0, last_x)),
           std::clamp(box.top, 0.0, std::max(0.0, last_y)),
           std::clamp(box.right, 0.0, std::max(0.0, last_x)),
           std::clamp(box.bottom, 0.0, std::max(0.0, last_y))};
    double value = score[c * plane + cell];
    if (y >= std::floor(info[0] / stride) || x >= std::floor(info[1] / stride)) value = -1;
    if (box.right - box.left + 1 < least || box.bottom - box.top + 1 < least) {
      box = {box.left - least / 2, box.top - least / 2, box.right + least / 2,
             box.bottom + least / 2};
      value = -1;
    }
    out.push_back({box, value});
  }
  return out;
}

// The best candidates, without those that overlap a better one by more than the threshold.
std::vector<Candidate> chosen(const ProposalAttrs& a, std::vector<Candidate> all) {
  std::stable_sort(all.begin(), all.end(), [](const Candidate& x, const Candidate& y) {
    return x.score > y.score || (std::isnan(y.score) && !std::isnan(x.score));
  });
  const auto most = static_cast<size_t>(std::max<int64_t>(a.rpn_pre_nms_top_n, 0));
  if (most > 0 && all.size() > most) all.resize(most);
  const size_t wanted = std::min(static_cast<size_t>(a.rpn_post_nms_top_n), all.size());
  const auto with_edge = [](const Box& b) { return Box{b.left, b.top, b.right + 1, b.bottom + 1}; };
  std::vector<Candidate> kept;
  for (size_t i = 0; i < all.size() && kept.size() < wanted; ++i) {
    const bool stays = std::none_of(kept.begin(), kept.end(), [&](const Candidate& c) {
      return overlap(with_edge(c.box), with_edge(all[i].box)) > a.threshold;
    });
    if (stays) kept.push_back(all[i]);
  }
  return kept;
}

template <class T>
void propose(const ProposalAttrs& a, const KernelArgs& k) {
  for (int64_t n = 0; n < k.in[0].dim(0); ++n) {
    const std::vector<Candidate> kept = chosen(a, candidates<T>(a, k, n));
    for (int64_t i = 0; i < a.rpn_post_nms_top_n; ++i) {  // again from the first if there are few
      const Candidate& c = kept[static_cast<size_t>(i) % kept.size()];
      const int64_t row = n * a.rpn_post_nms_top_n + i;
      k.out[0].ptr<T>()[row * 5] = static_cast<T>(n);
      write_box(c.box, k.out[0].ptr<T>() + row * 5 + 1, true);
      k.out[1].ptr<T>()[row] = static_cast<T>(c.score);
    }
  }
}

PLAIT_OP(multi_proposal, ProposalAttrs)
    .doc("Boxes of pictures that may hold an object, best first, from scores of anchors.")
    .source("Ren, He, Girshick, Sun: Faster R-CNN, NIPS (2015)")
    .input("cls_prob",
           "floating (batch, 2 anchors, height, width): of background, then of an object")
    .input("bbox_pred", "(batch, 4 anchors, height, width): moves and sizes of the anchors' boxes")
    .input("im_info", "(batch, 3): height, width and scale of each picture, in pixels")
    .output("output", "(batch rpn_post_nms_top_n, 5): picture, left, top, right, bottom")
    .output("score", "(batch rpn_post_nms_top_n, 1), with output_score")
    .attr("rpn_pre_nms_top_n", &ProposalAttrs::rpn_pre_nms_top_n, 6000,
          "boxes that are compared with each other, the best; 0: all")
    .attr("rpn_post_nms_top_n", &ProposalAttrs::rpn_post_nms_top_n, 300, "boxes for each picture")
    .attr("threshold", &ProposalAttrs::threshold, 0.7,
          "intersection over union from which a box stands for another one")
    .attr("rpn_min_size", &ProposalAttrs::rpn_min_size, 16.0,
          "least width and height, in pixels of the picture before scaling")
    .attr("scales", &ProposalAttrs::scales, std::vector<double>{4, 8, 16, 32}, "sizes of anchors")
    .attr("ratios", &ProposalAttrs::ratios, std::vector<double>{0.5, 1, 2},
          "height over width of anchors, > 0")
    .attr("feature_stride", &ProposalAttrs::feature_stride, 16, "pixels of a cell, > 0")
    .attr("output_score", &ProposalAttrs::output_score, false, "give the scores too")
    .attr("iou_loss", &ProposalAttrs::iou_loss, false, "bbox_pred moves corners")
    .on("nd sym", "_contrib_Proposal")
    .on("nd sym", "contrib.Proposal")
    .on("nd sym", "_contrib_MultiProposal")
    .on("nd sym", "contrib.MultiProposal")
    .infer(infer)
    .visible_outputs([](const ProposalAttrs& a) { return a.output_score ? 2 : 1; })
    .cpu(in_float32([](const ProposalAttrs& a, const KernelArgs& k) {
      k.in[0].dtype == DType::kFloat64 ? propose<double>(a, k) : propose<float>(a, k);
    }))
    .grad([](const ProposalAttrs&, const GradArgs& g) -> Values { return Values(g.num_in()); },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
