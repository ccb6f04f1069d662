# Arithmetic, mathematics and indexing of arrays with R's own operators.

# R's operator: (two arrays, array and number, number and array).
.binary <- list(
  "+" = c("add", "add_scalar", "add_scalar"),
  "-" = c("subtract", "subtract_scalar", "rsubtract_scalar"),
  "*" = c("multiply", "multiply_scalar", "multiply_scalar"),
  "/" = c("divide", "divide_scalar", "rdivide_scalar"),
  "^" = c("power", "power_scalar", "rpower_scalar"),
  "%%" = c("mod", "mod_scalar", "rmod_scalar"),
  "==" = c("equal", "equal_scalar", "equal_scalar"),
  "!=" = c("not_equal", "not_equal_scalar", "not_equal_scalar"),
  "<" = c("less", "less_scalar", "greater_scalar"),
  "<=" = c("less_equal", "less_equal_scalar", "greater_equal_scalar"),
  ">" = c("greater", "greater_scalar", "less_scalar"),
  ">=" = c("greater_equal", "greater_equal_scalar", "less_equal_scalar"),
  "&" = c("logical_and", "logical_and_scalar", "logical_and_scalar"),
  "|" = c("logical_or", "logical_or_scalar", "logical_or_scalar")
)

.op1 <- function(name, x, ...) {
  .Call(C_invoke, .ops[[name]], list(x), list(...), 1L, NULL)
}

.op2 <- function(name, x, y) {
  .Call(C_invoke, .ops[[name]], list(x, y), list(), 1L, NULL)
}

# Library axis (from 0) of R's dimension k of n.
.axis <- function(k, n) as.integer(n - k)

#' Arithmetic and mathematics on arrays
#'
#' R's operators, and its functions of the groups Math and Summary, on
#' `MXNDArray`. Dimensions broadcast from R's first one on: a vector of length
#' `n` fits every array whose first dimension is `n`. Comparisons give 1 and 0
#' in the type of the array.
#'
#' @param e1,e2 an `MXNDArray`, or numbers
#' @param x an `MXNDArray`
#' @param ... more numbers for `round` (digits) and `log` (base)
#' @param na.rm not used: `NaN` is never removed
#' @return An `MXNDArray`; functions of the group Summary give an array without
#'   dimensions, `range` numbers.
#' @examples
#' x <- mx.nd.array(matrix(1:6, 2))
#' as.array(x + mx.nd.array(c(10, 20)))
#' as.array(1 / x)
#' as.array(sum(exp(-x)))
#' @name Ops.MXNDArray
NULL

#' @rdname Ops.MXNDArray
#' @export
Ops.MXNDArray <- function(e1, e2) {
  if (nargs() == 1) {
    return(switch(.Generic,
      "-" = .op1("negative", e1),
      "+" = e1,
      "!" = .op1("logical_not", e1)
    ))
  }
  if (.Generic == "%/%") return(.op1("floor", e1 / e2))
  ops <- .arith[[.Generic]]
  out <- .Call(C_arith, ops, e1, e2)
  if (!is.null(out)) return(out)
  like <- if (is.mx.ndarray(e1)) e1 else e2
  wrap <- function(x) {
    if (is.mx.ndarray(x)) return(x)
    mx.nd.array(x, ctx(like), mx.nd.dtype(like))
  }
  .Call(C_arith, ops, wrap(e1), wrap(e2))
}

# The operators of .binary, filled when the package is loaded.
.arith <- new.env(parent = emptyenv())

.is.scalar <- function(x) {
  (is.numeric(x) || is.logical(x)) && length(x) == 1 && is.null(dim(x))
}

.math <- c(
  abs = "abs", sign = "sign", sqrt = "sqrt", floor = "floor",
  ceiling = "ceil", trunc = "trunc", round = "round_even", exp = "exp",
  log = "log", expm1 = "expm1", log1p = "log1p", log2 = "log2",
  log10 = "log10", cos = "cos", sin = "sin", tan = "tan", cosh = "cosh",
  sinh = "sinh", tanh = "tanh", acos = "arccos", asin = "arcsin",
  atan = "arctan", acosh = "arccosh", asinh = "arcsinh", atanh = "arctanh",
  gamma = "gamma", lgamma = "gammaln", digamma = "digamma",
  trigamma = "trigamma"
)

