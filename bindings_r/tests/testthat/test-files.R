test_that("text files come as batches", {
  file <- tempfile(fileext = ".csv")
  write.table(matrix(1:10, 5), file, sep = ",", row.names = FALSE, col.names = FALSE)
  iter <- mx.io.CSVIter(data.csv = file, data.shape = 2, batch.size = 3)
  expect_equal(mx.io.extract(iter, "data"), rbind(1:5, 6:10))
  expect_equal(mx.io.extract(iter, "label"), array(0, 5))
  iter$reset()
  expect_true(iter$iter.next())
  expect_equal(dim(iter$value()$data), c(2, 3))
  expect_equal(iter$num.pad(), 0)
  iter$iter.next()
  expect_equal(iter$num.pad(), 1)
  expect_false(iter$iter.next())
  expect_error(iter$value(), "there is no batch")
  expect_error(mx.io.CSVIter(data.csv = file), "data_shape is missing")
  expect_error(mx.io.CSVIter(size = 1), "option is 'size'|data_csv is missing")
  expect_error(mx.io.CSVIter(data.csv = tempfile(), data.shape = 1), class = "plait_io_error")
})

idx <- function(file, x) {
  size <- if (is.null(dim(x))) length(x) else rev(dim(x))
  out <- file(file, "wb")
  writeBin(as.raw(c(0, 0, 8, length(size))), out)
  writeBin(as.integer(size), out, 4, endian = "big")
  writeBin(as.raw(x), out)
  close(out)
  file
}

test_that("files of MNIST train a model", {
  set.seed(1)
  labels <- rep(0:3, 10)
  images <- array(sample(0:60, 36 * 40, TRUE), c(6, 6, 40))
  for (i in seq_along(labels)) images[labels[i] + 1:2, , i] <- 250
  iter <- mx.io.MNISTIter(image = idx(tempfile(), images),
    label = idx(tempfile(), labels), batch.size = 8, flat = TRUE, seed = 1)
  expect_equal(dim(mx.io.extract(iter)), c(36, 40))
  net <- mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 4)
  net <- mx.symbol.SoftmaxOutput(net, name = "softmax")
  mx.set.seed(1)
  model <- mx.model.FeedForward.create(net, iter, num.round = 20,
    learning.rate = 0.5, initializer = mx.init.Xavier(), verbose = FALSE)
  guess <- max.col(t(predict(model, matrix(images / 255, 36)))) - 1
  expect_gt(mean(guess == labels), 0.9)
  four <- mx.io.MNISTIter(image = idx(tempfile(), images),
    label = idx(tempfile(), labels), batch_size = 40, shuffle = FALSE)
  expect_equal(mx.io.extract(four, "label"), array(labels, 40))
  expect_equal(mx.io.extract(four), array(images / 255, c(6, 6, 1, 40)), tolerance = 1e-6)
})

test_that("models become R objects and come back", {
  x <- mx.symbol.Variable("data")
  net <- mx.symbol.BatchNorm(mx.symbol.FullyConnected(x, num_hidden = 2, name = "fc"))
  shapes <- mx.model.init.params(net, c(3, 4), mx.init.normal(1))
  model <- structure(class = "MXFeedForwardModel", c(list(symbol = net), shapes, levels = "a"))
  expect_false(is.serialized(model))
  file <- tempfile()
  saveRDS(mx.serialize(model), file)
  again <- mx.unserialize(readRDS(file))
  expect_equal(again$levels, "a")
  data <- matrix(rnorm(12), 3)
  expect_equal(predict(again, data, array.layout = "colmajor"),
    predict(model, data, array.layout = "colmajor"))
  expect_error(mx.unserialize(1), class = "plait_type_error")
})

test_that("the profiler writes operations", {
  file <- tempfile(fileext = ".json")
  mx.profiler.config(list(filename = file))
  mx.profiler.state("run")
  as.array(mx.nd.dot(mx.nd.ones(c(3, 3)), mx.nd.ones(c(3, 3))))
  mx.profiler.state("stop")
  events <- jsonlite::fromJSON(file, simplifyVector = FALSE)$traceEvents
  expect_true("dot" %in% vapply(events, function(e) e$name, ""))
  expect_true(all(vapply(events, function(e) e$dur, 0) >= 0))
})
