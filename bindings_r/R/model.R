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
#' @param ctx context, `NULL` for the default
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
  allow.extra.params = FALSE, input.name = "data", ...) {
  ctx <- .check.context(ctx)
  X <- .iterator(X, y, array.batch.size, array.layout, TRUE)
  if (is.list(eval.data) && !is.mx.dataiter(eval.data)) {
    eval.data <- .iterator(eval.data$data, eval.data$label, array.batch.size,
      array.layout, FALSE)
  }
  exec <- .bind.batch(symbol, ctx, X, input.name, fixed.param, TRUE)
  .set.params(exec, initializer, arg.params, aux.params, allow.extra.params)
  if (!inherits(optimizer, "MXOptimizer")) {
    given <- list(...)
    if (is.null(given$rescale.grad)) given$rescale.grad <- 1 / X$batch.size
    optimizer <- do.call(mx.opt.create, c(list(optimizer), given))
  }
  env <- new.env(parent = emptyenv())
  env$exec <- exec
  env$metric <- eval.metric
  env$updater <- mx.opt.get.updater(optimizer, .trained(exec$arg.arrays, exec))
  for (round in seq(begin.round, length.out = num.round - begin.round + 1)) {
    .train.epoch(env, X, round, batch.end.callback, verbose)
    if (!is.null(eval.data)) {
      env$eval.result <- .evaluate(env, eval.data, round, verbose)
    }
    env$model <- .model(exec)
    if (!is.null(epoch.end.callback) &&
      identical(epoch.end.callback(round, 0, env, verbose), FALSE)) {
      break
    }
  }
  .model(exec)
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

.bind.batch <- function(symbol, ctx, iter, input.name, fixed, train) {
  iter$reset()
  iter$iter.next()
  batch <- iter$value()
  shapes <- setNames(list(dim(batch$data)), input.name)
  label <- .label.name(symbol)
  if (train && length(label)) shapes[[label[1]]] <- dim(batch$label)
  fixed <- c(fixed, input.name, label)
  exec <- do.call(mx.simple.bind, c(
    list(symbol, ctx, if (train) "write" else "null", fixed), shapes
  ))
  exec$input.name <- input.name
  exec$label.name <- label
  iter$reset()
  exec
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
      ", must be parameters of the symbol: ", paste(names(own), collapse = ", "))
  }
  for (name in names(own)) {
    value <- given[[name]]
    if (is.null(value)) {
      value <- initializer(name, dim(own[[name]]), exec$ctx)
    }
    .assign(own[[name]], value)
  }
}

.load.batch <- function(exec, batch) {
  .assign(exec$arg.arrays[[exec$input.name]], batch$data)
  if (length(exec$label.name)) {
    .assign(exec$arg.arrays[[exec$label.name[1]]], batch$label)
  }
}

# Adds a batch to the state of the metric, without the samples that fill it up.
.measure <- function(metric, state, batch, exec, pad) {
  label <- as.array(batch$label)
  pred <- as.array(exec$outputs[[1]])
  if (pad > 0) {
    keep <- seq_len(.count(label) - pad)
    label <- .samples(label, keep)
    pred <- .samples(pred, keep)
  }
  metric$update(label, pred, state)
}

.train.epoch <- function(env, X, round, callback, verbose) {
  exec <- env$exec
  metric <- env$metric
  if (!is.null(metric)) env$train.state <- metric$init()
  weights <- .trained(exec$arg.arrays, exec)
  grads <- .trained(exec$grad.arrays, exec)
  X$reset()
  nbatch <- 0
  while (X$iter.next()) {
    batch <- X$value()
    .load.batch(exec, batch)
    mx.exec.forward(exec, is.train = TRUE)
    mx.exec.backward(exec)
    env$updater(weights, grads)
    nbatch <- nbatch + 1
    if (!is.null(metric)) {
      env$train.state <- .measure(metric, env$train.state, batch, exec,
        X$num.pad())
    }
    if (!is.null(callback) &&
      identical(callback(round, nbatch, env, verbose), FALSE)) {
      break
    }
  }
  mx.nd.waitall()
  if (!is.null(metric)) {
    env$train.result <- .report(metric, env$train.state, round, "Train", verbose)
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
    .load.batch(env$exec, batch)
    mx.exec.forward(env$exec, is.train = FALSE)
    state <- .measure(env$metric, state, batch, env$exec, iter$num.pad())
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
  ctx <- .check.context(ctx)
  if (!is.mx.dataiter(X)) {
    if (is.data.frame(X)) X <- data.matrix(X)
    if (is.mx.ndarray(X)) X <- as.array(X)
    X <- .colmajor(X, .layout.for(object, X, array.layout, input.name), NULL)
    n <- .count(X)
    X <- mx.io.arrayiter(X, numeric(n), min(array.batch.size, n))
  }
  exec <- .bind.batch(object$symbol, ctx, X, input.name, NULL, FALSE)
  .set.params(exec, mx.init.uniform(0.01), object$arg.params,
    object$aux.params, allow.extra.params)
  parts <- list()
  X$reset()
  while (X$iter.next()) {
    .load.batch.data(exec, X$value())
    mx.exec.forward(exec, is.train = FALSE)
    out <- as.array(exec$outputs[[1]])
    keep <- seq_len(.count(out) - X$num.pad())
    parts[[length(parts) + 1]] <- .samples(out, keep)
  }
  size <- dim(parts[[1]])
  n <- sum(vapply(parts, .count, 1))
  array(unlist(parts), c(size[-length(size)], n))
}

.load.batch.data <- function(exec, batch) {
  .assign(exec$arg.arrays[[exec$input.name]], batch$data)
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
  if (nrow(X) != ncol(X) && fits(ncol(X)) && !fits(nrow(X))) "rowmajor" else "colmajor"
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
  c(paste0(prefix, "-symbol.json"), sprintf("%s-%04d.params", prefix, iteration))
}

#' @rdname mx.model.save
#' @export
mx.model.save <- function(model, prefix, iteration) {
  files <- .model.files(prefix, as.integer(iteration))
  marked <- function(arrays, mark) {
    if (length(arrays)) setNames(arrays, paste0(mark, names(arrays))) else list()
  }
  mx.symbol.save(model$symbol, files[1])
  mx.nd.save(
    c(marked(model$arg.params, "arg:"), marked(model$aux.params, "aux:")),
    files[2]
  )
  invisible(files)
}

#' @rdname mx.model.save
#' @export
mx.model.load <- function(prefix, iteration) {
  files <- .model.files(prefix, as.integer(iteration))
  arrays <- mx.nd.load(files[2])
  part <- function(mark) {
    own <- arrays[startsWith(names(arrays), mark)]
    setNames(own, substring(names(own), nchar(mark) + 1))
  }
  structure(class = "MXFeedForwardModel", list(
    symbol = mx.symbol.load(files[1]),
    arg.params = part("arg:"), aux.params = part("aux:")
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
  list(
    arg.params = mx.init.create(initializer, shapes$arg.shapes[own], ctx, FALSE),
    aux.params = mx.init.create(initializer, shapes$aux.shapes, ctx, FALSE)
  )
}
