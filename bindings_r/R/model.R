#' Train a network
#'
#' Binds the symbol for batches of `X`, trains its parameters and gives them as
#' a model for [predict()].
#'
#' @param symbol a symbol whose output is a loss, such as
#'   `mx.symbol.SoftmaxOutput`
#' @param X an iterator as [mx.io.arrayiter()] makes it, an R array, a matrix
#'   or a data frame
#' @param y labels, one for each sample
#' @param ctx context, `NULL` for the default; a list of contexts shares each
#'   batch out
#' @param begin.round,num.round first and last epoch
#' @param optimizer name of an optimizer, see [mx.opt.create()], or an optimizer
#' @param initializer see [mx.init.uniform()]
#' @param eval.data an iterator, or `list(data = , label = )`
#' @param eval.metric a metric, see [mx.metric.accuracy]
#' @param epoch.end.callback,batch.end.callback see
#'   [mx.callback.log.train.metric()]
#' @param array.batch.size samples in a batch, if `X` is no iterator
#' @param array.layout `"colmajor"`: samples in the last dimension,
#'   `"rowmajor"`: rows of a matrix are samples, `"auto"`: what fits the labels;
#'   arrays of more dimensions are `"colmajor"`
#' @param kvstore type of the key-value store, or one of [mx.kv.create()], that
#'   adds up the gradients of several contexts
#' @param verbose report each epoch
#' @param arg.params,aux.params arrays to start from, by name
#' @param fixed.param names of parameters that are not trained
#' @param allow.extra.params ignore arrays that the symbol does not use
#' @param input.name name of the argument that takes `X`
#' @param ... arguments of the optimizer; `rescale.grad` is one over the batch
#'   size unless it is given
#' @return A model: a list of class `MXFeedForwardModel` of `symbol`,
#'   `arg.params` and `aux.params`.
#' @examples
#' data <- mx.symbol.Variable("data")
#' net <- mx.symbol.FullyConnected(data, num_hidden = 2)
#' net <- mx.symbol.SoftmaxOutput(net)
#' x <- rbind(matrix(rnorm(40, 2), 20), matrix(rnorm(40, -2), 20))
#' model <- mx.model.FeedForward.create(net, x, rep(0:1, each = 20),
#'   num.round = 5, array.batch.size = 10, learning.rate = 0.5,
#'   verbose = FALSE)
#' dim(predict(model, x))
#' @export
mx.model.FeedForward.create <- function(symbol, X, y = NULL, ctx = NULL,
  begin.round = 1, num.round = 10, optimizer = "sgd",
  initializer = mx.init.uniform(0.01), eval.data = NULL, eval.metric = NULL,
  epoch.end.callback = NULL, batch.end.callback = NULL,
  array.batch.size = 128, array.layout = "auto", verbose = TRUE,
  arg.params = NULL, aux.params = NULL, fixed.param = NULL,
  allow.extra.params = FALSE, input.name = "data", kvstore = "local", ...) {
  X <- .iterator(X, y, array.batch.size, array.layout, TRUE)
  if (is.list(eval.data) && !is.mx.dataiter(eval.data)) {
    eval.data <- .iterator(eval.data$data, eval.data$label, array.batch.size,
      array.layout, FALSE)
  }
  execs <- .bind.batch(symbol, ctx, X, input.name, fixed.param, TRUE)
  .set.params(execs[[1]], initializer, arg.params, aux.params,
    allow.extra.params)
  for (exec in execs[-1]) .copy.params(execs[[1]], exec)
  if (!inherits(optimizer, "MXOptimizer")) {
    given <- list(...)
    if (is.null(given$rescale.grad)) given$rescale.grad <- 1 / X$batch.size
    optimizer <- do.call(mx.opt.create, c(list(optimizer), given))
  }
  env <- new.env(parent = emptyenv())
  env$execs <- execs
  env$metric <- eval.metric
  env$step <- .stepper(execs, optimizer, kvstore)
  for (round in seq(begin.round, length.out = num.round - begin.round + 1)) {
    .train.epoch(env, X, round, batch.end.callback, verbose)
    if (!is.null(eval.data)) {
      env$eval.result <- .evaluate(env, eval.data, round, verbose)
    }
    env$model <- .model(execs[[1]])
    if (!is.null(epoch.end.callback) &&
      identical(epoch.end.callback(round, 0, env, verbose), FALSE)) {
      break
    }
  }
  .model(execs[[1]])
}

