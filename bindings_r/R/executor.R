#' Executors: symbols bound to arrays
#'
#' `mx.simple.bind` makes the arrays from the shapes of some arguments,
#' `mx.symbol.bind` takes them. `mx.exec.forward` computes `outputs`,
#' `mx.exec.backward` fills `grad.arrays`.
#'
#' @param symbol a symbol
#' @param ctx context, `NULL` for the default
#' @param grad.req,grad.reqs `"write"`, `"add"` or `"null"`, for all arguments,
#'   for each, or by name
#' @param fixed.param names of arguments that get no gradient
#' @param ... shapes in R's order, by the names of arguments; for
#'   `mx.exec.backward` the gradients of the outputs, ones if there are none
#' @param arg.arrays,aux.arrays,grad.arrays arrays by name
#' @param exec an executor
#' @param is.train whether operators behave as in training and gradients can
#'   be computed afterwards
#' @param match.name find the arrays by name, not by place
#' @param skip.null leave alone what is `NULL`
#' @return An executor: an environment of class `MXExecutor` with the lists
#'   `arg.arrays`, `grad.arrays`, `aux.arrays` and `outputs`; also under the
#'   names `ref.arg.arrays` and so on. Updating functions return it.
#' @examples
#' x <- mx.symbol.Variable("x")
#' exec <- mx.simple.bind(sum(mx.symbol.square(x)), x = 3)
#' mx.exec.update.arg.arrays(exec, list(x = mx.nd.array(1:3)))
#' mx.exec.forward(exec)
#' mx.exec.backward(exec)
#' as.array(exec$grad.arrays$x)
#' @name mx.executor
NULL

#' @rdname mx.executor
#' @export
mx.simple.bind <- function(symbol, ctx = NULL, grad.req = "write",
  fixed.param = NULL, ...) {
  shapes <- mx.symbol.infer.shape(symbol, ...)
  if (is.null(shapes)) {
    .value.error(
      "mx.simple.bind: shapes of ", paste(names(list(...)), collapse = ", "),
      " do not determine all of ", paste(arguments(symbol), collapse = ", ")
    )
  }
  zeros <- function(shape) mx.nd.zeros(shape, ctx)
  mx.symbol.bind(symbol, ctx, lapply(shapes$arg.shapes, zeros),
    lapply(shapes$aux.shapes, zeros), grad.req, fixed.param)
}

#' @rdname mx.executor
#' @export
mx.symbol.bind <- function(symbol, ctx = NULL, arg.arrays, aux.arrays = list(),
  grad.reqs = "write", fixed.param = NULL) {
  args <- .bound(arg.arrays, arguments(symbol), "arg.arrays")
  requests <- .requests.of(names(args), grad.reqs, fixed.param)
  grads <- mapply(function(x, request) {
    if (request != "null") .op1("zeros_like", x)
  }, args, requests, SIMPLIFY = FALSE)
  aux <- .bound(aux.arrays, .names.of(symbol, 1L), "aux.arrays")
  .executor(symbol, ctx, args, aux, grads, requests)
}

# An executor on arrays by name; arguments without a gradient array get none.
.executor <- function(symbol, ctx, args, aux, grads, requests = NULL) {
  if (is.null(requests)) {
    none <- vapply(grads[names(args)], is.null, TRUE)
    requests <- ifelse(none, "null", "write")
  }
  exec <- new.env(parent = emptyenv())
  exec$symbol <- symbol
  exec$ctx <- .check.context(ctx)
  exec$arg.arrays <- args
  exec$aux.arrays <- aux
  exec$grad.req <- setNames(requests, names(args))
  exec$grad.arrays <- setNames(grads[names(args)], names(args))
  exec$outputs <- list()
  exec$graph <- .Call(C_graph_new, symbol)
  all <- c(exec$arg.arrays, exec$aux.arrays)
  exec$inputs <- unname(all[.names.of(symbol, 2L)])
  exec$output.names <- outputs(symbol)
  exec$trained <- FALSE
  if (any(exec$grad.req != "null")) .mark(exec)
  for (what in c("arg", "grad", "aux")) {
    .alias(exec, paste0(what, ".arrays"))
  }
  .alias(exec, "outputs")
  class(exec) <- "MXExecutor"
  exec
}

