#' Recurrent networks
#'
#' `rnn.graph` makes the symbol of a recurrent network whose layers are one
#' operator that takes sequences of any length; `rnn.graph.unroll` one whose
#' steps are nodes of their own, for sequences of one length.
#'
#' The data are whole numbers in an array of `c(length, samples)`, looked up in
#' a table of `input_size` vectors. Variables: `data`, `label`, `seq.mask`
#' (lengths of the sequences, with `masking`), weights and biases, and the
#' states before the first step, which are 0 in training.
#'
#' @param num_rnn_layer number of layers
#' @param input_size number of different inputs; `NULL`: the data are vectors,
#'   an array of `c(features, length, samples)`
#' @param num_embed size of the vectors of the inputs
#' @param num_hidden size of the state
#' @param num_decode size of the output
#' @param seq_len length of the sequences
#' @param dropout share that is dropped between layers in training
#' @param ignore_label label of outputs that do not count; -1: all count
#' @param bidirectional read each sequence from both ends
#' @param loss_output `"softmax"`, `"linear"`, `"logistic"` or `"MAE"`; `NULL`
#'   for the states themselves
#' @param config `"seq-to-one"`: one output for each sequence; `"one-to-one"`:
#'   one for each step
#' @param cell_type `"lstm"` or `"gru"`, for `rnn.graph` also `"rnn_relu"` and
#'   `"rnn_tanh"`
#' @param masking steps after the end of a sequence do not count
#' @param output_last_state the symbol has the states after the last step as
#'   further outputs
#' @param rnn.state,rnn.state.cell symbols of the first states; `NULL` for
#'   variables of these names
#' @param prefix start of the names of variables that are parameters
#' @return A symbol.
#' @references Hochreiter, Schmidhuber: Long short-term memory, Neural
#'   Computation 9 (1997). Cho et al.: Learning phrase representations using RNN
#'   encoder-decoder, EMNLP 2014.
#' @examples
#' net <- rnn.graph(1, input_size = 20, num_embed = 4, num_hidden = 8,
#'   num_decode = 2, loss_output = "softmax", config = "seq-to-one",
#'   cell_type = "lstm")
#' arguments(net)
#' mx.symbol.infer.shape(net, data = c(5, 3))$out.shapes
#' @name rnn.graph
NULL

.variables <- function(prefix, names) {
  setNames(lapply(paste0(prefix, names), mx.symbol.Variable), names)
}

# Vectors as (length, samples, features) in the library's order.
.embedded <- function(input_size, num_embed, prefix) {
  data <- mx.symbol.Variable("data")
  if (!is.null(input_size)) {
    weight <- mx.symbol.Variable(paste0(prefix, "embed.weight"))
    data <- mx.symbol.Embedding(data, weight, input_dim = input_size,
      output_dim = num_embed, name = paste0(prefix, "embed"))
  }
  mx.symbol.swapaxes(data, dim1 = 0, dim2 = 1)
}

.choice <- function(x, what, rule) {
  if (!(is.character(x) && length(x) == 1 && x %in% rule)) {
    .value.error(what, " is ", .word(x), ", must be one of ",
      paste(rule, collapse = ", "))
  }
  x
}

# From states (length, samples, width) to the output that is trained.
.decoded <- function(states, config, masking, width, num_decode, loss_output,
  ignore_label, prefix) {
  .choice(config, "config", c("seq-to-one", "one-to-one"))
  mask <- if (masking) mx.symbol.Variable("seq.mask")
  if (config == "seq-to-one") {
    states <- mx.symbol.SequenceLast(states, mask,
      use_sequence_length = masking)
  } else {
    if (masking) {
      states <- mx.symbol.SequenceMask(states, mask,
        use_sequence_length = TRUE)
    }
    states <- mx.symbol.swapaxes(states, dim1 = 0, dim2 = 1)
  }
  if (is.null(loss_output)) return(states)
  .choice(loss_output, "loss_output", c("softmax", "linear", "logistic", "MAE"))
  label <- mx.symbol.Variable("label")
  if (config == "one-to-one") {
    states <- mx.symbol.reshape(states, shape = c(-1, width))
    label <- mx.symbol.reshape(label, shape = -1)
  }
  cls <- .variables(prefix, c("cls.weight", "cls.bias"))
  out <- mx.symbol.FullyConnected(states, cls$cls.weight, cls$cls.bias,
    num_hidden = num_decode, name = paste0(prefix, "decode"))
  switch(loss_output,
    softmax = mx.symbol.SoftmaxOutput(out, label, name = "loss",
      use_ignore = ignore_label != -1, ignore_label = ignore_label),
    linear = mx.symbol.LinearRegressionOutput(out, label, name = "loss"),
    logistic = mx.symbol.LogisticRegressionOutput(out, label, name = "loss"),
    MAE = mx.symbol.MAERegressionOutput(out, label, name = "loss")
  )
}

