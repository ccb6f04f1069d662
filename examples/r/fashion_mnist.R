# Trains LeNet on Fashion-MNIST: Rscript fashion_mnist.R [epochs] [samples] [folder]
# The folder holds the four IDX files; Debian's package dataset-fashion-mnist has them.
library(plait)

args <- commandArgs(trailingOnly = TRUE)
epochs <- if (length(args) > 0) as.integer(args[1]) else 5
samples <- if (length(args) > 1) as.integer(args[2]) else 60000
folder <- if (length(args) > 2) args[3] else "/usr/share/datasets/fashion-mnist"

# An IDX file as an R array: its dimensions are the file's in reverse, so images come as
# (width, height, samples).
read.idx <- function(name, limit) {
  file <- gzfile(file.path(folder, paste0(name, ".gz")), "rb")
  on.exit(close(file))
  head <- readBin(file, integer(), 1, 4, endian = "big")
  size <- readBin(file, integer(), head %% 256, 4, endian = "big")
  size[1] <- min(size[1], limit)
  array(readBin(file, integer(), prod(size), 1, signed = FALSE), rev(size))
}

images <- function(kind, limit) {
  x <- read.idx(paste0(kind, "-images-idx3-ubyte"), limit) / 255
  array(x, c(28, 28, 1, dim(x)[3]))
}
labels <- function(kind, limit) as.vector(read.idx(paste0(kind, "-labels-idx1-ubyte"), limit))

layer <- function(net, filters) {
  net <- mx.symbol.Convolution(net, kernel = c(5, 5), num_filter = filters)
  net <- mx.symbol.Activation(net, act_type = "tanh")
  mx.symbol.Pooling(net, kernel = c(2, 2), stride = c(2, 2), pool_type = "max")
}
net <- layer(layer(mx.symbol.Variable("data"), 20), 50)
net <- mx.symbol.FullyConnected(mx.symbol.Flatten(net), num_hidden = 500)
net <- mx.symbol.Activation(net, act_type = "tanh")
net <- mx.symbol.FullyConnected(net, num_hidden = 10)
net <- mx.symbol.SoftmaxOutput(net, name = "softmax")

mx.set.seed(1)
set.seed(1)
model <- mx.model.FeedForward.create(
  net,
  X = images("train", samples), y = labels("train", samples),
  num.round = epochs, array.batch.size = 100, learning.rate = 0.05, momentum = 0.9,
  wd = 1e-5, initializer = mx.init.Xavier(), eval.metric = mx.metric.accuracy
)
test <- images("t10k", samples)
probability <- predict(model, test)
truth <- labels("t10k", samples)
cat(sprintf("test accuracy %.4f\n", mean(max.col(t(probability)) - 1 == truth)))