# The operator of a function of R's group Math.
.math.name <- function(generic) {
  name <- .math[generic]
  if (is.na(name)) {
    .stop("PLAIT_ERR_NOT_IMPLEMENTED", paste0(
      generic, ": is not there for arrays and symbols, must be one of ",
      paste(names(.math), collapse = ", ")
    ))
  }
  unname(name)
}

#' @rdname Ops.MXNDArray
#' @export
Math.MXNDArray <- function(x, ...) {
  name <- .math.name(.Generic)
  more <- list(...)
  if (.Generic == "log" && length(more)) {
    return(.op1("log", x) / log(more[[1]]))
  }
  if (.Generic == "round" && length(more) && more[[1]] != 0) {
    scale <- 10^more[[1]]
    return(.op1("round_even", x * scale) / scale)
  }
  .op1(name, x)
}

#' @rdname Ops.MXNDArray
#' @export
Summary.MXNDArray <- function(..., na.rm = FALSE) {
  given <- list(...)
  if (length(given) != 1) {
    .value.error(.Generic, ": got ", length(given), " arguments, must be one")
  }
  x <- given[[1]]
  switch(.Generic,
    sum = ,
    prod = ,
    max = ,
    min = .op1(.Generic, x),
    range = c(as.array(.op1("min", x)), as.array(.op1("max", x))),
    any = as.array(.op1("max", x)) != 0,
    all = as.array(.op1("min", .op1("abs", x))) != 0
  )
}

#' @rdname Ops.MXNDArray
#' @export
mean.MXNDArray <- function(x, ...) .op1("mean", x)

#' @rdname Ops.MXNDArray
#' @export
t.MXNDArray <- function(x) .op1("transpose", x, NULL)

#' Parts of arrays
#'
#' `x[i, j, ...]` with one index for each dimension, as on R's arrays:
#' positive, negative or logical, or left out for all. Assigning gives a new
#' array. Gradients flow through the extraction, not through the assignment.
#'
#' @param x an `MXNDArray`
#' @param ... one index for each dimension; a single one for an array of one
#'   dimension
#' @param drop whether dimensions of size 1 that were indexed go away
#' @param value numbers, or an `MXNDArray`
#' @return An `MXNDArray`.
#' @examples
#' x <- mx.nd.array(matrix(1:6, 2))
#' as.array(x[1, 2:3])
#' x[2, ] <- 0
#' as.array(x)
#' @name Extract.MXNDArray
NULL

#' @rdname Extract.MXNDArray
#' @export
`[.MXNDArray` <- function(x, ..., drop = TRUE) {
  size <- dim(x)
  index <- .indices(substitute(list(...)), parent.frame(), size)
  n <- length(size)
  for (k in seq_len(n)) {
    i <- index[[k]]
    if (is.null(i)) next
    if (length(i) && all(diff(i) == 1)) {
      x <- .op1("slice_axis", x, .axis(k, n), i[1] - 1, i[length(i)])
    } else {
      at <- mx.nd.array(i - 1, ctx(x), "int64")
      x <- .Call(C_invoke, .ops$take, list(x, at),
        list(.axis(k, n), "clip"), 1L, NULL)
    }
  }
  gone <- drop & dim(x) == 1 & !vapply(index, is.null, TRUE)
  if (any(gone) && n > 1) {
    x <- .op1("squeeze", x, .axis(which(gone), n))
  }
  x
}

#' @rdname Extract.MXNDArray
#' @export
`[<-.MXNDArray` <- function(x, ..., value) {
  content <- as.array(x)
  if (is.mx.ndarray(value)) value <- as.array(value)
  content[...] <- as.vector(value)
  mx.nd.array(content, ctx(x), mx.nd.dtype(x))
}

# Positions for each dimension, NULL for all of them.
.indices <- function(call, env, size) {
  given <- as.list(call)[-1]
  if (length(given) != length(size)) {
    .stop("PLAIT_ERR_INDEX", sprintf(
      "[: got %d indices, must be %d for an array of dim (%s)", length(given),
      length(size), paste(size, collapse = ", ")
    ))
  }
  lapply(seq_along(size), function(k) {
    if (identical(given[[k]], quote(expr = ))) return(NULL)
    i <- eval(given[[k]], env)
    if (is.logical(i)) i <- which(rep_len(i, size[k]))
    if (any(i < 0)) i <- seq_len(size[k])[i]
    if (anyNA(i) || any(i < 1 | i > size[k])) {
      .stop("PLAIT_ERR_INDEX", sprintf(
        "[: index %d is outside, must be in [1, %d]", k, size[k]
      ))
    }
    i
  })
}
