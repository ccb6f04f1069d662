net <- function() {
  x <- mx.symbol.Variable("x")
  mx.symbol.FullyConnected(x, num_hidden = 2, name = "fc")
}

test_that("forward and backward", {
  exec <- mx.simple.bind(net(), x = c(3, 4))
  w <- matrix(1:6 / 10, 3)
  x <- matrix(1:12 / 12, 3)
  mx.exec.update.arg.arrays(exec, list(
    x = mx.nd.array(x), fc_weight = mx.nd.array(w), fc_bias = mx.nd.array(c(1, 2))
  ))
  mx.exec.forward(exec)
  expect_equal(as.array(exec$outputs$fc_output), t(w) %*% x + c(1, 2), tolerance = 1e-6)
  mx.exec.backward(exec, mx.nd.ones(c(2, 4)))
  expect_equal(values(exec$grad.arrays$fc_bias), c(4, 4))
  expect_equal(as.array(exec$ref.grad.arrays$fc_weight), cbind(rowSums(x), rowSums(x)), tolerance = 1e-6)
  expect_match(capture.output(print(exec)), "fc_output")
})

test_that("requests and fixed arguments", {
  exec <- mx.simple.bind(net(), grad.req = "add", fixed.param = "x", x = c(3, 4))
  for (i in 1:2) {
    mx.exec.forward(exec)
    mx.exec.backward(exec)
  }
  expect_null(exec$grad.arrays$x)
  expect_equal(values(exec$grad.arrays$fc_bias), c(8, 8))
})

test_that("wrong use says what is wrong", {
  expect_error(mx.simple.bind(net()), "do not determine", class = "plait_value_error")
  expect_error(mx.symbol.bind(net(), arg.arrays = list()), class = "plait_value_error")
  exec <- mx.simple.bind(net(), x = c(3, 4))
  expect_error(mx.exec.backward(exec), class = "plait_value_error")
  mx.exec.forward(exec, is.train = FALSE)
  expect_error(mx.exec.backward(exec), class = "plait_value_error")
  expect_error(mx.exec.update.arg.arrays(exec, list(z = mx.nd.ones(1))), class = "plait_key_error")
  expect_error(
    mx.exec.update.arg.arrays(exec, list(fc_bias = mx.nd.ones(3))), class = "plait_shape_error"
  )
})

test_that("requests are given for each argument", {
  net <- mx.symbol.Variable("a") * mx.symbol.Variable("b")
  arrays <- list(a = mx.nd.array(c(2, 3)), b = mx.nd.array(c(5, 7)))
  exec <- mx.symbol.bind(net, mx.cpu(), arrays, aux.arrays = NULL,
    grad.reqs = c("null", "write"))
  mx.exec.backward(mx.exec.forward(exec))
  expect_null(exec$grad.arrays$a)
  expect_equal(values(exec$grad.arrays$b), c(2, 3))
})
