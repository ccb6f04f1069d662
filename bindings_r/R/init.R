#' Initial values of parameters
#'
#' An initializer is a function of `(name, shape, ctx, allow.unknown)` that
#' gives the array of a parameter. Biases, `beta` and means start at 0, `gamma`
#' and variances at 1; what ends in `weight` is drawn.
#'
#' @param name name of the parameter
#' @param shape its sizes, in R's order
#' @param ctx context
#' @param allow.unknown give `NULL` for other names instead of failing
#' @param scale numbers are drawn from `[-scale, scale]`
#' @param sd standard deviation
#' @param rnd_type `"uniform"` or `"gaussian"`
#' @param factor_type `"avg"`, `"in"` or `"out"`: which numbers of neighbours
#'   count
#' @param magnitude the variance is about `magnitude / neighbours`
#' @param initializer an initializer
#' @param shape.array list of shapes by name
#' @param skip.unknown leave out names that are unknown
#' @return An initializer, or for `mx.init.create` a list of arrays.
#' @references Glorot, Bengio: Understanding the difficulty of training deep
#'   feedforward neural networks, AISTATS 2010.
#' @examples
#' init <- mx.init.Xavier(magnitude = 2)
#' dim(init("fc_weight", c(10, 4), mx.cpu()))
#' as.array(init("fc_bias", 4, mx.cpu()))
#' @name mx.init
NULL

#' @rdname mx.init
#' @export
mx.init.internal.default <- function(name, shape, ctx, allow.unknown = FALSE) {
  ends <- function(suffix) any(endsWith(name, suffix))
  if (ends(c("bias", "beta", "moving_mean"))) return(mx.nd.zeros(shape, ctx))
  if (ends(c("gamma", "moving_var"))) return(mx.nd.ones(shape, ctx))
  if (allow.unknown) return(NULL)
  .value.error("initializer: name is ", .word(name),
    ", must end in weight, bias, gamma, beta, moving_mean or moving_var")
}

.weights <- function(draw) {
  function(name, shape, ctx, allow.unknown = FALSE) {
    if (endsWith(name, "weight")) return(draw(shape, ctx))
    mx.init.internal.default(name, shape, ctx, allow.unknown)
  }
}

#' @rdname mx.init
#' @export
mx.init.uniform <- function(scale) {
  force(scale)
  .weights(function(shape, ctx) mx.runif(shape, -scale, scale, ctx))
}

#' @rdname mx.init
#' @export
mx.init.normal <- function(sd) {
  force(sd)
  .weights(function(shape, ctx) mx.rnorm(shape, 0, sd, ctx))
}

#' @rdname mx.init
#' @export
mx.init.Xavier <- function(rnd_type = "uniform", factor_type = "avg",
  magnitude = 3) {
  rnd_type <- match.arg(rnd_type, c("uniform", "gaussian"))
  factor_type <- match.arg(factor_type, c("avg", "in", "out"))
  .weights(function(shape, ctx) {
    n <- length(shape)
    fan.out <- shape[n]
    fan.in <- prod(shape[-n])
    if (n > 2) fan.out <- fan.out * prod(shape[seq_len(n - 2)])
    neighbours <- switch(factor_type,
      avg = (fan.in + fan.out) / 2, "in" = fan.in, out = fan.out
    )
    scale <- sqrt(magnitude / neighbours)
    if (rnd_type == "uniform") mx.runif(shape, -scale, scale, ctx)
    else mx.rnorm(shape, 0, scale, ctx)
  })
}

#' @rdname mx.init
#' @export
mx.init.create <- function(initializer, shape.array, ctx = NULL,
  skip.unknown = TRUE) {
  made <- mapply(function(name, shape) {
    initializer(name, shape, ctx, allow.unknown = skip.unknown)
  }, names(shape.array), shape.array, SIMPLIFY = FALSE)
  made[!vapply(made, is.null, TRUE)]
}
