#' What is called during training
#'
#' Callbacks of `mx.model.FeedForward.create()`, called after each batch or
#' epoch as `callback(iteration, nbatch, env, verbose)` with the environment of
#' the training; `FALSE` ends the training.
#'
#' @param period batches or epochs between calls that do something
#' @param logger an `mx.metric.logger` that keeps the values
#' @param batch.size samples in a batch
#' @param frequency batches between reports
#' @param prefix start of the names of files
#' @param train.metric,eval.metric stop when the metric reaches this value;
#'   `NULL`: no limit
#' @param bad.steps stop after so many epochs without improvement of the
#'   evaluation metric
#' @param maximize whether large values are good
#' @param verbose say why the training ends
#' @return A function; `mx.metric.logger$new()` an object with the vectors
#'   `train` and `eval`.
#' @examples
#' log <- mx.metric.logger$new()
#' callback <- mx.callback.log.train.metric(10, log)
#' length(log$train)
#' @name mx.callback
NULL

#' @rdname mx.callback
#' @export
mx.metric.logger <- list(new = function() {
  logger <- new.env(parent = emptyenv())
  logger$train <- numeric(0)
  logger$eval <- numeric(0)
  logger
})

.values <- function(env, name) {
  metric <- env[[name]]
  if (is.null(metric)) NULL else metric$value
}

#' @rdname mx.callback
#' @export
mx.callback.log.train.metric <- function(period, logger = NULL) {
  function(iteration, nbatch, env, verbose = TRUE) {
    if (nbatch %% period == 0 && !is.null(env$metric)) {
      now <- env$metric$get(env$train.state)
      if (verbose && nbatch != 0) {
        message("Batch [", nbatch, "] Train-", now$name, "=", now$value)
      }
      if (!is.null(logger)) {
        logger$train <- c(logger$train, now$value)
        logger$eval <- c(logger$eval, .values(env, "eval.result"))
      }
    }
    TRUE
  }
}

#' @rdname mx.callback
#' @export
mx.callback.log.speedometer <- function(batch.size, frequency = 50) {
  start <- Sys.time()
  function(iteration, nbatch, env, verbose = TRUE) {
    if (nbatch %% frequency == 0) {
      seconds <- as.numeric(difftime(Sys.time(), start, units = "secs"))
      if (verbose) {
        message(sprintf("Batch [%d] Speed: %.0f samples/sec", nbatch,
          frequency * batch.size / seconds))
      }
    }
    if (nbatch %% frequency <= 1) start <<- Sys.time()
    TRUE
  }
}

#' @rdname mx.callback
#' @export
mx.callback.save.checkpoint <- function(prefix, period = 1) {
  function(iteration, nbatch, env, verbose = TRUE) {
    if (iteration %% period == 0) {
      mx.model.save(env$model, prefix, iteration)
      if (verbose) message("Model checkpoint saved to ", prefix)
    }
    TRUE
  }
}

#' @rdname mx.callback
#' @export
mx.callback.early.stop <- function(train.metric = NULL, eval.metric = NULL,
  bad.steps = NULL, maximize = FALSE, verbose = FALSE) {
  best <- NULL
  bad <- 0
  reached <- function(value, limit) {
    !is.null(limit) && !is.null(value) &&
      (if (maximize) value >= limit else value <= limit)
  }
  function(iteration, nbatch, env, verbose.train = TRUE) {
    train <- .values(env, "train.result")
    eval <- .values(env, "eval.result")
    stops <- reached(train, train.metric) || reached(eval, eval.metric)
    if (!is.null(bad.steps) && !is.null(eval)) {
      better <- is.null(best) || (if (maximize) eval > best else eval < best)
      if (better) best <<- eval
      bad <<- if (better) 0 else bad + 1
      stops <- stops || bad >= bad.steps
    }
    if (stops && verbose) message("Training ends after epoch ", iteration)
    !stops
  }
}
