test_that("an R array comes back as it went in", {
  for (x in list(1:3 + 0, matrix(1:6 / 2, 2), array(1:24 / 2, 2:4))) {
    nd <- mx.nd.array(x)
    expect_equal(values(nd), as.vector(x))
    expect_equal(dim(nd), if (is.null(dim(x))) length(x) else dim(x))
  }
})

test_that("types of elements become R's types", {
  expect_type(as.array(mx.nd.array(1:3, dtype = "int32")), "integer")
  expect_type(as.array(mx.nd.array(c(TRUE, FALSE), dtype = "bool")), "logical")
  for (dtype in c("float16", "bfloat16", "float32", "float64", "int64")) {
    nd <- mx.nd.array(c(-1, 0, 2), dtype = dtype)
    expect_identical(mx.nd.dtype(nd), dtype)
    expect_identical(values(nd), c(-1, 0, 2))
  }
  expect_identical(values(mx.nd.array(c(1, 255), dtype = "uint8")), c(1L, 255L))
})

test_that("shapes are R's", {
  expect_equal(dim(mx.nd.zeros(c(2, 3))), c(2L, 3L))
  expect_equal(values(mx.nd.ones(c(2, 2))), rep(1, 4))
  x <- mx.nd.array(1:6)
  dim(x) <- c(2, 3)
  expect_equal(as.array(x), matrix(1:6 + 0, 2))
  expect_equal(length(x), 6)
  expect_equal(dim(mx.nd.zeros(c(0, 3))), c(0L, 3L))
  expect_equal(as.array(t(x)), t(matrix(1:6 + 0, 2)))
})

test_that("wrong input is an R condition with its class", {
  expect_error(mx.nd.array("a"), class = "plait_type_error")
  expect_error(mx.nd.array(1, dtype = "float3"), "float3", class = "plait_type_error")
  expect_error(mx.nd.zeros(c(-1, 2)), class = "plait_error")
  expect_error(mx.nd.array(1, ctx = 3), class = "plait_type_error")
  x <- mx.nd.ones(c(2, 3))
  expect_error(mx.nd.dot(x, x), "dot: lhs has shape", class = "plait_shape_error")
  expect_error(mx.nd.dot(x, 1), "dot: array 2 is of type double", class = "plait_type_error")
  expect_error(mx.nd.softmax(x, axis = 5L), class = "plait_index_error")
  expect_error(mx.nd.softmax(x, axis = list()), class = "plait_type_error")
  expect_error(mx.nd.load(tempfile()), class = "plait_io_error")
  expect_error(mx.nd.array(1:2) + mx.nd.array(1:3), class = "plait_shape_error")
})

test_that("a pointer that was saved says so", {
  file <- tempfile()
  saveRDS(mx.nd.ones(2), file)
  expect_error(as.array(readRDS(file)), "do not survive saving")
})

test_that("R's operators work", {
  a <- matrix(c(1, 2, 3, 4, 5, 6), 2)
  b <- matrix(c(2, 2, 1, 1, 3, 3), 2)
  x <- mx.nd.array(a)
  y <- mx.nd.array(b)
  for (op in c("+", "-", "*", "/", "^", "%%", "==", "!=", "<", "<=", ">", ">=", "%/%")) {
    f <- match.fun(op)
    expect_equal(values(f(x, y)), as.vector(f(a, b)) + 0, tolerance = 1e-6, info = op)
    expect_equal(values(f(x, 2)), as.vector(f(a, 2)) + 0, tolerance = 1e-6, info = op)
    expect_equal(values(f(2, x)), as.vector(f(2, a)) + 0, tolerance = 1e-6, info = op)
  }
  expect_equal(values(-x), as.vector(-a))
  expect_equal(values(x + c(10, 20)), as.vector(a + c(10, 20)))
  expect_equal(values(!(x > 3)), as.vector(!(a > 3)) + 0)
})

