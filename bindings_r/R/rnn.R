#' Batches of sequences of several lengths
#'
#' Samples are sorted into buckets by length, filled up to the length of their
#' bucket; each batch comes from one bucket.
#'
#' @param buckets list by length of the sequences, such as
#'   `list("10" = list(data = , label = ))`, of data of `c(length, samples)` or
#'   `c(features, length, samples)` and labels with the samples in the last
#'   dimension
#' @param batch.size samples in a batch
#' @param data.mask.element element of the data that fills sequences up
#' @param shuffle draw a new order of samples and batches in each epoch
#' @param seed start of R's random numbers for that order; `NULL` to go on with
#'   those of the session
#' @return An iterator as [mx.io.arrayiter()] gives, whose batches are lists of
#'   `data`, `seq.mask` (lengths of the sequences) and `label`; `bucketID` is
#'   the name of the bucket of the present one.
#' @examples
#' iter <- mx.io.bucket.iter(list(
#'   "2" = list(data = matrix(1:8, 2), label = 1:4),
#'   "3" = list(data = matrix(1:6, 3), label = 1:2)
#' ), batch.size = 2)
#' while (iter$iter.next()) print(c(iter$bucketID, dim(iter$value()$data)))
#' @export
mx.io.bucket.iter <- function(buckets, batch.size, data.mask.element = 0,
  shuffle = FALSE, seed = 123) {
  if (!is.list(buckets) || any(!grepl("^[0-9]+$", .names(buckets)))) {
    .type.error("buckets is ", .word(buckets),
      ", must be a list by length, list('10' = )")
  }
  if (!is.null(seed) && shuffle) set.seed(seed)
  counts <- vapply(buckets, function(b) .count(b$data), 1)
  plan <- NULL
  at <- 0
  pad <- 0
  self <- new.env(parent = emptyenv())
  draw <- function(n) if (shuffle) sample.int(n) else seq_len(n)
  reset <- function() {
    at <<- 0
    plan <<- do.call(rbind, lapply(names(buckets), function(id) {
      n <- counts[[id]]
      index <- draw(n)
      starts <- seq(1, n, by = batch.size)
      data.frame(id = id, batch = I(lapply(starts, function(start) {
        index[(start + seq_len(batch.size) - 2) %% n + 1]
      })), pad = pmax(0, starts + batch.size - 1 - n))
    }))
    plan <<- plan[draw(nrow(plan)), ]
    invisible(NULL)
  }
  reset()
  self$bucket.names <- names(buckets)
  .dataiter(self, batch.size,
    reset = reset,
    iter.next = function() {
      at <<- at + 1
      if (at > nrow(plan)) return(FALSE)
      self$bucketID <- plan$id[at]
      pad <<- plan$pad[at]
      TRUE
    },
    value = function() {
      bucket <- buckets[[self$bucketID]]
      data <- .samples(bucket$data, plan$batch[[at]])
      steps <- as.integer(self$bucketID)
      first <- matrix(data, ncol = batch.size)
      if (length(dim(data)) > 2) {
        first <- matrix(data, dim(data)[1])[1, ]
        first <- matrix(first, ncol = batch.size)
      }
      list(
        data = mx.nd.array(data),
        seq.mask = mx.nd.array(steps - colSums(first == data.mask.element)),
        label = mx.nd.array(.samples(bucket$label, plan$batch[[at]]))
      )
    },
    num.pad = function() pad
  )
}

# Variables that are the states before the first step.
.is.state <- function(name) grepl("(state([._]cell)?|init\\.[ch])$", name)

# Shapes of first states whose sizes rnn.graph.unroll() noted.
.state.shapes <- function(symbol, samples) {
  sizes <- lapply(.attrs.of(symbol), `[[`, "__state_size__")
  lapply(Filter(Negate(is.null), sizes), function(size) {
    c(as.integer(size), samples)
  })
}

