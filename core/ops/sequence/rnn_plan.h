#pragma once

#include <optional>
#include <string>

#include "op/op.h"

// Sizes and places of everything in a recurrent network: shared by its forward and backward pass.
namespace plait::ops {

struct RnnAttrs {
  int64_t state_size, num_layers;
  bool bidirectional;
  std::string mode;
  double p;
  bool state_outputs;
  std::optional<int64_t> projection_size;
  std::optional<double> lstm_state_clip_min, lstm_state_clip_max;
  bool lstm_state_clip_nan, use_sequence_length;
  bool data_gradient = true;  // of rnn_backward only
  bool packed = false;        // parameters lie as rnn_pack left them
  Dims shape;                 // of data, where that is no input

  bool lstm() const { return mode == "lstm"; }
  bool gru() const { return mode == "gru"; }
  int64_t gates() const { return lstm() ? 4 : gru() ? 3 : 1; }
};

// T steps, N samples, I features; L layers of D directions with H cells, whose output has R
// numbers: H, or P with a projection. Parameters lie as MXNet packs them: for each layer and
// direction the weights of the input (G H, I), of the state (G H, R) and of the projection (P, H);
// behind all weights, for each layer and direction, two biases (G H).
struct RnnPlan {
  int64_t steps, batch, features, layers, directions, cells, recurrent, gates;
  bool projected;

  RnnPlan(const RnnAttrs& a, const Dims& data)
      : layers(a.num_layers),
        directions(a.bidirectional ? 2 : 1),
        cells(a.state_size),
        recurrent(a.projection_size.value_or(a.state_size)),
        gates(a.gates()),
        projected(a.projection_size.has_value()) {
    check(data.size() == 3, ErrorKind::kShape, "data has shape ", data,
          ", must be (steps, batch, features)");
    check(cells > 0 && layers > 0, ErrorKind::kInvalidArgument, "state_size is ", cells,
          ", num_layers is ", layers, ", must be > 0");
    check(!projected || (a.lstm() && recurrent > 0), ErrorKind::kInvalidArgument,
          "projection_size is ", recurrent, ", must be > 0 and is for mode 'lstm' only");
    check(a.p >= 0 && a.p < 1, ErrorKind::kInvalidArgument, "p is ", a.p, ", must be in [0, 1)");
    steps = data[0];
    batch = data[1];
    features = data[2];
    // A bound of all sizes below, as a number that does not wrap.
    const auto real = [](int64_t n) { return static_cast<double>(n); };
    const double width = real(cells) + real(recurrent) + real(features);
    check(64 * real(layers) * width * (width + real(steps) * real(batch)) < 0x1p62,
          ErrorKind::kInvalidArgument, "state_size is ", cells, ", num_layers is ", layers,
          ", projection_size is ", recurrent, ", must give sizes that fit in 64 bits");
  }
  int64_t width() const { return gates * cells; }  // of all gates of a sample
  int64_t inputs(int64_t layer) const { return layer ? directions * recurrent : features; }
  int64_t weight_size(int64_t layer) const {
    return width() * (inputs(layer) + recurrent) + (projected ? recurrent * cells : 0);
  }
  int64_t weights_size() const {
    return directions * (weight_size(0) + (layers - 1) * weight_size(1));
  }
  int64_t parameters() const { return weights_size() + layers * directions * 2 * width(); }
  Dims state_shape() const { return {layers * directions, batch, recurrent}; }
  Dims cell_shape() const { return {layers * directions, batch, cells}; }
  Dims output_shape() const { return {steps, batch, directions * recurrent}; }