# A function that changes the weights of all executors by their gradients.
.stepper <- function(execs, optimizer, kvstore) {
  weights <- lapply(execs, function(exec) .trained(exec$arg.arrays, exec))
  grads <- lapply(execs, function(exec) .trained(exec$grad.arrays, exec))
  if (length(execs) == 1) {
    update <- mx.opt.get.updater(optimizer, weights[[1]])
    return(function() update(weights[[1]], grads[[1]]))
  }
  if (!is.mx.kvstore(kvstore)) kvstore <- mx.kv.create(kvstore)
  names <- names(Filter(Negate(is.null), grads[[1]]))
  kvstore$init(names, weights[[1]][names])
  kvstore$set.optimizer(optimizer)
  function() {
    kvstore$push(names, lapply(grads, `[`, names))
    kvstore$pull(names, lapply(weights, `[`, names))
  }
}

.copy.params <- function(from, to) {
  for (name in names(.trained(from$arg.arrays, from))) {
    .assign(to$arg.arrays[[name]], from$arg.arrays[[name]])
  }
  for (name in names(from$aux.arrays)) {
    .assign(to$aux.arrays[[name]], from$aux.arrays[[name]])
  }
}

# The iterator itself, or one over arrays.
.iterator <- function(X, y, batch.size, layout, shuffle) {
  if (is.mx.dataiter(X)) return(X)
  if (is.data.frame(X)) X <- data.matrix(X)
  if (is.mx.ndarray(X)) X <- as.array(X)
  if (is.null(y)) .value.error("y is missing, must be given with an array X")
  X <- .colmajor(X, layout, .count(y))
  mx.io.arrayiter(X, y, min(batch.size, .count(y)), shuffle)
}

# The array with its samples in the last dimension.
.colmajor <- function(X, layout, samples) {
  layout <- match.arg(layout, c("auto", "colmajor", "rowmajor"))
  if (layout == "auto") {
    fits <- !is.null(samples) && length(dim(X)) == 2 && nrow(X) == samples
    if (fits && ncol(X) == samples) {
      .value.error("array.layout is 'auto', must be 'rowmajor' or 'colmajor' ",
        "for a square matrix")
    }
    layout <- if (fits) "rowmajor" else "colmajor"
  }
  if (layout == "rowmajor") t(X) else X
}

# Arguments that take data, not parameters.
.label.name <- function(symbol) {
  names <- arguments(symbol)
  names[endsWith(names, "label")]
}

# Executors, one for each context, with what part of a batch each takes: samples
# from `first` to `last`, counted from 0 and without the last one.
.bind.batch <- function(symbol, ctx, iter, input.name, fixed, train) {
  ctx <- if (is.list(ctx) && !is.mx.context(ctx)) ctx else list(ctx)
  iter$reset()
  iter$iter.next()
  batch <- iter$value()
  n <- .count(batch$data)
  if (length(ctx) > n) {
    .value.error("ctx has ", length(ctx), " contexts, must be at most the ", n,
      " samples of a batch")
  }
  ends <- round(seq(0, n, length.out = length(ctx) + 1))
  label <- .label.name(symbol)
  execs <- lapply(seq_along(ctx), function(i) {
    part <- function(size) c(size[-length(size)], ends[i + 1] - ends[i])
    shapes <- setNames(list(part(dim(batch$data))), input.name)
    if (train && length(label)) shapes[[label[1]]] <- part(dim(batch$label))
    exec <- do.call(mx.simple.bind, c(
      list(symbol, .check.context(ctx[[i]]), if (train) "write" else "null",
        c(fixed, input.name, label)), shapes
    ))
    exec$input.name <- input.name
    exec$label.name <- label
    exec$range <- ends[c(i, i + 1)]
    exec
  })
  iter$reset()
  execs
}

.trained <- function(arrays, exec) {
  arrays[setdiff(names(arrays), c(exec$input.name, exec$label.name))]
}

.set.params <- function(exec, initializer, arg.params, aux.params, extra) {
  given <- c(arg.params, aux.params)
  own <- c(.trained(exec$arg.arrays, exec), exec$aux.arrays)
  unknown <- setdiff(names(given), names(own))
  if (length(unknown) && !extra) {
    .value.error("arg.params has ", paste(unknown, collapse = ", "),
      ", must be parameters of the symbol: ",
      paste(names(own), collapse = ", "))
  }
  for (name in names(own)) {
    value <- given[[name]]
    if (is.null(value)) {
      value <- initializer(name, dim(own[[name]]), exec$ctx)
    }
    .assign(own[[name]], value)
  }
}

# Gives each executor its part of the batch.
.load.batch <- function(execs, batch) {
  n <- .count(batch$data)
  for (exec in execs) {
    part <- function(x) {
      if (all(exec$range == c(0, n))) return(x)
      .op1("slice_axis", x, 0L, exec$range[1], exec$range[2])
    }
    .assign(exec$arg.arrays[[exec$input.name]], part(batch$data))
    label <- exec$label.name
    if (length(label) && !is.null(batch$label)) {
      .assign(exec$arg.arrays[[label[1]]], part(batch$label))
    }
  }
}

