#' Batches from R arrays
#'
#' An iterator over the samples in the last dimension of `data`. The last batch
#' is filled up with samples from the beginning.
#'
#' @param data an R array, samples in the last dimension
#' @param label an R vector or array, samples in the last dimension
#' @param batch.size samples in a batch
#' @param shuffle draw a new order in each epoch, with R's random numbers
#' @param x any object
#' @return An object of class `MXDataIter` with the functions `reset()`,
#'   `iter.next()` (go to the next batch; `FALSE` at the end), `value()` (list
#'   of `data` and `label`) and `num.pad()` (samples that were filled up).
#' @examples
#' iter <- mx.io.arrayiter(matrix(1:20, 2), 1:10, batch.size = 4)
#' while (iter$iter.next()) {
#'   batch <- iter$value()
#'   print(dim(batch$data))
#' }
#' @name mx.io
NULL

# Samples `index` of an array, by its last dimension.
.samples <- function(x, index) {
  size <- dim(x)
  if (is.null(size)) return(x[index])
  n <- length(size)
  flat <- matrix(x, ncol = size[n])[, index, drop = FALSE]
  array(flat, c(size[-n], length(index)))
}

.count <- function(x) if (is.null(dim(x))) length(x) else dim(x)[length(dim(x))]

# An iterator from its functions; `self` may hold more.
.dataiter <- function(self, batch.size, reset, iter.next, value, num.pad) {
  self$batch.size <- batch.size
  self$reset <- reset
  self$iter.next <- iter.next
  self$value <- value
  self$num.pad <- num.pad
  class(self) <- "MXDataIter"
  self
}

#' @rdname mx.io
#' @export
mx.io.arrayiter <- function(data, label, batch.size = 128, shuffle = FALSE) {
  .check.number(batch.size, "batch.size", "a number >= 1", function(x) x >= 1)
  n <- .count(data)
  if (n == 0 || .count(label) != n) {
    .stop("PLAIT_ERR_SHAPE", sprintf(
      "mx.io.arrayiter: label has %d samples, must have those of data, %d, > 0",
      .count(label), n
    ))
  }
  # Kept by the library in its own type, so that a batch is one operation.
  data <- mx.nd.array(data)
  label <- mx.nd.array(label)
  order <- if (shuffle) sample.int(n) - 1 else seq_len(n) - 1
  at <- -batch.size
  .dataiter(new.env(parent = emptyenv()), batch.size,
    reset = function() {
      at <<- -batch.size
      if (shuffle) order <<- sample.int(n) - 1
      invisible(NULL)
    },
    iter.next = function() {
      at <<- at + batch.size
      at < n
    },
    value = function() {
      index <- order[(at + seq_len(batch.size) - 1) %% n + 1]
      index <- mx.nd.array(index, ctx(data), "int32")
      list(data = .take(data, index), label = .take(label, index))
    },
    num.pad = function() max(0, at + batch.size - n)
  )
}

# Samples of an array, by the library's first axis.
.take <- function(x, index) {
  .Call(C_invoke, .ops$take, list(x, index), list(0L, "clip"), 1L, NULL)
}

#' @rdname mx.io
#' @export
is.mx.dataiter <- function(x) inherits(x, "MXDataIter")

#' @export
print.MXDataIter <- function(x, ...) {
  cat("<MXDataIter of batches of ", x$batch.size, " samples>\n", sep = "")
  invisible(x)
}