  // Offsets into the parameters.
  int64_t input_weight(int64_t layer, int64_t direction) const {
    const int64_t before = layer ? weight_size(0) + (layer - 1) * weight_size(1) : 0;
    return directions * before + direction * weight_size(layer);
  }
  int64_t state_weight(int64_t layer, int64_t direction) const {
    return input_weight(layer, direction) + width() * inputs(layer);
  }
  int64_t projection(int64_t layer, int64_t direction) const {
    return state_weight(layer, direction) + width() * recurrent;
  }
  int64_t bias(int64_t layer, int64_t direction) const {  // of the input; of the state behind it
    return weights_size() + (layer * directions + direction) * 2 * width();
  }

  // What the forward pass keeps for the backward pass, in one array. For each layer and direction:
  // gates after their functions (T, N, G H), cell states (T, N, H), for gru the state's part of the
  // new gate (T, N, H), with a projection what is projected (T, N, H). For each layer but the last:
  // its output (T, N, D R) and with dropout its factors (T, N, D R).
  int64_t cells_size() const { return steps * batch * cells; }
  int64_t pass_size() const { return cells_size() * (gates + 2); }
  int64_t kept_gates(int64_t layer, int64_t direction) const {
    return (layer * directions + direction) * pass_size();
  }
  int64_t kept_cells(int64_t layer, int64_t direction) const {
    return kept_gates(layer, direction) + cells_size() * gates;
  }
  int64_t kept_extra(int64_t layer, int64_t direction) const {  // gru or projection
    return kept_cells(layer, direction) + cells_size();
  }
  int64_t layer_size() const { return steps * batch * directions * recurrent; }
  int64_t kept_output(int64_t layer) const {
    return layers * directions * pass_size() + layer * 2 * layer_size();
  }
  int64_t kept_dropout(int64_t layer) const { return kept_output(layer) + layer_size(); }
  int64_t kept_size() const { return kept_output(layers - 1); }
};

// Places of the inputs of rnn_backward: gradients of output, state and cell; the inputs of rnn; its
// output; what it kept.
struct RnnPlaces {
  size_t data, parameters, state, cell, length, output, kept;
  explicit RnnPlaces(const RnnAttrs& a)
      : data(a.lstm() ? 3 : 2),
        parameters(data + 1),
        state(data + 2),
        cell(data + 3),
        length(data + 3 + a.lstm()),
        output(data + 3 + a.lstm() + a.use_sequence_length),
        kept(output + 1) {}
};

// Goes back through the layers: pass(layer, direction, x, y, dy, dx) with the input and the output
// of the layer and their gradients, dx null where nobody asks for it. Buffer holds numbers of type
// T; multiply(n, a, b, to) makes the products of n numbers, `to` may be `a`.
template <class T, class Buffer, class Multiply, class Pass>
void each_layer_back(const RnnAttrs& a, const RnnPlan& p, const op::KernelArgs& k,
                     const Multiply& multiply, const Pass& pass) {
  const RnnPlaces at(a);
  const T* kept = k.in[at.kept].ptr<T>();
  const bool drops = a.p > 0 && p.layers > 1;
  const Buffer dropped(drops ? p.layer_size() : 0), between(p.layers > 1 ? p.layer_size() : 0),
      other(p.layers > 2 ? p.layer_size() : 0);
  const T* dy = k.in[0].ptr<T>();
  for (int64_t l = p.layers; l-- > 0;) {
    const T* y = l + 1 == p.layers ? k.in[at.output].ptr<T>() : kept + p.kept_output(l);
    const T* x = l ? kept + p.kept_output(l - 1) : k.in[at.data].ptr<T>();
    const T* factor = drops && l ? kept + p.kept_dropout(l - 1) : nullptr;
    if (factor) {
      multiply(p.layer_size(), x, factor, dropped.data());
      x = dropped.data();
    }
    T* dx = a.data_gradient ? k.out[0].ptr<T>() : nullptr;
    if (l) dx = dy == between.data() ? other.data() : between.data();
    for (int64_t d = 0; d < p.directions; ++d) pass(l, d, x, y, dy, dx);
    if (factor) multiply(p.layer_size(), dx, factor, dx);
    dy = dx;
  }
}

}  // namespace plait::ops
