#' Random numbers
#'
#' `mx.set.seed` restarts the library's random stream; `set.seed` of R does not
#' touch it. `mx.runif` and `mx.rnorm` draw arrays.
#'
#' @param seed a whole number >= 0
#' @param shape sizes of the dimensions, in R's order
#' @param min,max ends of the range
#' @param mean,sd mean and standard deviation
#' @param ctx context, `NULL` for the default
#' @return An `MXNDArray` of type `"float32"`.
#' @examples
#' mx.set.seed(1)
#' as.array(mx.runif(3, 0, 1))
#' dim(mx.rnorm(c(2, 5)))
#' @name mx.random
NULL

#' @rdname mx.random
#' @export
mx.set.seed <- function(seed) {
  .check.number(seed, "seed", "a whole number >= 0", function(x) {
    x >= 0 && x == floor(x) && x < 2^53
  })
  invisible(.Call(C_random_seed, seed))
}

#' @rdname mx.random
#' @export
mx.runif <- function(shape, min = 0, max = 1, ctx = NULL) {
  .drawn(.ops$random_uniform, shape, ctx, min, max)
}

#' @rdname mx.random
#' @export
mx.rnorm <- function(shape, mean = 0, sd = 1, ctx = NULL) {
  .drawn(.ops$random_normal, shape, ctx, mean, sd)
}

.drawn <- function(op, shape, ctx, a, b) {
  attrs <- list(a, b, rev(as.numeric(shape)), .ctx.text(ctx), "float32")
  .Call(C_invoke, op, list(), attrs, 1L, NULL)
}
