net <- function() {
  x <- mx.symbol.Variable("data")
  x <- mx.symbol.Convolution(x, kernel = c(3, 3), num_filter = 4, name = "conv")
  x <- mx.symbol.Activation(x, act_type = "relu", name = "act")
  mx.symbol.SoftmaxOutput(mx.symbol.Flatten(x, name = "flat"), name = "softmax")
}

test_that("a drawing names operators, attributes and shapes", {
  picture <- graph.viz(net(), shape = c(8, 8, 3, 2), direction = "LR")
  expect_output(print(picture), "digraph network")
  expect_match(picture$dot, "rankdir=LR", fixed = TRUE)
  expect_match(picture$dot, "conv\\nConvolution\\nkernel=(3, 3)\\nnum_filter=4", fixed = TRUE)
  expect_match(picture$dot, "[label=\"6x6x4x2\"]", fixed = TRUE)
  expect_no_match(picture$dot, "conv_weight")
  expect_no_match(graph.viz(net(), type = "plain")$dot, "Convolution")
  expect_error(graph.viz(net(), shape = list(softmax_label = 2)), class = "plait_value_error")
  expect_error(graph.viz(net(), direction = "up"), class = "plait_value_error")
})

test_that("it is drawn with R's graphics", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (direction in c("TD", "LR", "RL", "BT")) {
    expect_silent(plot(graph.viz(net(), c(8, 8, 3, 2), direction)))
  }
  expect_silent(plot(graph.viz(mx.symbol.Variable("x"))))
})