.symbol.of <- function(symbol, id) {
  if (is.mx.symbol(symbol)) return(symbol)
  one <- symbol[[id]]
  if (is.null(one)) {
    .stop("PLAIT_ERR_KEY", paste0("buckets: symbol has no '", id,
      "', must have one of ", paste(names(symbol), collapse = ", ")))
  }
  one
}

# Executors by bucket that share parameters, gradients and auxiliary states.
.bucket.execs <- function(symbol, ctx, make.param, fixed, train) {
  shared <- new.env(parent = emptyenv())
  shared$args <- list()
  shared$grads <- list()
  shared$aux <- list()
  execs <- new.env(parent = emptyenv())
  get <- function(id, batch) {
    net <- .symbol.of(symbol, id)
    batch <- batch[intersect(names(batch), arguments(net))]
    key <- paste(id, paste(unlist(lapply(batch, dim)), collapse = ","))
    if (!is.null(execs[[key]])) return(execs[[key]])
    known <- c(lapply(batch, dim), .state.shapes(net, .count(batch$data)))
    shapes <- do.call(mx.symbol.infer.shape, c(list(net), known))
    if (is.null(shapes)) {
      .value.error("buckets: shapes of ", paste(names(batch), collapse = ", "),
        " do not determine all of ", paste(arguments(net), collapse = ", "))
    }
    inputs <- c(names(batch), Filter(.is.state, arguments(net)),
      intersect(arguments(net), "label"))
    args <- list()
    for (name in arguments(net)) {
      shape <- shapes$arg.shapes[[name]]
      if (name %in% inputs) {
        args[[name]] <- mx.nd.zeros(shape, ctx)
        next
      }
      if (is.null(shared$args[[name]])) {
        shared$args[[name]] <- make.param(name, shape)
        if (train && !name %in% fixed) {
          shared$grads[[name]] <- mx.nd.zeros(shape, ctx)
        }
      }
      args[[name]] <- shared$args[[name]]
    }
    for (name in names(shapes$aux.shapes)) {
      if (is.null(shared$aux[[name]])) {
        shared$aux[[name]] <- make.param(name, shapes$aux.shapes[[name]])
      }
    }
    exec <- .executor(net, ctx, args, shared$aux[names(shapes$aux.shapes)],
      shared$grads)
    exec$inputs.of.batch <- names(batch)
    execs[[key]] <- exec
    exec
  }
  list(get = get, shared = shared)
}

.feed <- function(exec, batch) {
  for (name in exec$inputs.of.batch) {
    .assign(exec$arg.arrays[[name]], batch[[name]])
  }
}

