#' Train a recurrent network on sequences of one length
#'
#' `mx.lstm`, `mx.gru` and `mx.rnn` (whose cells are plain, with `tanh`) train
#' a network that predicts a label for each step. `mx.lstm.inference` and its
#' like make a network with the weights found that goes on step by step,
#' `mx.lstm.forward` and its like do such a step. Networks for sequences of
#' several lengths are trained by [mx.model.buckets()].
#'
#' @param train.data,eval.data `list(data = , label = )` of matrices with a
#'   sequence of `seq.len` whole numbers in each column; or iterators as
#'   [mx.io.bucket.iter()] gives
#' @param num.lstm.layer,num.gru.layer,num.rnn.layer number of layers
#' @param seq.len length of the sequences
#' @param num.hidden size of the state
#' @param num.embed size of the vectors that stand for the inputs
#' @param num.label number of different labels, which are 0, 1, ...
#' @param batch.size sequences in a batch
#' @param input.size number of different inputs, which are 0, 1, ...
#' @param ctx context
#' @param num.round epochs
#' @param update.period batches of one update; must be 1
#' @param initializer see [mx.init.uniform()]
#' @param dropout share that is dropped between layers in training
#' @param optimizer name of an optimizer
#' @param ... arguments of the optimizer, such as `learning.rate`; and
#'   `verbose = FALSE` against reports
#' @param arg.params weights by name: `model$arg.params`
#' @param model what `mx.lstm.inference` and its like gave
#' @param input.data whole numbers, one for each of `batch.size` sequences
#' @param new.seq begin new sequences: the states are 0
#' @return `mx.lstm`, `mx.gru` and `mx.rnn` a model as [mx.model.buckets()];
#'   `mx.lstm.forward` and its like `list(prob = , model = )` with the
#'   probabilities, an array of `c(num.label, batch.size)`, and the model, which
#'   keeps the states for the next step.
#' @examples
#' x <- matrix(rep(0:3, 15), 6)
#' data <- list(data = x, label = (x + 1) %% 4)
#' model <- mx.gru(data, num.gru.layer = 1, seq.len = 6, num.hidden = 8,
#'   num.embed = 4, num.label = 4, batch.size = 5, input.size = 4,
#'   num.round = 2, optimizer = "adam", learning.rate = 0.05)
#' step <- mx.gru.inference(1, input.size = 4, num.hidden = 8, num.embed = 4,
#'   num.label = 4, arg.params = model$arg.params)
#' out <- mx.gru.forward(step, 2, new.seq = TRUE)
#' dim(out$prob)
#' @name mx.rnn
NULL

.sequences <- function(data, seq.len, batch.size) {
  if (is.null(data) || is.mx.dataiter(data)) return(data)
  if (!is.list(data) || is.null(data$data) || is.null(data$label)) {
    .type.error("train.data is ", .word(data),
      ", must be list(data = , label = ) or an iterator")
  }
  if (!identical(as.integer(nrow(data$data)), as.integer(seq.len))) {
    .value.error("seq.len is ", seq.len, ", must be ", nrow(data$data),
      ", the length of the sequences")
  }
  buckets <- setNames(list(data[c("data", "label")]), seq.len)
  mx.io.bucket.iter(buckets, batch.size)
}

.rnn.model <- function(cell, layers, train.data, eval.data, seq.len, num.hidden,
  num.embed, num.label, batch.size, input.size, ctx, num.round, update.period,
  initializer, dropout, optimizer, verbose = TRUE, ...) {
  if (update.period != 1) {
    .value.error("update.period is ", update.period, ", must be 1")
  }
  net <- rnn.graph(layers, input_size = input.size, num_embed = num.embed,
    num_hidden = num.hidden, num_decode = num.label, dropout = dropout,
    loss_output = "softmax", config = "one-to-one", cell_type = cell)
  mx.model.buckets(net, .sequences(train.data, seq.len, batch.size),
    eval.data = .sequences(eval.data, seq.len, batch.size),
    metric = mx.metric.Perplexity, num.round = num.round,
    initializer = initializer, ctx = ctx, verbose = verbose,
    optimizer = mx.opt.create(optimizer, rescale.grad = 1 / batch.size, ...))
}

# The network of one step, and its states.
.rnn.step <- function(cell, layers, input.size, num.hidden, num.embed,
  num.label, batch.size, arg.params, ctx, dropout) {
  ctx <- .check.context(ctx)
  net <- rnn.graph(layers, input_size = input.size, num_embed = num.embed,
    num_hidden = num.hidden, num_decode = num.label, dropout = dropout,
    loss_output = "softmax", config = "one-to-one", cell_type = cell,
    output_last_state = TRUE)
  empty <- mx.nd.zeros(c(1, batch.size), ctx)
  batch <- list(data = empty, label = empty)
  exec <- .infer.execs(net, arg.params, ctx)$get("1", batch)
  states <- Filter(.is.state, names(exec$arg.arrays))
  structure(list(exec = exec, states = states, batch.size = batch.size),
    class = "MXRNNStep")
}

