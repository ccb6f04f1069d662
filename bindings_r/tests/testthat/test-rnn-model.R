# The next of eight numbers in a circle that goes forward or backward: only the
# step before tells which.
circles <- function() {
  start <- rep(0:7, 6)
  way <- rep(c(1, -1), each = 24)
  x <- vapply(1:48, function(i) (start[i] + way[i] * 0:6) %% 8, numeric(7))
  list(data = x[1:6, ], label = x[2:7, ])
}

cells <- list(
  lstm = list(mx.lstm, mx.lstm.inference, mx.lstm.forward),
  gru = list(mx.gru, mx.gru.inference, mx.gru.forward),
  rnn = list(mx.rnn, mx.rnn.inference, mx.rnn.forward)
)
for (cell in names(cells)) {
  test_that(paste("a network learns and goes on step by step:", cell), {
    layers <- setNames(list(1), paste0("num.", cell, ".layer"))
    sizes <- list(num.hidden = 16, num.embed = 6, num.label = 8, input.size = 8)
    mx.set.seed(1)
    model <- do.call(cells[[cell]][[1]], c(list(circles(), seq.len = 6,
      batch.size = 8, num.round = rounds(60), optimizer = "adam", learning.rate = 0.02,
      initializer = mx.init.uniform(0.3), verbose = FALSE), sizes, layers))
    step <- do.call(cells[[cell]][[2]], c(list(batch.size = 2,
      arg.params = model$arg.params), sizes, layers))
    forward <- cells[[cell]][[3]]
    forward(step, c(5, 5), new.seq = TRUE)
    out <- forward(step, c(6, 4)) # one goes forward, one backward
    expect_equal(dim(out$prob), c(8, 2))
    expect_equal(colSums(out$prob), c(1, 1), tolerance = 1e-5)
    expect_learned(expect_equal(max.col(t(out$prob)) - 1, c(7, 3)))
    again <- forward(out$model, c(6, 4), new.seq = TRUE)
    expect_equal(again$prob, forward(step, c(6, 4), new.seq = TRUE)$prob)
  })
}

test_that("arguments that do not fit are errors", {
  bad <- function(...) {
    mx.lstm(..., num.lstm.layer = 1, num.hidden = 2, num.embed = 2,
      num.label = 8, batch.size = 2, input.size = 8, verbose = FALSE)
  }
  expect_error(bad(circles(), seq.len = 5), class = "plait_value_error")
  expect_error(bad(circles(), seq.len = 6, update.period = 2),
    class = "plait_value_error")
  expect_error(bad(3, seq.len = 6), class = "plait_type_error")
  expect_error(mx.rnn.forward(3, 1), class = "plait_type_error")
})
