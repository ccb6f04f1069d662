#' A multi-layer perceptron in one call
#'
#' @param data a numeric matrix or data frame with the samples as rows, an R
#'   array for `array.layout = "colmajor"`, an iterator, or a formula such as
#'   `Species ~ .`
#' @param label classes from 0, a factor, or numbers; for a formula the data
#'   frame that it speaks of
#' @param hidden_node sizes of the hidden layers
#' @param out_node size of the output: classes, or 1 for regression
#' @param dropout fraction of the last hidden layer that is dropped in training;
#'   `NULL` for none
#' @param activation `"tanh"`, `"relu"`, ... for all hidden layers, or one for
#'   each
#' @param out_activation `"softmax"`, `"logistic"` or `"rmse"`
#' @param ctx context, `NULL` for the default
#' @param ... more arguments of [mx.model.FeedForward.create()]
#' @return A model of class `MXFeedForwardModel`. If the labels are a factor,
#'   `model$levels` are its levels.
#' @examples
#' mx.set.seed(1)
#' model <- mx.mlp(Species ~ ., iris, hidden_node = 8, out_node = 3,
#'   num.round = 5, array.batch.size = 15, learning.rate = 0.1,
#'   verbose = FALSE)
#' dim(predict(model, data.matrix(iris[1:5, 1:4])))
#' @export
mx.mlp <- function(data, label, hidden_node = 1, out_node, dropout = NULL,
  activation = "tanh", out_activation = "softmax", ctx = NULL, ...) {
  if (inherits(data, "formula")) {
    frame <- stats::model.frame(data, label)
    label <- stats::model.response(frame)
    terms <- stats::delete.response(stats::terms(frame))
    data <- stats::model.matrix(terms, frame)
    data <- data[, colnames(data) != "(Intercept)", drop = FALSE]
  }
  levels <- levels(label)
  if (is.factor(label)) label <- as.integer(label) - 1
  activation <- rep_len(activation, length(hidden_node))
  net <- mx.symbol.Variable("data")
  for (i in seq_along(hidden_node)) {
    net <- mx.symbol.FullyConnected(net, num_hidden = hidden_node[i])
    net <- mx.symbol.Activation(net, act_type = activation[i])
  }
  if (!is.null(dropout)) net <- mx.symbol.Dropout(net, p = dropout)
  net <- mx.symbol.FullyConnected(net, num_hidden = out_node)
  net <- switch(out_activation,
    softmax = mx.symbol.SoftmaxOutput(net),
    logistic = mx.symbol.LogisticRegressionOutput(net),
    rmse = mx.symbol.LinearRegressionOutput(net),
    .value.error("out_activation is ", .word(out_activation),
      ", must be 'softmax', 'logistic' or 'rmse'")
  )
  model <- mx.model.FeedForward.create(net, X = data, y = label, ctx = ctx, ...)
  model$levels <- levels
  model
}