test_that("R's mathematics work", {
  a <- c(0.2, 0.5, 0.9)
  x <- mx.nd.array(a)
  for (name in c(
    "abs", "sign", "sqrt", "floor", "ceiling", "trunc", "exp", "log", "expm1",
    "log1p", "log2", "log10", "cos", "sin", "tan", "cosh", "sinh", "tanh",
    "acos", "asin", "atan", "asinh", "atanh", "gamma", "lgamma", "digamma"
  )) {
    f <- match.fun(name)
    expect_equal(values(f(x)), f(a), tolerance = 1e-5, info = name)
  }
  expect_equal(values(log(x, 3)), log(a, 3), tolerance = 1e-5)
  expect_equal(values(round(x, 0)), round(a))
  expect_equal(values(sum(x)), sum(a), tolerance = 1e-6)
  expect_equal(values(mean(x)), mean(a), tolerance = 1e-6)
  expect_equal(range(x), range(a), tolerance = 1e-6)
  expect_true(all(x > 0))
  expect_false(any(x > 1))
  expect_error(cumsum(x), class = "plait_not_implemented")
})

test_that("indexing is R's", {
  a <- array(1:24 + 0, 2:4)
  x <- mx.nd.array(a)
  expect_equal(as.array(x[1, , ]), a[1, , ])
  expect_equal(as.array(x[, 2:3, 1]), a[, 2:3, 1])
  expect_equal(as.array(x[, -1, c(4, 1)]), a[, -1, c(4, 1)])
  expect_equal(as.array(x[2, c(TRUE, FALSE, TRUE), , drop = FALSE]),
    a[2, c(TRUE, FALSE, TRUE), , drop = FALSE])
  x[1, 2, ] <- 0
  a[1, 2, ] <- 0
  expect_equal(as.array(x), a)
  expect_error(x[3, 1, 1], class = "plait_index_error")
  expect_error(x[1], class = "plait_index_error")
})

test_that("operators take lists and outputs", {
  x <- mx.nd.array(matrix(1:4, 2))
  expect_equal(as.array(mx.nd.concat(x, x, dim = 0)), cbind(as.array(x), as.array(x)))
  expect_equal(as.array(mx.nd.concat(list(x, x), num.args = 2, dim = 1)),
    rbind(as.array(x), as.array(x)))
  parts <- mx.nd.split(x, num_outputs = 2, axis = 0)
  expect_length(parts, 2)
  out <- mx.nd.zeros(c(2, 2))
  mx.nd.sqrt(x, out = out)
  expect_equal(values(out), sqrt(1:4), tolerance = 1e-6)
  expect_equal(as.array(mx.nd.slice(x, begin = c(NA, 1), end = c(NA, NA))), as.array(x)[2, , drop = FALSE])
})

test_that("files keep names and order", {
  file <- tempfile()
  mx.nd.save(list(b = mx.nd.ones(2), a = mx.nd.zeros(c(1, 2))), file)
  back <- mx.nd.load(file)
  expect_named(back, c("b", "a"))
  expect_equal(dim(back$a), c(1L, 2L))
  mx.nd.save(mx.nd.ones(2), file)
  expect_null(names(mx.nd.load(file)))
})

test_that("printing shows content, dim, type and place", {
  out <- capture.output(print(mx.nd.array(matrix(1:4, 2))))
  expect_identical(out[length(out)], "<MXNDArray 2x2, float32 @ cpu(0)>")
  expect_identical(capture.output(print(mx.cpu())), "cpu(0)")
})

test_that("random numbers follow the seed", {
  mx.set.seed(7)
  a <- values(mx.runif(100, -2, 2))
  mx.set.seed(7)
  expect_identical(values(mx.runif(100, -2, 2)), a)
  expect_true(all(a >= -2 & a < 2))
  expect_equal(mean(values(mx.rnorm(1e4, 3, 2))), 3, tolerance = 0.1)
  expect_error(mx.set.seed(-1), "seed is -1", class = "plait_value_error")
})

test_that("arrays are freed", {
  expect_no_leak(for (i in 1:100) mx.nd.ones(10) + i)
  expect_no_leak(for (i in 1:20) try(mx.nd.dot(mx.nd.ones(2), mx.nd.ones(3)), TRUE))
})
