#' Gradients
#'
#' Mark arrays with `mx.nd.attach.grad`, compute inside `mx.autograd.record`,
#' then call `mx.autograd.backward`: the gradients are in `mx.nd.grad`.
#' `mx.autograd.grad` gives them as new arrays instead, and with
#' `create.graph = TRUE` they can be differentiated again.
#'
#' @param x an `MXNDArray`
#' @param grad.req `"write"`, `"add"` or `"null"`: what happens to the gradient
#'   that is there already
#' @param expr an expression, evaluated where the function is called
#' @param train.mode whether operators behave as in training
#' @param heads an `MXNDArray` or a list of them
#' @param out.grads gradients of the heads; `NULL` for ones
#' @param variables an `MXNDArray` or a list of them
#' @param retain.graph keep the recording for another backward pass
#' @param create.graph record the backward pass too
#' @return `mx.autograd.record` and `mx.autograd.pause` the value of `expr`;
#'   `mx.nd.grad` an array, or `NULL` if `x` has no gradient;
#'   `mx.autograd.grad` an array, or a list if `variables` is one.
#' @examples
#' x <- mx.nd.array(c(1, 2, 3))
#' mx.nd.attach.grad(x)
#' y <- mx.autograd.record(sum(x^2))
#' mx.autograd.backward(y)
#' as.array(mx.nd.grad(x))
#' @name mx.autograd
NULL

.requests <- c(null = 0L, write = 1L, add = 3L)

.request <- function(x) {
  if (!(is.character(x) && all(x %in% names(.requests)))) {
    .value.error("grad.req is ", .word(x), ", must be 'write', 'add' or 'null'")
  }
  .requests[x]
}

#' @rdname mx.autograd
#' @export
mx.nd.attach.grad <- function(x, grad.req = "write") {
  grads <- list(if (grad.req != "null") .op1("zeros_like", x))
  .Call(C_autograd_mark, list(x), grads, .request(grad.req))
  invisible(x)
}

#' @rdname mx.autograd
#' @export
mx.nd.grad <- function(x) .Call(C_autograd_grad, x)

#' @rdname mx.autograd
#' @export
mx.nd.detach <- function(x) .Call(C_array_detach, x)

#' @rdname mx.autograd
#' @export
mx.autograd.record <- function(expr, train.mode = TRUE) {
  before <- .Call(C_autograd_set, TRUE, train.mode)
  on.exit(.Call(C_autograd_set, before[1], before[2]))
  expr
}

#' @rdname mx.autograd
#' @export
mx.autograd.pause <- function(expr, train.mode = FALSE) {
  before <- .Call(C_autograd_set, FALSE, train.mode)
  on.exit(.Call(C_autograd_set, before[1], before[2]))
  expr
}

.as.list <- function(x) if (is.null(x) || is.list(x)) x else list(x)

#' @rdname mx.autograd
#' @export
mx.autograd.backward <- function(heads, out.grads = NULL, retain.graph = FALSE,
  train.mode = TRUE) {
  flags <- 1L * retain.graph + 4L * train.mode
  .Call(C_autograd_backward, .as.list(heads), .as.list(out.grads), NULL, flags)
  invisible(NULL)
}

#' @rdname mx.autograd
#' @export
mx.autograd.grad <- function(heads, variables, out.grads = NULL,
  retain.graph = create.graph, create.graph = FALSE, train.mode = TRUE) {
  flags <- 1L * retain.graph + 2L * create.graph + 4L * train.mode
  grads <- .Call(C_autograd_backward, .as.list(heads), .as.list(out.grads),
    .as.list(variables), flags)
  if (is.list(variables)) setNames(grads, names(variables)) else grads[[1]]
}