# The first output for the whole batch, an R array.
.output.of <- function(execs) {
  .bind.samples(lapply(execs, function(exec) as.array(exec$outputs[[1]])))
}

# Adds a batch to the state of the metric, without the samples that fill it up.
.measure <- function(metric, state, batch, execs, pad) {
  label <- as.array(batch$label)
  pred <- .output.of(execs)
  if (pad > 0) {
    keep <- seq_len(.count(label) - pad)
    label <- .samples(label, keep)
    pred <- .samples(pred, keep)
  }
  metric$update(label, pred, state)
}

.train.epoch <- function(env, X, round, callback, verbose) {
  metric <- env$metric
  if (!is.null(metric)) env$train.state <- metric$init()
  X$reset()
  nbatch <- 0
  while (X$iter.next()) {
    batch <- X$value()
    .load.batch(env$execs, batch)
    for (exec in env$execs) mx.exec.forward(exec, is.train = TRUE)
    for (exec in env$execs) mx.exec.backward(exec)
    env$step()
    nbatch <- nbatch + 1
    if (!is.null(metric)) {
      env$train.state <- .measure(metric, env$train.state, batch, env$execs,
        X$num.pad())
    }
    if (!is.null(callback) &&
      identical(callback(round, nbatch, env, verbose), FALSE)) {
      break
    }
  }
  mx.nd.waitall()
  if (!is.null(metric)) {
    env$train.result <- .report(metric, env$train.state, round, "Train",
      verbose)
  }
}

.report <- function(metric, state, round, what, verbose) {
  result <- metric$get(state)
  if (verbose) {
    message("[", round, "] ", what, "-", result$name, "=", format(result$value))
  }
  result
}

.evaluate <- function(env, iter, round, verbose) {
  if (is.null(env$metric)) return(NULL)
  state <- env$metric$init()
  iter$reset()
  while (iter$iter.next()) {
    batch <- iter$value()
    .load.batch(env$execs, batch)
    for (exec in env$execs) mx.exec.forward(exec, is.train = FALSE)
    state <- .measure(env$metric, state, batch, env$execs, iter$num.pad())
  }
  .report(env$metric, state, round, "Validation", verbose)
}

.model <- function(exec) {
  structure(class = "MXFeedForwardModel", list(
    symbol = exec$symbol,
    arg.params = .trained(exec$arg.arrays, exec),
    aux.params = exec$aux.arrays
  ))
}

#' Predict with a model
#'
#' @param object a model
#' @param X samples, as for [mx.model.FeedForward.create()]
#' @param ctx context, `NULL` for the default
#' @param array.batch.size samples in a batch, if `X` is no iterator
#' @param array.layout as for training; `"auto"` takes the rows of a matrix as
#'   samples if its columns fit the model
#' @param allow.extra.params ignore arrays that the symbol does not use
#' @param input.name name of the argument that takes `X`
#' @param ... not used
#' @return An R array of the first output, samples in the last dimension.
#' @examples
#' x <- mx.symbol.Variable("data")
#' net <- mx.symbol.FullyConnected(x, num_hidden = 1, name = "fc")
#' params <- list(fc_weight = mx.nd.ones(c(2, 1)), fc_bias = mx.nd.zeros(1))
#' model <- structure(class = "MXFeedForwardModel",
#'   list(symbol = net, arg.params = params, aux.params = list()))
#' predict(model, matrix(1:6, 2))
#' @export
predict.MXFeedForwardModel <- function(object, X, ctx = NULL,
  array.batch.size = 128, array.layout = "auto", allow.extra.params = FALSE,
  input.name = "data", ...) {
  if (!is.mx.dataiter(X)) {
    if (is.data.frame(X)) X <- data.matrix(X)
    if (is.mx.ndarray(X)) X <- as.array(X)
    X <- .colmajor(X, .layout.for(object, X, array.layout, input.name), NULL)
    n <- .count(X)
    X <- mx.io.arrayiter(X, numeric(n), min(array.batch.size, n))
  }
  execs <- .bind.batch(object$symbol, ctx, X, input.name, NULL, FALSE)
  for (exec in execs) {
    .set.params(exec, mx.init.uniform(0.01), object$arg.params,
      object$aux.params, allow.extra.params)
  }
  parts <- list()
  X$reset()
  while (X$iter.next()) {
    .load.batch(execs, X$value()["data"])
    for (exec in execs) mx.exec.forward(exec, is.train = FALSE)
    out <- .output.of(execs)
    keep <- seq_len(.count(out) - X$num.pad())
    parts[[length(parts) + 1]] <- .samples(out, keep)
  }
  .bind.samples(parts)
}