#' @rdname rnn.graph
#' @export
rnn.graph <- function(num_rnn_layer, input_size = NULL, num_embed = NULL,
  num_hidden, num_decode, dropout = 0, ignore_label = -1, bidirectional = FALSE,
  loss_output = NULL, config, cell_type, masking = FALSE,
  output_last_state = FALSE, rnn.state = NULL, rnn.state.cell = NULL,
  prefix = "") {
  .choice(cell_type, "cell_type", c("lstm", "gru", "rnn_relu", "rnn_tanh"))
  lstm <- cell_type == "lstm"
  if (is.null(rnn.state)) rnn.state <- mx.symbol.Variable("rnn.state")
  if (lstm && is.null(rnn.state.cell)) {
    rnn.state.cell <- mx.symbol.Variable("rnn.state.cell")
  }
  rnn <- mx.symbol.RNN(
    .embedded(input_size, num_embed, prefix),
    mx.symbol.Variable(paste0(prefix, "rnn.params.weight")), rnn.state,
    if (lstm) rnn.state.cell, state_size = num_hidden,
    num_layers = num_rnn_layer, bidirectional = bidirectional,
    mode = cell_type, p = dropout, state_outputs = output_last_state,
    name = paste0(prefix, "rnn")
  )
  states <- if (output_last_state) rnn[[1]] else rnn
  out <- .decoded(states, config, masking, num_hidden * (1 + bidirectional),
    num_decode, loss_output, ignore_label, prefix)
  if (!output_last_state) return(out)
  mx.symbol.Group(c(list(out, rnn[[2]]), if (lstm) list(rnn[[3]])))
}

# The shape of a first state does not follow from the graph: its size is noted.
.state.variable <- function(name, size) {
  .Call(C_symbol_set_attr, mx.symbol.Variable(name), "__state_size__",
    as.character(size))
}

# One step of a layer: `x` and the states (samples, features); weights by name.
.lstm.step <- function(x, state, w, num_hidden, name) {
  gates <- .gates(x, state$h, w, 4, num_hidden, name)
  open <- function(i) mx.symbol.Activation(gates[[i]], act_type = "sigmoid")
  new <- mx.symbol.Activation(gates[[2]], act_type = "tanh")
  cell <- open(3) * state$c + open(1) * new
  list(c = cell, h = open(4) * mx.symbol.Activation(cell, act_type = "tanh"))
}

.gru.step <- function(x, state, w, num_hidden, name) {
  gates <- .gates(x, state$h, w, 2, num_hidden, name)
  update <- mx.symbol.Activation(gates[[1]], act_type = "sigmoid")
  reset <- mx.symbol.Activation(gates[[2]], act_type = "sigmoid")
  new <- mx.symbol.FullyConnected(x, w$trans.i2h.weight, w$trans.i2h.bias,
    num_hidden = num_hidden, name = paste0(name, ".trans.i2h")) +
    mx.symbol.FullyConnected(state$h * reset, w$trans.h2h.weight,
      w$trans.h2h.bias, num_hidden = num_hidden,
      name = paste0(name, ".trans.h2h"))
  new <- mx.symbol.Activation(new, act_type = "tanh")
  list(h = state$h + update * (new - state$h))
}

.gates <- function(x, h, w, count, num_hidden, name) {
  sum <- mx.symbol.FullyConnected(x, w$i2h.weight, w$i2h.bias,
    num_hidden = num_hidden * count, name = paste0(name, ".i2h")) +
    mx.symbol.FullyConnected(h, w$h2h.weight, w$h2h.bias,
      num_hidden = num_hidden * count, name = paste0(name, ".h2h"))
  mx.symbol.split(sum, axis = 1, num_outputs = count,
    name = paste0(name, ".gates"))
}

#' @rdname rnn.graph
#' @export
rnn.graph.unroll <- function(num_rnn_layer, seq_len, input_size = NULL,
  num_embed = NULL, num_hidden, num_decode, dropout = 0, ignore_label = -1,
  loss_output = NULL, config, cell_type = "lstm", masking = FALSE,
  output_last_state = FALSE, prefix = "") {
  .choice(cell_type, "cell_type", c("lstm", "gru"))
  lstm <- cell_type == "lstm"
  parts <- c("i2h.weight", "i2h.bias", "h2h.weight", "h2h.bias")
  if (!lstm) parts <- c(parts, paste0("trans.", parts))
  layers <- paste0(prefix, "l", seq_len(num_rnn_layer), ".")
  weights <- lapply(layers, .variables, parts)
  states <- lapply(layers, function(layer) {
    names <- if (lstm) c("c", "h") else "h"
    init <- paste0(layer, "init.", names)
    setNames(lapply(init, .state.variable, num_hidden), names)
  })
  steps <- .embedded(input_size, num_embed, prefix)
  steps <- mx.symbol.split(steps, axis = 0, num_outputs = seq_len,
    squeeze_axis = TRUE, name = paste0(prefix, "steps"))
  outputs <- lapply(seq_len(seq_len), function(t) {
    x <- steps[[t]]
    for (i in seq_len(num_rnn_layer)) {
      if (i > 1 && dropout > 0) x <- mx.symbol.Dropout(x, p = dropout)
      step <- if (lstm) .lstm.step else .gru.step
      states[[i]] <<- step(x, states[[i]], weights[[i]], num_hidden,
        paste0(layers[i], "t", t))
      x <- states[[i]]$h
    }
    x
  })
  all <- mx.symbol.stack(outputs, axis = 0, num_args = seq_len)
  out <- .decoded(all, config, masking, num_hidden, num_decode, loss_output,
    ignore_label, prefix)
  if (!output_last_state) return(out)
  mx.symbol.Group(out, unlist(states, recursive = FALSE))
}
