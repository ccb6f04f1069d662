#' Places where arrays live
#'
#' `mx.cpu` and `mx.gpu` name a device; `mx.ctx.default` gives, or sets, the
#' one that is used where none is said.
#'
#' @param dev.id number of the device, from 0
#' @param new the context to use from now on, or `NULL`
#' @param x any object
#' @param nd an `MXNDArray`
#' @return An object of class `MXContext`; `is.mx.context` `TRUE` or `FALSE`;
#'   `ctx` the context of an array.
#' @examples
#' mx.ctx.default()
#' is.mx.context(mx.cpu())
#' ctx(mx.nd.zeros(3))
#' @name mx.ctx
NULL

.context <- function(kind, dev.id) {
  .check.number(dev.id, "dev.id", "a number >= 0", function(x) x >= 0)
  name <- names(.kinds)[.kinds == kind]
  structure(
    class = "MXContext",
    list(device = name, device_typeid = kind, device_id = as.integer(dev.id))
  )
}

.kinds <- c(cpu = 1L, gpu = 2L, cpu_pinned = 3L, cpu_shared = 5L)

#' @rdname mx.ctx
#' @export
mx.cpu <- function(dev.id = 0) .context(1L, dev.id)

#' @rdname mx.ctx
#' @export
mx.gpu <- function(dev.id = 0) .context(2L, dev.id)

#' @rdname mx.ctx
#' @export
mx.ctx.default <- function(new = NULL) {
  if (!is.null(new)) {
    .check.context(new)
    .state$ctx <- new
  }
  if (is.null(.state$ctx)) .state$ctx <- mx.cpu()
  .state$ctx
}

#' @rdname mx.ctx
#' @export
is.mx.context <- function(x) inherits(x, "MXContext")

#' @rdname mx.ctx
#' @export
ctx <- function(nd) {
  device <- .Call(C_array_device, nd)
  .context(device[1], device[2])
}

#' @export
print.MXContext <- function(x, ...) {
  cat(.ctx.text(x), "\n", sep = "")
  invisible(x)
}

.check.context <- function(x) {
  if (is.null(x)) x <- mx.ctx.default()
  if (is.list(x) && !is.mx.context(x) && length(x) == 1) x <- x[[1]]
  if (!is.mx.context(x)) {
    .type.error("ctx is ", .word(x), ", must be one context such as mx.cpu()")
  }
  x
}

# As the library's functions take it.
.device <- function(x) {
  x <- .check.context(x)
  c(x$device_typeid, x$device_id)
}

# As operators take it.
.ctx.text <- function(x) {
  x <- .check.context(x)
  sprintf("%s(%d)", x$device, x$device_id)
}