#' Train on buckets
#'
#' Trains a network with a symbol for each bucket of [mx.io.bucket.iter()]; all
#' share their parameters.
#'
#' @param symbol a symbol that fits all buckets, as [rnn.graph()] gives, or a
#'   list of symbols by the names of the buckets, as of [rnn.graph.unroll()]
#' @param train.data,eval.data iterators
#' @param metric a metric, see [mx.metric.accuracy]
#' @param arg.params,aux.params arrays to start from, by name
#' @param fixed.params names of parameters that are not trained
#' @param num.round,begin.round last and first epoch
#' @param initializer see [mx.init.uniform()]
#' @param optimizer an optimizer, or the name of one, with the default
#'   arguments and `rescale.grad` one over the batch size
#' @param ctx context, `NULL` for the default
#' @param kvstore accepted for MXNet's programs: there is one context
#' @param verbose report each epoch
#' @param batch.end.callback,epoch.end.callback see
#'   [mx.callback.log.train.metric()]
#' @return A model for [mx.infer.rnn()] and [predict()].
#' @examples
#' x <- matrix(sample(1:5, 40, TRUE), 4)
#' iter <- mx.io.bucket.iter(list("4" = list(data = x, label = x[4, ])), 5)
#' net <- rnn.graph(1, input_size = 6, num_embed = 3, num_hidden = 4,
#'   num_decode = 6, loss_output = "softmax", config = "seq-to-one",
#'   cell_type = "gru")
#' model <- mx.model.buckets(net, iter, num.round = 2, verbose = FALSE,
#'   optimizer = mx.opt.adam(0.01))
#' dim(mx.infer.rnn(iter, model))
#' @export
mx.model.buckets <- function(symbol, train.data, eval.data = NULL,
  metric = NULL, arg.params = NULL, aux.params = NULL, fixed.params = NULL,
  num.round = 1, initializer = mx.init.uniform(0.01), optimizer = "sgd",
  ctx = NULL, kvstore = "local", verbose = TRUE, batch.end.callback = NULL,
  epoch.end.callback = NULL, begin.round = 1) {
  ctx <- .check.context(ctx)
  given <- c(arg.params, aux.params)
  execs <- .bucket.execs(symbol, ctx, function(name, shape) {
    if (is.null(given[[name]])) return(initializer(name, shape, ctx))
    mx.nd.copyto(given[[name]], ctx)
  }, fixed.params, TRUE)
  if (!inherits(optimizer, "MXOptimizer")) {
    optimizer <- mx.opt.create(optimizer,
      rescale.grad = 1 / train.data$batch.size)
  }
  states <- list()
  step <- function() {
    weights <- execs$shared$args
    grads <- execs$shared$grads
    mx.autograd.pause(for (name in names(grads)) {
      if (is.null(states[[name]])) {
        states[[name]] <<- list(optimizer$create.state(name, weights[[name]]))
      }
      optimizer$update(name, weights[[name]], grads[[name]],
        states[[name]][[1]])
    })
  }
  env <- new.env(parent = emptyenv())
  env$metric <- metric
  for (round in seq(begin.round, length.out = num.round - begin.round + 1)) {
    env$train.result <- .bucket.pass(env, execs, train.data, step, round,
      "Train", verbose, batch.end.callback)
    if (!is.null(eval.data)) {
      env$eval.result <- .bucket.pass(env, execs, eval.data, NULL, round,
        "Validation", verbose, NULL)
    }
    env$model <- .bucket.model(symbol, execs)
    if (!is.null(epoch.end.callback) &&
      identical(epoch.end.callback(round, 0, env, verbose), FALSE)) {
      break
    }
  }
  .bucket.model(symbol, execs)
}

.bucket.model <- function(symbol, execs) {
  structure(class = "MXFeedForwardModel", list(
    symbol = symbol, arg.params = execs$shared$args,
    aux.params = execs$shared$aux
  ))
}

# One epoch; `step` changes the weights, NULL: only measures.
.bucket.pass <- function(env, execs, iter, step, round, what, verbose,
  callback) {
  metric <- env$metric
  state <- if (!is.null(metric)) metric$init()
  iter$reset()
  nbatch <- 0
  while (iter$iter.next()) {
    batch <- iter$value()
    exec <- execs$get(iter$bucketID, batch)
    .feed(exec, batch)
    mx.exec.forward(exec, is.train = !is.null(step))
    if (!is.null(step)) {
      mx.exec.backward(exec)
      step()
    }
    nbatch <- nbatch + 1
    if (!is.null(metric)) {
      state <- metric$update(batch$label, exec$outputs[[1]], state)
      env$train.state <- state
    }
    if (!is.null(callback) &&
      identical(callback(round, nbatch, env, verbose), FALSE)) {
      break
    }
  }
  mx.nd.waitall()
  if (!is.null(metric)) .report(metric, state, round, what, verbose)
}

