#' Arrays
#'
#' An `MXNDArray` is an array in the library's memory with a fixed shape and
#' type of elements. Operations return at once and compute later;
#' `as.array` waits for the result.
#'
#' @section Order of dimensions:
#' R stores the first dimension in neighbouring elements, the library the last.
#' No data are moved: an R array of `dim` `c(a, b, c)` is an array of shape
#' `(c, b, a)` for the library. Functions that take R arrays or a `shape`
#' reverse it, so `dim` always is R's. Attributes of operators are handed on
#' as they are: `axis = 0` is the library's first axis, R's last dimension.
#'
#' @param src.array numbers or logicals: a vector or an array
#' @param shape sizes of the dimensions, in R's order
#' @param src an `MXNDArray`
#' @param ctx context, see [mx.ctx.default()]; `NULL` for the default
#' @param dtype type of the elements, such as `"float32"`, `"float64"`,
#'   `"int32"`, `"uint8"`, `"bool"`
#' @param x any object, or an `MXNDArray`
#' @return An object of class `MXNDArray`; `is.mx.ndarray` `TRUE` or `FALSE`;
#'   `mx.nd.dtype` a string.
#' @examples
#' x <- mx.nd.array(matrix(1:6, 2, 3))
#' dim(x)
#' as.array(x * 2 + 1)
#' mx.nd.dtype(x)
#' as.array(mx.nd.cast(mx.nd.ones(c(2, 2)), dtype = "int32"))
#' @name mx.nd.array
NULL

#' @rdname mx.nd.array
#' @export
mx.nd.array <- function(src.array, ctx = NULL, dtype = "float32") {
  if (is.mx.ndarray(src.array)) return(mx.nd.copyto(src.array, ctx))
  if (is.data.frame(src.array)) src.array <- data.matrix(src.array)
  dims <- dim(src.array)
  if (is.null(dims)) dims <- length(src.array)
  .Call(C_array_from_r, src.array, dims, dtype, .device(ctx))
}

#' @rdname mx.nd.array
#' @export
mx.nd.zeros <- function(shape, ctx = NULL, dtype = "float32") {
  .filled(shape, ctx, dtype, .ops$zeros)
}

#' @rdname mx.nd.array
#' @export
mx.nd.ones <- function(shape, ctx = NULL, dtype = "float32") {
  .filled(shape, ctx, dtype, .ops$ones)
}

.filled <- function(shape, ctx, dtype, op) {
  attrs <- list(rev(as.numeric(shape)), .ctx.text(ctx), dtype)
  .Call(C_invoke, op, list(), attrs, 1L, NULL)
}

#' @rdname mx.nd.array
#' @export
mx.nd.copyto <- function(src, ctx = NULL) {
  to <- .Call(C_array_empty, dim(src), mx.nd.dtype(src), .device(ctx))
  .Call(C_array_copy, src, to)
}

#' @rdname mx.nd.array
#' @export
mx.nd.dtype <- function(x) .Call(C_array_dtype, x)

#' @rdname mx.nd.array
#' @export
is.mx.ndarray <- function(x) inherits(x, "MXNDArray")

#' Files of arrays
#'
#' Read and write the `.params` files of MXNet, as the Python package does.
#'
#' @param ndarray an `MXNDArray`, or a list of them, with names or without
#' @param filename path of the file
#' @return `mx.nd.load` a list of arrays, with names if the file has them.
#' @examples
#' file <- tempfile(fileext = ".params")
#' mx.nd.save(list(w = mx.nd.ones(3)), file)
#' names(mx.nd.load(file))
#' @name mx.nd.save
NULL

#' @rdname mx.nd.save
#' @export
mx.nd.save <- function(ndarray, filename) {
  if (is.mx.ndarray(ndarray)) ndarray <- list(ndarray)
  if (!is.list(ndarray)) {
    .type.error("ndarray is ", .word(ndarray), ", must be a list of MXNDArray")
  }
  path <- path.expand(filename)
  invisible(.Call(C_archive_save, path, unname(ndarray), names(ndarray)))
}

#' @rdname mx.nd.save
#' @export
mx.nd.load <- function(filename) .Call(C_archive_load, path.expand(filename))

#' Wait for all work, count arrays
#'
#' `mx.nd.waitall` waits until everything is computed; it fails with the first
#' failure that has not been reported yet. `mx.nd.live.count` counts the arrays
#' that exist in the library, for leak checks.
#'
#' @return `mx.nd.waitall` nothing, `mx.nd.live.count` a number.
#' @examples
#' mx.nd.waitall()
#' mx.nd.live.count() >= 0
#' @export
mx.nd.waitall <- function() invisible(.Call(C_wait_all))

#' @rdname mx.nd.waitall
#' @export
mx.nd.live.count <- function() .Call(C_array_live_count)

#' Convert and print arrays
#'
#' The usual functions of R work on an `MXNDArray`: they wait for its content
#' and copy it. Floating types and 64-bit integers become doubles, smaller
#' integers become integers, `"bool"` logicals.
#'
#' @param x an `MXNDArray`
#' @param value new sizes of the dimensions; one may be -1
#' @param mode as in [as.vector()]
#' @param ... not used
#' @return An R object.
#' @examples
#' x <- mx.nd.array(1:4)
#' as.array(x)
#' dim(x) <- c(2, 2)
#' as.matrix(x)
#' x
#' @name as.array.MXNDArray
NULL

#' @rdname as.array.MXNDArray
#' @export
as.array.MXNDArray <- function(x, ...) .Call(C_array_to_r, x)

#' @rdname as.array.MXNDArray
#' @export
as.matrix.MXNDArray <- function(x, ...) as.matrix(as.array(x))

#' @rdname as.array.MXNDArray
#' @export
as.vector.MXNDArray <- function(x, mode = "any") as.vector(as.array(x), mode)

#' @rdname as.array.MXNDArray
#' @export
as.double.MXNDArray <- function(x, ...) as.double(as.array(x))

#' @rdname as.array.MXNDArray
#' @export
as.integer.MXNDArray <- function(x, ...) as.integer(as.array(x))

#' @rdname as.array.MXNDArray
#' @export
as.logical.MXNDArray <- function(x, ...) as.logical(as.array(x))

#' @rdname as.array.MXNDArray
#' @export
dim.MXNDArray <- function(x) .Call(C_array_dim, x)

#' @rdname as.array.MXNDArray
#' @export
`dim<-.MXNDArray` <- function(x, value) {
  mx.nd.reshape(x, shape = rev(as.integer(value)))
}

#' @rdname as.array.MXNDArray
#' @export
length.MXNDArray <- function(x) prod(dim(x))

#' @rdname as.array.MXNDArray
#' @export
print.MXNDArray <- function(x, ...) {
  print(as.array(x), ...)
  cat(sprintf("<MXNDArray %s, %s @ %s>\n", paste(dim(x), collapse = "x"),
    mx.nd.dtype(x), .ctx.text(ctx(x))))
  invisible(x)
}