# One array of arrays with samples in the last dimension.
.bind.samples <- function(parts) {
  size <- dim(parts[[1]])
  n <- sum(vapply(parts, .count, 1))
  array(unlist(parts), c(size[-length(size)], n))
}

# Rows are samples if the model takes as many numbers as there are columns.
.layout.for <- function(object, X, layout, input.name) {
  if (layout != "auto" || length(dim(X)) != 2) return(layout)
  fits <- function(n) {
    shape <- setNames(list(c(n, 2)), input.name)
    given <- lapply(object$arg.params, dim)
    !inherits(try(do.call(
      mx.symbol.infer.shape, c(list(object$symbol), shape, given)
    ), TRUE), "try-error")
  }
  rows <- nrow(X) != ncol(X) && fits(ncol(X)) && !fits(nrow(X))
  if (rows) "rowmajor" else "colmajor"
}

#' @export
print.MXFeedForwardModel <- function(x, ...) {
  cat("<MXFeedForwardModel ", paste(outputs(x$symbol), collapse = ", "), ", ",
    sum(vapply(x$arg.params, length, 1)), " parameters>\n", sep = "")
  invisible(x)
}

#' Files of models
#'
#' A model is two files, as MXNet and the Python package write them:
#' `<prefix>-symbol.json` and `<prefix>-<iteration, four digits>.params`.
#'
#' @param model a model
#' @param prefix start of the names of the files
#' @param iteration number in the name of the parameters' file
#' @return `mx.model.load` a model.
#' @examples
#' x <- mx.symbol.Variable("data")
#' model <- structure(class = "MXFeedForwardModel", list(
#'   symbol = x * mx.symbol.Variable("w"),
#'   arg.params = list(w = mx.nd.ones(2)), aux.params = list()
#' ))
#' prefix <- tempfile()
#' mx.model.save(model, prefix, 1)
#' mx.model.load(prefix, 1)
#' @name mx.model.save
NULL

.model.files <- function(prefix, iteration) {
  prefix <- path.expand(prefix)
  c(
    paste0(prefix, "-symbol.json"),
    sprintf("%s-%04d.params", prefix, iteration)
  )
}

# Parameters with the marks "arg:" and "aux:" before their names, and back.
.marked.params <- function(model) {
  marked <- function(arrays, mark) {
    if (!length(arrays)) return(list())
    setNames(arrays, paste0(mark, names(arrays)))
  }
  c(marked(model$arg.params, "arg:"), marked(model$aux.params, "aux:"))
}

.unmarked.params <- function(arrays) {
  part <- function(mark) {
    own <- arrays[startsWith(names(arrays), mark)]
    setNames(own, substring(names(own), nchar(mark) + 1))
  }
  list(arg.params = part("arg:"), aux.params = part("aux:"))
}

#' @rdname mx.model.save
#' @export
mx.model.save <- function(model, prefix, iteration) {
  files <- .model.files(prefix, as.integer(iteration))
  mx.symbol.save(model$symbol, files[1])
  mx.nd.save(.marked.params(model), files[2])
  invisible(files)
}

#' @rdname mx.model.save
#' @export
mx.model.load <- function(prefix, iteration) {
  files <- .model.files(prefix, as.integer(iteration))
  structure(class = "MXFeedForwardModel", c(
    list(symbol = mx.symbol.load(files[1])),
    .unmarked.params(mx.nd.load(files[2]))
  ))
}

#' Parameters of a symbol with initial values
#'
#' @param symbol a symbol
#' @param input.shape shape of a batch, or a list of shapes by argument
#' @param initializer see [mx.init.uniform()]
#' @param ctx context, `NULL` for the default
#' @return A list of `arg.params` and `aux.params`.
#' @examples
#' x <- mx.symbol.Variable("data")
#' net <- mx.symbol.FullyConnected(x, num_hidden = 2, name = "fc")
#' names(mx.model.init.params(net, c(4, 10), mx.init.normal(0.1))$arg.params)
#' @export
mx.model.init.params <- function(symbol, input.shape, initializer, ctx = NULL) {
  if (!is.list(input.shape)) input.shape <- list(data = input.shape)
  shapes <- do.call(mx.symbol.infer.shape, c(list(symbol), input.shape))
  if (is.null(shapes)) {
    .value.error("mx.model.init.params: input.shape does not determine all of ",
      paste(arguments(symbol), collapse = ", "))
  }
  own <- setdiff(names(shapes$arg.shapes),
    c(names(input.shape), .label.name(symbol)))
  made <- function(shapes) mx.init.create(initializer, shapes, ctx, FALSE)
  list(
    arg.params = made(shapes$arg.shapes[own]),
    aux.params = made(shapes$aux.shapes)
  )
}
