test_that("pushed arrays are added up and handed out", {
  kv <- mx.kv.create("local")
  expect_equal(kv$type, "local")
  expect_equal(c(kv$rank, kv$num.workers), c(0, 1))
  kv$init(c("a", "b"), list(mx.nd.zeros(2), mx.nd.ones(1)))
  kv$push(c("a", "b"), list(
    list(mx.nd.ones(2), mx.nd.ones(1)),
    list(mx.nd.ones(2) * 2, mx.nd.ones(1) * 4)
  ))
  a <- mx.nd.zeros(2)
  b <- mx.nd.zeros(1)
  kv$pull(c("a", "b"), list(a, b))
  expect_equal(values(a), c(3, 3))
  expect_equal(values(b), 5)
  kv$push("a", mx.nd.ones(2))
  kv$pull("a", list(a))
  expect_equal(values(a), c(1, 1))
})

test_that("an optimizer changes the values, and its failures are conditions", {
  kv <- mx.kv.create()
  kv$init(1, mx.nd.ones(1))
  kv$set.optimizer(mx.opt.sgd(0.5))
  expect_true(kv$update.on.kvstore)
  kv$push(1, list(mx.nd.ones(1), mx.nd.ones(1)))
  w <- mx.nd.zeros(1)
  kv$pull(1, w)
  expect_equal(values(w), 0)
  broken <- list(create.state = function(...) stop("no state today"))
  kv$set.optimizer(broken)
  expect_error(kv$push(1, mx.nd.ones(1)), "key '1': no state today",
    class = "plait_callback_error")
})

test_that("wrong keys, types and counts are named", {
  expect_error(mx.kv.create("far"), class = "plait_value_error")
  kv <- mx.kv.create()
  expect_error(kv$push("a", mx.nd.ones(1)), class = "plait_key_error")
  expect_error(kv$init(c("a", "b"), list(mx.nd.ones(1))), "got 1 arrays, must be 2")
  kv$init("a", mx.nd.ones(1))
  expect_error(kv$push("a", mx.nd.ones(2)), class = "plait_shape_error")
  expect_output(print(kv), "<MXKVStore of type local>")
})

test_that("stores are freed", {
  expect_no_leak({
    kv <- mx.kv.create()
    kv$init("a", mx.nd.ones(3))
    kv$set.optimizer(mx.opt.sgd(0.1, momentum = 0.9))
    kv$push("a", mx.nd.ones(3))
    rm(kv)
  })
})

test_that("two contexts train as one", {
  x <- mx.symbol.Variable("data")
  net <- mx.symbol.FullyConnected(x, num_hidden = 2, name = "fc")
  net <- mx.symbol.SoftmaxOutput(net, name = "softmax")
  set.seed(1)
  data <- matrix(rnorm(60), 20)
  label <- as.integer(data[, 1] > 0)
  train <- function(ctx, ...) {
    mx.set.seed(1)
    set.seed(2)
    mx.model.FeedForward.create(net, data, label, ctx = ctx, num.round = 4,
      array.batch.size = 7, learning.rate = 0.5, momentum = 0.9,
      eval.metric = mx.metric.accuracy, verbose = FALSE, ...)
  }
  one <- train(mx.cpu())
  two <- train(list(mx.cpu(0), mx.cpu(1)))
  own <- train(list(mx.cpu(0), mx.cpu(1), mx.cpu(2)), kvstore = mx.kv.create("device"))
  for (name in names(one$arg.params)) {
    expect_equal(values(two$arg.params[[name]]), values(one$arg.params[[name]]), tolerance = 1e-5)
    expect_equal(values(own$arg.params[[name]]), values(one$arg.params[[name]]), tolerance = 1e-5)
  }
  expect_equal(predict(two, data, ctx = list(mx.cpu(0), mx.cpu(1))), predict(one, data),
    tolerance = 1e-5)
  expect_error(train(lapply(0:7, mx.cpu)), "at most the 7 samples")
})