#' Use a recurrent network
#'
#' `mx.infer.rnn` computes the output for all batches of an iterator.
#' `mx.infer.rnn.one` computes all outputs for its first batch, from given
#' states: with `output_last_state` in [rnn.graph()] a text is continued by
#' handing the last states on. `mx.infer.rnn.one.unroll` does the same for a
#' symbol of [rnn.graph.unroll()].
#'
#' @param infer.data an iterator as [mx.io.bucket.iter()] gives
#' @param model a model of [mx.model.buckets()]
#' @param ctx context, `NULL` for the default
#' @param symbol a symbol
#' @param arg.params,aux.params arrays by name, as in a model
#' @param input.params,init_states states by name, arrays; those that are left
#'   out are 0
#' @param num_hidden accepted for MXNet's programs
#' @return `mx.infer.rnn` an R array with the samples in the last dimension,
#'   sorted by batches of the iterator; the others a list of arrays by the names
#'   of the outputs.
#' @examples
#' net <- rnn.graph(1, input_size = 6, num_embed = 3, num_hidden = 4,
#'   num_decode = 6, loss_output = "softmax", config = "one-to-one",
#'   cell_type = "lstm", output_last_state = TRUE)
#' shapes <- mx.symbol.infer.shape(net, data = c(1, 1), label = c(1, 1))
#' shapes <- shapes$arg.shapes
#' own <- grepl("weight|bias", names(shapes))
#' params <- mx.init.create(mx.init.normal(0.1), shapes[own])
#' bucket <- list(data = matrix(3), label = matrix(0))
#' iter <- mx.io.bucket.iter(list("1" = bucket), 1)
#' out <- mx.infer.rnn.one(iter, net, params, NULL)
#' names(out)
#' @export
mx.infer.rnn <- function(infer.data, model, ctx = NULL) {
  ctx <- .check.context(ctx)
  given <- c(model$arg.params, model$aux.params)
  execs <- .infer.execs(model$symbol, given, ctx)
  parts <- list()
  infer.data$reset()
  while (infer.data$iter.next()) {
    batch <- infer.data$value()
    exec <- execs$get(infer.data$bucketID, batch)
    .feed(exec, batch)
    mx.exec.forward(exec, is.train = FALSE)
    out <- as.array(exec$outputs[[1]])
    # With an output for each step a sample has several columns.
    columns <- .count(out) / infer.data$batch.size
    keep <- seq_len(.count(out) - infer.data$num.pad() * columns)
    parts[[length(parts) + 1]] <- .samples(out, keep)
  }
  .bind.samples(parts)
}

.infer.execs <- function(symbol, given, ctx) {
  .bucket.execs(symbol, ctx, function(name, shape) {
    if (is.null(given[[name]])) {
      .value.error("mx.infer.rnn: arg.params has no ", name,
        ", must have all parameters")
    }
    given[[name]]
  }, character(0), FALSE)
}

#' @rdname mx.infer.rnn
#' @export
mx.infer.rnn.one <- function(infer.data, symbol, arg.params, aux.params = NULL,
  input.params = NULL, ctx = NULL) {
  ctx <- .check.context(ctx)
  infer.data$reset()
  infer.data$iter.next()
  batch <- infer.data$value()
  execs <- .infer.execs(symbol, c(arg.params, aux.params), ctx)
  exec <- execs$get(infer.data$bucketID, batch)
  .feed(exec, batch)
  for (name in names(input.params)) {
    if (is.null(exec$arg.arrays[[name]])) {
      .stop("PLAIT_ERR_KEY", paste0("mx.infer.rnn.one: state is '", name,
        "', must be one of ", paste(Filter(.is.state, names(exec$arg.arrays)),
          collapse = ", ")))
    }
    .assign(exec$arg.arrays[[name]], input.params[[name]])
  }
  mx.exec.forward(exec, is.train = FALSE)
  exec$outputs
}

#' @rdname mx.infer.rnn
#' @export
mx.infer.rnn.one.unroll <- function(infer.data, symbol, num_hidden, arg.params,
  aux.params = NULL, init_states = NULL, ctx = NULL) {
  mx.infer.rnn.one(infer.data, symbol, arg.params, aux.params, init_states, ctx)
}
