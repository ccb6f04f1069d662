#' Measures of quality
#'
#' A metric has `init()`, `update(label, pred, state)` and `get(state)`, which
#' gives a list of `name` and `value`. Predictions have the classes in R's
#' first dimension and the samples in the last one; classes count from 0.
#'
#' @param name name of the metric
#' @param feval function of `(label, pred)`, both R arrays, that gives a number
#' @param k how many of the best classes count
#' @return A metric: a list of class `mx.metric`.
#' @examples
#' metric <- mx.metric.accuracy
#' state <- metric$init()
#' pred <- mx.nd.array(matrix(c(0.9, 0.1, 0.2, 0.8), 2))
#' state <- metric$update(mx.nd.array(c(0, 0)), pred, state)
#' metric$get(state)
#' @name mx.metric
NULL

#' @rdname mx.metric
#' @export
mx.metric.custom <- function(name, feval) {
  force(name)
  force(feval)
  plain <- function(x) if (is.mx.ndarray(x)) as.array(x) else x
  structure(class = "mx.metric", list(
    init = function() c(0, 0),
    update = function(label, pred, state) {
      state + c(1, feval(plain(label), plain(pred)))
    },
    get = function(state) list(name = name, value = state[2] / state[1])
  ))
}

# Samples as columns.
.columns <- function(pred) {
  n <- dim(pred)[length(dim(pred))]
  matrix(pred, ncol = n)
}

# The best k classes of each sample, from 0, as columns.
.best <- function(pred, k = 1) {
  best <- apply(.columns(pred), 2, function(p) order(-p)[seq_len(k)] - 1)
  matrix(best, nrow = k)
}

# The probability that was given to each sample's class.
.chosen <- function(label, pred) {
  columns <- .columns(pred)
  columns[cbind(as.vector(label) + 1, seq_len(ncol(columns)))]
}

#' @rdname mx.metric
#' @export
mx.metric.accuracy <- mx.metric.custom("accuracy", function(label, pred) {
  mean(.best(pred) == as.vector(label))
})

#' @rdname mx.metric
#' @export
mx.metric.top_k_accuracy <- function(k = 5) {
  mx.metric.custom(paste0("top_", k, "_accuracy"), function(label, pred) {
    wanted <- rep(as.vector(label), each = k)
    mean(colSums(.best(pred, k) == wanted) > 0)
  })
}

#' @rdname mx.metric
#' @export
mx.metric.mse <- mx.metric.custom("mse", function(label, pred) {
  mean((as.vector(label) - as.vector(pred))^2)
})

#' @rdname mx.metric
#' @export
mx.metric.rmse <- mx.metric.custom("rmse", function(label, pred) {
  sqrt(mean((as.vector(label) - as.vector(pred))^2))
})

#' @rdname mx.metric
#' @export
mx.metric.mae <- mx.metric.custom("mae", function(label, pred) {
  mean(abs(as.vector(label) - as.vector(pred)))
})

#' @rdname mx.metric
#' @export
mx.metric.rmsle <- mx.metric.custom("rmsle", function(label, pred) {
  sqrt(mean((log1p(as.vector(label)) - log1p(as.vector(pred)))^2))
})

#' @rdname mx.metric
#' @export
mx.metric.logloss <- mx.metric.custom("logloss", function(label, pred) {
  -mean(log(pmax(.chosen(label, pred), 1e-15)))
})

#' @rdname mx.metric
#' @export
mx.metric.logistic_acc <- mx.metric.custom(
  "accuracy",
  function(label, pred) mean((as.vector(pred) > 0.5) == as.vector(label))
)

#' @rdname mx.metric
#' @export
mx.metric.Perplexity <- mx.metric.custom("Perplexity", function(label, pred) {
  exp(-mean(log(pmax(.chosen(label, pred), 1e-15))))
})
