#include <cmath>
#include <limits>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"

namespace plait::ops {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

struct CtcAttrs {
  bool use_data_lengths, use_label_lengths;
  std::string blank_label;
};

double log_add(double a, double b) {
  if (a == kNever) return b;
  if (b == kNever) return a;
  return a > b ? a + std::log1p(std::exp(b - a)) : b + std::log1p(std::exp(a - b));
}

int count_inputs(const CtcAttrs& a) { return 2 + a.use_data_lengths + a.use_label_lengths; }

void check_inputs(const CtcAttrs& a, const Specs& in) {
  const Dims &data = in[0].shape, &label = in[1].shape;
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(data.size() == 3 && data[2] > 0, ErrorKind::kShape, "data has shape ", data,
        ", must be (time, batch, classes)");
  check(label.size() == 2 && label[0] == data[1], ErrorKind::kShape, "label has shape ", label,
        ", must be (", data[1], ", labels)");
  const Dims batch{data[1]};
  for (size_t i = 2; i < static_cast<size_t>(count_inputs(a)); ++i) {
    const char* name = i == 2 && a.use_data_lengths ? "data_lengths" : "label_lengths";
    check(in[i].shape == batch, ErrorKind::kShape, name, " has shape ", in[i].shape, ", must be ",
          batch);
  }
}

// Everything of one call, read once.
struct Problem {
  int64_t time, batch, classes, most, blank;
  std::vector<int64_t> label, times, labels;  // labels: how many of each sample

  // `first` is the place of data among the inputs.
  Problem(const CtcAttrs& a, const op::KernelArgs& k, size_t first)
      : time(k.in[first].dim(0)),
        batch(k.in[first].dim(1)),
        classes(k.in[first].dim(2)),
        most(k.in[first + 1].dim(1)),
        blank(a.blank_label == "first" ? 0 : classes - 1),
        times(static_cast<size_t>(batch), time),
        labels(static_cast<size_t>(batch)) {
    label = numbers(k.in[first + 1]);
    size_t next = first + 2;
    if (a.use_data_lengths) times = numbers(k.in[next++]);
    for (int64_t t : times) {
      check(t >= 0 && t <= time, ErrorKind::kInvalidArgument, "data_lengths has ", t,
            ", must be in [0, ", time, "]");
    }
    if (a.use_label_lengths) {
      labels = numbers(k.in[next]);
    } else {
      // Labels end at the first padding: 0 where the blank comes first, else -1.
      const int64_t padding = a.blank_label == "first" ? 0 : -1;
      for (int64_t b = 0; b < batch; ++b) {
        int64_t n = 0;
        while (n < most && label[static_cast<size_t>(b * most + n)] != padding) ++n;
        labels[static_cast<size_t>(b)] = n;
      }
    }
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t n = labels[static_cast<size_t>(b)];
      check(n >= 0 && n <= most, ErrorKind::kInvalidArgument, "label_lengths has ", n,
            ", must be in [0, ", most, "]");
      for (int64_t i = 0; i < n; ++i) {
        const int64_t c = label[static_cast<size_t>(b * most + i)];
        check(c >= 0 && c < classes && c != blank, ErrorKind::kIndex, "label has ", c,
              ", must be a class in [0, ", classes - 1, "] and not the blank, ", blank);
      }
    }
  }
  static std::vector<int64_t> numbers(const View& v) {
    std::vector<int64_t> out(static_cast<size_t>(v.size()));
    kernels::convert(v.data, v.dtype, 1, out.data(), DType::kInt64, v.size());
    return out;
  }
};

// Forward and backward variables of one sample in logarithms: Graves, Fernandez, Gomez,
// Schmidhuber, "Connectionist temporal classification", ICML (2006), sec. 4.
class Sample {
 public:
  template <class T>
  Sample(const Problem& p, const T* data, int64_t b)
      : classes_(p.classes), time_(p.times[static_cast<size_t>(b)]), blank_(p.blank) {
    const int64_t n = p.labels[static_cast<size_t>(b)];
    states_.push_back(blank_);
    for (int64_t i = 0; i < n; ++i) {
      states_.push_back(p.label[static_cast<size_t>(b * p.most + i)]);
      states_.push_back(blank_);
    }
    log_p_.resize(static_cast<size_t>(time_ * classes_));
    for (int64_t t = 0; t < time_; ++t) {
      const T* x = data + (t * p.batch + b) * classes_;
      double top = kNever, sum = 0;
      for (int64_t c = 0; c < classes_; ++c) top = std::max(top, number(x[c]));
      for (int64_t c = 0; c < classes_; ++c) sum += std::exp(number(x[c]) - top);
      for (int64_t c = 0; c < classes_; ++c)
        log_p_[static_cast<size_t>(t * classes_ + c)] = number(x[c]) - top - std::log(sum);
    }
  }

