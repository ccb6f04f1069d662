clouds <- function(n = 60) {
  set.seed(1)
  list(
    x = rbind(matrix(rnorm(n, 2), n / 2), matrix(rnorm(n, -2), n / 2)),
    y = rep(0:1, each = n / 2)
  )
}

classifier <- function() {
  net <- mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, name = "fc")
  mx.symbol.SoftmaxOutput(net, name = "softmax")
}

test_that("optimizers follow their formulas", {
  step <- function(optimizer, w = c(1, -2), g = c(0.5, 0.25), n = 2) {
    weights <- list(w = mx.nd.array(w, dtype = "float32"))
    update <- mx.opt.get.updater(optimizer, weights)
    for (i in seq_len(n)) weights <- update(weights, list(mx.nd.array(g)))
    values(weights$w)
  }
  w <- c(1, -2)
  g <- c(0.5, 0.25)
  expect_equal(step(mx.opt.sgd(0.1), n = 1), w - 0.1 * g, tolerance = 1e-6)
  m1 <- -0.1 * g
  expect_equal(step(mx.opt.sgd(0.1, momentum = 0.9)), w + m1 + (0.9 * m1 - 0.1 * g), tolerance = 1e-6)
  expect_equal(step(mx.opt.adam(0.1), n = 1), w - 0.1, tolerance = 1e-4)
  square <- 0.05 * g^2
  plain <- mx.opt.rmsprop(0.1, centered = FALSE)
  expect_equal(step(plain, n = 1), w - 0.1 * g / sqrt(square + 1e-4), tolerance = 1e-5)
  around <- square - (0.05 * g)^2
  expect_equal(step(mx.opt.rmsprop(0.1), n = 1), w - 0.1 * g / sqrt(around + 1e-4), tolerance = 1e-5)
  expect_equal(step(mx.opt.adagrad(0.1), n = 1), w - 0.1, tolerance = 1e-4)
  expect_error(mx.opt.create("none"), class = "plait_key_error")
  expect_error(mx.opt.sgd(-1), "learning.rate is -1", class = "plait_value_error")
})

test_that("schedulers change the rate", {
  opt <- mx.opt.sgd(1, lr_scheduler = mx.lr_scheduler.FactorScheduler(2, 0.5, verbose = FALSE))
  w <- mx.nd.ones(1)
  rates <- vapply(1:6, function(i) {
    opt$update(1, w, mx.nd.zeros(1), NULL)
    opt$state$lr
  }, 0)
  expect_equal(rates, c(1, 1, 0.5, 0.5, 0.25, 0.25))
  opt <- mx.opt.sgd(1, lr_scheduler = mx.lr_scheduler.MultiFactorScheduler(c(1, 3), 0.1, verbose = FALSE))
  rates <- vapply(1:4, function(i) {
    opt$update(1, w, mx.nd.zeros(1), NULL)
    opt$state$lr
  }, 0)
  expect_equal(rates, c(1, 0.1, 0.1, 0.01))
  expect_error(mx.lr_scheduler.MultiFactorScheduler(c(3, 1), 0.1), class = "plait_value_error")
})

test_that("initializers", {
  mx.set.seed(3)
  w <- values(mx.init.Xavier(magnitude = 3)("a_weight", c(100, 50), mx.cpu()))
  expect_lt(max(abs(w)), sqrt(3 / 75))
  expect_equal(values(mx.init.normal(1)("a_gamma", 2, mx.cpu())), c(1, 1))
  expect_error(mx.init.uniform(1)("a", 2, mx.cpu()), class = "plait_value_error")
})

test_that("metrics", {
  pred <- mx.nd.array(matrix(c(0.7, 0.2, 0.1, 0.1, 0.3, 0.6), 3))
  label <- mx.nd.array(c(0, 1))
  value <- function(metric) metric$get(metric$update(label, pred, metric$init()))$value
  expect_equal(value(mx.metric.accuracy), 0.5)
  expect_equal(value(mx.metric.top_k_accuracy(2)), 1)
  expect_equal(value(mx.metric.logloss), -mean(log(c(0.7, 0.3))), tolerance = 1e-6)
  expect_equal(value(mx.metric.Perplexity), exp(-mean(log(c(0.7, 0.3)))), tolerance = 1e-6)
  custom <- mx.metric.custom("first", function(label, pred) pred[1])
  expect_equal(value(custom), 0.7, tolerance = 1e-6)
  line <- mx.nd.array(c(1, 3))
  state <- mx.metric.rmse$update(line, mx.nd.array(c(1, 1)), mx.metric.rmse$init())
  expect_equal(mx.metric.rmse$get(state)$value, sqrt(2), tolerance = 1e-6)
})

