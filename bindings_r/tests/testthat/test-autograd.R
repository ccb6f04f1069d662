test_that("gradients agree with differences", {
  a <- c(0.3, -0.7, 1.1)
  f <- function(x) sum(exp(x) * x / (1 + x^2))
  x <- mx.nd.array(a, dtype = "float64")
  mx.nd.attach.grad(x)
  mx.autograd.backward(mx.autograd.record(f(x)))
  expect_equal(values(mx.nd.grad(x)), slope(f, a), tolerance = 1e-5)
})

test_that("requests are kept", {
  x <- mx.nd.ones(2)
  mx.nd.attach.grad(x, "add")
  for (i in 1:3) mx.autograd.backward(mx.autograd.record(sum(x * 2)))
  expect_equal(values(mx.nd.grad(x)), c(6, 6))
  expect_null(mx.nd.grad(mx.nd.ones(2)))
  expect_error(mx.nd.attach.grad(x, "often"), class = "plait_value_error")
})

test_that("second derivatives", {
  x <- mx.nd.array(c(1, 2))
  mx.nd.attach.grad(x)
  y <- mx.autograd.record({
    g <- mx.autograd.grad(sum(x^3), x, create.graph = TRUE)
    sum(g)
  })
  mx.autograd.backward(y)
  expect_equal(values(mx.nd.grad(x)), c(6, 12))
})

test_that("nothing is recorded outside", {
  x <- mx.nd.ones(2)
  mx.nd.attach.grad(x)
  y <- mx.autograd.record(mx.autograd.pause(sum(x)))
  expect_error(mx.autograd.backward(y), class = "plait_value_error")
  expect_error(mx.autograd.record(stop("no")), "no")
  expect_error(mx.autograd.backward(sum(x)), class = "plait_value_error")
})