  // -log of the probability of the labels.
  double loss() {
    if (time_ == 0) return states_.size() == 1 ? 0 : -kNever;
    const std::vector<double> a = alpha();
    return -ending(a);
  }

  // d loss / d data at each step, times `scale`.
  template <class T>
  void gradient(const Problem& p, int64_t b, double scale, T* out) {
    const std::vector<double> a = alpha(), z = beta();
    const double total = time_ ? ending(a) : kNever;
    const size_t s = states_.size();
    std::vector<double> share(static_cast<size_t>(classes_));
    for (int64_t t = 0; t < p.time; ++t) {
      T* to = out + (t * p.batch + b) * classes_;
      if (t >= time_ || total == kNever) {
        std::fill_n(to, classes_, T(0.0f));
        continue;
      }
      std::fill(share.begin(), share.end(), kNever);
      for (size_t i = 0; i < s; ++i) {
        double& at = share[static_cast<size_t>(states_[i])];
        at = log_add(at, a[static_cast<size_t>(t) * s + i] + z[static_cast<size_t>(t) * s + i]);
      }
      for (int64_t c = 0; c < classes_; ++c) {
        const double posterior = std::exp(share[static_cast<size_t>(c)] - total);
        const double d = (std::exp(log_p_[static_cast<size_t>(t * classes_ + c)]) - posterior);
        to[c] = static_cast<T>(static_cast<acc_t<T>>(d * scale));
      }
    }
  }

 private:
  template <class T>
  static double number(T v) {
    return static_cast<double>(static_cast<acc_t<T>>(v));
  }
  double log_p(int64_t t, size_t state) const {
    return log_p_[static_cast<size_t>(t * classes_ + states_[state])];
  }
  // A state may be left out if it is a blank between different labels.
  bool may_skip(size_t to) const {
    return to >= 2 && states_[to] != blank_ && states_[to] != states_[to - 2];
  }
  double ending(const std::vector<double>& a) const {
    const size_t s = states_.size(), last = static_cast<size_t>(time_ - 1) * s;
    return s == 1 ? a[last] : log_add(a[last + s - 1], a[last + s - 2]);
  }
  std::vector<double> alpha() const {
    const size_t s = states_.size();
    std::vector<double> a(static_cast<size_t>(time_) * s, kNever);
    for (int64_t t = 0; t < time_; ++t) {
      double* now = a.data() + static_cast<size_t>(t) * s;
      const double* before = now - s;
      for (size_t i = 0; i < s; ++i) {
        double v = t == 0 ? (i < 2 ? 0 : kNever) : before[i];
        if (t > 0 && i > 0) v = log_add(v, before[i - 1]);
        if (t > 0 && may_skip(i)) v = log_add(v, before[i - 2]);
        now[i] = v + log_p(t, i);
      }
    }
    return a;
  }
  // Probability of what follows step t, given the state there.
  std::vector<double> beta() const {
    const size_t s = states_.size();
    std::vector<double> z(static_cast<size_t>(time_) * s, kNever);
    for (int64_t t = time_; t-- > 0;) {
      double* now = z.data() + static_cast<size_t>(t) * s;
      const double* after = now + s;
      for (size_t i = 0; i < s; ++i) {
        if (t == time_ - 1) {
          now[i] = i + 2 >= s ? 0 : kNever;
          continue;
        }
        double v = after[i] + log_p(t + 1, i);
        if (i + 1 < s) v = log_add(v, after[i + 1] + log_p(t + 1, i + 1));
        if (i + 2 < s && may_skip(i + 2)) v = log_add(v, after[i + 2] + log_p(t + 1, i + 2));
        now[i] = v;
      }
    }
    return z;
  }

  int64_t classes_, time_, blank_;
  std::vector<int64_t> states_;  // blank, label, blank, label, ..., blank
  std::vector<double> log_p_;
};

