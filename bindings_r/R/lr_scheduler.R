#' Learning rates that change
#'
#' A scheduler is a function of an optimizer's state, an environment with
#' `num_update` (steps so far), `count` (steps at the last change) and `lr`,
#' which it changes.
#'
#' @param step steps between changes; for `MultiFactorScheduler` the steps of
#'   the changes, ascending
#' @param factor_val the rate is multiplied with it
#' @param stop_factor_lr the rate does not fall below it
#' @param verbose say when the rate changes
#' @return A function.
#' @examples
#' halve <- mx.lr_scheduler.FactorScheduler(step = 100, factor_val = 0.5)
#' opt <- mx.opt.sgd(learning.rate = 0.1, lr_scheduler = halve)
#' @name mx.lr_scheduler
NULL

.say.rate <- function(state, verbose) {
  if (verbose) {
    message("Update[", state$num_update, "]: learning rate is ", state$lr)
  }
}

#' @rdname mx.lr_scheduler
#' @export
mx.lr_scheduler.FactorScheduler <- function(step, factor_val,
  stop_factor_lr = 1e-8, verbose = TRUE) {
  .check.number(step, "step", "a number >= 1", function(x) x >= 1)
  .check.number(factor_val, "factor_val", "a number in (0, 1]", function(x) {
    x > 0 && x <= 1
  })
  function(state) {
    while (state$num_update > state$count + step) {
      state$count <- state$count + step
      state$lr <- max(state$lr * factor_val, stop_factor_lr)
      .say.rate(state, verbose)
    }
  }
}

#' @rdname mx.lr_scheduler
#' @export
mx.lr_scheduler.MultiFactorScheduler <- function(step, factor_val,
  stop_factor_lr = 1e-8, verbose = TRUE) {
  if (!is.numeric(step) || !length(step) || any(step < 1) ||
    is.unsorted(step, strictly = TRUE)) {
    .value.error("step is ", .word(step), ", must be ascending numbers >= 1")
  }
  .check.number(factor_val, "factor_val", "a number in (0, 1]", function(x) {
    x > 0 && x <= 1
  })
  function(state) {
    for (at in step[step > state$count & step < state$num_update]) {
      state$count <- at
      state$lr <- max(state$lr * factor_val, stop_factor_lr)
      .say.rate(state, verbose)
    }
  }
}