# Gradients of the arguments go to the executor's arrays.
.mark <- function(exec) {
  .Call(C_autograd_mark, unname(exec$arg.arrays), unname(exec$grad.arrays),
    .request(unname(exec$grad.req)))
}

.alias <- function(exec, name) {
  makeActiveBinding(paste0("ref.", name), function() exec[[name]], exec)
}

.bound <- function(given, names, what) {
  given <- as.list(given)
  if (is.null(names(given)) && length(given) == length(names)) {
    names(given) <- names
  }
  missing <- setdiff(names, names(given))
  if (length(missing)) {
    .value.error("bind: ", what, " has no ", paste(missing, collapse = ", "))
  }
  given[names]
}

.requests.of <- function(names, grad.req, fixed) {
  .request(grad.req)
  out <- setNames(rep("null", length(names)), names)
  if (is.null(names(grad.req))) {
    out[] <- grad.req
  } else {
    out[names(grad.req)] <- grad.req
  }
  out[names %in% fixed] <- "null"
  out
}

#' @rdname mx.executor
#' @export
mx.exec.forward <- function(exec, is.train = TRUE) {
  exec$outputs <- setNames(
    .Call(C_graph_call, exec$graph, exec$inputs, length(exec$output.names),
      is.train),
    exec$output.names
  )
  exec$trained <- is.train
  invisible(exec)
}

#' @rdname mx.executor
#' @export
mx.exec.backward <- function(exec, ...) {
  if (!exec$trained) {
    .value.error("mx.exec.backward: the last forward was not in training, ",
      "must be mx.exec.forward(exec, is.train = TRUE)")
  }
  if (all(exec$grad.req == "null")) return(invisible(exec))
  given <- .arrays(...)
  .Call(C_autograd_backward, unname(exec$outputs),
    if (length(given)) given, NULL, 5L)
  invisible(exec)
}

.update <- function(exec, own, given, match.name, skip.null, what) {
  if (!match.name) {
    if (length(given) != length(own)) {
      .value.error(what, ": got ", length(given), " arrays, must be ",
        length(own))
    }
    names(given) <- names(own)
  }
  for (name in names(given)) {
    x <- given[[name]]
    if (is.null(x) && skip.null) next
    if (is.null(own[[name]])) {
      .stop("PLAIT_ERR_KEY", paste0(
        what, ": name is '", name, "', must be one of ",
        paste(names(own), collapse = ", ")
      ))
    }
    .Call(C_array_copy, x, own[[name]])
  }
  invisible(exec)
}

#' @rdname mx.executor
#' @export
mx.exec.update.arg.arrays <- function(exec, arg.arrays, match.name = TRUE,
  skip.null = FALSE) {
  .update(exec, exec$arg.arrays, arg.arrays, match.name, skip.null,
    "mx.exec.update.arg.arrays")
}

#' @rdname mx.executor
#' @export
mx.exec.update.aux.arrays <- function(exec, aux.arrays, match.name = TRUE,
  skip.null = FALSE) {
  .update(exec, exec$aux.arrays, aux.arrays, match.name, skip.null,
    "mx.exec.update.aux.arrays")
}

#' @rdname mx.executor
#' @export
mx.exec.update.grad.arrays <- function(exec, grad.arrays, match.name = TRUE,
  skip.null = FALSE) {
  .update(exec, exec$grad.arrays, grad.arrays, match.name, skip.null,
    "mx.exec.update.grad.arrays")
}

#' @export
print.MXExecutor <- function(x, ...) {
  cat("<MXExecutor ", paste(x$output.names, collapse = ", "), " of ",
    paste(names(x$arg.arrays), collapse = ", "), ">\n", sep = "")
  invisible(x)
}