void kernel(const CtcAttrs& a, const op::KernelArgs& k) {
  const Problem p(a, k, 0);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    kernels::parallel_for(k.threads, p.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const double loss = Sample(p, k.in[0].ptr<T>(), b).loss();
        k.out[0].ptr<T>()[b] = static_cast<T>(static_cast<acc_t<T>>(loss));
      }
    });
  });
}

// Inputs: dout, then those of ctc_loss.
void backward_kernel(const CtcAttrs& a, const op::KernelArgs& k) {
  const Problem p(a, k, 1);
  dispatch_floating(k.in[1].dtype, [&]<class T>(T) {
    kernels::parallel_for(k.threads, p.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const double scale = static_cast<double>(static_cast<acc_t<T>>(k.in[0].ptr<T>()[b]));
        Sample(p, k.in[1].ptr<T>(), b).gradient(p, b, scale, k.out[0].ptr<T>());
      }
    });
  });
}

Values backward(const CtcAttrs& a, const GradArgs& g) {
  static const OpCall kBack("ctc_loss_backward",
                            {"use_data_lengths", "use_label_lengths", "blank_label"});
  Values in{g.dout()};
  for (size_t i = 0; i < g.num_in(); ++i) in.push_back(g.in(i));
  const op::AttrValue attrs[] = {a.use_data_lengths, a.use_label_lengths, a.blank_label};
  Values d(g.num_in());
  d[0] = kBack.all({in.data(), in.size()}, attrs)[0];
  return d;
}

template <class Builder>
Builder& ctc_attrs(Builder&& b) {
  return b.attr("use_data_lengths", &CtcAttrs::use_data_lengths, false, "data_lengths is given")
      .attr("use_label_lengths", &CtcAttrs::use_label_lengths, false, "label_lengths is given")
      .attr("blank_label", &CtcAttrs::blank_label, "first",
            "the blank is class 0 and labels are padded with 0, or it is the last class and "
            "labels are padded with -1")
      .choices({"first", "last"});
}

const int registered_forward =
    ctc_attrs(op::OpBuilder<CtcAttrs>(op::Op::add("ctc_loss", __FILE__, __LINE__)))
        .doc("Negative log probability of label sequences whose alignment is not known.")
        .source("Graves, Fernandez, Gomez, Schmidhuber, ICML (2006)")
        .input("data", "floating (time, batch, classes), before the softmax")
        .input("label", "(batch, labels), classes")
        .optional_input("data_lengths", "(batch,), steps of each sample; with use_data_lengths")
        .optional_input("label_lengths", "(batch,), labels of each; with use_label_lengths")
        .output("output", "(batch,), the losses")
        .on("nd sym", "CTCLoss")
        .on("nd sym", "ctc_loss")
        .on("nd sym", "_contrib_CTCLoss")
        .on("nd sym", "_contrib_ctc_loss")
        .on("nd sym", "contrib.CTCLoss")
        .on("nd sym", "contrib.ctc_loss")
        .on("npx", "ctc_loss")
        .num_inputs(count_inputs)
        .infer(+[](const CtcAttrs& a, const Specs& in) -> Spec {
          check_inputs(a, in);
          return {{in[0].shape[1]}, in[0].dtype};
        })
        .cpu(kernel)
        .grad(backward, op::saves_inputs());

const int registered_backward =
    ctc_attrs(op::OpBuilder<CtcAttrs>(op::Op::add("ctc_loss_backward", __FILE__, __LINE__)))
        .doc("Gradient of ctc_loss with respect to data.")
        .input("dout", "gradient of the losses")
        .input("data", "as for ctc_loss")
        .input("label", "as for ctc_loss")
        .optional_input("data_lengths", "as for ctc_loss")
        .optional_input("label_lengths", "as for ctc_loss")
        .output("ddata", "shape of data")
        .num_inputs([](const CtcAttrs& a) { return 1 + count_inputs(a); })
        .infer(+[](const CtcAttrs& a, const Specs& in) -> Spec {
          check_inputs(a, Specs(in.begin() + 1, in.end()));
          expect(in[0], {{in[1].shape[1]}, in[1].dtype}, "dout");
          return in[1];
        })
        .cpu(backward_kernel)
        .grad(PLAIT_NO_SECOND_GRADIENT(CtcAttrs, "ctc_loss"), op::saves_nothing());

}  // namespace
}  // namespace plait::ops
