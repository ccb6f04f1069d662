test_that("text files come as batches", {
  file <- tempfile(fileext = ".csv")
  write.table(matrix(1:10, 5), file, sep = ",", row.names = FALSE, col.names = FALSE)
  iter <- mx.io.CSVIter(data.csv = file, data.shape = 2, batch.size = 3,
    round.batch = FALSE)
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
  guess <- max.col(t(predict(model, matrix(images / 256, 36)))) - 1
  expect_gt(mean(guess == labels), 0.9)
  four <- mx.io.MNISTIter(image = idx(tempfile(), images),
    label = idx(tempfile(), labels), batch_size = 40, shuffle = FALSE)
  expect_equal(mx.io.extract(four, "label"), array(labels, 40))
  expect_equal(mx.io.extract(four), array(images / 256, c(6, 6, 1, 40)), tolerance = 1e-6)
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

# A picture of one gray, in a file, as the library encodes it.
picture <- function(file, gray, width = 8, height = 6) {
  pixels <- mx.nd.array(array(gray, c(3, width, height)), dtype = "uint8")
  writeBin(.Call(plait:::C_image_encode, pixels, "png", 3L), file)
}

test_that("images become records and come back", {
  folder <- tempfile()
  dir.create(folder)
  for (i in 1:4) picture(file.path(folder, paste0(i, ".png")), 40 * i)
  list <- file.path(folder, "all.lst")
  writeLines(sprintf("%d\t%d\t%d\t%d.png", 1:4, 0:3, 10:13, 1:4), list)
  file <- file.path(folder, "all.rec")
  expect_equal(im2rec(list, folder, file, label_width = 2, pack_label = 1,
    encoding = ".png"), 4)
  iter <- mx.io.ImageRecordUInt8Iter(path.imgrec = file, batch.size = 4,
    data.shape = c(8, 6, 3), label.width = 2)
  x <- mx.io.extract(iter)
  expect_equal(dim(x), c(8, 6, 3, 4))
  expect_equal(x[1, 1, 1, ], 40 * 1:4)
  expect_equal(mx.io.extract(iter, "label"), rbind(0:3, 10:13))
  # One of two parts, square, smaller, as JPEG, with its first label.
  expect_equal(im2rec(list, folder, file, label_width = 2, nsplit = 2, partid = 1,
    center_crop = 1, new_size = 4, inter_method = 9), 2)
  small <- mx.io.ImageRecordIter(path.imgrec = file, batch.size = 2,
    data.shape = c(4, 4, 3), mean.img = file.path(folder, "mean"))
  expect_equal(mx.io.extract(small)[1, 1, 1, ], c(-20, 20), tolerance = 0.1)
  expect_equal(mx.io.extract(small, "label"), array(2:3))
  # Labels of a list in place of those inside.
  writeLines(c("3\t7\ta", "4\t8\tb"), file.path(folder, "new.lst"))
  other <- mx.io.ImageRecordIter(path.imgrec = file, batch.size = 2,
    data.shape = c(4, 4, 3), path.imglist = file.path(folder, "new.lst"))
  expect_equal(mx.io.extract(other, "label"), array(7:8))
  im2rec(list, folder, file, label_width = 2, unchanged = 1)
  expect_error(im2rec(list, folder, file), "line 1 must be an id, 1 labels")
  expect_error(im2rec(list, tempfile(), file, 2), class = "plait_io_error")
  expect_error(im2rec(list, folder, file, encoding = ".gif"), "encoding is '.gif'")
  expect_error(im2rec(list, folder, file, 2, nsplit = 2, partid = 2), "partid is 2")
})

test_that("boxes of a list come with their images", {
  folder <- tempfile()
  dir.create(folder)
  picture(file.path(folder, "a.png"), 99)
  list <- file.path(folder, "all.lst")
  box <- c(2, 5, 1, 0.25, 0.25, 0.75, 0.5)
  writeLines(paste(c(0, box, "a.png"), collapse = "\t"), list)
  file <- file.path(folder, "all.rec")
  im2rec(list, folder, file, label_width = 7, pack_label = 1)
  iter <- mx.io.ImageDetRecordIter(path.imgrec = file, batch.size = 1,
    data.shape = c(8, 6, 3), min.crop.scales = c(0.3, 0.5), num.crop.sampler = 2)
  expect_equal(mx.io.extract(iter, "label")[, 1], c(3, 6, 8, 7, box), tolerance = 1e-6)
})

test_that("sparse text comes as dense batches", {
  file <- tempfile()
  writeLines(c("1 0:0.5 3:2", "2", "3 1:-1"), file)
  iter <- mx.io.LibSVMIter(data.libsvm = file, data.shape = 4, batch.size = 3)
  expect_equal(mx.io.extract(iter), cbind(c(0.5, 0, 0, 2), 0, c(0, -1, 0, 0)))
  expect_equal(mx.io.extract(iter, "label"), array(1:3))
})
