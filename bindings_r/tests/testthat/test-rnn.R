sequences <- function() {
  set.seed(1)
  bucket <- function(steps, n) {
    x <- matrix(sample(1:4, steps * n, TRUE), steps)
    list(data = x, label = x[1, ])
  }
  list("3" = bucket(3, 30), "5" = bucket(5, 22))
}

test_that("buckets give every sample once, filled up from the start", {
  data <- list(
    "2" = list(data = matrix(1:10, 2), label = 1:5),
    "3" = list(data = matrix(c(1:5, 0), 3), label = c(7, 8))
  )
  iter <- mx.io.bucket.iter(data, batch.size = 2)
  seen <- numeric(0)
  for (pass in 1:2) {
    while (iter$iter.next()) {
      batch <- iter$value()
      expect_equal(nrow(batch$data), as.integer(iter$bucketID))
      keep <- seq_len(2 - iter$num.pad())
      seen <- c(seen, values(batch$label)[keep])
      if (iter$bucketID == "3") expect_equal(values(batch$seq.mask), c(3, 2))
    }
    iter$reset()
  }
  expect_equal(seen, rep(c(1:5, 7, 8), 2))
  shuffled <- mx.io.bucket.iter(data, 2, shuffle = TRUE, seed = 4)
  again <- mx.io.bucket.iter(data, 2, shuffle = TRUE, seed = 4)
  shuffled$iter.next()
  again$iter.next()
  expect_equal(values(shuffled$value()$label), values(again$value()$label))
  expect_error(mx.io.bucket.iter(list(a = 1), 2), class = "plait_type_error")
})

for (cell in c("lstm", "gru")) {
  test_that(paste("a network over buckets learns:", cell), {
    iter <- mx.io.bucket.iter(sequences(), batch.size = 10, shuffle = TRUE)
    net <- rnn.graph(1, input_size = 5, num_embed = 4, num_hidden = 12,
      num_decode = 5, loss_output = "softmax", config = "seq-to-one",
      cell_type = cell, masking = TRUE)
    mx.set.seed(1)
    results <- numeric(0)
    model <- mx.model.buckets(net, iter, eval.data = iter,
      metric = mx.metric.accuracy, num.round = rounds(40), verbose = FALSE,
      initializer = mx.init.uniform(0.3), optimizer = mx.opt.adam(0.03),
      epoch.end.callback = function(round, n, env, verbose) {
        results[round] <<- env$eval.result$value
      })
    expect_learned(expect_gt(results[40], 0.95))
    pred <- mx.infer.rnn(mx.io.bucket.iter(sequences(), 10), model)
    expect_equal(dim(pred), c(5, 52))
    truth <- unlist(lapply(sequences(), `[[`, "label"))
    expect_learned(expect_gt(mean(max.col(t(pred)) - 1 == truth), 0.95))
    prefix <- tempfile()
    mx.model.save(model, prefix, 1)
    again <- mx.infer.rnn(mx.io.bucket.iter(sequences(), 10), mx.model.load(prefix, 1))
    expect_equal(again, pred)
  })
}

# The fused layer keeps all weights of i2h, then of h2h, then the biases, with
# the gates in the order in, forget, new, out; the steps in, new, forget, out.
test_that("steps of their own give what the fused layer gives", {
  hidden <- 3
  config <- list(1, input_size = 6, num_embed = 2, num_hidden = hidden,
    num_decode = 4, loss_output = "softmax", config = "one-to-one",
    cell_type = "lstm", output_last_state = TRUE)
  fused <- do.call(rnn.graph, config)
  steps <- do.call(rnn.graph.unroll, c(config, seq_len = 4))
  shapes <- mx.symbol.infer.shape(steps, data = c(4, 2), l1.init.h = c(hidden, 2),
    l1.init.c = c(hidden, 2),
    label = c(4, 2))$arg.shapes
  params <- lapply(shapes[grepl("weight|bias", names(shapes))], function(shape) {
    mx.nd.array(array(rnorm(prod(shape)), shape))
  })
  gates <- c(1, 3, 2, 4)
  order <- as.vector(outer(seq_len(hidden), (gates - 1) * hidden, `+`))
  flat <- function(name) {
    x <- as.array(params[[paste0("l1.", name)]])
    as.vector(if (length(dim(x)) > 1) x[, order] else x[order])
  }
  packed <- unlist(lapply(c("i2h.weight", "h2h.weight", "i2h.bias", "h2h.bias"), flat))
  own <- c(list(rnn.params.weight = mx.nd.array(packed)),
    params[c("embed.weight", "cls.weight", "cls.bias")])
  iter <- mx.io.bucket.iter(list("4" = list(data = matrix(c(1:5, 0, 2, 4), 4),
    label = matrix(0, 4, 2))), 2)
  a <- mx.infer.rnn.one(iter, fused, own)
  b <- mx.infer.rnn.one.unroll(iter, steps, hidden, params)
  expect_equal(values(a[[1]]), values(b[[1]]), tolerance = 1e-5)
  expect_equal(values(a[[2]]), values(b[[3]]), tolerance = 1e-5)
  expect_equal(values(a[[3]]), values(b[[2]]), tolerance = 1e-5)
})

test_that("states go from call to call", {
  net <- rnn.graph(2, input_size = 6, num_embed = 2, num_hidden = 3,
    num_decode = 4, loss_output = "softmax", config = "one-to-one",
    cell_type = "gru", output_last_state = TRUE)
  shapes <- mx.symbol.infer.shape(net, data = c(2, 1), label = c(2, 1))$arg.shapes
  params <- mx.init.create(mx.init.normal(0.5), shapes[grepl("weight|bias", names(shapes))])
  one <- function(x, states = NULL) {
    bucket <- list(list(data = matrix(x), label = matrix(0, length(x))))
    iter <- mx.io.bucket.iter(setNames(bucket, length(x)), 1)
    mx.infer.rnn.one(iter, net, params, input.params = states)
  }
  whole <- one(c(3, 5))
  first <- one(3)
  second <- one(5, list(rnn.state = first[[2]]))
  expect_equal(as.array(whole[[1]])[, 2], values(second[[1]]), tolerance = 1e-5)
  expect_error(one(3, list(no.state = first[[2]])), class = "plait_key_error")
})

test_that("unrolled buckets have a symbol each", {
  nets <- lapply(c("3" = 3, "5" = 5), function(n) {
    rnn.graph.unroll(1, n, input_size = 5, num_embed = 3, num_hidden = 6,
      num_decode = 5, loss_output = "softmax", config = "seq-to-one",
      cell_type = "gru")
  })
  iter <- mx.io.bucket.iter(sequences(), batch.size = 10)
  model <- mx.model.buckets(nets, iter, num.round = 2, verbose = FALSE,
    optimizer = mx.opt.sgd(0.1))
  expect_equal(dim(mx.infer.rnn(iter, model)), c(5, 52))
  expect_error(
    mx.model.buckets(nets["3"], iter, num.round = 1, verbose = FALSE),
    class = "plait_key_error"
  )
})

test_that("wrong settings are named", {
  expect_error(
    rnn.graph(1, num_hidden = 2, num_decode = 2, config = "x", cell_type = "lstm"),
    "config is 'x', must be one of seq-to-one, one-to-one"
  )
  expect_error(
    rnn.graph(1, num_hidden = 2, num_decode = 2, config = "one-to-one", cell_type = "x"),
    "cell_type is 'x', must be one of lstm"
  )
})