test_that("iterators fill the last batch", {
  iter <- mx.io.arrayiter(matrix(1:10, 2), 1:5, batch.size = 2)
  labels <- list()
  pads <- c()
  while (iter$iter.next()) {
    labels <- c(labels, list(values(iter$value()$label)))
    pads <- c(pads, iter$num.pad())
  }
  expect_equal(labels, list(c(1, 2), c(3, 4), c(5, 1)))
  expect_equal(pads, c(0, 0, 1))
  expect_error(mx.io.arrayiter(matrix(1:10, 2), 1:4), class = "plait_shape_error")
})

test_that("a network learns, is saved, and predicts", {
  d <- clouds()
  mx.set.seed(1)
  log <- mx.metric.logger$new()
  model <- mx.model.FeedForward.create(classifier(), d$x, d$y,
    num.round = rounds(8), array.batch.size = 16, learning.rate = 0.5,
    eval.metric = mx.metric.accuracy, eval.data = list(data = d$x, label = d$y),
    batch.end.callback = mx.callback.log.train.metric(1, log), verbose = FALSE
  )
  p <- predict(model, d$x)
  expect_equal(dim(p), c(2L, 60L))
  expect_learned(expect_gt(mean((p[2, ] > 0.5) == d$y), 0.95))
  expect_length(log$train, rounds(8) * 4)
  prefix <- tempfile()
  mx.model.save(model, prefix, 8)
  again <- mx.model.load(prefix, 8)
  expect_equal(predict(again, d$x), p)
  expect_match(capture.output(print(again)), "6 parameters")
  more <- mx.model.FeedForward.create(again$symbol, d$x, d$y, num.round = 1,
    arg.params = again$arg.params, array.batch.size = 16, verbose = FALSE,
    fixed.param = c("fc_weight", "fc_bias"))
  expect_equal(predict(more, d$x), p)
})

test_that("training reports and stops", {
  d <- clouds()
  expect_message(
    mx.model.FeedForward.create(classifier(), d$x, d$y, num.round = 1,
      eval.metric = mx.metric.accuracy, array.batch.size = 20),
    "Train-accuracy="
  )
  last <- 0
  mx.model.FeedForward.create(classifier(), d$x, d$y, num.round = rounds(50),
    eval.metric = mx.metric.accuracy, array.batch.size = 20, learning.rate = 1,
    epoch.end.callback = function(iteration, nbatch, env, verbose) {
      last <<- iteration
      mx.callback.early.stop(train.metric = 0.9, maximize = TRUE)(iteration, nbatch, env, verbose)
    }, verbose = FALSE)
  expect_lt(last, 50)
  expect_error(
    mx.model.FeedForward.create(classifier(), d$x, d$y, arg.params = list(z = 1)),
    class = "plait_value_error"
  )
})

test_that("mx.mlp takes matrices and formulas", {
  mx.set.seed(2)
  set.seed(2)
  model <- mx.mlp(Species ~ ., iris, hidden_node = 10, out_node = 3, num.round = rounds(40),
    array.batch.size = 15, learning.rate = 0.1, initializer = mx.init.Xavier(), verbose = FALSE)
  p <- predict(model, data.matrix(iris[, 1:4]))
  guess <- model$levels[max.col(t(p))]
  expect_learned(expect_gt(mean(guess == iris$Species), 0.9))
  line <- mx.mlp(matrix(1:20 / 20, 20), 1:20 / 10, hidden_node = 4, out_node = 1,
    out_activation = "rmse", num.round = rounds(100), array.batch.size = 10,
    learning.rate = 0.2, momentum = 0.9, verbose = FALSE)
  error <- predict(line, matrix(1:20 / 20, 20)) - 1:20 / 10
  expect_learned(expect_lt(max(abs(error)), 0.3))
  expect_error(mx.mlp(matrix(1, 2, 2), 1:2, out_node = 1, out_activation = "none"),
    class = "plait_value_error")
})