.rnn.forward <- function(model, input.data, new.seq) {
  if (!inherits(model, "MXRNNStep")) {
    .type.error("model is ", .word(model),
      ", must be made by mx.lstm.inference, mx.gru.inference or ",
      "mx.rnn.inference")
  }
  arrays <- model$exec$arg.arrays
  if (new.seq) {
    for (name in model$states) {
      .assign(arrays[[name]], mx.nd.zeros(dim(arrays[[name]])))
    }
  }
  .assign(arrays$data, mx.nd.array(matrix(as.vector(as.array(input.data)), 1)))
  mx.exec.forward(model$exec, is.train = FALSE)
  out <- model$exec$outputs
  for (i in seq_along(model$states)) {
    .assign(arrays[[model$states[i]]], out[[i + 1]])
  }
  list(prob = as.array(out[[1]]), model = model)
}

#' @rdname mx.rnn
#' @export
mx.lstm <- function(train.data, eval.data = NULL, num.lstm.layer, seq.len,
  num.hidden, num.embed, num.label, batch.size, input.size,
  ctx = mx.ctx.default(), num.round = 10, update.period = 1,
  initializer = mx.init.uniform(0.01), dropout = 0, optimizer = "sgd", ...) {
  .rnn.model("lstm", num.lstm.layer, train.data, eval.data, seq.len, num.hidden,
    num.embed, num.label, batch.size, input.size, ctx, num.round, update.period,
    initializer, dropout, optimizer, ...)
}

#' @rdname mx.rnn
#' @export
mx.gru <- function(train.data, eval.data = NULL, num.gru.layer, seq.len,
  num.hidden, num.embed, num.label, batch.size, input.size,
  ctx = mx.ctx.default(), num.round = 10, update.period = 1,
  initializer = mx.init.uniform(0.01), dropout = 0, optimizer = "sgd", ...) {
  .rnn.model("gru", num.gru.layer, train.data, eval.data, seq.len, num.hidden,
    num.embed, num.label, batch.size, input.size, ctx, num.round, update.period,
    initializer, dropout, optimizer, ...)
}

#' @rdname mx.rnn
#' @export
mx.rnn <- function(train.data, eval.data = NULL, num.rnn.layer, seq.len,
  num.hidden, num.embed, num.label, batch.size, input.size,
  ctx = mx.ctx.default(), num.round = 10, update.period = 1,
  initializer = mx.init.uniform(0.01), dropout = 0, optimizer = "sgd", ...) {
  .rnn.model("rnn_tanh", num.rnn.layer, train.data, eval.data, seq.len,
    num.hidden, num.embed, num.label, batch.size, input.size, ctx, num.round,
    update.period, initializer, dropout, optimizer, ...)
}

#' @rdname mx.rnn
#' @export
mx.lstm.inference <- function(num.lstm.layer, input.size, num.hidden, num.embed,
  num.label, batch.size = 1, arg.params, ctx = mx.cpu(), dropout = 0) {
  .rnn.step("lstm", num.lstm.layer, input.size, num.hidden, num.embed,
    num.label, batch.size, arg.params, ctx, dropout)
}

#' @rdname mx.rnn
#' @export
mx.gru.inference <- function(num.gru.layer, input.size, num.hidden, num.embed,
  num.label, batch.size = 1, arg.params, ctx = mx.cpu(), dropout = 0) {
  .rnn.step("gru", num.gru.layer, input.size, num.hidden, num.embed,
    num.label, batch.size, arg.params, ctx, dropout)
}

#' @rdname mx.rnn
#' @export
mx.rnn.inference <- function(num.rnn.layer, input.size, num.hidden, num.embed,
  num.label, batch.size = 1, arg.params, ctx = mx.cpu(), dropout = 0) {
  .rnn.step("rnn_tanh", num.rnn.layer, input.size, num.hidden, num.embed,
    num.label, batch.size, arg.params, ctx, dropout)
}

#' @rdname mx.rnn
#' @export
mx.lstm.forward <- function(model, input.data, new.seq = FALSE) {
  .rnn.forward(model, input.data, new.seq)
}

#' @rdname mx.rnn
#' @export
mx.gru.forward <- mx.lstm.forward

#' @rdname mx.rnn
#' @export
mx.rnn.forward <- mx.lstm.forward
